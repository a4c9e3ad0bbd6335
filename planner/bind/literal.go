package bind

import (
	"slices"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/driver"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// literal turns the parser's literal into a constant.
func (b *Binder) literal(v *driver.ValueExpr) (*expr.Const, error) {
	switch v.Kind() {
	case driver.KindNull:
		return expr.NewNull(), nil
	case driver.KindInt64:
		k := expr.NewInt(v.Int64())
		if v.Type.GetFlag()&mysql.IsBooleanFlag != 0 {
			k.Typ.Length = 1
		}
		return k, nil
	case driver.KindUint64:
		return uintLiteral(v.Uint64()), nil
	case driver.KindFloat64:
		return &expr.Const{Val: types.Float(v.Float64()), Typ: types.TypeDouble}, nil
	case driver.KindDecimal:
		return b.decimal(v.GetString())
	case driver.KindString:
		return b.stringLiteral(v)
	case driver.KindBinary:
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

// decimal takes a number of any length; one that DECIMAL can't hold becomes the nearest that it can, with warning 1292.
func (b *Binder) decimal(text string) (*expr.Const, error) {
	val, n, ok := types.ParseDecimal([]byte(text))
	if n != len(text) {
		return nil, mysqlerr.New(mysqlerr.IllegalValueForType, "decimal", text)
	}
	if !ok && b.Env != nil && b.Env.Warn != nil {
		b.Env.Warn(mysqlerr.TruncatedWrongValue, "Truncated incorrect DECIMAL value: '"+text[:min(len(text), maxShownNumber)]+"'")
	}
	digits := 0
	for i := 0; i < len(text); i++ {
		if text[i] >= '0' && text[i] <= '9' {
			digits++
		}
	}
	length := min(max(digits, val.Scale(), 1), types.MaxDecimalPrecision)
	t := types.Type{ID: mysql.TypeNewDecimal, Length: length, Decimals: val.Scale(), Collation: collation.Binary}
	return &expr.Const{Val: val, Typ: t}, nil
}

const maxShownNumber = 128 // bytes of a number in a warning

// stringLiteral takes the collation that the parser gave the literal: the connection's, or an introducer's. Behind an introducer
// the text's bytes, as the client sent them, are characters of that set.
func (b *Binder) stringLiteral(v *driver.ValueExpr) (*expr.Const, error) {
	text := []byte(v.GetString())
	coll := literalCollation(v)
	switch {
	case coll == collation.Binary:
		return binaryConst(text), nil
	case v.Introduced():
		if utf8.Valid(text) && !isASCII(text) {
			text = b.clientBytes(text)
		}
		return introducedText(text, coll)
	case !utf8.Valid(text):
		return expr.NewBrokenText(text), nil // drivers write a BLOB's bytes as plain text; a text column will refuse them (1366)
	}
	text = coll.Replace(text) // what the client can say and the connection can't
	return textConst(text, coll), nil
}

// clientBytes are UTF-8 text's bytes as the client sent them.
func (b *Binder) clientBytes(text []byte) []byte {
	if t := b.typing(); t != nil && t.Client.Valid() {
		return t.Client.Encode(text)
	}
	return text
}

// introducedText is the literal whose bytes are in a character set: 1300 where they are none of it.
func introducedText(raw []byte, coll collation.ID) (*expr.Const, error) {
	text, bad := coll.DecodeStrict(raw)
	if bad >= 0 {
		return nil, mysqlerr.New(mysqlerr.InvalidCharacterString, coll.Charset(), collation.HexPrefix(raw[min(bad, len(raw)):]))
	}
	return textConst(text, coll), nil
}

func textConst(text []byte, coll collation.ID) *expr.Const {
	t := types.TypeString
	t.Length, t.Collation = utf8.RuneCount(text), coll
	return &expr.Const{Val: types.String(text), Typ: t}
}

func literalCollation(v *driver.ValueExpr) collation.ID {
	if v.Introduced() { // the parser's own defaults are TiDB's; an introducer means the default of MySQL's character set
		if c, ok := collation.DefaultOf(v.Charset()); ok {
			return c
		}
	}
	if name := v.Type.GetCollate(); name != "" {
		if c, ok := collation.ByName(name); ok {
			return c
		}
	}
	if c, ok := collation.DefaultOf(v.Type.GetCharset()); ok {
		return c
	}
	return collation.Default
}

func binaryConst(b []byte) *expr.Const {
	t := types.TypeBytes
	t.Length = len(b)
	return &expr.Const{Val: types.Bytes(b), Typ: t}
}

// hexLiteral takes X'41', 0x41 and b'101'; with an introducer they are strings of characters.
func hexLiteral(v *driver.ValueExpr) (*expr.Const, error) {
	b := []byte(v.GetString())
	if cs := v.Charset(); v.Introduced() && cs != "" && cs != "binary" {
		coll, ok := collation.DefaultOf(cs)
		if !ok {
			return nil, mysqlerr.New(mysqlerr.UnknownCharacterSet, cs)
		}
		return introducedText(b, coll)
	}
	k := expr.NewHex(b)
	if v.Introduced() {
		return &expr.Const{Val: k.Val, Typ: k.Typ}, nil // a binary string, and never a number
	}
	return k, nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
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
		return types.Type{ID: mysql.TypeNewDecimal, Length: 65, Decimals: v.Scale(), Collation: collation.Binary}
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
	case types.KindBit:
		return types.Type{ID: mysql.TypeBit, Length: 64, Unsigned: true, Collation: collation.Binary}
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
	if kill, ok := n.(*ast.KillStmt); ok && kill.Expr != nil {
		kill.Expr.Accept(&m) // the parser's walk leaves it out
	}
	slices.SortFunc(m.markers, func(a, b *driver.ParamMarkerExpr) int { return a.Offset - b.Offset })
	for i, p := range m.markers {
		p.SetOrder(i)
	}
	return len(m.markers)
}
