package bind

import (
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"
	ptypes "github.com/pingcap/tidb/pkg/parser/types"

	"cloudsql/planner/driver"
	"cloudsql/planner/lexer"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// isLiteral tells what NAME_CONST takes: literals, with a minus or a COLLATE.
func isLiteral(n ast.ExprNode) bool {
	switch n := syntax.Unparen(n).(type) {
	case ast.ValueExpr:
		return true
	case *ast.UnaryOperationExpr:
		return n.Op == opcode.Minus && isLiteral(n.V)
	case *ast.SetCollationExpr:
		return isLiteral(n.Expr)
	case *ast.FuncCallExpr:
		return n.FnName.L == ast.DateLiteral || n.FnName.L == ast.TimeLiteral || n.FnName.L == ast.TimestampLiteral
	}
	return false
}

// renamed are functions whose name in the syntax tree is not MySQL's.
var renamed = map[string]string{
	ast.CharFunc: "char", ast.InsertFunc: "insert", ast.JSONMemberOf: "member of",
	"password": "password", "mid": "substring", "substr": "substring",
}

func (b *Binder) call(sc *Scope, n *ast.FuncCallExpr) (expr.Expr, error) {
	if n.Schema.O != "" {
		return nil, mysqlerr.New(mysqlerr.SpDoesNotExist, "FUNCTION", n.Schema.O+"."+n.FnName.O)
	}
	if v := syntax.JSONValueOf(n); v != nil {
		return b.jsonValue(sc, v)
	}
	name := strings.ToLower(n.FnName.O)
	switch n.FnName.L {
	case ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral:
		return b.temporal(sc, n)
	case "convert":
		name = "convert using"
	case ast.CharFunc:
		return b.charCall(sc, n)
	case "grouping":
		if b.Grouping == nil {
			return nil, mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
		}
		return b.Grouping(sc, n)
	case "name_const":
		if len(n.Args) == 2 {
			if !isLiteral(n.Args[0]) || !isLiteral(n.Args[1]) {
				return nil, mysqlerr.New(mysqlerr.WrongArguments, "NAME_CONST")
			}
			return Expr(b, sc, n.Args[1])
		}
	}
	if r := renamed[n.FnName.L]; r != "" {
		name = r
	} else if !callable(n.FnName.L) {
		return nil, b.unknownFunction(n)
	}
	args := make([]expr.Expr, len(n.Args))
	for i, a := range n.Args {
		e, err := b.argument(sc, a)
		if err != nil {
			return nil, err
		}
		args[i] = e
	}
	if name == "convert_tz" {
		b.nameSystemZone(args)
	}
	e, err := b.typing().New(name, args...)
	switch {
	case err == nil:
		return e, nil
	case mysqlerr.Code(err) == mysqlerr.SpDoesNotExist:
		return nil, b.unknownFunction(n)
	case mysqlerr.Code(err) == mysqlerr.WrongParamcountToNativeFct:
		return nil, mysqlerr.New(mysqlerr.WrongParamcountToNativeFct, n.FnName.O) // as it was written
	}
	return nil, err
}

// callable tells whether a name may be that of a function. Operators have names, too, and a statement can put anything into backquotes.
func callable(name string) bool {
	switch name {
	case "and", "or", "xor", "not", "neg", "div", "in", "between", "like", "regexp", "rlike", "binary", "case", "row":
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < utf8.RuneSelf && !lexer.IsWord(byte(r)) })
}

// nameSystemZone puts the zone's name for 'SYSTEM', which would be another one on another node, and which readers of V1
// look up for themselves.
func (b *Binder) nameSystemZone(args []expr.Expr) {
	if b.Env == nil || b.Env.System == nil || b.Env.System == time.Local {
		return
	}
	for i, a := range args {
		if k, ok := a.(*expr.Const); ok && i > 0 && string(k.Val.Raw()) == "SYSTEM" {
			args[i] = expr.NewStr(b.Env.System.String())
		}
	}
}

// unknownFunction names the function as MySQL does: with the current database in front.
func (b *Binder) unknownFunction(n *ast.FuncCallExpr) error {
	name := n.FnName.O
	if b.Env != nil && b.Env.Session != nil {
		if db, ok := b.Env.Session.CurrentDB(); ok {
			name = db + "." + name
		}
	}
	return mysqlerr.New(mysqlerr.SpDoesNotExist, "FUNCTION", name)
}

