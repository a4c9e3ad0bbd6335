package driver

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/charset"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	ptypes "github.com/pingcap/tidb/pkg/parser/types"
)

func init() {
	ast.NewValueExpr = newValueExpr
	ast.NewParamMarkerExpr = func(offset int) ast.ParamMarkerExpr { return &ParamMarkerExpr{Offset: offset} }
	ast.NewDecimal = func(s string) (any, error) { return Decimal(s), nil }
	ast.NewHexLiteral = func(s string) (any, error) { return parseHex(s) }
	ast.NewBitLiteral = func(s string) (any, error) { return parseBits(s) }
}

// Kind tells what a literal is.
type Kind uint8

const (
	KindNull Kind = iota
	KindInt64
	KindUint64
	KindFloat64
	KindString
	KindDecimal
	KindBinary // hexadecimal or bit literals
	KindOther  // what the parser puts into options of its own dialect; no expression has it
)

// Decimal is the text of a decimal literal, or of an integer beyond 64 bits, as it was written.
type Decimal string

// Binary is a hexadecimal or a bit literal.
type Binary struct {
	Bytes []byte
	bits  int // digits of a bit literal; -1 for a hexadecimal one
}

// ToString is what the parser asks where a literal stands for text: ENUM(0x61).
func (b Binary) ToString() string { return string(b.Bytes) }

var _ ast.BinaryLiteral = Binary{}

// ValueExpr is a literal.
type ValueExpr struct {
	ast.TexprNode
	kind       Kind
	num        uint64 // an integer, or the bits of a float
	text       string // of strings and decimals; the bytes of a binary literal
	bits       int    // as in Binary
	other      any
	projection int
	introducer string // a character set whose introducer the parser does not know
	bare       bool   // made without a character set
}

var (
	_ ast.ValueExpr       = (*ValueExpr)(nil)
	_ ast.ParamMarkerExpr = (*ParamMarkerExpr)(nil)
)

func newValueExpr(value any, cs, collate string) ast.ValueExpr {
	if v, ok := value.(*ValueExpr); ok {
		return v
	}
	v := &ValueExpr{projection: -1, bare: cs == "" && collate == ""}
	v.SetValue(value)
	v.takeIntroduced()
	v.setType(value, cs, collate)
	return v
}

// setType fills in what the parser and the binder look at: character sets and flags.
func (n *ValueExpr) setType(value any, cs, collate string) {
	t := &n.Type
	if n.kind == KindString {
		t.SetType(mysql.TypeVarString)
		t.SetCharset(cs)
		t.SetCollate(collate)
		return
	}
	t.SetCharset(charset.CharsetBin)
	t.SetCollate(charset.CollationBin)
	t.AddFlag(mysql.BinaryFlag)
	t.SetFlen(ptypes.UnspecifiedLength)
	t.SetDecimal(ptypes.UnspecifiedLength)
	if _, ok := value.(bool); ok {
		t.AddFlag(mysql.IsBooleanFlag)
	}
	if n.kind == KindUint64 {
		t.AddFlag(mysql.UnsignedFlag)
	}
	t.SetType(kindTypes[n.kind])
}

var kindTypes = [...]byte{
	KindNull: mysql.TypeNull, KindInt64: mysql.TypeLonglong, KindUint64: mysql.TypeLonglong, KindFloat64: mysql.TypeDouble,
	KindString: mysql.TypeVarString, KindDecimal: mysql.TypeNewDecimal, KindBinary: mysql.TypeVarString,
	KindOther: mysql.TypeUnspecified,
}

// SetValue gives the node a value of the kinds that the lexer makes.
func (n *ValueExpr) SetValue(value any) {
	n.kind, n.num, n.text, n.bits, n.other = KindOther, 0, "", 0, nil
	switch x := value.(type) {
	case nil:
		n.kind = KindNull
	case bool:
		n.kind = KindInt64
		if x {
			n.num = 1
		}
	case int:
		n.kind, n.num = KindInt64, uint64(x) //nolint:gosec // the same bits
	case int64:
		n.kind, n.num = KindInt64, uint64(x) //nolint:gosec // the same bits
	case uint64:
		n.kind, n.num = KindUint64, x
	case float64:
		n.kind, n.num = KindFloat64, math.Float64bits(x)
	case string:
		n.kind, n.text = KindString, x
	case []byte:
		n.kind, n.text = KindString, string(x)
	case Decimal:
		n.kind, n.text = KindDecimal, string(x)
	case Binary:
		n.kind, n.text, n.bits = KindBinary, string(x.Bytes), x.bits
	default:
		n.other = x
	}
}

