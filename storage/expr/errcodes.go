package expr

import "github.com/pingcap/tidb/pkg/parser/mysql"

// MySQL's codes of the conditions that expressions meet, by the names that the code here reads best with.
const (
	errWrongArguments   = mysql.ErrWrongArguments              // 1210 Incorrect arguments to %s
	errSpDoesNotExist   = mysql.ErrSpDoesNotExist              // 1305 %s %s does not exist
	errWrongParamcount  = mysql.ErrWrongParamcountToNativeFct  // 1582 Incorrect parameter count in the call to …
	errOperandColumns   = mysql.ErrOperandColumns              // 1241 Operand should contain %d column(s)
	errDivisionByZero   = mysql.ErrDivisionByZero              // 1365 Division by 0
	errDataOutOfRange   = mysql.ErrDataOutOfRange              // 1690 %s value is out of range in '%s'
	errWrongValue       = mysql.ErrWrongValue                  // 1525 Incorrect %s value: '%s'
	errTruncatedWrong   = mysql.ErrTruncatedWrongValue         // 1292 Truncated incorrect %s value: '%s'
	errCollations2      = mysql.ErrCantAggregate2collations    // 1267
	errCollations3      = mysql.ErrCantAggregate3collations    // 1270
	errCollationsN      = mysql.ErrCantAggregateNcollations    // 1271
	errCollationCharset = mysql.ErrCollationCharsetMismatch    // 1253
	errUnknownCharset   = mysql.ErrUnknownCharacterSet         // 1115
	errPacketOverflow   = mysql.ErrWarnAllowedPacketOverflowed // 1301 Result of %s() was larger than …
	errDatetimeOverflow = mysql.ErrDatetimeFunctionOverflow    // 1441 Datetime function: %s field overflow
	errCutValueGroup    = mysql.ErrCutValueGroupConcat         // 1260 Row %d was cut by GROUP_CONCAT()
	errInvalidJSONText  = mysql.ErrInvalidJSONText             // 3140
	errUnknownTimeZone  = mysql.ErrUnknownTimeZone             // 1298
	errStackOverrun     = mysql.ErrStackOverrunNeedMore        // 1436 Thread stack overrun: …
	errCapacityExceeded = 3170                                 // Memory capacity of %d bytes for '%s' exceeded. %s
	errTooBigPrecision  = mysql.ErrTooBigPrecision             // 1426
)
