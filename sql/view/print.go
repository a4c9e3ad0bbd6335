package view

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/canonical"
	"cloudsql/planner/driver"
	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// printer writes a query as MySQL writes those of views: lower case, all names quoted, operators in parentheses. Nodes that it has no
// words for are written by the parser, in the parser's own style.
type printer struct {
	strings.Builder
	err error
}

// Print is a query's text.
func Print(n ast.Node) (string, error) {
	p := &printer{}
	p.query(n)
	return p.String(), p.err
}

const restoreFlags = format.RestoreStringSingleQuotes | format.RestoreStringEscapeBackslash | format.RestoreKeyWordLowercase |
	format.RestoreNameBackQuotes | format.RestoreSpacesAroundBinaryOperation | format.RestoreBracketAroundBinaryOperation |
	format.RestoreStringWithoutCharset

func (p *printer) restore(n ast.Node) {
	if err := n.Restore(format.NewRestoreCtx(restoreFlags, &p.Builder)); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *printer) name(s string) { p.WriteString(mysqlerr.Quote(s)) }

func (p *printer) query(n ast.Node) {
	switch n := n.(type) {
	case *ast.SelectStmt:
		p.selectStmt(n)
	case *ast.SetOprStmt:
		p.with(n.With)
		p.setList(n.SelectList)
		p.order(n.OrderBy)
		p.limit(n.Limit)
	default:
		p.restore(n)
	}
}

func (p *printer) with(w *ast.WithClause) {
	if w == nil {
		return
	}
	p.WriteString("with ")
	if w.IsRecursive {
		p.WriteString("recursive ")
	}
	for i, c := range w.CTEs {
		p.comma(i)
		p.name(c.Name.O)
		p.names(c.ColNameList)
		p.WriteString(" as (")
		p.query(c.Query.Query)
		p.WriteString(")")
	}
	p.WriteString(" ")
}

func (p *printer) names(list []ast.CIStr) {
	if len(list) == 0 {
		return
	}
	p.WriteString(" (")
	for i, n := range list {
		p.comma(i)
		p.name(n.O)
	}
	p.WriteString(")")
}

func (p *printer) comma(i int) {
	if i > 0 {
		p.WriteString(",")
	}
}

func (p *printer) setList(n *ast.SetOprSelectList) {
	p.with(n.With)
	for i, s := range n.Selects {
		var op *ast.SetOprType
		switch s := s.(type) {
		case *ast.SelectStmt:
			op = s.AfterSetOperator
		case *ast.SetOprSelectList:
			op = s.AfterSetOperator
		}
		if i > 0 && op != nil {
			p.WriteString(" " + strings.ToLower(op.String()) + " ")
		}
		if list, ok := s.(*ast.SetOprSelectList); ok {
			p.WriteString("(")
			p.setList(list)
			p.WriteString(")")
			continue
		}
		p.query(s)
	}
	p.order(n.OrderBy)
	p.limit(n.Limit)
}

// values is VALUES ROW(…), ROW(…).
func (p *printer) values(n *ast.SelectStmt) {
	p.WriteString("values ")
	for i, row := range n.Lists {
		p.comma(i)
		p.WriteString("row(")
		p.list(row.Values)
		p.WriteString(")")
	}
	p.order(n.OrderBy)
	p.limit(n.Limit)
}

