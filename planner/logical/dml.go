package logical

import (
	"slices"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/dml"
	"cloudsql/planner/partition"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// change is an UPDATE or DELETE while it is bound.
type change struct {
	stmt   ast.Node
	hints  []*ast.TableOptimizerHint
	with   *ast.WithClause
	from   *ast.TableRefsClause
	where  ast.ExprNode
	order  *ast.OrderByClause
	limit  *ast.Limit
	params int
	verb   string
	priv   mysql.PrivilegeType
	settle func(q *selectQuery) error // finds the targets, once FROM is bound
	node   *dml.Change
	rows   []*Table            // of each target: the table in FROM
	lists  [][]*ast.Assignment // of each target: those whose values are columns of the query
}

// BindUpdate binds an UPDATE whose rows a query finds. set is what shards compute, of a statement that changes one table; nil: the
// query computes the new values, too.
func BindUpdate(ctx *Context, s *ast.UpdateStmt, params int, set []fragment.Assignment) (*Query, error) {
	c := &change{
		stmt: s, hints: s.TableHints, with: s.With, from: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, params: params, verb: "UPDATE", priv: mysql.UpdatePriv,
		node: &dml.Change{Kind: fragment.Update, Ignore: s.IgnoreErr},
	}
	c.settle = func(q *selectQuery) error {
		if set != nil {
			c.target(q.Tables[0])
			c.node.Targets[0].Set, c.lists = set, nil
			return nil
		}
		if err := c.assignments(q, s.List); err != nil {
			return err
		}
		return c.keyConflict()
	}
	return c.bind(ctx)
}

// keyConflict is 1706 where a table is changed under two names and its rows would move under one of them.
func (c *change) keyConflict() error {
	moves := func(t *dml.ChangeTarget) bool {
		m, err := partition.Of(t.Table)
		if err != nil {
			return true
		}
		return slices.ContainsFunc(t.Values, func(id schema.ColumnID) bool { return m.Uses(t.Table.ColumnByID(id)) }) || slices.ContainsFunc(t.Table.Primary().Columns, func(k schema.IndexColumn) bool {
			return slices.Contains(t.Values, t.Table.Columns[k.Column].ID)
		})
	}
	for i := range c.node.Targets {
		for j := range c.node.Targets[:i] {
			a, b := &c.node.Targets[j], &c.node.Targets[i]
			if a.Table.ID == b.Table.ID && (moves(a) || moves(b)) {
				return mysqlerr.New(mysqlerr.MultiUpdateKeyConflict, a.Alias, b.Alias)
			}
		}
	}
	return nil
}

// BindDelete binds a DELETE whose rows a query finds.
func BindDelete(ctx *Context, s *ast.DeleteStmt, params int) (*Query, error) {
	c := &change{
		stmt: s, hints: s.TableHints, with: s.With, from: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, params: params, verb: "DELETE", priv: mysql.DeletePriv,
		node: &dml.Change{Kind: fragment.Delete, Ignore: s.IgnoreErr},
	}
	c.settle = func(q *selectQuery) error {
		defer func() { c.lists = nil }()
		if !s.IsMultiTable && len(q.items) == 0 {
			name, _ := bind.SingleTable(s.TableRefs)
			return mysqlerr.New(mysqlerr.NonUpdatableTable, name.Name.O, c.verb)
		}
		if !s.IsMultiTable {
			return c.deleteFrom(&q.items[0])
		}
		var seen []*fromItem
		for _, name := range s.Tables.Tables {
			it := (merging{q}).item(name.Schema.O, name.Name.O)
			if it != nil && slices.Contains(seen, it) {
				return mysqlerr.New(mysqlerr.NonuniqTable, name.Name.O)
			}
			seen = append(seen, it)
			if it == nil && q.scope.Has(name.Name.O) { // a derived table
				return mysqlerr.New(mysqlerr.NonUpdatableTable, name.Name.O, c.verb)
			}
			if it == nil {
				return mysqlerr.New(mysqlerr.UnknownTable, name.Name.O, "MULTI DELETE")
			}
			if err := c.deleteFrom(it); err != nil {
				return err
			}
		}
		return nil
	}
	return c.bind(ctx)
}

// deleteFrom makes the one base table of a view, or the table itself, a target.
func (c *change) deleteFrom(it *fromItem) error {
	switch {
	case it.view != nil && (!it.merged || len(it.tables) == 0 || it.ownRead):
		return mysqlerr.New(mysqlerr.NonUpdatableTable, it.alias, c.verb)
	case it.several:
		return mysqlerr.New(mysqlerr.ViewDeleteMergeView, it.db, it.view.Name)
	}
	c.target(it.tables[0])
	return nil
}

// target gives the index of a table among those that change.
func (c *change) target(t *Table) int {
	if i := slices.Index(c.rows, t); i >= 0 {
		return i
	}
	c.node.Targets = append(c.node.Targets, dml.ChangeTarget{Target: dml.Target{DB: t.DB, Alias: t.Alias, Table: t.Desc, Only: t.Only}})
	c.rows, c.lists = append(c.rows, t), append(c.lists, nil)
	return len(c.rows) - 1
}

// assignments finds the tables whose columns are assigned.
func (c *change) assignments(q *selectQuery, list []*ast.Assignment) error {
	through := map[*fromItem]*Table{}
	for _, a := range list {
		col, err := q.scope.Find(a.Column, bind.FieldList)
		if err == nil && col == nil {
			err = mysqlerr.New(mysqlerr.BadField, bind.FullName(a.Column), bind.FieldList)
		}
		if err != nil {
			return err
		}
		it := (merging{q}).item(col.Field.Schema, col.Field.Table)
		switch {
		case isSystemDB(col.Field.Schema):
			return accessDenied(q.b.ctx, col.Field.Schema)
		case it == nil || it.view != nil && (!it.merged || it.ownRead):
			return mysqlerr.New(mysqlerr.NonUpdatableTable, col.Field.Table, c.verb)
		}
		t := (merging{q}).tableWith(col.ID)
		if col.Expr != nil && it.merged || t == nil { // a CHAR that is padded has an expression, too
			return mysqlerr.New(mysqlerr.NonupdatableColumn, a.Column.Name.O)
		}
		if other := through[it]; other != nil && other != t {
			return mysqlerr.New(mysqlerr.ViewMultiupdate, it.db, it.view.Name)
		}
		through[it] = t
		i := c.target(t)
		if pos := col.ID - t.First; t.Desc.Columns[pos].Generated != "" {
			if !dml.IsDefault(a.Expr) {
				return dml.GivenGenerated(t.Desc, pos)
			}
			continue
		}
		c.lists[i] = append(c.lists[i], a)
		c.node.Targets[i].Values = append(c.node.Targets[i].Values, t.Desc.Columns[col.ID-t.First].ID)
	}
	return nil
}

// bind makes the query: the tables' rows, locked, with the keys and values of the targets.
func (c *change) bind(ctx *Context) (*Query, error) {
	if ctx.SafeUpdates && c.where == nil && c.limit == nil {
		return nil, mysqlerr.New(mysqlerr.UpdateWithoutKeyInSafeMode)
	}
	b := newBuilder(ctx, Options{Params: c.params, Changes: true})
	b.verb = c.verb
	q := b.newBlock()
	q.locking = true
	q.changes = true
	q.hints = syntax.HintsOf(c.hints)
	q.locks.lock.Mode = distributed.ReadForUpdate
	b.locks, b.stack = true, append(b.stack, q)
	var cols []bind.Column
	var err error
	if c.with != nil {
		if q.ctes, err = b.bindWith(c.with, nil, nil); err != nil {
			return nil, err
		}
	}
	if q.Source, cols, err = (fromClause{q}).from(c.from.TableRefs); err != nil {
		return nil, err
	}
	q.see(cols)
	q.takeHints(cols)
	if err := c.settle(q); err != nil {
		return nil, err
	}
	for i := range c.node.Targets {
		if err := b.checkChange(c.rows[i], c.priv); err != nil {
			return nil, err
		}
		c.rows[i].Changes = true
		b.changes = append(b.changes, q.changedIn(c.rows[i]))
	}
	if c.where != nil {
		if err := q.bindWhere(c.where); err != nil {
			return nil, err
		}
	}
	for i := range c.node.Targets {
		if err := c.addTarget(q, i); err != nil {
			return nil, err
		}
	}
	if err := c.bindOrder(q); err != nil {
		return nil, err
	}
	if q.Limit, err = b.limit(c.limit); err != nil {
		return nil, err
	}
	c.node.In = q.Node()
	return b.query(c.node, q, c.stmt)
}

// addTarget adds the columns of a target's primary key, the hidden row id among them, of its new values, and of what views hold the
// new row to.
func (c *change) addTarget(q *selectQuery, i int) error {
	t := &c.node.Targets[i]
	first := c.rows[i].First
	t.Key = len(q.Fields)
	own := bind.TableColumns(t.Table, t.DB, t.Alias, first)
	m, err := partition.Of(t.Table)
	if err != nil {
		return err
	}
	for _, pos := range m.Locating(t.Table) {
		q.addColumn(&own[pos])
	}
	if c.lists == nil {
		return nil
	}
	values, before := map[int]expr.Expr{}, map[int]expr.Expr{}
	oneTable := len(q.items) == 1 && !q.items[0].several
	b := q.binder(bind.FieldList)
	for j, a := range c.lists[i] {
		pos := t.Table.ColumnByID(t.Values[j])
		e, err := t.Assigned(b, q.scope, pos, first, a.Expr)
		if err == nil {
			err = oneColumn(e)
		}
		if err != nil {
			return err
		}
		e = q.b.fold(e)
		again := expr.ClassOf(e) != expr.Volatile || bind.HasSubquery(a.Expr) // it has the same value when it is computed twice
		if oneTable {
			e = scalar.Substitute(e, before) // assignments see those before them
		}
		values[first+pos] = dml.Stored(e, &t.Table.Columns[pos])
		if again {
			before[first+pos] = values[first+pos]
		}
		q.Fields = append(q.Fields, block.Field{Col: q.outColumn(types.Field{Type: *e.Type()}), Expr: e})
	}
	for k := range q.items {
		it := &q.items[k]
		if !slices.Contains(it.tables, c.rows[i]) {
			continue
		}
		for _, cond := range it.check {
			e := scalar.Substitute(cond, values)
			t.Checks = append(t.Checks, dml.RowCheck{At: len(q.Fields), DB: it.db, View: it.view.Name})
			q.Fields = append(q.Fields, block.Field{Col: q.outColumn(types.Field{Type: *e.Type()}), Expr: e})
		}
	}
	return nil
}

// addColumn selects a column, under no name.
func (q *selectQuery) addColumn(c *bind.Column) {
	q.Fields = append(q.Fields, block.Field{Col: q.outColumn(c.Field), Expr: c.Ref()})
}

// bindOrder binds ORDER BY, which has no select list to count in.
func (c *change) bindOrder(q *selectQuery) error {
	if c.order == nil {
		return nil
	}
	for _, item := range c.order.Items {
		if n, ok := item.Expr.(*ast.PositionExpr); ok {
			return mysqlerr.New(mysqlerr.BadField, strconv.Itoa(n.N), bind.OrderBy)
		}
		if err := q.bindOrderItem(item); err != nil {
			return err
		}
	}
	return q.isPlain()
}

// isPlain refuses what only a block with a select list can have.
func (q *selectQuery) isPlain() error {
	switch {
	case len(q.Aggs) > 0 || len(q.Groupings) > 0:
		return mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
	case len(q.Windows) > 0:
		return mysqlerr.New(mysqlerr.WindowInvalidWindowFuncUse, q.Windows[0].Name)
	}
	return nil
}

// BindRows binds VALUES with subqueries in them, which are a query: they name no columns of the row.
// Behind its values each row has those of asked.
func BindRows(ctx *Context, n *dml.Insert, s *ast.InsertStmt, params int, asked []ast.ExprNode) (*Query, error) {
	b := newBuilder(ctx, Options{Params: params, Changes: true, Asked: asked})
	b.changes, b.verb = insertedInto(n), "INSERT"
	q := b.newBlock()
	b.stack = append(b.stack, q)
	q.see(nil)
	bd := q.binder(bind.FieldList)
	for i, list := range s.Lists {
		if len(list) != len(n.Named) {
			return nil, mysqlerr.New(mysqlerr.WrongValueCountOnRow, i+1)
		}
		row := make([]expr.Expr, len(list))
		for j, v := range list {
			e, err := n.RowValue(bd, q.scope, n.Named[j], v)
			if err == nil {
				err = oneColumn(e)
			}
			if err != nil {
				return nil, err
			}
			row[j] = b.fold(e)
		}
		q.Values = append(q.Values, row)
	}
	if err := (subqueryBinder{q}).addAsked(); err != nil {
		return nil, err
	}
	for _, f := range q.Fields {
		for i := range q.Values {
			q.Values[i] = append(q.Values[i], f.Expr)
		}
	}
	q.Fields = nil
	for _, e := range q.Values[0] {
		q.Fields = append(q.Fields, block.Field{Col: q.outColumn(types.Field{Type: *e.Type()})})
	}
	n.In = q.Node()
	return b.query(n, q, s)
}

// BindKey is the query for the rows of a table that have the values of its parameters in a key, with all their columns, locked.
func BindKey(ctx *Context, t dml.Target, ix *schema.Index, params []types.Type) (*Query, error) {
	b := newBuilder(ctx, Options{Params: len(params), Changes: true})
	b.dependOn(t.Table)
	r := &Table{DB: t.DB, Alias: t.Alias, Lock: Lock{Mode: distributed.ReadForUpdate}}
	r.Table = access.Table{Desc: t.Table, First: b.ids.New(len(t.Table.Columns)), Rows: b.tableRows(t.Table)}
	q := b.newBlock()
	q.Source, q.Tables, q.locking = r, []*Table{r}, true
	b.locks, b.reads = true, 1
	cols := bind.TableColumns(t.Table, t.DB, t.Alias, r.First)
	for i, c := range ix.Columns {
		eq, err := expr.New("=", cols[c.Column].Ref(), &expr.Param{Index: i, Typ: params[i]})
		if err != nil {
			return nil, err
		}
		q.Where = append(q.Where, expr.Condition(eq))
	}
	for i := range cols {
		q.addColumn(&cols[i])
	}
	return b.query(q.Node(), q, nil)
}
