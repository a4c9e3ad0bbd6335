package show

import (
	"encoding/hex"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// keyOf is COLUMN_KEY: PRI for members of what is shown as the primary key; UNI for the only column of a unique key; MUL for the first
// column of any other.
func keyOf(t *schema.Table, pos int) string {
	key, primary := "", t.ShownPrimary()
	for _, ix := range virtual.ShownIndexes(t) {
		for part, c := range ix.Columns {
			switch {
			case c.Column != pos:
			case ix == primary:
				return "PRI"
			case part > 0:
			case ix.IsUnique() && len(ix.Columns) == 1:
				key = "UNI"
			case key == "":
				key = "MUL"
			}
		}
	}
	return key
}

// extraOf is EXTRA of a column.
func extraOf(c *schema.Column) string {
	extra := extraOfValues(c)
	if c.Invisible {
		extra = strings.TrimPrefix(extra+" INVISIBLE", " ")
	}
	return extra
}

// kindOfGenerated tells whether a generated column is declared as stored.
func kindOfGenerated(c *schema.Column) string {
	if c.Stored {
		return "STORED"
	}
	return "VIRTUAL"
}

// extraOfValues tells where a column's values come from.
func extraOfValues(c *schema.Column) string {
	switch {
	case c.Generated != "":
		return kindOfGenerated(c) + " GENERATED"
	case c.AutoIncrement:
		return "auto_increment"
	case c.OnUpdateNow && c.DefaultExpr != "":
		return "DEFAULT_GENERATED on update " + nowOf(c)
	case c.OnUpdateNow:
		return "on update " + nowOf(c)
	case c.DefaultExpr != "":
		return "DEFAULT_GENERATED"
	}
	return ""
}

// nowOf is CURRENT_TIMESTAMP with the column's fractional digits.
func nowOf(c *schema.Column) string {
	if c.Type.Decimals > 0 {
		return "CURRENT_TIMESTAMP(" + string(rune('0'+c.Type.Decimals)) + ")"
	}
	return "CURRENT_TIMESTAMP"
}

// defaultText is a column's default as DESCRIBE shows it; ok is false for none and for NULL. A TIMESTAMP is in the
// session's time zone.
func defaultText(env virtual.Context, c *schema.Column) (text string, ok bool) {
	if c.DefaultExpr != "" {
		return escaped(unparenthesised(c.DefaultExpr)), true
	}
	v, ok := defaultValue(env, c)
	if !ok {
		return "", false
	}
	switch v.Kind() {
	case types.KindBit:
		return bitText(v.Uint()), true
	case types.KindBytes:
		return "0x" + strings.ToUpper(hex.EncodeToString(v.Raw())), true
	}
	return string(v.AppendText(nil, &c.Type)), true
}

// defaultValue decodes a constant default; ok is false for none and for NULL.
func defaultValue(env virtual.Context, c *schema.Column) (types.Value, bool) {
	if len(c.Default) == 0 {
		return types.Null, false
	}
	v, _, err := types.DecodeValue(c.Default)
	if err != nil || v.IsNull() {
		return types.Null, false
	}
	if v.Kind() == types.KindTimestamp {
		v = types.ToLocal(v, virtual.Location(env))
	}
	return v, true
}

func bitText(n uint64) string {
	digits := ""
	for {
		digits = string(rune('0'+n&1)) + digits
		if n >>= 1; n == 0 {
			return "b'" + digits + "'"
		}
	}
}

// escaped is an expression as information_schema has it.
func escaped(expr string) string { return strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(expr) }

// unparenthesised takes off the parentheses in which a descriptor keeps the DEFAULT of an expression.
func unparenthesised(expr string) string {
	if strings.HasPrefix(expr, "(") && strings.HasSuffix(expr, ")") {
		return expr[1 : len(expr)-1]
	}
	return expr
}

// shape is what information_schema tells of a type besides its name; NULL where it has no such thing.
type shape struct {
	chars, octets, precision, scale, fraction, charset, collation types.Value
}

// blobBytes is how much the TEXT and BLOB types hold.
var blobBytes = map[types.ID]int{
	mysql.TypeTinyBlob: 1<<8 - 1, mysql.TypeBlob: 1<<16 - 1, mysql.TypeMediumBlob: 1<<24 - 1, mysql.TypeLongBlob: 1<<32 - 1,
}

// integerDigits are NUMERIC_PRECISION of the integer types.
var integerDigits = map[types.ID]int{
	mysql.TypeTiny: 3, mysql.TypeShort: 5, mysql.TypeInt24: 7, mysql.TypeLong: 10, mysql.TypeLonglong: 19,
}

func shapeOf(t *types.Type) shape {
	var s shape
	switch t.Class() {
	case types.ClassInt:
		if t.ID == mysql.TypeYear {
			break
		}
		digits := integerDigits[t.ID]
		if t.ID == mysql.TypeLonglong && t.Unsigned {
			digits++
		}
		s.precision, s.scale = virtual.Num(digits), virtual.Num(0)
	case types.ClassFloat:
		s.precision = virtual.Num(12)
		if t.ID == mysql.TypeDouble {
			s.precision = virtual.Num(22)
		}
		if t.Length > 0 && t.Decimals >= 0 && t.Decimals <= types.MaxDecimalScale {
			s.precision, s.scale = virtual.Num(t.Length), virtual.Num(t.Decimals)
		}
	case types.ClassDecimal:
		p, d := t.DecimalShape()
		s.precision, s.scale = virtual.Num(p), virtual.Num(d)
	case types.ClassBit:
		s.precision = virtual.Num(max(t.Length, 1))
	case types.ClassDatetime, types.ClassTime:
		s.fraction = virtual.Num(max(t.Decimals, 0))
	case types.ClassString, types.ClassEnum, types.ClassSet:
		s.characters(t)
	}
	return s
}

func (s *shape) characters(t *types.Type) {
	length := max(t.Length, 0)
	if t.ID == mysql.TypeString && t.Length < 0 {
		length = 1
	}
	bytes := length
	if n, ok := blobBytes[t.ID]; ok {
		length, bytes = n, n
	} else if !t.IsBinary() {
		bytes *= t.Collation.MaxBytes()
	}
	s.chars, s.octets = virtual.Num(length), virtual.Num(bytes)
	if !t.IsBinary() {
		s.charset, s.collation = types.Str(t.Collation.Charset()), types.Str(t.Collation.Name())
	}
}

// TextField is a column of text that is never NULL, of a result that belongs to no table.
func TextField(name string, length int) types.Field {
	t := types.TypeString
	t.Length = length
	return types.Field{Name: name, Type: t, Flags: uint16(mysql.NotNullFlag)}
}
