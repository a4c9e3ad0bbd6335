package types

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
)

// typeNames are the names of types whose name does not depend on their collation.
var typeNames = map[ID]string{
	mysql.TypeTiny: "tinyint", mysql.TypeShort: "smallint", mysql.TypeInt24: "mediumint", mysql.TypeLong: "int",
	mysql.TypeLonglong: "bigint", mysql.TypeYear: "year", mysql.TypeFloat: "float", mysql.TypeDouble: "double",
	mysql.TypeNewDecimal: "decimal", mysql.TypeDate: "date", mysql.TypeNewDate: "date", mysql.TypeDatetime: "datetime",
	mysql.TypeTimestamp: "timestamp", mysql.TypeDuration: "time", mysql.TypeJSON: "json", mysql.TypeEnum: "enum",
	mysql.TypeSet: "set", mysql.TypeBit: "bit", mysql.TypeNull: "null",
}

// BaseName is the type's name alone, as information_schema's DATA_TYPE shows it: "int", "varchar", "blob".
func (t *Type) BaseName() string {
	if t.Class() != ClassString {
		return typeNames[t.ID]
	}
	binary := t.Collation == collation.Binary
	text, bytes := "", ""
	switch t.ID {
	case mysql.TypeString:
		text, bytes = "char", "binary"
	case mysql.TypeTinyBlob:
		text, bytes = "tinytext", "tinyblob"
	case mysql.TypeBlob:
		text, bytes = "text", "blob"
	case mysql.TypeMediumBlob:
		text, bytes = "mediumtext", "mediumblob"
	case mysql.TypeLongBlob:
		text, bytes = "longtext", "longblob"
	default:
		text, bytes = "varchar", "varbinary"
	}
	if binary {
		return bytes
	}
	return text
}

// String is the type as SHOW CREATE TABLE prints it, without its character set: "int unsigned", "varchar(20)",
// "enum('a','b')". Integers show a display width only for tinyint(1) and ZEROFILL, as in MySQL 8.
func (t *Type) String() string {
	s := t.BaseName() + t.shape()
	if t.Unsigned && t.Class() != ClassBit && t.ID != mysql.TypeYear {
		s += " unsigned"
	}
	if t.Zerofill && t.ID != mysql.TypeYear {
		s += " zerofill"
	}
	return s
}

// shape is what stands in parentheses behind the name.
func (t *Type) shape() string {
	switch t.Class() {
	case ClassInt:
		if t.ID != mysql.TypeYear && t.Length > 0 && (t.Zerofill || t.ID == mysql.TypeTiny && t.Length == 1 && !t.Unsigned) {
			return inParens(t.Length)
		}
	case ClassFloat:
		if t.Length > 0 && t.Decimals >= 0 && t.Decimals <= MaxDecimalScale {
			return "(" + strconv.Itoa(t.Length) + "," + strconv.Itoa(t.Decimals) + ")"
		}
	case ClassDecimal:
		precision, scale := t.DecimalShape()
		return "(" + strconv.Itoa(precision) + "," + strconv.Itoa(scale) + ")"
	case ClassString:
		switch {
		case t.IsLob():
		case t.Length >= 0:
			return inParens(t.Length)
		case t.ID == mysql.TypeString: // CHAR alone is CHAR(1)
			return inParens(1)
		}
	case ClassDatetime, ClassTime:
		if t.Decimals > 0 && t.Decimals <= 6 {
			return inParens(t.Decimals)
		}
	case ClassBit:
		return inParens(max(t.Length, 1))
	case ClassEnum, ClassSet:
		return "(" + quoteElems(t.Elems) + ")"
	}
	return ""
}

func inParens(n int) string { return "(" + strconv.Itoa(n) + ")" }

func quoteElems(elems []string) string {
	quoted := make([]string, len(elems))
	for i, e := range elems {
		quoted[i] = "'" + strings.ReplaceAll(e, "'", "''") + "'"
	}
	return strings.Join(quoted, ",")
}
