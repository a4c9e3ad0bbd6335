package bind

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/driver"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// The names of clauses in MySQL's messages.
const (
	FieldList = "field list"
	Where     = "where clause"
	On        = "on clause"
	GroupBy   = "group statement"
	Having    = "having clause"
	OrderBy   = "order clause"
)

// maxDepth bounds the nesting of one expression: deeper ones would exhaust the stack of whoever evaluates them.
const maxDepth = 1000

// Binder holds what binding one clause depends on. The zero Binder binds expressions over constants and columns.
type Binder struct {
	Env    *expr.Env // values of parameters, for their types; the session, for the types of variables; may be nil
	Clause string    // where the expression stands, for messages

	// Aggregate takes an aggregate call; nil refuses it with 1111 (Invalid use of group function).
	Aggregate func(sc *Scope, n *ast.AggregateFuncExpr) (expr.Expr, error)
	// Window takes a window function; nil refuses it with 3593.
	Window func(sc *Scope, n *ast.WindowFuncExpr) (expr.Expr, error)
	// Subquery takes SubqueryExpr, ExistsSubqueryExpr, CompareSubqueryExpr, and PatternInExpr with a subquery on its right. Of several columns
	// it makes a row.
	Subquery func(sc *Scope, n ast.ExprNode) (expr.Expr, error)
	// Values takes VALUES(c) of ON DUPLICATE KEY UPDATE.
	Values func(name *ast.ColumnName) (expr.Expr, error)
	// Grouping takes GROUPING(…); nil refuses it with 1111.
	Grouping func(sc *Scope, n *ast.FuncCallExpr) (expr.Expr, error)
	// Default takes DEFAULT(c) of a column that Default (the function) cannot answer: one with a default expression.
	Default func(c *Column) (expr.Expr, error)

	depth int // nesting of the expression being bound
}

// ColumnType gives the type that a column's definition says; text is the collation of texts that name none.
type ColumnType func(def *ast.ColumnDef, text collation.ID) (types.Type, error)

// typing is how the session types calls.
func (b *Binder) typing() *expr.Typing {
	if b.Env == nil {
		return nil
	}
	return b.Env.Typing
}

// Expr binds n in sc. Names are looked up from sc outwards. With an error there is no expression, and no pointer to none either.
func Expr(b *Binder, sc *Scope, n ast.ExprNode) (expr.Expr, error) {
	if b.depth++; b.depth > maxDepth {
		return nil, mysqlerr.New(mysqlerr.TooHighLevelOfNestingForSelect)
	}
	e, err := b.bind(sc, syntax.Unparen(n))
	b.depth--
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (b *Binder) bind(sc *Scope, n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *ast.ColumnNameExpr:
		return sc.resolve(n.Name, b.Clause)
	case *driver.ValueExpr:
		return b.literal(n)
	case *driver.ParamMarkerExpr:
		return b.param(n), nil
	case *ast.BinaryOperationExpr:
		return b.binary(sc, n)
	case *ast.UnaryOperationExpr:
		return b.unary(sc, n)
	case *ast.FuncCallExpr:
		return b.call(sc, n)
	case *ast.FuncCastExpr:
		return b.cast(sc, n)
	case *ast.AggregateFuncExpr:
		if b.Aggregate == nil {
			return nil, mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
		}
		return b.Aggregate(sc, n)
	case *ast.WindowFuncExpr:
		if b.Window == nil {
			return nil, mysqlerr.New(mysqlerr.WindowInvalidWindowFuncUse, strings.ToLower(n.Name))
		}
		return b.Window(sc, n)
	case *ast.VariableExpr:
		return b.variable(sc, n)
	case *ast.RowExpr:
		return b.list(sc, "row", n.Values)
	}
	return b.predicate(sc, n)
}

