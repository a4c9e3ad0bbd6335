package logical

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/planner/bind"
	"cloudsql/planner/dml"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// BaseTable finds a table that rows can be written to.
func BaseTable(ctx *Context, n *ast.TableName) (dml.Target, error) {
	db := n.Schema.O
	if db == "" {
		db = ctx.DB
	}
	if db == "" {
		return dml.Target{}, mysqlerr.New(mysqlerr.NoDB)
	}
	if n.AsOf != nil {
		return dml.Target{}, mysqlerr.NotSupported("AS OF TIMESTAMP in a statement that changes rows")
	}
	if t, ok := ctx.Catalog.Table(db, n.Name.O); ok {
		only, err := partitionsNamed(t, n.Name.O, n.PartitionNames)
		return dml.Target{DB: db, Alias: n.Name.O, Table: t, Only: only}, err
	}
	if ctx.Virtual != nil {
		if _, ok := ctx.Virtual(db, n.Name.O); ok {
			return dml.Target{}, accessDenied(ctx, db)
		}
	}
	return dml.Target{}, bind.NoTable(db, n.Name.O)
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

// insertTarget finds the base table behind a view. LOAD DATA takes views with columns that are computed, or there twice, and none of joins.
func insertTarget(ctx *Context, v *schema.View, db string, s *dml.Inserting) (dml.Target, *dml.InsertView, error) {
	b := newBuilder(ctx, Options{Changes: true})
	q := b.newBlock()
	b.stack = append(b.stack, q)
	q.changes, q.locks.lock.Mode = true, distributed.ReadForUpdate
	_, cols, err := fromClause{q}.fromView(v, nil, db, v.Name)
	if err != nil {
		return dml.Target{}, nil, err
	}
	item := &q.items[0]
	if !item.merged || len(item.tables) == 0 || item.ownRead || s.Load && item.several {
		return dml.Target{}, nil, s.Refused(v.Name, item.merged && item.several)
	}
	t, err := item.insertTable(q, cols, s.Columns)
	if err != nil {
		return dml.Target{}, nil, err
	}
	for _, priv := range s.Privileges {
		if err := b.checkChange(t, priv); err != nil {
			return dml.Target{}, nil, err
		}
	}
	rebase := func(e expr.Expr) expr.Expr {
		return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			c, ok := x.(*expr.Column)
			switch {
			case !ok:
				return x
			case (merging{q}).tableWith(c.Index) == t:
				return c.At(c.Index - t.First)
			}
			return expr.NewNull() // of another table, which has no row
		})
	}
	out := &dml.InsertView{DB: db, Name: v.Name, Tables: b.tables}
	seen := map[int]bool{}
	for _, c := range cols {
		switch own := c.Expr == nil && (merging{q}).tableWith(c.ID) == t; {
		case !s.Load && (own && seen[c.ID] || !own && !item.several):
			return dml.Target{}, nil, s.Refused(v.Name, false)
		case own:
			seen[c.ID] = true
			c.ID -= t.First
		case c.Expr != nil:
			c.Expr = rebase(c.Expr)
		default:
			c.Expr, c.Source = expr.NewNull(), nil
			out.Joined = append(out.Joined, c.Field.Name)
		}
		out.Columns = append(out.Columns, c)
	}
	for _, e := range item.check {
		out.Check = append(out.Check, rebase(e))
	}
	if len(out.Check) > 0 {
		out.Asking, err = b.subqueries(b.newBlock(), nil)
	}
	return dml.Target{DB: t.DB, Alias: v.Name, Table: t.Desc}, out, err
}

// insertTable is the only table that an INSERT into a view may go to: 1393, 1394.
func (it *fromItem) insertTable(q *selectQuery, cols []bind.Column, named []*ast.ColumnName) (*Table, error) {
	if !it.several {
		return it.tables[0], nil
	}
	if len(named) == 0 {
		return nil, mysqlerr.New(mysqlerr.ViewNoInsertFieldList, it.db, it.view.Name)
	}
	var found *Table
	sc := bind.Scope{Cols: cols}
	for _, name := range named {
		c, err := sc.Find(name, bind.FieldList)
		if err != nil || c == nil {
			continue // the statement's columns are found again
		}
		t := (merging{q}).tableWith(c.ID)
		if c.Expr != nil || t == nil {
			return nil, mysqlerr.New(mysqlerr.NonupdatableColumn, name.Name.O)
		}
		if found != nil && found != t {
			return nil, mysqlerr.New(mysqlerr.ViewMultiupdate, it.db, it.view.Name)
		}
		found = t
	}
	if found == nil {
		found = it.tables[0]
	}
	return found, nil
}

// InsertTarget finds what an INSERT goes to: a base table, or one through a view, for which the caller's privileges on the view's
// tables have been seen to.
func InsertTarget(ctx *Context, n *ast.TableName, s *dml.Inserting) (dml.Target, *dml.InsertView, error) {
	if db, v := ctx.view(n); v != nil {
		if len(n.PartitionNames) > 0 {
			return dml.Target{}, nil, mysqlerr.New(mysqlerr.PartitionOnNonpartitioned)
		}
		return insertTarget(ctx, v, db, s)
	}
	t, err := BaseTable(ctx, n)
	return t, nil, err
}

// view finds the view that a name means, nil where it means none.
func (ctx *Context) view(n *ast.TableName) (db string, v *schema.View) {
	if db = n.Schema.O; db == "" {
		db = ctx.DB
	}
	if _, table := ctx.Catalog.Table(db, n.Name.O); table {
		return db, nil // it may be a temporary one
	}
	v, _ = ctx.Catalog.View(db, n.Name.O)
	return db, v
}

// IsView tells whether a name means a view.
func IsView(ctx *Context, n *ast.TableName) bool {
	_, v := ctx.view(n)
	return v != nil
}
