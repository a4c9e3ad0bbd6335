package bind

import (
	"slices"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	driver "github.com/pingcap/tidb/pkg/parser/test_driver"

	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Literal turns the parser's literal into a constant.
func Literal(v *driver.ValueExpr) (*expr.Const, error) {
	switch v.Kind() {
	case driver.KindNull:
		return expr.NewNull(), nil
	case driver.KindInt64:
		k := expr.NewInt(v.GetInt64())
		if v.Type.GetFlag()&mysql.IsBooleanFlag != 0 {
			k.Typ.Length = 1
		}
		return k, nil
	case driver.KindUint64:
		return uintLiteral(v.GetUint64()), nil
	case driver.KindFloat64, driver.KindFloat32:
		return &expr.Const{Val: types.Float(v.GetFloat64()), Typ: types.TypeDouble}, nil
	case driver.KindMysqlDecimal:
		return decimalLiteral(v.GetMysqlDecimal().String())
	case driver.KindString, driver.KindBytes:
		return stringLiteral(v)
	case driver.KindBinaryLiteral:
		return hexLiteral(v)
	}
	return nil, mysqlerr.NotSupported("this kind of literal")
}

func uintLiteral(u uint64) *expr.Const {
	t := types.TypeUint
	val := types.Uint(u)
	t.Length = len(val.Text())
	return &expr.Const{Val: val, Typ: t}
}

func decimalLiteral(text string) (*expr.Const, error) {
	val, n, ok := types.ParseDecimal([]byte(text))
	if !ok || n != len(text) {
		return nil, mysqlerr.New(mysql.ErrIllegalValueForType, "decimal", text)
	}
	digits := 0
	for i := 0; i < len(text); i++ {
		if text[i] >= '0' && text[i] <= '9' {
			digits++
		}
	}
	t := types.Type{ID: mysql.TypeNewDecimal, Length: max(digits, val.Scale(), 1), Decimals: val.Scale(), Collation: types.CollationBinary}
	return &expr.Const{Val: val, Typ: t}, nil
}

// stringLiteral takes the collation that the parser gave the literal: the connection's, or an introducer's.
func stringLiteral(v *driver.ValueExpr) (*expr.Const, error) {
	text := append([]byte(nil), v.GetBytes()...)
	coll := literalCollation(v)
	if coll == types.CollationBinary {
		return binaryConst(text), nil
	}
	if coll.Charset() != "utf8mb4" && coll.Charset() != "utf8mb3" && !isASCII(text) && introduced(v) {
		return nil, mysqlerr.NotSupported("introducer _" + coll.Charset() + " with characters beyond ASCII")
	}
	if !utf8.Valid(text) {
		if introduced(v) {
			return nil, mysqlerr.New(mysql.ErrInvalidCharacterString, coll.Charset(), hexPrefix(text))
		}
		return binaryConst(text), nil // drivers write a BLOB's bytes as plain text; a text column will refuse them (1366)
	}
	t := types.TypeString
	t.Length, t.Collation = utf8.RuneCount(text), coll
	return &expr.Const{Val: types.String(text), Typ: t}, nil
}

func introduced(v *driver.ValueExpr) bool { return v.Type.GetFlag()&mysql.UnderScoreCharsetFlag != 0 }

func literalCollation(v *driver.ValueExpr) types.Collation {
	if name := v.Type.GetCollate(); name != "" {
		if c, ok := types.CollationByName(name); ok {
			// The parser's own defaults are TiDB's; an introducer means the default of MySQL's character set.
			if d, found := types.DefaultCollation(v.Type.GetCharset()); introduced(v) && found && c.IsBinary() {
				return d
			}
			return c
		}
	}
	if c, ok := types.DefaultCollation(v.Type.GetCharset()); ok {
		return c
	}
	return types.CollationDefault
}

func binaryConst(b []byte) *expr.Const {
	t := types.TypeBytes
	t.Length = len(b)
	return &expr.Const{Val: types.Bytes(b), Typ: t}
}

// hexLiteral is a binary string; where a number is wanted, Number gives its value.
func hexLiteral(v *driver.ValueExpr) (*expr.Const, error) {
	b := append([]byte(nil), v.GetBinaryLiteral()...)
	if cs := v.Type.GetCharset(); introduced(v) && cs != "" && cs != "binary" {
		coll, ok := types.DefaultCollation(cs)
		if !ok {
			return nil, mysqlerr.New(mysql.ErrUnknownCharacterSet, cs)
		}
		if !utf8.Valid(b) {
			return nil, mysqlerr.New(mysql.ErrInvalidCharacterString, cs, hexPrefix(b))
		}
		t := types.TypeString
		t.Length, t.Collation = utf8.RuneCount(b), coll
		return &expr.Const{Val: types.String(b), Typ: t}, nil
	}
	return binaryConst(b), nil
}

// Number is the value of a hexadecimal or bit literal as a number, as MySQL takes it in arithmetic, in comparisons with
// numbers and for numeric columns; nil for any other node.
func Number(n ast.ExprNode) *expr.Const {
	v, ok := unparen(n).(*driver.ValueExpr)
	if !ok || v.Kind() != driver.KindBinaryLiteral || introduced(v) {
		return nil
	}
	var u uint64
	for _, c := range v.GetBinaryLiteral() {
		u = u<<8 | uint64(c)
	}
	return uintLiteral(u)
}

func unparen(n ast.ExprNode) ast.ExprNode {
	for {
		p, ok := n.(*ast.ParenthesesExpr)
		if !ok {
			return n
		}
		n = p.Expr
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hexPrefix(b []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 12)
	for _, c := range b {
		if len(out) == 12 {
			break
		}
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

// ParamType is the type that a parameter takes from the value it is bound to.
func ParamType(v types.Value) types.Type {
	switch v.Kind() {
	case types.KindNull:
		return types.TypeNull
	case types.KindInt:
		return types.TypeInt
	case types.KindUint:
		return types.TypeUint
	case types.KindFloat:
		return types.TypeDouble
	case types.KindDecimal:
		return types.Type{ID: mysql.TypeNewDecimal, Length: 65, Decimals: v.Scale(), Collation: types.CollationBinary}
	case types.KindBytes:
		return types.TypeBytes
	case types.KindDate:
		return types.TypeDate
	case types.KindDatetime, types.KindTimestamp:
		t := types.TypeDatetime
		t.Decimals = v.Fsp()
		return t
	case types.KindTime:
		t := types.TypeTime
		t.Decimals = v.Fsp()
		return t
	case types.KindJSON:
		return types.TypeJSON
	}
	return types.TypeString
}

// numberer finds parameter markers.
type numberer struct{ markers []*driver.ParamMarkerExpr }

func (m *numberer) Enter(n ast.Node) (ast.Node, bool) {
	if p, ok := n.(*driver.ParamMarkerExpr); ok {
		m.markers = append(m.markers, p)
	}
	return n, false
}

func (m *numberer) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// NumberParams gives a statement's parameter markers their order in the text and returns how many there are.
// It may be called again on the same tree.
func NumberParams(n ast.Node) int {
	var m numberer
	n.Accept(&m)
	slices.SortFunc(m.markers, func(a, b *driver.ParamMarkerExpr) int { return a.Offset - b.Offset })
	for i, p := range m.markers {
		p.SetOrder(i)
	}
	return len(m.markers)
}
