package logical

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/partition"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Target is a table that a statement changes.
type Target struct {
	DB    string
	Alias string
	Table *schema.Table
	Only  []int // PARTITION (…): the places of the partitions that the statement names; nil: all
}

// Change is UPDATE or DELETE, the root of its query: each row of In has, target by target, the primary key of a row and the
// values that it gets.
type Change struct {
	In      Node
	Kind    fragment.Kind // Update or Delete
	Ignore  bool
	Targets []ChangeTarget
}

// ChangeTarget is one table of a Change.
type ChangeTarget struct {
	Target
	Key    int                   // place of the first of the columns that locate its rows (partition.Map.Locating) in In's rows
	Values []schema.ColumnID     // columns that get what stands behind those
	Set    []fragment.Assignment // what a shard computes, over the table's row by position
	Checks []RowCheck

	row *Table // in In
}

// RowCheck is what WITH CHECK OPTION of a view holds a changed row to.
type RowCheck struct {
	At       int // place of the condition's value in In's rows
	DB, View string
}

// Insert is INSERT or REPLACE, the root of its query: rows of In, or of Rows where In is nil.
type Insert struct {
	Target
	In      Node
	Kind    fragment.Kind
	Ignore  bool
	Named   []int         // positions of the columns that get values
	Rows    [][]expr.Expr // VALUES: one expression for each of Named, over the row itself by position; nil is DEFAULT
	Outside []bind.Column // columns of In's tables that Set names; their values stand behind those of Named
	// Set is ON DUPLICATE KEY UPDATE, over the row that is there by position, with the new one (VALUES(c)) behind it and Outside
	// behind that.
	Set     []fragment.Assignment
	SetsID  bool        // Set calls LAST_INSERT_ID(expr)
	TellsID bool        // Set has LAST_INSERT_ID(id) of the AUTO_INCREMENT column: it is the updated row's afterwards
	View    *InsertView // nil: the statement names the table itself
}

// The nodes' expressions are over rows by position: none of Exprs.

func (c *Change) Inputs() []Node              { return []Node{c.In} }
func (c *Change) AddColumns(s *scalar.ColSet) { c.In.AddColumns(s) }
func (c *Change) Exprs(func(expr.Expr))       {}
func (c *Change) With(in []Node) Node {
	out := *c
	out.In = in[0]
	return &out
}

func (n *Insert) Exprs(func(expr.Expr)) {}
func (n *Insert) Inputs() []Node {
	if n.In == nil {
		return nil
	}
	return []Node{n.In}
}
func (n *Insert) AddColumns(s *scalar.ColSet) {
	if n.In != nil {
		n.In.AddColumns(s)
	}
}
func (n *Insert) With(in []Node) Node {
	out := *n
	out.In = in[0]
	return &out
}

func (c *Change) Head() string {
	var list []string
	for i := range c.Targets {
		t := &c.Targets[i]
		s := t.Alias
		for _, id := range t.Values {
			s += " " + t.Table.Columns[t.Table.ColumnByID(id)].Name
		}
		list = append(list, s+setText(t.Table, t.Set))
	}
	if c.Kind == fragment.Delete {
		return "delete " + strings.Join(list, ", ")
	}
	return "update " + strings.Join(list, ", ")
}

// setText prints what shards assign.
func setText(t *schema.Table, set []fragment.Assignment) string {
	var b strings.Builder
	for i := range set {
		b.WriteString([...]string{" set ", ", "}[min(i, 1)])
		b.WriteString(t.Columns[t.ColumnByID(set[i].Column)].Name + " = " + set[i].Expr.String())
	}
	return b.String()
}

func (n *Insert) Head() string {
	s := "insert into "
	if n.Kind == fragment.Replace {
		s = "replace into "
	}
	var names []string
	for _, pos := range n.Named {
		names = append(names, n.Table.Columns[pos].Name)
	}
	s += n.Table.Name + " (" + strings.Join(names, ", ") + ")"
	if n.In == nil {
		s += fmt.Sprintf(", %d row(s)", len(n.Rows))
	}
	if len(n.Set) > 0 {
		s += " on duplicate key" + setText(n.Table, n.Set)
	}
	return s
}

// Below is the query that a data change takes its rows from.
func (q *Query) Below() *Query {
	out := *q
	out.Root = q.Root.Inputs()[0]
	return &out
}

