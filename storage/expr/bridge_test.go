package expr

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"
	"github.com/pingcap/tidb/pkg/parser/test_driver"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// The bridge turns SQL text into expressions, as the planner's AST builder does, so that tests read like SQL.

type testColumn struct {
	name string
	typ  types.Type
	val  types.Value
}

type bridge struct {
	cols   []testColumn
	params []types.Type

	nparams int
}

func (b *bridge) parse(sql string) (Expr, *Agg, error) {
	p := parser.New()
	stmts, _, err := p.Parse("SELECT "+sql, "utf8mb4", "utf8mb4_0900_ai_ci")
	if err != nil {
		return nil, nil, err
	}
	f := stmts[0].(*ast.SelectStmt).Fields.Fields[0].Expr
	if a, ok := f.(*ast.AggregateFuncExpr); ok {
		agg, err := b.agg(a)
		return nil, agg, err
	}
	e, err := b.expr(f)
	return e, nil, err
}

func (b *bridge) agg(a *ast.AggregateFuncExpr) (*Agg, error) {
	args := a.Args
	sep := ","
	if strings.EqualFold(a.F, "group_concat") {
		if v, ok := args[len(args)-1].(*test_driver.ValueExpr); ok {
			sep = v.GetString()
		}
		args = args[:len(args)-1]
	}
	es, err := b.exprs(args)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(a.F, "count") && len(es) == 1 && !a.Distinct {
		if _, ok := es[0].(*Const); ok {
			es = nil
		}
	}
	agg, err := NewAgg(a.F, a.Distinct, es)
	if err != nil {
		return nil, err
	}
	if agg.Name == "group_concat" {
		agg.Separator = sep
	}
	if a.Order != nil {
		for _, it := range a.Order.Items {
			e, err := b.expr(it.Expr)
			if err != nil {
				return nil, err
			}
			agg.OrderBy = append(agg.OrderBy, SortKey{Expr: e, Desc: it.Desc})
		}
	}
	return agg, nil
}

