package handler

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/bind"
	"cloudsql/planner/driver"
	"cloudsql/planner/syntax"
	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Read is a read as a query.
type Read struct {
	Query  *ast.SelectStmt
	Params []types.Value

	of    *Handler
	parts []part
	limit uint64
	exact bool  // it looks for one key
	back  bool  // against the index's order
	ran   place // where the handler is when the rows have run out

	rows uint64
	last []types.Value // the key of the row that was sent last
}

// part is a column of the order that a read goes by.
type part struct {
	name       string
	desc, null bool
}

// Values are the values that a read looks for. 1210 for what is not constant.
func (h *Handler) Values(n *dialect.ReadHandler, o syntax.Options) ([]ast.ExprNode, error) {
	if n.Values == "" {
		return nil, nil
	}
	sel, err := query("SELECT "+n.Values, o)
	if err != nil {
		return nil, err
	}
	list := make([]ast.ExprNode, len(sel.Fields.Fields))
	for i, f := range sel.Fields.Fields {
		if list[i] = f.Expr; f.Expr == nil || sel.From != nil {
			return nil, mysqlerr.Syntax(n.Values, 1)
		}
		if c, ok := syntax.Unparen(f.Expr).(*ast.ColumnNameExpr); ok && h.table.ColumnByName(c.Name.Name.O) >= 0 {
			return nil, mysqlerr.New(mysqlerr.WrongArguments, "HANDLER ... READ")
		}
	}
	return list, nil
}

// query reads a text that is to be a plain SELECT.
func query(text string, o syntax.Options) (*ast.SelectStmt, error) {
	n, err := syntax.Parse(text, o)
	if err != nil {
		return nil, err
	}
	sel, ok := n.(*ast.SelectStmt)
	if !ok || bind.NumberParams(n) > 0 || sel.GroupBy != nil || sel.Having != nil || sel.OrderBy != nil || sel.LockInfo != nil || sel.WindowSpecs != nil ||
		sel.SelectIntoOpt != nil {
		return nil, mysqlerr.Syntax(text, 1)
	}
	return sel, nil
}

// Read makes the query of a read; values are those that it looks for. 1176, 1070.
func (h *Handler) Read(n *dialect.ReadHandler, values []types.Value, o syntax.Options) (*Read, error) {
	ix := &h.table.Indexes[0]
	if n.Index != "" {
		if ix = h.table.IndexByName(n.Index); ix == nil || ix.ID == schema.PrimaryIndex && !h.table.HasPrimaryKey() {
			return nil, mysqlerr.New(mysqlerr.KeyDoesNotExist, n.Index, h.name)
		}
	}
	if len(values) > len(ix.Columns) {
		return nil, mysqlerr.New(mysqlerr.TooManyKeyParts, len(ix.Columns))
	}
	if ix.Name != h.index {
		h.index, h.at = ix.Name, place{}
	}
	r := &Read{of: h}
	for i := range values {
		values[i] = keyValue(values[i])
	}
	var err error
	if r.Query, err = query("SELECT * FROM t "+n.Tail, o); err != nil {
		return nil, err
	}
	if r.parts, err = parts(h.table, ix); err != nil {
		return nil, err
	}
	r.from(ix)
	if err := r.bound(); err != nil {
		return nil, err
	}
	if c := r.condition(n.Move, values); c != nil {
		r.Query.Where = and(c, r.Query.Where)
	}
	r.order()
	return r, nil
}

// parts are the columns of an index and of the primary key.
func parts(t *schema.Table, ix *schema.Index) (list []part, err error) {
	var seen []int
	for i, c := range slices.Concat(ix.Columns, t.Indexes[0].Columns) {
		col := &t.Columns[c.Column]
		p := part{col.Name, c.Desc, !col.NotNull}
		switch {
		case slices.Contains(seen, c.Column):
			continue
		case col.RowID():
			p.name = schema.RowIDName
		case col.Hidden:
			return nil, mysqlerr.NotSupported("HANDLER over a functional key part")
		case i >= len(ix.Columns):
			p.desc = false // any order will do
		}
		seen, list = append(seen, c.Column), append(list, p)
	}
	return list, nil
}

// from has the query read the handler's table.
func (r *Read) from(ix *schema.Index) {
	h := r.of
	name := &ast.TableName{Schema: ast.NewCIStr(h.db), Name: ast.NewCIStr(h.table.Name)}
	if ix.ID != schema.PrimaryIndex || h.table.HasPrimaryKey() {
		name.IndexHints = []*ast.IndexHint{{IndexNames: []ast.CIStr{ast.NewCIStr(ix.Name)}, HintType: ast.HintForce, HintScope: ast.HintForScan}}
	}
	r.Query.From = &ast.TableRefsClause{TableRefs: &ast.Join{Left: &ast.TableSource{Source: name, AsName: ast.NewCIStr(h.name)}}}
}

// bound makes the query's LIMIT: one row, if none is said.
func (r *Read) bound() error {
	if r.Query.Limit == nil {
		r.Query.Limit = &ast.Limit{Count: ast.NewValueExpr(uint64(1), "", "")}
	}
	n, ok := tree.LimitValue(r.Query.Limit.Count, nil, 1)
	if !ok {
		return mysqlerr.New(mysqlerr.WrongArguments, "LIMIT")
	}
	r.limit = n
	return nil
}