// predicate binds the nodes that give truth values, and the rarer ones.
func (b *Binder) predicate(sc *Scope, n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *ast.BetweenExpr:
		return b.between(sc, n)
	case *ast.PatternInExpr:
		if n = InSubquery(n); n.Sel != nil {
			return b.subquery(sc, n)
		}
		return b.in(sc, n)
	case *ast.IsNullExpr:
		return b.list(sc, not("is null", "is not null", n.Not), []ast.ExprNode{n.Expr})
	case *ast.IsTruthExpr:
		name := not("is true", "is not true", n.Not)
		if n.True == 0 {
			name = not("is false", "is not false", n.Not)
		}
		return b.list(sc, name, []ast.ExprNode{n.Expr})
	case *ast.PatternLikeOrIlikeExpr:
		return b.like(sc, n)
	case *ast.PatternRegexpExpr:
		return b.list(sc, not("regexp", "not regexp", n.Not), []ast.ExprNode{n.Expr, n.Pattern})
	case *ast.CaseExpr:
		return b.caseExpr(sc, n)
	case *ast.SetCollationExpr:
		return b.collate(sc, n)
	case *ast.SubqueryExpr, *ast.ExistsSubqueryExpr, *ast.CompareSubqueryExpr:
		return b.subquery(sc, n)
	case *ast.DefaultExpr:
		return b.defaultOf(sc, n)
	case *ast.ValuesExpr:
		if b.Values == nil {
			return expr.NewNull(), nil // MySQL: VALUES() outside of ON DUPLICATE KEY UPDATE is NULL
		}
		return b.Values(n.Column.Name)
	case *ast.MatchAgainst:
		return nil, mysqlerr.NotSupported("MATCH … AGAINST")
	}
	return nil, mysqlerr.NotSupported("this kind of expression")
}

func not(plain, negated string, negate bool) string {
	if negate {
		return negated
	}
	return plain
}

func (b *Binder) subquery(sc *Scope, n ast.ExprNode) (expr.Expr, error) {
	if b.Subquery == nil {
		return nil, mysqlerr.NotSupported("a subquery in this place")
	}
	return b.Subquery(sc, n)
}

// param is a parameter of the type of the value that it is bound to; text is in the connection's collation, as a literal in its place.
func (b *Binder) param(n *driver.ParamMarkerExpr) expr.Expr {
	p := &expr.Param{Index: n.Order, Typ: types.TypeString}
	if b.Env != nil && n.Order < len(b.Env.Params) {
		p.Typ = ParamType(b.Env.Params[n.Order])
	}
	if t := b.typing(); t != nil && p.Typ.Class() == types.ClassString && p.Typ.Collation == collation.Default && t.Collation.Valid() {
		p.Typ.Collation = t.Collation
	}
	return p
}

func (b *Binder) all(sc *Scope, nodes []ast.ExprNode) ([]expr.Expr, error) {
	args := make([]expr.Expr, len(nodes))
	for i, n := range nodes {
		e, err := Expr(b, sc, n)
		if err != nil {
			return nil, err
		}
		args[i] = e
	}
	return args, nil
}

func (b *Binder) list(sc *Scope, name string, nodes []ast.ExprNode) (expr.Expr, error) {
	args, err := b.all(sc, nodes)
	if err != nil {
		return nil, err
	}
	return b.typing().New(name, args...)
}

var binaryNames = map[opcode.Op]string{
	opcode.LogicAnd: "and", opcode.LogicOr: "or", opcode.LogicXor: "xor",
	opcode.LeftShift: "<<", opcode.RightShift: ">>", opcode.And: "&", opcode.Or: "|", opcode.Xor: "^",
	opcode.EQ: "=", opcode.NE: "<>", opcode.LT: "<", opcode.LE: "<=", opcode.GT: ">", opcode.GE: ">=", opcode.NullEQ: "<=>",
	opcode.Plus: "+", opcode.Minus: "-", opcode.Mul: "*", opcode.Div: "/", opcode.IntDiv: "div", opcode.Mod: "%",
}