// GetValue gives the value as SetValue takes it.
func (n *ValueExpr) GetValue() any {
	switch n.kind {
	case KindNull:
		return nil
	case KindInt64:
		return n.Int64()
	case KindUint64:
		return n.num
	case KindFloat64:
		return n.Float64()
	case KindString:
		return n.text
	case KindDecimal:
		return Decimal(n.text)
	case KindBinary:
		return Binary{[]byte(n.text), n.bits}
	}
	return n.other
}

// Kind tells what the literal is.
func (n *ValueExpr) Kind() Kind { return n.kind }

// Int64 is the value of a KindInt64.
func (n *ValueExpr) Int64() int64 { return int64(n.num) } //nolint:gosec // the same bits

// Uint64 is the value of a KindUint64.
func (n *ValueExpr) Uint64() uint64 { return n.num }

// Float64 is the value of a KindFloat64.
func (n *ValueExpr) Float64() float64 { return math.Float64frombits(n.num) }

// GetString gives a string's or a binary literal's bytes, a decimal's digits, "" for everything else.
func (n *ValueExpr) GetString() string { return n.text }

// GetDatumString is GetString under the name that the parser has for it.
func (n *ValueExpr) GetDatumString() string { return n.text }

// SetProjectionOffset keeps where the first of several adjacent strings ends, for the name of a result's column.
func (n *ValueExpr) SetProjectionOffset(offset int) { n.projection = offset }

// GetProjectionOffset is -1 for what is one literal.
func (n *ValueExpr) GetProjectionOffset() int { return n.projection }

// Bare tells whether the parser made the literal without a character set: that in DATE '…' and its kin, but not that in {d '…'}, which is any
// expression.
func (n *ValueExpr) Bare() bool { return n.bare }

// Introduced tells whether a character set stands before the literal: _latin1'…'.
func (n *ValueExpr) Introduced() bool {
	return n.introducer != "" || n.Type.GetFlag()&mysql.UnderScoreCharsetFlag != 0
}

// Restore writes the literal as SQL.
func (n *ValueExpr) Restore(ctx *format.RestoreCtx) error {
	switch n.kind {
	case KindString:
		n.restoreString(ctx)
	case KindBinary:
		if n.Introduced() {
			ctx.WritePlain("_")
			ctx.WriteKeyWord(n.Charset())
			ctx.WritePlain(" ")
		}
		ctx.WritePlain(n.digits())
	case KindNull:
		ctx.WriteKeyWord("NULL")
	case KindInt64:
		if n.Type.GetFlag()&mysql.IsBooleanFlag != 0 {
			ctx.WriteKeyWord(boolean(n.num))
			return nil
		}
		fallthrough
	case KindUint64, KindFloat64, KindDecimal:
		ctx.WritePlain(n.number())
	default:
		return fmt.Errorf("driver: a %T is not a literal", n.other)
	}
	return nil
}

func (n *ValueExpr) restoreString(ctx *format.RestoreCtx) {
	cs := n.Charset()
	if n.AsBytes() {
		if !n.Introduced() {
			cs = charset.CharsetBin
		}
		ctx.WritePlain("_")
		ctx.WriteKeyWord(cs)
		ctx.WritePlain(" x'" + hex.EncodeToString([]byte(n.text)) + "'")
		return
	}
	f := ctx.Flags
	if cs != "" && !f.HasStringWithoutCharset() && (!f.HasStringWithoutDefaultCharset() || cs != mysql.DefaultCharset) {
		ctx.WritePlain("_")
		ctx.WriteKeyWord(cs)
	}
	ctx.WriteString(n.text)
}