// BaseTable finds a table that rows can be written to.
func BaseTable(ctx *Context, n *ast.TableName) (Target, error) {
	db := n.Schema.O
	if db == "" {
		db = ctx.DB
	}
	if db == "" {
		return Target{}, mysqlerr.New(mysqlerr.NoDB)
	}
	if n.AsOf != nil {
		return Target{}, mysqlerr.NotSupported("AS OF TIMESTAMP in a statement that changes rows")
	}
	if t, ok := ctx.Catalog.Table(db, n.Name.O); ok {
		only, err := partitionsNamed(t, n.Name.O, n.PartitionNames)
		return Target{DB: db, Alias: n.Name.O, Table: t, Only: only}, err
	}
	if ctx.Virtual != nil {
		if _, ok := ctx.Virtual(db, n.Name.O); ok {
			return Target{}, accessDenied(ctx, db)
		}
	}
	return Target{}, mysqlerr.New(mysqlerr.NoSuchTable, db, n.Name.O)
}

// accessDenied is 1044 for the statement's user.
func accessDenied(ctx *Context, db string) error {
	user, host := "", ""
	if ctx.Env != nil && ctx.Env.Session != nil {
		user = ctx.Env.Session.CurrentUser()
		if at := strings.LastIndexByte(user, '@'); at >= 0 {
			user, host = user[:at], user[at+1:]
		}
	}
	return mysqlerr.New(mysqlerr.DBaccessDenied, user, host, db)
}

// Columns are those of the table's row, numbered by position.
func (t *Target) Columns() []bind.Column { return bind.TableColumns(t.Table, t.DB, t.Alias, 0) }

// Position finds a column of the table: 1054.
func (t *Target) Position(name *ast.ColumnName) (int, error) {
	pos := t.Table.ColumnByName(name.Name.L)
	if pos < 0 || name.Table.O != "" && !strings.EqualFold(name.Table.O, t.Alias) {
		return -1, mysqlerr.New(mysqlerr.BadField, bind.FullName(name), bind.FieldList)
	}
	return pos, nil
}

// Assignments binds SET a = …, b = … for a shard: over the table's row by position, which position finds columns in.
func (t *Target) Assignments(b *bind.Binder, sc *bind.Scope, list []*ast.Assignment,
	position func(*ast.ColumnName) (int, error)) ([]fragment.Assignment, error) {
	set := make([]fragment.Assignment, 0, len(list)+1)
	for _, a := range list {
		pos, err := position(a.Column)
		if err != nil {
			return nil, err
		}
		if t.Table.Columns[pos].Generated != "" {
			if !IsDefault(a.Expr) {
				return nil, GivenGenerated(t.Table, pos)
			}
			continue
		}
		e, err := t.assigned(b, sc, pos, 0, a.Expr)
		if err != nil {
			return nil, err
		}
		set = append(set, fragment.Assignment{Column: t.Table.Columns[pos].ID, Expr: e})
	}
	return set, nil
}

// GivenGenerated is 3105 for a value given to a generated column.
func GivenGenerated(t *schema.Table, pos int) error {
	return mysqlerr.New(mysqlerr.GivenGeneratedColumn, t.Columns[pos].Name, t.Name)
}

// assigned binds what a column is assigned. The columns of the table's row are numbered from first on.
func (t *Target) assigned(b *bind.Binder, sc *bind.Scope, pos, first int, n ast.ExprNode) (expr.Expr, error) {
	c := &t.Table.Columns[pos]
	d, ok := n.(*ast.DefaultExpr)
	switch {
	case !ok || d.Name != nil:
		e, err := bind.Expr(b, sc, n)
		return expr.ForColumn(e, &c.Type), err
	case bind.DefaultPerRow(c):
		e, err := bind.RowDefault(b.Env, t.Table, pos)
		if err != nil || first == 0 {
			return e, err
		}
		return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if col, ok := x.(*expr.Column); ok {
				return &expr.Column{Index: first + col.Index, Typ: col.Typ, Name: col.Name}
			}
			return x
		}), nil
	}
	return b.Value(&bind.Column{Source: t.Table, Pos: pos})
}

// change is an UPDATE or DELETE while it is bound.
type change struct {
	stmt   ast.Node
	with   *ast.WithClause
	from   *ast.TableRefsClause
	where  ast.ExprNode
	order  *ast.OrderByClause
	limit  *ast.Limit
	params int
	verb   string
	priv   mysql.PrivilegeType
	settle func(q *selectQuery) error // finds the targets, once FROM is bound
	node   *Change
	lists  [][]*ast.Assignment // of each target: those whose values are columns of the query
}