// OperatorName is the name under which storage/expr knows a binary operator, "" for none.
func OperatorName(op opcode.Op) string { return binaryNames[op] }

func (b *Binder) binary(sc *Scope, n *ast.BinaryOperationExpr) (expr.Expr, error) {
	name := binaryNames[n.Op]
	if name == "" {
		return nil, mysqlerr.NotSupported("operator " + n.Op.String())
	}
	if n.Op == opcode.LogicAnd || n.Op == opcode.LogicOr {
		return b.logic(sc, n, name)
	}
	l, err := Expr(b, sc, n.L)
	if err != nil {
		return nil, err
	}
	r, err := Expr(b, sc, n.R)
	if err != nil {
		return nil, err
	}
	return b.typing().New(name, beside(name, l, r)...)
}

// beside is the operands of a comparison, or of another operator.
func beside(name string, args ...expr.Expr) []expr.Expr {
	if opposites[name] == "" && name != "<=>" {
		return args
	}
	return expr.BesideColumn(args...)
}

// logic takes a chain of one operator without recursion, so that a thousand ORed terms nest no deeper than one.
func (b *Binder) logic(sc *Scope, n *ast.BinaryOperationExpr, name string) (expr.Expr, error) {
	return b.list(sc, name, chain(n))
}

// chain lists the terms of a chain of one operator.
func chain(n *ast.BinaryOperationExpr) (terms []ast.ExprNode) {
	for {
		terms = append(terms, n.R)
		l, ok := n.L.(*ast.BinaryOperationExpr)
		if !ok || l.Op != n.Op {
			terms = append(terms, n.L)
			break
		}
		n = l
	}
	for i, j := 0, len(terms)-1; i < j; i, j = i+1, j-1 {
		terms[i], terms[j] = terms[j], terms[i]
	}
	return terms
}

func (b *Binder) unary(sc *Scope, n *ast.UnaryOperationExpr) (expr.Expr, error) {
	if n.Op == opcode.Minus {
		if k, err := b.negatedLiteral(n.V); k != nil || err != nil {
			return k, err
		}
	}
	v, err := Expr(b, sc, n.V)
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case opcode.Minus:
		return expr.New("neg", v)
	case opcode.Plus:
		return v, nil
	case opcode.BitNeg:
		return expr.New("~", v)
	case opcode.Not, opcode.Not2:
		return negate(v)
	}
	return nil, mysqlerr.NotSupported("operator " + n.Op.String())
}

// negatedLiteral keeps -1 a constant, so that ranges and LIMITs see one.
func (b *Binder) negatedLiteral(n ast.ExprNode) (expr.Expr, error) {
	v, ok := syntax.Unparen(n).(*driver.ValueExpr)
	if !ok {
		return nil, nil
	}
	switch v.Kind() {
	case driver.KindInt64:
		if i := v.Int64(); i != 0 {
			return expr.NewInt(-i), nil
		}
	case driver.KindUint64:
		if v.Uint64() == 1<<63 {
			return expr.NewInt(-1 << 63), nil
		}
	case driver.KindDecimal:
		return b.decimal("-" + v.GetString())
	case driver.KindFloat64:
		return &expr.Const{Val: types.Float(-v.Float64()), Typ: types.TypeDouble}, nil
	}
	return nil, nil
}

// negate pushes NOT into what has a negated form of its own, which indexes can serve.
func negate(e expr.Expr) (expr.Expr, error) {
	if c, ok := e.(*expr.Call); ok {
		if opposite := opposites[c.Name()]; opposite != "" {
			return expr.New(opposite, c.Args()...)
		}
	}
	return expr.New("not", e)
}

var opposites = map[string]string{
	"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "is null": "is not null", "is not null": "is null",
}

func (b *Binder) between(sc *Scope, n *ast.BetweenExpr) (expr.Expr, error) {
	args, err := b.all(sc, []ast.ExprNode{n.Expr, n.Left, n.Right})
	if err != nil {
		return nil, err
	}
	return expr.New(not("between", "not between", n.Not), expr.BesideFirst(args...)...)
}