func (b *bridge) exprs(ns []ast.ExprNode) ([]Expr, error) {
	var out []Expr
	for _, n := range ns {
		e, err := b.expr(n)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (b *bridge) call(name string, ns ...ast.ExprNode) (Expr, error) {
	args, err := b.exprs(ns)
	if err != nil {
		return nil, err
	}
	return New(name, args...)
}

var binaryOps = map[opcode.Op]string{
	opcode.Plus: "+", opcode.Minus: "-", opcode.Mul: "*", opcode.Div: "/", opcode.IntDiv: "div", opcode.Mod: "%",
	opcode.And: "&", opcode.Or: "|", opcode.Xor: "^", opcode.LeftShift: "<<", opcode.RightShift: ">>",
	opcode.EQ: "=", opcode.NullEQ: "<=>", opcode.NE: "<>", opcode.LT: "<", opcode.LE: "<=", opcode.GT: ">", opcode.GE: ">=",
	opcode.LogicAnd: "and", opcode.LogicOr: "or", opcode.LogicXor: "xor",
}

func not(name string, is bool) string {
	if is {
		return "not " + name
	}
	return name
}

func (b *bridge) expr(n ast.ExprNode) (Expr, error) {
	switch n := n.(type) {
	case *ast.ParenthesesExpr:
		return b.expr(n.Expr)
	case *test_driver.ValueExpr:
		return literal(n)
	case *test_driver.ParamMarkerExpr:
		b.nparams++
		return &Param{Index: b.nparams - 1, Typ: b.params[b.nparams-1]}, nil
	case *ast.ColumnNameExpr:
		for i, c := range b.cols {
			if strings.EqualFold(c.name, n.Name.Name.O) {
				return &Column{Index: i, Typ: c.typ, Name: c.name}, nil
			}
		}
		return nil, mysqlerr.New(1054, n.Name.Name.O, "field list")
	case *ast.BinaryOperationExpr:
		return b.call(binaryOps[n.Op], n.L, n.R)
	case *ast.UnaryOperationExpr:
		name := map[opcode.Op]string{opcode.Minus: "neg", opcode.Plus: "unary +", opcode.Not: "not", opcode.Not2: "not", opcode.BitNeg: "~"}[n.Op]
		return b.call(name, n.V)
	case *ast.IsNullExpr:
		if n.Not {
			return b.call("is not null", n.Expr)
		}
		return b.call("is null", n.Expr)
	case *ast.IsTruthExpr:
		name := "is "
		if n.Not {
			name += "not "
		}
		if n.True == 1 {
			return b.call(name+"true", n.Expr)
		}
		return b.call(name+"false", n.Expr)
	case *ast.BetweenExpr:
		return b.call(not("between", n.Not), n.Expr, n.Left, n.Right)
	case *ast.PatternInExpr:
		return b.call(not("in", n.Not), append([]ast.ExprNode{n.Expr}, n.List...)...)
	case *ast.RowExpr:
		return b.call("row", n.Values...)
	case *ast.PatternLikeOrIlikeExpr:
		args, err := b.exprs([]ast.ExprNode{n.Expr, n.Pattern})
		if err != nil {
			return nil, err
		}
		if n.Escape != '\\' {
			args = append(args, NewStr(string(rune(n.Escape))))
		}
		return New(not("like", n.Not), args...)
	case *ast.PatternRegexpExpr:
		return b.call(not("regexp", n.Not), n.Expr, n.Pattern)
	case *ast.CaseExpr:
		return b.caseExpr(n)
	case *ast.FuncCastExpr:
		return b.cast(n)
	case *ast.SetCollationExpr:
		e, err := b.expr(n.Expr)
		if err != nil {
			return nil, err
		}
		c, ok := collation.ByName(n.Collate)
		if !ok {
			return nil, mysqlerr.New(1273, n.Collate)
		}
		return NewCollate(e, c)
	case *ast.TimeUnitExpr:
		return NewStr(n.Unit.String()), nil
	case *ast.GetFormatSelectorExpr:
		return NewStr(n.Selector.String()), nil
	case *ast.TrimDirectionExpr:
		return NewStr(n.Direction.String()), nil
	case *ast.FuncCallExpr:
		return b.function(n)
	case *ast.VariableExpr:
		return b.variable(n)
	}
	return nil, fmt.Errorf("bridge: %T", n)
}

func (b *bridge) variable(n *ast.VariableExpr) (Expr, error) {
	switch {
	case n.IsSystem && n.IsGlobal:
		return New("@@", NewStr("global"), NewStr(n.Name))
	case n.IsSystem:
		return New("@@", NewStr(""), NewStr(n.Name))
	case n.Value != nil:
		e, err := b.expr(n.Value)
		if err != nil {
			return nil, err
		}
		return New(":=", NewStr(n.Name), e)
	}
	_, t := testSessionVar(n.Name)
	return NewUserVar(n.Name, t), nil
}

func (b *bridge) caseExpr(n *ast.CaseExpr) (Expr, error) {
	var args []ast.ExprNode
	name := "case"
	if n.Value != nil {
		name = "case value"
		args = append(args, n.Value)
	}
	for _, w := range n.WhenClauses {
		args = append(args, w.Expr, w.Result)
	}
	if n.ElseClause != nil {
		args = append(args, n.ElseClause)
	}
	return b.call(name, args...)
}

func (b *bridge) cast(n *ast.FuncCastExpr) (Expr, error) {
	e, err := b.expr(n.Expr)
	if err != nil {
		return nil, err
	}
	t := types.Type{ID: n.Tp.GetType(), Length: n.Tp.GetFlen(), Decimals: n.Tp.GetDecimal(),
		Unsigned: mysql.HasUnsignedFlag(n.Tp.GetFlag()), Collation: collation.Binary}
	switch t.Class() {
	case types.ClassInt:
		t.Length = 20
	case types.ClassString:
		t.ID, t.Decimals = mysql.TypeVarString, notFixed
		if n.Tp.GetCharset() != "binary" {
			t.Collation, _ = collation.DefaultOf(n.Tp.GetCharset())
			if t.Collation == 0 {
				t.Collation = collation.Default
			}
		} else if t.Length >= 0 {
			t.ID = mysql.TypeString
		}
	case types.ClassDecimal:
		if t.Length < 0 {
			t.Length, t.Decimals = 10, 0
		}
		t.Decimals = max(t.Decimals, 0)
	case types.ClassDatetime, types.ClassTime:
		t.Decimals = max(t.Decimals, 0)
	case types.ClassFloat:
		t = types.TypeDouble
	}
	return NewCast(e, t), nil
}

func (b *bridge) function(n *ast.FuncCallExpr) (Expr, error) {
	name := n.FnName.L
	args, err := b.exprs(n.Args)
	if err != nil {
		return nil, err
	}
	switch name {
	case "convert":
		return New("convert using", args...)
	case "char_func", "char":
		// The last argument is the character set, NULL for none.
		cs := args[len(args)-1].(*Const)
		if cs.Val.IsNull() {
			return New("char", args[:len(args)-1]...)
		}
		return New("char using", append([]Expr{cs}, args[:len(args)-1]...)...)
	case "json_memberof":
		name = "member of"
	case "binary":
	}
	return New(name, args...)
}

func literal(n *test_driver.ValueExpr) (Expr, error) {
	switch n.Kind() {
	case test_driver.KindNull:
		return NewNull(), nil
	case test_driver.KindInt64:
		if mysql.HasIsBooleanFlag(n.Type.GetFlag()) {
			return NewBool(n.GetInt64() != 0), nil
		}
		return NewInt(n.GetInt64()), nil
	case test_driver.KindUint64:
		u := n.GetUint64()
		if u < 1<<63 {
			return NewInt(int64(u)), nil
		}
		return &Const{Val: types.Uint(u), Typ: intType(20, true)}, nil
	case test_driver.KindFloat64:
		return &Const{Val: types.Float(n.GetFloat64()), Typ: types.TypeDouble}, nil
	case test_driver.KindMysqlDecimal:
		v, _, _ := types.ParseDecimal([]byte(n.GetMysqlDecimal().String()))
		digits := len(strings.Trim(v.Text(), "-")) - 1
		return &Const{Val: v, Typ: decimalType(digits, v.Scale())}, nil
	case test_driver.KindString:
		if n.Type.GetCharset() == "binary" {
			return &Const{Val: types.Bytes([]byte(n.GetString())), Typ: stringType(len(n.GetString()), collation.Binary)}, nil
		}
		return NewStr(n.GetString()), nil
	case test_driver.KindBinaryLiteral:
		return NewHex([]byte(n.GetBinaryLiteral())), nil
	}
	return nil, fmt.Errorf("bridge: literal kind %d", n.Kind())
}

// testEnv is a session in the middle of 2024-07-10 in UTC with MySQL 8's default sql_mode.
func testEnv(warnings *[]string) *Env {
	now := time.Date(2024, 7, 10, 13, 14, 15, 123456000, time.UTC)
	m := *types.DefaultMode()
	m.Today = temporal.Pack(2024, 7, 10, 0, 0, 0, 0)
	return &Env{Mode: m, Now: now, Session: &testSession{},
		Clock: func() time.Time { return now.Add(time.Second) },
		Rand:  func() uint64 { return 1 << 62 },
		Warn: func(code uint16, msg string) {
			if warnings != nil {
				*warnings = append(*warnings, fmt.Sprintf("warning %d: %s", code, msg))
			}
		}}
}

type testSession struct {
	insertID uint64
	vars     map[string]types.Value
}

func testSessionVar(name string) (types.Value, types.Type) {
	switch name {
	case "i":
		return types.Int(7), types.TypeInt
	case "s":
		return types.Str("seven"), types.TypeString
	}
	return types.Null, types.TypeNull
}

func (s *testSession) UserVar(name string) (types.Value, types.Type) {
	if v, ok := s.vars[name]; ok {
		return v, types.TypeString
	}
	return testSessionVar(name)
}
func (s *testSession) SetUserVar(name string, v types.Value, _ types.Type) error {
	if s.vars == nil {
		s.vars = map[string]types.Value{}
	}
	s.vars[name] = v
	return nil
}
func (s *testSession) SysVar(scope, name string) (types.Value, types.Type, error) {
	if name == "nope" {
		return types.Null, types.TypeNull, mysqlerr.New(1193, name)
	}
	return types.Str(scope + "/" + name), types.TypeString, nil
}
func (s *testSession) GetLock(context.Context, string, int64) (bool, error) {
	return false, errNoSession
}
func (s *testSession) ReleaseLock(context.Context, string) (released, exists bool, err error) {
	return false, false, errNoSession
}
func (s *testSession) ReleaseAllLocks(context.Context) (int, error) { return 0, errNoSession }
func (s *testSession) LockHolder(context.Context, string) (connection uint64, used bool, err error) {
	return 0, false, errNoSession
}
func (s *testSession) LastInsertID() uint64                { return s.insertID }
func (s *testSession) SetLastInsertID(id uint64)           { s.insertID = id }
func (s *testSession) RowCount() int64                     { return -1 }
func (s *testSession) FoundRows() uint64                   { return 3 }
func (s *testSession) ConnectionID() uint64                { return 42 }
func (s *testSession) CurrentDB() (string, bool)           { return "test", true }
func (s *testSession) User() string                        { return "app@10.0.0.1" }
func (s *testSession) CurrentUser() string                 { return "app@%" }
func (s *testSession) CurrentRole() string                 { return "NONE" }
func (s *testSession) LoadFile(string, int) ([]byte, bool) { return nil, false }
func (s *testSession) Digest(text string) (hash, normal string, err error) {
	return strings.Repeat("0", 64), text, nil
}
func (s *testSession) Version() string { return "8.0.99-cloudsql" }