// condition is what the rows of a read have in common, nil for nothing.
func (r *Read) condition(move string, values []types.Value) ast.ExprNode {
	at := &r.of.at
	r.back = move == "LAST" || move == "PREV" || move[0] == '<'
	if r.ran.side = after; r.back {
		r.ran.side = before
	}
	switch move {
	case "FIRST", "LAST":
		return nil
	case "NEXT", "PREV":
		switch {
		case at.side == within:
			return r.beyond(at.key, false)
		case at.side == r.ran.side:
			return ast.NewValueExpr(int64(0), "", "")
		}
		return nil
	case "=":
		r.exact, r.ran = true, place{within, values}
		return r.equal(values)
	}
	return r.beyond(values, move == "<=" || move == ">=")
}

// beyond is the condition that a row comes behind a key in the direction of the read, or has it, if that will do.
func (r *Read) beyond(key []types.Value, itself bool) ast.ExprNode {
	var e ast.ExprNode = ast.NewValueExpr(int64(0), "", "")
	if itself {
		e = ast.NewValueExpr(int64(1), "", "")
	}
	for i := len(key) - 1; i >= 0; i-- {
		e = binary(opcode.LogicAnd, r.is(i, key[i]), e)
		if past := r.past(i, key[i], opcode.GT, opcode.LT); past != nil {
			e = binary(opcode.LogicOr, past, e)
		}
	}
	if first := r.past(0, key[0], opcode.GE, opcode.LE); first != nil && !key[0].IsNull() { // what bounds the index
		e = and(first, e)
	}
	return e
}

// past is the condition that a column is up or down from a value, by what the column's order and the direction ask for. nil: nothing is.
func (r *Read) past(i int, v types.Value, up, down opcode.Op) ast.ExprNode {
	p := &r.parts[i]
	switch rising := p.desc == r.back; {
	case rising && v.IsNull():
		return &ast.IsNullExpr{Expr: r.column(i), Not: true}
	case rising:
		return binary(up, r.column(i), r.param(v))
	case v.IsNull():
		return nil
	case p.null:
		return binary(opcode.LogicOr, binary(down, r.column(i), r.param(v)), &ast.IsNullExpr{Expr: r.column(i)})
	}
	return binary(down, r.column(i), r.param(v))
}

func (r *Read) equal(key []types.Value) (e ast.ExprNode) {
	for i, v := range key {
		e = and(e, r.is(i, v))
	}
	return e
}

func (r *Read) is(i int, v types.Value) ast.ExprNode {
	if v.IsNull() {
		return &ast.IsNullExpr{Expr: r.column(i)}
	}
	return binary(opcode.EQ, r.column(i), r.param(v))
}

func (r *Read) column(i int) ast.ExprNode {
	return &ast.ColumnNameExpr{Name: &ast.ColumnName{Table: ast.NewCIStr(r.of.name), Name: ast.NewCIStr(r.parts[i].name)}}
}

func (r *Read) param(v types.Value) ast.ExprNode {
	r.Params = append(r.Params, v)
	return &driver.ParamMarkerExpr{Offset: len(r.Params) - 1, Order: len(r.Params) - 1} // Offset is what they are numbered by
}

func binary(op opcode.Op, l, r ast.ExprNode) ast.ExprNode {
	return &ast.BinaryOperationExpr{Op: op, L: l, R: r}
}

// and is both conditions, of which one may be nil.
func and(a, b ast.ExprNode) ast.ExprNode {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return binary(opcode.LogicAnd, a, b)
}

// order has the query give rows in the order of the read, and the columns of that order behind the table's own.
func (r *Read) order() {
	r.Query.OrderBy = &ast.OrderByClause{}
	for i, p := range r.parts {
		r.Query.OrderBy.Items = append(r.Query.OrderBy.Items, &ast.ByItem{Expr: r.column(i), Desc: p.desc != r.back})
		r.Query.Fields.Fields = append(r.Query.Fields.Fields, &ast.SelectField{Expr: r.column(i)})
	}
}

// Rows takes the query's rows, and gives w those of the read.
func (r *Read) Rows(w sql.ResultWriter) sql.ResultWriter { return &rows{w, r} }

type rows struct {
	sql.ResultWriter
	r *Read
}

func (w *rows) Header(h *sql.Header) error {
	return w.ResultWriter.Header(&sql.Header{Columns: h.Columns[:len(h.Columns)-len(w.r.parts)]})
}

func (w *rows) Row(vals []types.Value) error {
	r := w.r
	n := len(vals) - len(r.parts)
	r.rows++
	r.last = r.last[:0]
	for _, v := range vals[n:] {
		r.last = append(r.last, keyValue(v))
	}
	return w.ResultWriter.Row(vals[:n])
}

// keyValue is a copy of a value of an index's column as it is compared with the column: members of ENUM and SET go by their numbers.
func keyValue(v types.Value) types.Value {
	if k := v.Kind(); k == types.KindEnum || k == types.KindSet {
		return types.Uint(v.Uint())
	}
	return v.Clone()
}

// Done moves the handler to where the read has ended.
func (r *Read) Done() {
	switch {
	case r.limit == 0:
	case r.rows == r.limit, r.exact && r.rows > 0:
		r.of.at = place{within, r.last}
	default:
		r.of.at = r.ran
	}
}