// AsBytes tells the strings that are restored as hexadecimal digits behind an introducer: what is no UTF-8, and what is not ASCII in
// a character set whose introducer the parser does not know.
func (n *ValueExpr) AsBytes() bool {
	return n.kind == KindString && (!utf8.ValidString(n.text) || n.introducer != "" && !ascii(n.text))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func boolean(num uint64) string {
	if num != 0 {
		return "TRUE"
	}
	return "FALSE"
}

// number prints a number such that the parser reads the same again.
func (n *ValueExpr) number() string {
	switch n.kind {
	case KindInt64:
		return strconv.FormatInt(n.Int64(), 10)
	case KindUint64:
		return strconv.FormatUint(n.num, 10)
	case KindFloat64:
		return strconv.FormatFloat(n.Float64(), 'e', -1, 64)
	}
	if strings.HasPrefix(n.text, ".") {
		return "0" + n.text // behind a name ".5" would not be a number
	}
	return n.text
}

// digits prints a binary literal with as many digits as it was written with.
func (n *ValueExpr) digits() string {
	if n.bits < 0 {
		return "x'" + hex.EncodeToString([]byte(n.text)) + "'"
	}
	b := make([]byte, 0, n.bits+3)
	b = append(b, 'b', '\'')
	for i := 8*len(n.text) - n.bits; i < 8*len(n.text); i++ {
		b = append(b, '0'+n.text[i/8]>>(7-i%8)&1)
	}
	return string(append(b, '\''))
}

// Format writes the literal for people.
func (n *ValueExpr) Format(w io.Writer) {
	switch n.kind {
	case KindString:
		_, _ = io.WriteString(w, strconv.Quote(n.text))
	case KindOther:
		_, _ = fmt.Fprint(w, n.other)
	default:
		_ = n.Restore(format.NewRestoreCtx(format.DefaultRestoreFlags, writer{w}))
	}
}

// writer drops what format.RestoreCtx can't tell of errors.
type writer struct{ io.Writer }

func (w writer) WriteString(s string) (int, error) { return io.WriteString(w.Writer, s) }

// Accept implements ast.Node.
func (n *ValueExpr) Accept(v ast.Visitor) (ast.Node, bool) {
	node, _ := v.Enter(n)
	return v.Leave(node)
}

// ParamMarkerExpr is a ? of a prepared statement.
type ParamMarkerExpr struct {
	ast.TexprNode
	Offset int // in the text
	Order  int // among the statement's parameters; known once they are numbered

	value any // of the parser's interface; nobody gives a marker one
}

// Restore implements ast.Node.
func (n *ParamMarkerExpr) Restore(ctx *format.RestoreCtx) error {
	ctx.WritePlain("?")
	return nil
}

// Format implements ast.ExprNode.
func (n *ParamMarkerExpr) Format(w io.Writer) { _, _ = io.WriteString(w, "?") }

// Accept implements ast.Node.
func (n *ParamMarkerExpr) Accept(v ast.Visitor) (ast.Node, bool) {
	node, _ := v.Enter(n)
	return v.Leave(node)
}

// SetOrder implements ast.ParamMarkerExpr.
func (n *ParamMarkerExpr) SetOrder(order int) { n.Order = order }

func (n *ParamMarkerExpr) SetValue(val any)         { n.value = val }
func (n *ParamMarkerExpr) GetValue() any            { return n.value }
func (n *ParamMarkerExpr) GetString() string        { return "" }
func (n *ParamMarkerExpr) GetDatumString() string   { return "" }
func (n *ParamMarkerExpr) GetProjectionOffset() int { return -1 }
func (n *ParamMarkerExpr) SetProjectionOffset(int)  {}

var (
	errHex  = errors.New("a hexadecimal literal has an even number of hexadecimal digits")
	errBits = errors.New("a bit literal has the digits 0 and 1")
)

// parseHex takes x'4d', X'4d' and 0x4d; only the last may have an odd number of digits.
func parseHex(s string) (Binary, error) {
	digits, quoted := quotedDigits(s, 'x')
	if !quoted {
		var ok bool
		if digits, ok = strings.CutPrefix(s, "0x"); !ok {
			return Binary{}, errHex
		}
		if len(digits)%2 != 0 {
			digits = "0" + digits
		}
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return Binary{}, errHex
	}
	return Binary{b, -1}, nil
}

// parseBits takes b'01', B'01' and 0b01.
func parseBits(s string) (Binary, error) {
	digits, quoted := quotedDigits(s, 'b')
	if !quoted {
		var ok bool
		if digits, ok = strings.CutPrefix(s, "0b"); !ok {
			return Binary{}, errBits
		}
	}
	b := make([]byte, (len(digits)+7)/8)
	pad := 8*len(b) - len(digits)
	for i := range len(digits) {
		if digits[i]|1 != '1' {
			return Binary{}, errBits
		}
		b[(pad+i)/8] |= digits[i] & 1 << (7 - (pad+i)%8)
	}
	return Binary{b, len(digits)}, nil
}

// quotedDigits gives what stands between the quotes of x'…'.
func quotedDigits(s string, letter byte) (string, bool) {
	if len(s) < len("x''") || s[0]|0x20 != letter || s[1] != '\'' || s[len(s)-1] != '\'' {
		return "", false
	}
	return s[2 : len(s)-1], true
}
