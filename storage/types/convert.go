package types

import (
	"time"

	"vitess.io/vitess/go/mysql/decimal"
)

// Mode is what of the session decides how values convert: parts of sql_mode and the time zone.
type Mode struct {
	Strict        bool // STRICT_TRANS_TABLES or STRICT_ALL_TABLES: bad data is an error, else a warning and the nearest value
	NoZeroDate    bool
	NoZeroInDate  bool
	AllowInvalid  bool // ALLOW_INVALID_DATES
	PadChar       bool // PAD_CHAR_TO_FULL_LENGTH
	DivZeroError  bool // ERROR_FOR_DIVISION_BY_ZERO
	NoUnsignedSub bool // NO_UNSIGNED_SUBTRACTION
	Loc           *time.Location
}

// Warner receives the conditions that a conversion met without failing (a *mysqlerr.Error each); nil drops them.
type Warner func(code uint16, message string)

// Assign converts v for storing into a column of type t, as INSERT and UPDATE do: range, length, truncation and
// invalid values are errors in strict mode (1264, 1406, 1265, 1366, 1292 …, naming the column and the 1-based row) and
// warnings otherwise. The result is in storage form (a TIMESTAMP column gets KindTimestamp). NULL passes through.
func Assign(v Value, t *Type, column string, row int, m *Mode, warn Warner) (Value, error) {
	panic("being written")
}

// Cast converts v as CAST(v AS t) does; invalid text gives the nearest value and a warning, NULL for dates.
func Cast(v Value, t *Type, m *Mode, warn Warner) Value { panic("being written") }

// ToLocal turns a TIMESTAMP in storage form into a DATETIME in loc; other values pass unchanged.
func ToLocal(v Value, loc *time.Location) Value { panic("being written") }

// Numeric views of any non-null Value, with MySQL's implicit conversion ('12abc' is 12 with warning 1292). A date is
// its YYYYMMDD… number. ToInt rounds; the second result tells that the value was out of range and clipped.

func (v Value) ToInt(warn Warner) (int64, bool)            { panic("being written") }
func (v Value) ToUint(warn Warner) (uint64, bool)          { panic("being written") }
func (v Value) ToFloat(warn Warner) float64                { panic("being written") }
func (v Value) ToDecimal(warn Warner) decimal.Decimal      { panic("being written") }
func (v Value) ToBool(warn Warner) bool                    { panic("being written") } // NULL is false
func (v Value) ToDatetime(m *Mode, warn Warner) Value      { panic("being written") } // Null when invalid
func (v Value) ToDate(m *Mode, warn Warner) Value          { panic("being written") }
func (v Value) ToTime(m *Mode, warn Warner) Value          { panic("being written") }
func (v Value) ToJSON(t *Type, warn Warner) (Value, error) { panic("being written") }

// Dec makes a decimal value; DecimalValue views a KindDecimal as one.
func Dec(d decimal.Decimal) Value             { panic("being written") }
func (v Value) DecimalValue() decimal.Decimal { panic("being written") }

// AppendText appends v as MySQL's text protocol and string conversion show it ("NULL" is the caller's business).
// t, when given, decides ZEROFILL, FLOAT digits, DECIMAL scale and fractional seconds.
func (v Value) AppendText(dst []byte, t *Type) []byte { panic("being written") }

// Text is AppendText into a new string.
func (v Value) Text() string { return string(v.AppendText(nil, nil)) }

// Compare orders two non-null values of possibly different kinds as MySQL's comparison operators do (numbers against
// strings as doubles, dates against strings as dates, strings under the collation c, JSON by its own order …).
func Compare(a, b Value, c Collation) int { panic("being written") }

// CompareSame orders two values of one column (same class) for sorting; NULL first.
func CompareSame(a, b Value, c Collation) int { panic("being written") }

// HashKey appends bytes that are equal for values that are equal under c: for hash joins, GROUP BY and DISTINCT.
// Values of one column (same class) only; NULL has a key of its own.
func HashKey(dst []byte, v Value, c Collation) []byte { panic("being written") }
