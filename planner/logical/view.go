package logical

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/exec"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// A view in FROM is its query, read anew for each statement. Where its rows are those of its own FROM (no groups, DISTINCT, LIMIT, set
// operation, …) it is merged: its tables join those of the block around, its conditions stand beside the block's, and its columns are
// other names for what the query selects. So conditions meet keys, and rows can be changed, as if the statement named the tables
// itself. Any other view is a derived table.

// Bounds of what one statement may expand.
const (
	maxViewDepth = 32
	maxViews     = 512
)

// viewUse is one place where a view is named.
type viewUse struct {
	view   *schema.View
	db     string
	parent *viewUse // the view whose query names it; nil: the statement does
	access func(priv uint64, db, table string) error
	asOf   *ast.TableName // the name that says AS OF TIMESTAMP; nil: none does
}

// fromItem is a table or view that a block's FROM names, and what it has brought into the block.
type fromItem struct {
	db, alias string
	view      *schema.View // nil: a base table
	merged    bool
	several   bool     // of a merged view: it joins
	tables    []*Table // base tables that rows can be changed in
	ownRead   bool     // a subquery of a merged view reads one of these, so that none can be changed through it
	// Of a merged view: the conditions that all of its rows meet, and those that CHECK OPTION holds changed rows to.
	all, check []expr.Expr
}

// Notes are what binding a query learns of its syntax tree, for who writes the query down with all names in full.
type Notes struct {
	Columns map[*ast.ColumnName]bind.Column      // names that mean columns of FROM
	Stars   map[*ast.WildCardField][]bind.Column // what * stands for
	Using   map[*ast.Join][][2]bind.Column       // the pairs that USING and NATURAL compare
	Tables  map[*ast.TableName]string            // the databases of tables
	Uses    []schema.ViewUse                     // the tables that the query names
}

// NewNotes are empty ones.
func NewNotes() *Notes {
	return &Notes{
		Columns: map[*ast.ColumnName]bind.Column{}, Stars: map[*ast.WildCardField][]bind.Column{},
		Using: map[*ast.Join][][2]bind.Column{}, Tables: map[*ast.TableName]string{},
	}
}

func (n *Notes) column(name *ast.ColumnName, c *bind.Column) { n.Columns[name] = *c }

// noteTable notes a table that the query itself names.
func (b *builder) noteTable(n *ast.TableName, db string) {
	if b.o.Notes == nil || b.view != nil {
		return
	}
	b.o.Notes.Tables[n] = db
	if use := (schema.ViewUse{DB: db, Table: n.Name.O}); !slices.Contains(b.o.Notes.Uses, use) {
		b.o.Notes.Uses = append(b.o.Notes.Uses, use)
	}
}

// check asks for a privilege on a table: of whoever runs the statement, or, within a view, of whom the view goes by.
func (b *builder) check(priv mysql.PrivilegeType, db, table string) error {
	return b.ctx.checkVia(b.view, priv, db, table)
}

func (ctx *Context) checkVia(u *viewUse, priv mysql.PrivilegeType, db, table string) error {
	switch {
	case u == nil:
		return ctx.Check(priv, db, table)
	case u.access == nil:
		return nil
	}
	return u.access(uint64(priv), db, table)
}

// checkChange asks for a privilege on a base table and on the views that lead to it.
func (b *builder) checkChange(t *Table, priv mysql.PrivilegeType) error {
	db, name := t.DB, t.Desc.Name
	for u := b.via[t]; ; u = u.parent {
		err := b.ctx.checkVia(u, priv, db, name)
		if err != nil && u != nil {
			err = u.broken(err)
		}
		if err != nil || u == nil {
			return err
		}
		db, name = u.db, u.view.Name
	}
}

// broken is 1356 for what is wrong within a view.
func (u *viewUse) broken(err error) error {
	switch mysqlerr.Code(err) {
	case mysqlerr.NoSuchTable, mysqlerr.BadDB, mysqlerr.UnknownTable, mysqlerr.BadField, mysqlerr.TableaccessDenied, mysqlerr.ColumnaccessDenied,
		mysqlerr.SpDoesNotExist, mysqlerr.ViewInvalid, mysqlerr.DBaccessDenied, mysqlerr.ViewWrongList:
		return mysqlerr.New(mysqlerr.ViewInvalid, u.db, u.view.Name)
	}
	return err
}