// BindUpdate binds an UPDATE whose rows a query finds. set is what shards compute, of a statement that changes one table; nil: the
// query computes the new values, too.
func BindUpdate(ctx *Context, s *ast.UpdateStmt, params int, set []fragment.Assignment) (*Query, error) {
	c := &change{
		stmt: s, with: s.With, from: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, params: params, verb: "UPDATE", priv: mysql.UpdatePriv,
		node: &Change{Kind: fragment.Update, Ignore: s.IgnoreErr},
	}
	c.settle = func(q *selectQuery) error {
		if set != nil {
			c.target(q.tables[0])
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
	moves := func(t *ChangeTarget) bool {
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
		stmt: s, with: s.With, from: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, params: params, verb: "DELETE", priv: mysql.DeletePriv,
		node: &Change{Kind: fragment.Delete, Ignore: s.IgnoreErr},
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
		for _, name := range s.Tables.Tables {
			it := (merging{q}).item(name.Schema.O, name.Name.O)
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
	case it.view != nil && (!it.merged || len(it.tables) == 0):
		return mysqlerr.New(mysqlerr.NonUpdatableTable, it.alias, c.verb)
	case it.several:
		return mysqlerr.New(mysqlerr.ViewDeleteMergeView, it.db, it.view.Name)
	}
	c.target(it.tables[0])
	return nil
}

// target gives the index of a table among those that change.
func (c *change) target(t *Table) int {
	for i := range c.node.Targets {
		if c.node.Targets[i].row == t {
			return i
		}
	}
	c.node.Targets = append(c.node.Targets, ChangeTarget{Target: Target{DB: t.DB, Alias: t.Alias, Table: t.Desc, Only: t.Only}, row: t})
	c.lists = append(c.lists, nil)
	return len(c.node.Targets) - 1
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
		case it == nil || it.view != nil && !it.merged:
			return mysqlerr.New(mysqlerr.NonUpdatableTable, col.Field.Table, c.verb)
		}
		t := (merging{q}).tableWith(col.ID)
		if col.Expr != nil || t == nil {
			return mysqlerr.New(mysqlerr.NonupdatableColumn, a.Column.Name.O)
		}
		if other := through[it]; other != nil && other != t {
			return mysqlerr.New(mysqlerr.ViewMultiupdate, it.db, it.view.Name)
		}
		through[it] = t
		i := c.target(t)
		if pos := col.ID - t.First; t.Desc.Columns[pos].Generated != "" {
			if !IsDefault(a.Expr) {
				return GivenGenerated(t.Desc, pos)
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
	q := &selectQuery{b: b, locking: true}
	q.locks.lock.Mode = distributed.ReadForUpdate
	b.locks, b.stack = true, append(b.stack, q)
	var cols []bind.Column
	var err error
	if c.with != nil {
		if q.ctes, err = b.bindWith(c.with, nil, nil); err != nil {
			return nil, err
		}
	}
	if q.source, cols, err = (fromClause{q}).from(c.from.TableRefs); err != nil {
		return nil, err
	}
	q.scope = q.scopeOf(cols)
	if err := c.settle(q); err != nil {
		return nil, err
	}
	for i := range c.node.Targets {
		if err := b.checkChange(c.node.Targets[i].row, c.priv); err != nil {
			return nil, err
		}
		b.changes = append(b.changes, c.node.Targets[i].Target)
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
	if q.limit, err = b.bindLimit(c.limit); err != nil {
		return nil, err
	}
	c.node.In = q.node()
	return b.query(c.node, q, c.stmt)
}

// addTarget adds the columns of a target's primary key, the hidden row id among them, of its new values, and of what views hold the
// new row to.
func (c *change) addTarget(q *selectQuery, i int) error {
	t := &c.node.Targets[i]
	first := t.row.First
	t.Key = len(q.fields)
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
		e, err := t.assigned(b, q.scope, pos, first, a.Expr)
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
		values[first+pos] = assignedValue(e, &t.Table.Columns[pos])
		if again {
			before[first+pos] = values[first+pos]
		}
		q.fields = append(q.fields, outField{col: q.outColumn(types.Field{Type: *e.Type()}), expr: e})
	}
	for k := range q.items {
		it := &q.items[k]
		if !slices.Contains(it.tables, t.row) {
			continue
		}
		for _, cond := range it.check {
			e := scalar.Substitute(cond, values)
			t.Checks = append(t.Checks, RowCheck{At: len(q.fields), DB: it.db, View: it.view.Name})
			q.fields = append(q.fields, outField{col: q.outColumn(types.Field{Type: *e.Type()}), expr: e})
		}
	}
	return nil
}

// addColumn selects a column, under no name.
func (q *selectQuery) addColumn(c *bind.Column) {
	q.fields = append(q.fields, outField{col: q.outColumn(c.Field), expr: c.Ref()})
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
	case len(q.aggs) > 0 || len(q.groupings) > 0:
		return mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
	case len(q.windows) > 0:
		return mysqlerr.New(mysqlerr.WindowInvalidWindowFuncUse, q.windows[0].Name)
	}
	return nil
}

// IsDefault tells of DEFAULT alone.
func IsDefault(n ast.ExprNode) bool {
	d, ok := n.(*ast.DefaultExpr)
	return ok && d.Name == nil
}

// BindRows binds VALUES with subqueries in them, which are a query: they name no columns of the row.
// Behind its values each row has those of asked.
func (n *Insert) BindRows(ctx *Context, s *ast.InsertStmt, params int, asked []ast.ExprNode) (*Query, error) {
	b := newBuilder(ctx, Options{Params: params, Changes: true, Asked: asked})
	b.changes = []Target{n.Target}
	q := &selectQuery{b: b}
	b.stack = append(b.stack, q)
	q.scope = q.scopeOf(nil)
	bd := q.binder(bind.FieldList)
	for i, list := range s.Lists {
		if len(list) != len(n.Named) {
			return nil, mysqlerr.New(mysqlerr.WrongValueCountOnRow, i+1)
		}
		row := make([]expr.Expr, len(list))
		for j, v := range list {
			e, err := n.rowValue(bd, q.scope, n.Named[j], v)
			if err == nil {
				err = oneColumn(e)
			}
			if err != nil {
				return nil, err
			}
			row[j] = b.fold(e)
		}
		q.values = append(q.values, row)
	}
	if err := (subqueryBinder{q}).addAsked(); err != nil {
		return nil, err
	}
	for _, f := range q.fields {
		for i := range q.values {
			q.values[i] = append(q.values[i], f.expr)
		}
	}
	q.fields = nil
	for _, e := range q.values[0] {
		q.fields = append(q.fields, outField{col: q.outColumn(types.Field{Type: *e.Type()})})
	}
	n.In = q.node()
	return b.query(n, q, s)
}

func (n *Insert) rowValue(b *bind.Binder, sc *bind.Scope, pos int, v ast.ExprNode) (expr.Expr, error) {
	c := &n.Table.Columns[pos]
	switch {
	case !IsDefault(v):
		e, err := bind.Expr(b, sc, v)
		return expr.ForColumn(e, &c.Type), err
	case c.AutoIncrement || c.Generated != "":
		return expr.NewNull(), nil
	case bind.DefaultPerRow(c):
		return nil, mysqlerr.NotSupported("DEFAULT of a column with a default expression beside a subquery")
	}
	return b.Value(&bind.Column{Source: n.Table, Pos: pos})
}

// BindKey is the query for the rows of a table that have the values of its parameters in a key, with all their columns, locked.
func BindKey(ctx *Context, t Target, ix *schema.Index, params []types.Type) (*Query, error) {
	b := newBuilder(ctx, Options{Params: len(params), Changes: true})
	b.dependOn(t.Table)
	r := &Table{DB: t.DB, Alias: t.Alias, Lock: Lock{Mode: distributed.ReadForUpdate}}
	r.Table = access.Table{Desc: t.Table, First: b.newIDs(len(t.Table.Columns)), Rows: b.tableRows(t.Table)}
	q := &selectQuery{b: b, source: r, tables: []*Table{r}, locking: true}
	b.locks, b.reads = true, 1
	cols := bind.TableColumns(t.Table, t.DB, t.Alias, r.First)
	for i, c := range ix.Columns {
		eq, err := expr.New("=", cols[c.Column].Ref(), &expr.Param{Index: i, Typ: params[i]})
		if err != nil {
			return nil, err
		}
		q.where = append(q.where, expr.Condition(eq))
	}
	for i := range cols {
		q.addColumn(&cols[i])
	}
	return b.query(q.node(), q, nil)
}