func (p *printer) selectStmt(n *ast.SelectStmt) {
	if n.Kind == ast.SelectStmtKindValues && !n.IsInBraces && n.With == nil {
		p.values(n)
		return
	}
	hints := syntax.HintsOf(n.TableHints)
	if n.Kind != ast.SelectStmtKindSelect || hints == nil && len(n.TableHints) > 0 {
		p.restore(n)
		return
	}
	if n.WithBeforeBraces {
		p.with(n.With)
	}
	if n.IsInBraces {
		p.WriteString("(")
		defer p.WriteString(")")
	}
	if !n.WithBeforeBraces {
		p.with(n.With)
	}
	p.WriteString("select ")
	if hints != nil && hints.Text != "" {
		p.WriteString("/*+ " + hints.Text + " */ ")
	}
	if n.Distinct {
		p.WriteString("distinct ")
	}
	if o := n.SelectStmtOpts; o != nil && o.StraightJoin {
		p.WriteString("straight_join ")
	}
	for i, f := range n.Fields.Fields {
		p.comma(i)
		p.field(f)
	}
	if n.From != nil {
		p.WriteString(" from ")
		p.from(n.From.TableRefs)
	}
	if n.Where != nil {
		p.WriteString(" where ")
		p.expr(n.Where)
	}
	if n.GroupBy != nil {
		p.WriteString(" group by ")
		p.items(n.GroupBy.Items)
		if n.GroupBy.Rollup {
			p.WriteString(" with rollup")
		}
	}
	if n.Having != nil {
		p.WriteString(" having ")
		p.expr(n.Having.Expr)
	}
	for i := range n.WindowSpecs {
		if i == 0 {
			p.WriteString(" window ")
		}
		p.comma(i)
		p.name(n.WindowSpecs[i].Name.O)
		p.WriteString(" AS ")
		p.window(&n.WindowSpecs[i])
	}
	p.order(n.OrderBy)
	p.limit(n.Limit)
}

func (p *printer) field(f *ast.SelectField) {
	if f.WildCard != nil {
		p.restore(f)
		return
	}
	p.expr(f.Expr)
	if f.AsName.O != "" {
		p.WriteString(" AS ")
		p.name(f.AsName.O)
	}
}

func (p *printer) items(list []*ast.ByItem) {
	for i, item := range list {
		p.comma(i)
		if pos, ok := item.Expr.(*ast.PositionExpr); ok {
			p.WriteString(strconv.Itoa(pos.N))
		} else {
			p.expr(item.Expr)
		}
		if item.Desc {
			p.WriteString(" desc")
		}
	}
}

func (p *printer) order(o *ast.OrderByClause) {
	if o != nil {
		p.WriteString(" order by ")
		p.items(o.Items)
	}
}

func (p *printer) limit(l *ast.Limit) {
	if l == nil {
		return
	}
	p.WriteString(" limit ")
	if l.Offset != nil {
		p.expr(l.Offset)
		p.WriteString(",")
	}
	p.expr(l.Count)
}

func (p *printer) from(n ast.ResultSetNode) {
	switch n := n.(type) {
	case *ast.Join:
		p.join(n)
	case *ast.TableSource:
		p.source(n)
	default:
		p.restore(n)
	}
}

func (p *printer) join(n *ast.Join) {
	if n.Right == nil {
		p.from(n.Left)
		return
	}
	p.WriteString("(")
	p.from(n.Left)
	switch {
	case n.Tp == ast.LeftJoin:
		p.WriteString(" left join ")
	case n.Tp == ast.RightJoin:
		p.WriteString(" right join ")
	case n.StraightJoin:
		p.WriteString(" straight_join ")
	default:
		p.WriteString(" join ")
	}
	p.from(n.Right)
	if n.On != nil {
		p.WriteString(" on(")
		p.expr(n.On.Expr)
		p.WriteString(")")
	}
	p.WriteString(")")
}

func (p *printer) source(n *ast.TableSource) {
	switch src := n.Source.(type) {
	case *ast.TableName:
		p.restore(src)
	case *ast.Join:
		p.join(src)
		return
	default:
		p.derived(src, n.Lateral)
	}
	if n.AsName.O != "" {
		p.WriteString(" ")
		p.name(n.AsName.O)
	}
	p.names(n.ColumnNames)
}

func (p *printer) derived(n ast.ResultSetNode, lateral bool) {
	t, err := syntax.JSONTableOf(n, syntax.Options{})
	switch {
	case err != nil:
		p.err = err
		return
	case t != nil:
		p.WriteString("json_table(")
		p.expr(t.Doc)
		p.WriteString(", ")
		p.jsonColumns(t)
		p.WriteString(")")
		return
	case lateral:
		p.WriteString("lateral ")
	}
	p.WriteString("(")
	p.query(n)
	p.WriteString(")")
}

// jsonColumns is a JSON_TABLE's path, and its columns.
func (p *printer) jsonColumns(t *syntax.JSONTable) {
	p.text(t.Path)
	p.WriteString(" columns (")
	for i := range t.Columns {
		if i > 0 {
			p.WriteString(", ")
		}
		p.jsonColumn(&t.Columns[i])
	}
	p.WriteString(")")
}

