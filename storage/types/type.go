package types

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
)

// ID is MySQL's column type byte (mysql.TypeLong, mysql.TypeVarchar, …) as it appears on the wire.
type ID = byte

// Unspecified stands in Length and Decimals where a type names none.
const Unspecified = -1

// Type is the type of a column or an expression.
type Type struct {
	ID        ID           `json:"id"`
	Unsigned  bool         `json:"unsigned,omitempty"`
	Zerofill  bool         `json:"zerofill,omitempty"`
	Length    int          `json:"length"`   // characters, bytes, digits or display width; Unspecified where none was given
	Decimals  int          `json:"decimals"` // DECIMAL: scale; date/time: fractional digits; FLOAT(m,d): d or Unspecified
	Collation collation.ID `json:"collation,omitempty"`
	Elems     []string     `json:"elems,omitempty"` // ENUM and SET
}

// Types that expressions produce often.
var (
	TypeNull     = Type{ID: mysql.TypeNull, Collation: collation.Binary}
	TypeInt      = Type{ID: mysql.TypeLonglong, Length: 20, Collation: collation.Binary}
	TypeUint     = Type{ID: mysql.TypeLonglong, Unsigned: true, Length: 20, Collation: collation.Binary}
	TypeBool     = Type{ID: mysql.TypeLonglong, Length: 1, Collation: collation.Binary}
	TypeDouble   = Type{ID: mysql.TypeDouble, Length: 23, Decimals: 31, Collation: collation.Binary}
	TypeString   = Type{ID: mysql.TypeVarString, Length: Unspecified, Decimals: 31, Collation: collation.Default}
	TypeBytes    = Type{ID: mysql.TypeVarString, Length: Unspecified, Decimals: 31, Collation: collation.Binary}
	TypeDate     = Type{ID: mysql.TypeDate, Length: 10, Collation: collation.Binary}
	TypeDatetime = Type{ID: mysql.TypeDatetime, Length: 19, Collation: collation.Binary}
	TypeTime     = Type{ID: mysql.TypeDuration, Length: 10, Collation: collation.Binary}
	TypeJSON     = Type{ID: mysql.TypeJSON, Length: Unspecified, Collation: collation.Default}
)

// Class groups type IDs by the kind of Value that a column of the type holds.
type Class uint8

// The classes.
const (
	ClassNull Class = iota
	ClassInt        // KindInt or KindUint; BOOL, TINYINT … BIGINT, YEAR
	ClassFloat
	ClassDecimal
	ClassString // KindString or, with collation.Binary, KindBytes; CHAR … TEXT, BINARY … BLOB
	ClassDate
	ClassDatetime // DATETIME, and TIMESTAMP (KindTimestamp in storage)
	ClassTime
	ClassJSON
	ClassEnum
	ClassSet
	ClassBit
)

// Class gives t's class.
func (t *Type) Class() Class {
	switch t.ID {
	case mysql.TypeTiny, mysql.TypeShort, mysql.TypeInt24, mysql.TypeLong, mysql.TypeLonglong, mysql.TypeYear:
		return ClassInt
	case mysql.TypeFloat, mysql.TypeDouble:
		return ClassFloat
	case mysql.TypeNewDecimal:
		return ClassDecimal
	case mysql.TypeVarchar, mysql.TypeVarString, mysql.TypeString,
		mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob:
		return ClassString
	case mysql.TypeDate, mysql.TypeNewDate:
		return ClassDate
	case mysql.TypeDatetime, mysql.TypeTimestamp:
		return ClassDatetime
	case mysql.TypeDuration:
		return ClassTime
	case mysql.TypeJSON:
		return ClassJSON
	case mysql.TypeEnum:
		return ClassEnum
	case mysql.TypeSet:
		return ClassSet
	case mysql.TypeBit:
		return ClassBit
	}
	return ClassNull
}

// IsBinary tells whether t is a binary string type (BINARY, VARBINARY, BLOB).
func (t *Type) IsBinary() bool { return t.Class() == ClassString && t.Collation == collation.Binary }

// IsTimestamp tells whether t's storage form is KindTimestamp.
func (t *Type) IsTimestamp() bool { return t.ID == mysql.TypeTimestamp }

// IsLob tells whether t is of the TEXT and BLOB family or JSON: no constant defaults, no keys without a length, no partitioning.
func (t *Type) IsLob() bool {
	switch t.ID {
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob, mysql.TypeJSON:
		return true
	}
	return false
}

// DecimalShape is the precision and scale of a DECIMAL type, (10,0) where it names none.
func (t *Type) DecimalShape() (precision, scale int) {
	precision, scale = t.Length, t.Decimals
	if precision <= 0 {
		precision = 10
	}
	if scale < 0 {
		scale = 0
	}
	return min(precision, MaxDecimalPrecision), min(scale, MaxDecimalScale)
}

// MaxAutoIncrement is the last value that AUTO_INCREMENT gives a column of the type.
func (t *Type) MaxAutoIncrement() uint64 {
	bits := 63
	switch t.ID {
	case mysql.TypeTiny:
		bits = 8
	case mysql.TypeShort:
		bits = 16
	case mysql.TypeInt24:
		bits = 24
	case mysql.TypeLong:
		bits = 32
	case mysql.TypeLonglong:
		bits = 64
	case mysql.TypeFloat:
		return 1 << 24
	case mysql.TypeDouble:
		return 1 << 53
	}
	switch {
	case t.Unsigned && bits == 64:
		return math.MaxUint64 - 1
	case t.Unsigned:
		return 1<<bits - 1
	}
	return 1<<(bits-1) - 1
}