// argument binds an argument; keywords among them become strings.
func (b *Binder) argument(sc *Scope, n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *ast.TimeUnitExpr:
		return expr.NewStr(strings.ToLower(n.Unit.String())), nil
	case *ast.TrimDirectionExpr:
		return expr.NewStr(strings.ToLower(n.Direction.String())), nil
	case *ast.GetFormatSelectorExpr:
		return expr.NewStr(strings.ToLower(n.Selector.String())), nil
	case *ast.TableNameExpr:
		return nil, mysqlerr.NotSupported("sequences")
	}
	return Expr(b, sc, n)
}

// charCall binds CHAR(n, … [USING charset]); the parser puts the character set, or NULL, last.
func (b *Binder) charCall(sc *Scope, n *ast.FuncCallExpr) (expr.Expr, error) {
	last := len(n.Args) - 1
	args, err := b.all(sc, n.Args[:last])
	if err != nil {
		return nil, err
	}
	charset, ok := n.Args[last].(*driver.ValueExpr)
	if !ok || charset.Kind() == driver.KindNull {
		return expr.New("char", args...)
	}
	return expr.New("char using", append([]expr.Expr{expr.NewStr(charset.GetString())}, args...)...)
}

// temporal makes a constant of DATE '…', TIME '…' or TIMESTAMP '…'; 1525 where the text is none.
func (b *Binder) temporal(sc *Scope, n *ast.FuncCallExpr) (expr.Expr, error) {
	lit, ok := n.Args[0].(*driver.ValueExpr)
	if !ok || lit.Kind() != driver.KindString {
		return Expr(b, sc, n.Args[0])
	}
	text := types.Str(lit.GetString())
	mode := &types.Mode{}
	if b.Env != nil {
		mode = &b.Env.Mode
	}
	bad := false
	warn := types.Warner(func(uint16, string) { bad = true })
	fsp := fraction(lit.GetString())
	var v types.Value
	var t types.Type
	what := "DATE"
	switch n.FnName.L {
	case ast.DateLiteral:
		v, t = text.ToDate(mode, warn), types.TypeDate
	case ast.TimeLiteral:
		what, t = "TIME", types.TypeTime
		v = text.ToTime(mode, warn)
	default:
		what, t = "DATETIME", types.TypeDatetime
		v = text.ToDatetime(mode, warn)
	}
	if v.IsNull() || bad || !literalForms[what].MatchString(lit.GetString()) {
		if !lit.Bare() {
			return Expr(b, sc, lit)
		}
		return nil, mysqlerr.New(mysqlerr.WrongValue, what, lit.GetString())
	}
	if fsp > 0 && t.ID != mysql.TypeDate {
		t.Decimals, t.Length = fsp, t.Length+1+fsp
		v = conversion.Cast(v, &t, mode, nil)
	}
	return &expr.Const{Val: v, Typ: t}, nil
}

// literalForms are what the literals of each type look like: a DATE has no time of day, a DATETIME has one, a TIME has no date.
var literalForms = map[string]*regexp.Regexp{
	"DATE":     regexp.MustCompile(`^\s*(\d{1,8}|\d+[[:punct:]]+\d+[[:punct:]]+\d+)\s*$`),
	"DATETIME": regexp.MustCompile(`^\s*(\d{12}|\d{8}T\d|(\d+[[:punct:] T]+){3}\d)`),
	"TIME":     regexp.MustCompile(`^\s*-?(\d{1,11}([.\s]|$)|\d+\s+\d|\d+:)`),
}

// fraction counts the digits behind a time's point, six at most.
func fraction(s string) int {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return 0
	}
	n := 0
	for n < 6 && i+1+n < len(s) && s[i+1+n] >= '0' && s[i+1+n] <= '9' {
		n++
	}
	return n
}