func (p *printer) jsonColumn(c *syntax.JSONColumn) {
	switch c.Kind {
	case syntax.JSONNested:
		p.WriteString("nested path ")
		p.jsonColumns(c.Nested)
		return
	case syntax.JSONOrdinality:
		p.name(c.Name)
		p.WriteString(" for ordinality")
		return
	}
	p.restore(c.Def)
	if c.Kind == syntax.JSONExists {
		p.WriteString(" exists")
	}
	p.WriteString(" path ")
	p.text(c.Path)
	p.response(&c.OnEmpty, " on empty")
	p.response(&c.OnError, " on error")
}

// response is what a value is where there is none.
func (p *printer) response(r *syntax.JSONResponse, when string) {
	switch {
	case r.Error:
		p.WriteString(" error" + when)
	case r.Default != nil:
		p.WriteString(" default ")
		p.text(*r.Default)
		p.WriteString(when)
	}
}

func (p *printer) text(s string) {
	p.WriteString("'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'")
}

// words are binary operators as they are printed.
var words = map[opcode.Op]string{
	opcode.LogicAnd: "and", opcode.LogicOr: "or", opcode.LogicXor: "xor", opcode.IntDiv: "DIV", opcode.Mod: "%",
}

func (p *printer) expr(n ast.ExprNode) {
	switch n := n.(type) {
	case *ast.ParenthesesExpr:
		p.expr(n.Expr)
	case *ast.BinaryOperationExpr:
		p.binary(n.Op, n.L, n.R)
	case *ast.UnaryOperationExpr:
		p.unary(n)
	case *ast.ColumnNameExpr:
		p.column(n.Name)
	case *driver.ValueExpr:
		p.literal(n)
	case *ast.FuncCallExpr:
		p.call(n)
	case *ast.AggregateFuncExpr:
		p.aggregate(n)
	case *ast.FuncCastExpr:
		p.cast(n)
	case *ast.CaseExpr:
		p.caseExpr(n)
	case *ast.RowExpr:
		p.WriteString("(")
		p.list(n.Values)
		p.WriteString(")")
	case *ast.SubqueryExpr:
		p.WriteString("(")
		p.query(n.Query)
		p.WriteString(")")
	case *ast.ExistsSubqueryExpr:
		p.negated(n.Not, func() {
			p.WriteString("exists")
			p.expr(n.Sel)
		})
	case *ast.CompareSubqueryExpr:
		p.compare(n)
	default:
		p.predicate(n)
	}
}

func (p *printer) predicate(n ast.ExprNode) {
	switch n := n.(type) {
	case *ast.BetweenExpr:
		p.test(n.Expr, n.Not, " between ", func() {
			p.expr(n.Left)
			p.WriteString(" and ")
			p.expr(n.Right)
		})
	case *ast.PatternInExpr:
		p.test(n.Expr, n.Not, " in ", func() {
			if n.Sel != nil {
				p.expr(n.Sel)
				return
			}
			p.WriteString("(")
			p.list(n.List)
			p.WriteString(")")
		})
	case *ast.IsNullExpr:
		p.test(n.Expr, false, is(n.Not, "null"), func() {})
	case *ast.IsTruthExpr:
		word := "true"
		if n.True == 0 {
			word = "false"
		}
		p.test(n.Expr, false, is(n.Not, word), func() {})
	case *ast.PatternLikeOrIlikeExpr:
		p.negated(n.Not, func() {
			p.test(n.Expr, false, " like ", func() {
				p.expr(n.Pattern)
				if n.Escape != '\\' {
					p.WriteString(" escape '" + strings.ReplaceAll(string(rune(n.Escape)), "'", "''") + "'")
				}
			})
		})
	case *ast.PatternRegexpExpr:
		p.negated(n.Not, func() {
			p.WriteString("regexp_like(")
			p.list([]ast.ExprNode{n.Expr, n.Pattern})
			p.WriteString(")")
		})
	case *ast.SetCollationExpr:
		p.WriteString("(")
		p.expr(n.Expr)
		p.WriteString(" collate " + n.Collate + ")")
	case *ast.WindowFuncExpr:
		p.windowCall(n)
	default:
		p.restore(n)
	}
}

func is(not bool, word string) string {
	if not {
		return " is not " + word
	}
	return " is " + word
}