func (b *Binder) in(sc *Scope, n *ast.PatternInExpr) (expr.Expr, error) {
	args := make([]expr.Expr, 0, len(n.List)+1)
	left, err := Expr(b, sc, n.Expr)
	if err != nil {
		return nil, err
	}
	args = append(args, left)
	for _, item := range n.List {
		e, err := Expr(b, sc, item)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if len(args) == 2 {
		return expr.New(not("=", "<>", n.Not), expr.BesideColumn(args...)...)
	}
	return expr.New(not("in", "not in", n.Not), expr.BesideFirst(args...)...)
}

func (b *Binder) like(sc *Scope, n *ast.PatternLikeOrIlikeExpr) (expr.Expr, error) {
	if !n.IsLike {
		return nil, mysqlerr.NotSupported("ILIKE")
	}
	args, err := b.all(sc, []ast.ExprNode{n.Expr, n.Pattern})
	if err != nil {
		return nil, err
	}
	if n.Escape != '\\' {
		escape := ""
		if n.Escape != 0 {
			escape = string(rune(n.Escape))
		}
		args = append(args, expr.NewStr(escape))
	}
	return expr.New(not("like", "not like", n.Not), args...)
}

func (b *Binder) caseExpr(sc *Scope, n *ast.CaseExpr) (expr.Expr, error) {
	var nodes []ast.ExprNode
	name := "case"
	if n.Value != nil {
		name = "case value"
		nodes = append(nodes, n.Value)
	}
	for _, w := range n.WhenClauses {
		nodes = append(nodes, w.Expr, w.Result)
	}
	if n.ElseClause != nil {
		nodes = append(nodes, n.ElseClause)
	}
	return b.list(sc, name, nodes)
}

func (b *Binder) collate(sc *Scope, n *ast.SetCollationExpr) (expr.Expr, error) {
	e, err := Expr(b, sc, n.Expr)
	if err != nil {
		return nil, err
	}
	c, ok := collation.ByName(n.Collate)
	if !ok {
		return nil, mysqlerr.New(mysqlerr.UnknownCollation, n.Collate)
	}
	return expr.NewCollate(e, c)
}

// defaultOf binds DEFAULT(c).
func (b *Binder) defaultOf(sc *Scope, n *ast.DefaultExpr) (expr.Expr, error) {
	if n.Name == nil {
		return nil, mysqlerr.NotSupported("DEFAULT within an expression")
	}
	c, err := sc.Find(n.Name, b.Clause)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, mysqlerr.New(mysqlerr.BadField, FullName(n.Name), b.Clause)
	}
	if c.Source == nil {
		return nil, mysqlerr.New(mysqlerr.NoDefaultForField, c.Field.Name)
	}
	return b.Value(c)
}

// Value gives the default of a base table's column: 1364 where it has none.
func (b *Binder) Value(c *Column) (expr.Expr, error) {
	col := &c.Source.Columns[c.Pos]
	switch {
	case col.Generated != "":
		return nil, mysqlerr.New(mysqlerr.DefaultAsValGenerated)
	case col.DefaultExpr != "":
		if b.Default == nil {
			return nil, mysqlerr.NotSupported("DEFAULT(c) of a column with a default expression")
		}
		return b.Default(c)
	case !col.HasDefault && (col.NotNull || col.NoDefault):
		return nil, mysqlerr.New(mysqlerr.NoDefaultForField, col.Name)
	case len(col.Default) == 0:
		return &expr.Const{Typ: OperandType(col.Type)}, nil
	}
	v, _, err := types.DecodeValue(col.Default)
	if err != nil {
		return nil, err
	}
	if v.Kind() == types.KindTimestamp && b.Env != nil {
		v = types.ToLocal(v, b.Env.Mode.Loc)
	}
	return &expr.Const{Val: v, Typ: OperandType(col.Type)}, nil
}