func (b *Binder) cast(sc *Scope, n *ast.FuncCastExpr) (expr.Expr, error) {
	e, err := Expr(b, sc, n.Expr)
	if err != nil {
		return nil, err
	}
	if n.FunctionType == ast.CastBinaryOperator {
		return expr.New("binary", e)
	}
	if n.Tp.IsArray() {
		return nil, mysqlerr.NotSupported("CAST … AS … ARRAY")
	}
	t, err := b.castType(n.Tp, n.ExplicitCharSet)
	if err != nil {
		return nil, err
	}
	return expr.NewCastTo(e, t), nil
}

const (
	maxCastFsp       = 6
	maxCastPrecision = 65
	maxCastScale     = 30
	maxCastLength    = math.MaxUint32
)

func (b *Binder) castType(ft *ptypes.FieldType, explicitCharset bool) (types.Type, error) {
	t := types.Type{ID: ft.GetType(), Length: ft.GetFlen(), Decimals: ft.GetDecimal(), Collation: collation.Binary}
	switch t.ID {
	case mysql.TypeLonglong:
		t = types.TypeInt
		t.Unsigned = ft.GetFlag()&mysql.UnsignedFlag != 0
	case mysql.TypeDouble, mysql.TypeFloat:
		t.Decimals = 31
	case mysql.TypeNewDecimal:
		return decimalCast(t)
	case mysql.TypeVarString, mysql.TypeString:
		if t.Length > maxCastLength {
			return t, mysqlerr.New(mysqlerr.TooBigDisplaywidth, "cast as char", maxCastLength)
		}
		t.Decimals = 31
		t.Collation = b.castCollation(ft, explicitCharset)
		if t.ID = mysql.TypeVarString; t.IsBinary() && t.Length >= 0 {
			t.ID = mysql.TypeString // BINARY(n) is filled up with zero bytes, BINARY is not
		}
	case mysql.TypeDatetime, mysql.TypeDuration:
		t.Decimals = max(t.Decimals, 0)
		if t.Decimals > maxCastFsp {
			return t, mysqlerr.New(mysqlerr.TooBigPrecision, t.Decimals, "CAST", maxCastFsp)
		}
	case mysql.TypeDate:
		t = types.TypeDate
	case mysql.TypeJSON:
		t = types.TypeJSON
	case mysql.TypeYear:
		t.Length, t.Decimals, t.Unsigned = 4, 0, true
	default:
		return t, mysqlerr.NotSupported("CAST to this type")
	}
	return t, nil
}

func decimalCast(t types.Type) (types.Type, error) {
	if t.Length < 0 {
		t.Length = 10
	}
	t.Decimals = max(t.Decimals, 0)
	switch {
	case t.Length > maxCastPrecision:
		return t, mysqlerr.New(mysqlerr.TooBigPrecision, t.Length, "CAST", maxCastPrecision)
	case t.Decimals > maxCastScale:
		return t, mysqlerr.New(mysqlerr.TooBigScale, t.Decimals, "CAST", maxCastScale)
	case t.Length < t.Decimals:
		return t, mysqlerr.New(mysqlerr.MBiggerThanD, "")
	case t.Length == 0:
		t.Length = 10
	}
	return t, nil
}

func (b *Binder) castCollation(ft *ptypes.FieldType, explicit bool) collation.ID {
	if ft.GetCharset() == "binary" {
		if !explicit && ft.GetType() == mysql.TypeVarString && ft.GetFlen() >= 0 { // CHAR(n) BINARY; BINARY(n) is a TypeString
			return b.connectionBinary()
		}
		return collation.Binary
	}
	set, named := collation.DefaultOf(ft.GetCharset())
	switch {
	case mysql.HasBinaryFlag(ft.GetFlag()) && !explicit:
		return b.connectionBinary()
	case mysql.HasBinaryFlag(ft.GetFlag()):
		if c, ok := collation.BinaryOf(set.Charset()); ok && named {
			return c
		}
	}
	if explicit && named {
		return set
	}
	if c, ok := collation.ByName(ft.GetCollate()); ok && ft.GetCollate() != "" {
		return c
	}
	return collation.Default
}

// connectionBinary is the _bin collation of the connection's character set.
func (b *Binder) connectionBinary() collation.ID {
	set := collation.Default.Charset()
	if t := b.typing(); t != nil && t.Collation.Valid() {
		set = t.Collation.Charset()
	}
	if c, ok := collation.BinaryOf(set); ok {
		return c
	}
	return collation.Binary
}