// test prints (left [not] op …).
func (p *printer) test(left ast.ExprNode, not bool, op string, right func()) {
	p.WriteString("(")
	p.expr(left)
	if not {
		p.WriteString(" not")
	}
	p.WriteString(op)
	right()
	p.WriteString(")")
}

func (p *printer) negated(not bool, fn func()) {
	if not {
		p.WriteString("(not(")
		defer p.WriteString("))")
	}
	fn()
}

func (p *printer) binary(op opcode.Op, l, r ast.ExprNode) {
	p.WriteString("(")
	p.expr(l)
	p.WriteString(" " + operator(op) + " ")
	p.expr(r)
	p.WriteString(")")
}

func operator(op opcode.Op) string {
	if w, ok := words[op]; ok {
		return w
	}
	var b strings.Builder
	_ = op.Restore(format.NewRestoreCtx(format.RestoreKeyWordLowercase, &b))
	return b.String()
}

func (p *printer) unary(n *ast.UnaryOperationExpr) {
	switch n.Op {
	case opcode.Not, opcode.Not2:
		p.negated(true, func() { p.expr(n.V) })
	case opcode.Plus:
		p.expr(n.V)
	case opcode.Minus:
		if v, ok := n.V.(*driver.ValueExpr); ok && v.Kind() != driver.KindString {
			p.WriteString("-")
			p.literal(v)
			return
		}
		p.WriteString("-(")
		p.expr(n.V)
		p.WriteString(")")
	case opcode.BitNeg:
		p.WriteString("~(")
		p.expr(n.V)
		p.WriteString(")")
	default:
		p.restore(n)
	}
}

func (p *printer) column(n *ast.ColumnName) {
	for _, part := range [...]string{n.Schema.O, n.Table.O} {
		if part != "" {
			p.name(part)
			p.WriteString(".")
		}
	}
	p.name(n.Name.O)
}

func (p *printer) literal(n *driver.ValueExpr) {
	if n.Introduced() && n.Kind() == driver.KindString && !n.AsBytes() {
		p.WriteString("_" + strings.ToLower(n.Charset()))
	}
	p.restore(n)
}

func (p *printer) list(list []ast.ExprNode) {
	for i, e := range list {
		p.comma(i)
		p.expr(e)
	}
}

func (p *printer) call(n *ast.FuncCallExpr) {
	if v := syntax.JSONValueOf(n); v != nil {
		canonical.JSONValue(&p.Builder, v, p.expr)
		return
	}
	name := n.FnName.L
	switch name {
	case "date_add", "adddate", "date_sub", "subdate":
		if len(n.Args) == 3 {
			op := " + interval "
			if strings.Contains(name, "sub") {
				op = " - interval "
			}
			p.WriteString("(")
			p.expr(n.Args[0])
			p.WriteString(op)
			p.expr(n.Args[1])
			p.WriteString(" ")
			p.restore(n.Args[2])
			p.WriteString(")")
			return
		}
		p.restore(n)
		return
	case "convert", "extract", "position", "trim", "weight_string", "char", "char_func", "timestampadd", "timestampdiff", "get_format",
		"default", "json_memberof", "interval":
		p.restore(n)
		return
	case ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral:
		p.moment(n)
		return
	}
	if n.Schema.O != "" || n.Tp == ast.FuncCallExprTypeGeneric {
		p.restore(n)
		return
	}
	p.WriteString(name + "(")
	p.list(n.Args)
	p.WriteString(")")
}