// bindView binds a view's query, with its tables locked as the block around says.
func (b *builder) bindView(u *viewUse, lock Lock) (block.Query, error) {
	o := syntax.Options{Collation: u.view.Collation}
	if c, ok := collation.ByName(u.view.Collation); ok {
		o.Charset = c.Charset()
	}
	node, err := syntax.Kept(u.view.Query, o)
	if err != nil {
		return nil, err
	}
	stmt, ok := node.(ast.ResultSetNode)
	if !ok {
		return nil, mysqlerr.New(mysqlerr.ViewInvalid, u.db, u.view.Name)
	}
	outer, plain, inherit := b.view, b.plainConds, b.inherit
	b.view, b.inherit = u, &lock
	b.plainConds = b.o.Changes && (plain || u.view.CheckOption != schema.CheckNone)
	defer func() { b.view, b.plainConds, b.inherit = outer, plain, inherit }()
	q, err := b.bindQuery(stmt, nil, nil)
	if err == nil && len(q.Columns()) != len(u.view.Columns) {
		err = mysqlerr.New(mysqlerr.ViewInvalid, u.db, u.view.Name)
	}
	return q, err
}

// use begins the use of a view: 1462 for one within itself, and bounds.
func (b *builder) use(v *schema.View, n *ast.TableName, db string) (*viewUse, error) {
	u := &viewUse{view: v, db: db, parent: b.view}
	depth := 0
	for p := b.view; p != nil; p = p.parent {
		if depth++; p.view.ID == v.ID {
			return nil, mysqlerr.New(mysqlerr.ViewRecursive, db, v.Name)
		}
		u.asOf = p.asOf
	}
	if b.views++; b.views > maxViews || depth >= maxViewDepth {
		return nil, mysqlerr.New(mysqlerr.TooHighLevelOfNestingForSelect)
	}
	if n != nil && n.AsOf != nil {
		u.asOf = n
	}
	err := b.check(mysql.SelectPriv, db, v.Name)
	if err == nil && b.ctx.ViewAccess != nil {
		u.access, err = b.ctx.ViewAccess(v)
	}
	if err != nil {
		return nil, err
	}
	b.depend(v.ID, v.Version)
	return u, nil
}

func (q fromClause) fromView(v *schema.View, n *ast.TableName, db, alias string) (Node, []bind.Column, error) {
	b := q.b
	u, err := b.use(v, n, db)
	if err != nil {
		return nil, nil, err
	}
	lock, err := q.locks.of(&Table{DB: db, Alias: alias})
	if err != nil {
		return nil, nil, err
	}
	changes := b.changes
	defer b.apart()()
	before := len(b.subs)
	inner, err := b.bindView(u, lock)
	if err != nil {
		return nil, nil, u.broken(err)
	}
	item := fromItem{db: db, alias: alias, view: v}
	if s, ok := inner.(*selectQuery); ok && (merging{s}).mergeable() && v.Algorithm != schema.AlgorithmTemptable && q.merges(alias, v) {
		if q.joined += s.joined - 1; q.joined > maxTables {
			return nil, nil, mysqlerr.New(mysqlerr.TooManyTables, maxTables)
		}
		if node, cols, ok := q.merge(s, &item); ok {
			own := func(sub *Subquery) bool { return readsOneOf(sub.Node, item.tables) }
			item.ownRead = slices.ContainsFunc(b.subs[before:], own) ||
				slices.ContainsFunc(s.Applies, func(a *algebra.Apply) bool { return own(a.Sub) })
			q.items = append(q.items, item)
			return node, cols, b.unchanged(changes, &item)
		}
	}
	q.items = append(q.items, item)
	q.addDerived(inner)
	var names []string // those that CREATE VIEW v (…) gives to the query's columns
	if v.Listed {
		names = v.Columns
	}
	node, cols, err := derivedAs(inner, alias, names)
	for i := range cols {
		cols[i].Field.Schema, cols[i].Field.OrgTable = db, v.Name
	}
	return node, cols, err
}

// readsOneOf tells whether a query reads one of some tables, under whatever name.
func readsOneOf(n Node, tables []*Table) bool {
	if t, ok := n.(*Table); ok {
		return slices.ContainsFunc(tables, func(o *Table) bool { return o.Desc.ID == t.Desc.ID })
	}
	return slices.ContainsFunc(n.Inputs(), func(in Node) bool { return readsOneOf(in, tables) })
}

// merging is what a block that is a view's query, or names a view, does about it.
type merging struct{ *selectQuery }

// mergeable tells of a query whose rows are those of its FROM and WHERE.
func (q merging) mergeable() bool {
	if q.Source == nil || q.Values != nil || q.Grouped || q.Distinct || q.Limit != nil || len(q.Windows) > 0 || len(q.Having) > 0 || q.listCalls ||
		len(q.lateral) > 0 || len(q.Refs()) > 0 {
		return false
	}
	return !slices.ContainsFunc(q.Fields, func(f block.Field) bool { return expr.ClassOf(f.Expr) == expr.Volatile })
}