// moment prints DATE '…' and its kin, also where ODBC's braces stood for it; what is none of them is the expression itself.
func (p *printer) moment(n *ast.FuncCallExpr) {
	v, ok := n.Args[0].(*driver.ValueExpr)
	if !ok || v.Kind() != driver.KindString {
		p.expr(n.Args[0])
		return
	}
	keyword := map[string]string{ast.DateLiteral: "DATE", ast.TimeLiteral: "TIME", ast.TimestampLiteral: "TIMESTAMP"}[n.FnName.L]
	p.WriteString(keyword + "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(v.GetString()) + "'")
}

func (p *printer) aggregate(n *ast.AggregateFuncExpr) {
	name, args := strings.ToLower(n.F), n.Args
	if countsRows(name, n.Distinct, args) {
		p.WriteString("count(0)")
		return
	}
	p.WriteString(name + "(")
	if n.Distinct {
		p.WriteString("distinct ")
	}
	if name != "group_concat" {
		p.list(args)
		p.WriteString(")")
		return
	}
	last := len(args) - 1
	p.list(args[:last])
	p.order(n.Order)
	p.WriteString(" separator ")
	p.expr(args[last])
	p.WriteString(")")
}

// countsRows tells of COUNT(*), which MySQL prints as count(0).
func countsRows(name string, distinct bool, args []ast.ExprNode) bool {
	if name != "count" || distinct || len(args) != 1 {
		return false
	}
	v, ok := args[0].(*driver.ValueExpr)
	return ok && v.Kind() == driver.KindInt64 && v.Int64() == 1
}

// windowCall is f(…) OVER window.
func (p *printer) windowCall(n *ast.WindowFuncExpr) {
	name := strings.ToLower(n.Name)
	p.WriteString(name + "(")
	if countsRows(name, n.Distinct, n.Args) {
		p.WriteString("0")
	} else {
		p.list(n.Args)
	}
	p.WriteString(") OVER ")
	if n.Spec.OnlyAlias {
		p.name(n.Spec.Name.O)
		return
	}
	p.window(&n.Spec)
}

// window is what stands in parentheses, with MySQL's blanks.
func (p *printer) window(w *ast.WindowSpec) {
	p.WriteString("(")
	if w.Ref.O != "" {
		p.name(w.Ref.O)
		p.WriteString(" ")
	}
	if w.PartitionBy != nil {
		p.WriteString("PARTITION BY ")
		p.items(w.PartitionBy.Items)
		p.WriteString(" ")
	}
	if w.OrderBy != nil {
		p.WriteString("ORDER BY ")
		p.items(w.OrderBy.Items)
		p.WriteString(" ")
	}
	if f := w.Frame; f != nil {
		p.WriteString(map[bool]string{true: "ROWS", false: "RANGE"}[f.Type == ast.Rows] + " BETWEEN ")
		p.bound(&f.Extent.Start)
		p.WriteString(" AND ")
		p.bound(&f.Extent.End)
	}
	p.WriteString(") ")
}

func (p *printer) bound(b *ast.FrameBound) {
	switch {
	case b.Type == ast.CurrentRow:
		p.WriteString("CURRENT ROW")
		return
	case b.UnBounded:
		p.WriteString("UNBOUNDED")
	case b.Unit != ast.TimeUnitInvalid:
		p.WriteString("INTERVAL ")
		p.expr(b.Expr)
		p.WriteString(" " + strings.ToLower(b.Unit.String()))
	default:
		p.expr(b.Expr)
	}
	p.WriteString(map[bool]string{true: " PRECEDING", false: " FOLLOWING"}[b.Type == ast.Preceding])
}

func (p *printer) cast(n *ast.FuncCastExpr) {
	if n.FunctionType == ast.CastBinaryOperator {
		p.WriteString("cast(")
		p.expr(n.Expr)
		p.WriteString(" as char charset binary)")
		return
	}
	p.WriteString("cast(")
	p.expr(n.Expr)
	p.WriteString(" as ")
	n.Tp.RestoreAsCastType(format.NewRestoreCtx(restoreFlags, &p.Builder), n.ExplicitCharSet)
	p.WriteString(")")
}

func (p *printer) caseExpr(n *ast.CaseExpr) {
	p.WriteString("(case")
	if n.Value != nil {
		p.WriteString(" ")
		p.expr(n.Value)
	}
	for _, w := range n.WhenClauses {
		p.WriteString(" when ")
		p.expr(w.Expr)
		p.WriteString(" then ")
		p.expr(w.Result)
	}
	if n.ElseClause != nil {
		p.WriteString(" else ")
		p.expr(n.ElseClause)
	}
	p.WriteString(" end)")
}

func (p *printer) compare(n *ast.CompareSubqueryExpr) {
	p.WriteString("(")
	p.expr(n.L)
	p.WriteString(" " + operator(n.Op) + " ")
	if n.All {
		p.WriteString("all ")
	} else {
		p.WriteString("any ")
	}
	p.expr(n.R)
	p.WriteString(")")
}