// merge takes a view's query into the block; ok is false where it has to stay a derived table.
func (q fromClause) merge(s *selectQuery, item *fromItem) (node Node, cols []bind.Column, ok bool) {
	var present *expr.Column
	if q.nullSide > 0 { // what is computed of a row that is not there is NULL
		if present = presence(s.Source); present == nil {
			return nil, nil, false
		}
	}
	cols = make([]bind.Column, len(s.Fields))
	for i := range s.Fields {
		f := &s.Fields[i]
		c := &cols[i]
		*c = f.Col
		c.Field.Schema, c.Field.Table, c.Field.OrgTable = item.db, item.alias, item.view.Name
		if item.view.Listed {
			c.Field.Name = item.view.Columns[i]
		}
		if src := s.ColumnOf(f.Expr); src != nil && src.Expr == nil {
			c.ID, c.Source, c.Pos, c.Full = src.ID, src.Source, src.Pos, src.Ref().Full
			continue
		}
		if c.Expr = f.Expr; present == nil {
			continue
		}
		var err error
		if c.Expr, err = whenPresent(present, f.Expr); err != nil {
			return nil, nil, false
		}
	}
	item.merged, item.several, item.tables = true, s.joined > 1, s.Tables
	merging{s}.checks(item)
	q.Tables, q.Derived = append(q.Tables, s.Tables...), append(q.Derived, s.Derived...)
	if q.nullSide > 0 {
		node = algebra.NewFilter(s.Source, s.Where)
		for _, a := range s.Applies {
			over := *a
			over.In = node
			node = &over
		}
		return node, cols, true
	}
	q.Where, q.Applies, q.order = append(q.Where, s.Where...), append(q.Applies, s.Applies...), s.OrderBy
	return s.Source, cols, true
}

// whenPresent is e, and NULL in a row that an outer join adds.
func whenPresent(present *expr.Column, e expr.Expr) (expr.Expr, error) {
	there, err := expr.New("is not null", present)
	if err != nil {
		return nil, err
	}
	return expr.New("if", there, e, expr.NewNull())
}

// presence is a column that is never NULL in a node's rows; nil where none is known.
func presence(n Node) *expr.Column {
	switch n := n.(type) {
	case *Table:
		pos := n.Desc.Primary().Columns[0].Column
		return &expr.Column{Index: n.First + pos, Typ: n.Desc.Columns[pos].Type, Name: n.Desc.Columns[pos].Name}
	case *Filter:
		return presence(n.In)
	case *Apply:
		return presence(n.In)
	case *Join:
		if c := presence(n.Left); c != nil || n.Kind != exec.Inner {
			return c
		}
		return presence(n.Right)
	}
	return nil
}

// checks collects what CHECK OPTION asks of rows that are changed through the view whose query q is.
func (q merging) checks(item *fromItem) {
	var on []expr.Expr
	joined(q.Source, func(j *Join) { on = append(on, j.On...) })
	item.all = append(slices.Clone(q.Where), on...)
	switch item.view.CheckOption {
	case schema.CheckCascaded:
		item.check = item.all
		return
	case schema.CheckLocal:
		item.check = append(slices.Clone(q.Where[q.hoisted:]), on...)
	}
	for i := range q.items {
		item.check = append(item.check, q.items[i].check...)
	}
}

// joined calls fn for the joins that a FROM clause is made of.
func joined(n Node, fn func(*Join)) {
	if j, ok := n.(*Join); ok {
		fn(j)
		joined(j.Left, fn)
		joined(j.Right, fn)
	}
}

// orderOfView lets a query of one view alone, which says nothing about order, have the view's.
func (q merging) orderOfView(n *ast.SelectStmt) {
	if len(q.order) == 0 || n.OrderBy != nil || q.Grouped || q.Distinct || len(q.Aggs) > 0 || len(q.Windows) > 0 || len(q.Having) > 0 ||
		n.From.TableRefs.Right != nil {
		return
	}
	for _, o := range q.order {
		o.Field = -1
		q.OrderBy = append(q.OrderBy, o)
	}
}

// tableWith finds the table of the block that a column is of.
func (q merging) tableWith(id int) *Table {
	for _, t := range q.Tables {
		if id >= t.First && id < t.First+len(t.Desc.Columns) {
			return t
		}
	}
	return nil
}

// item finds what FROM has under a name; nil for a derived table, or none.
func (q merging) item(db, alias string) *fromItem {
	for i := range q.items {
		if it := &q.items[i]; it.alias == alias && (db == "" || it.db == db) {
			return it
		}
	}
	return nil
}

// ViewShape binds a view's query for its columns, and tells whether it can be merged, and rows be changed through it.
func ViewShape(ctx *Context, v *schema.View, db string) (cols []bind.Column, merged, updatable bool, err error) {
	b := newBuilder(ctx, Options{})
	q := b.newBlock()
	q.changes = true
	b.stack = append(b.stack, q)
	if _, cols, err = (fromClause{q}).fromView(v, nil, db, v.Name); err != nil {
		return nil, false, false, err
	}
	item := &q.items[0]
	return cols, item.merged, item.merged && len(item.tables) > 0 && !item.ownRead, nil
}
