package planner

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/physical"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// computedPlan is an UPDATE or DELETE whose rows and new values a query computes: of several tables, with subqueries, or
// with functions that differ from row to row. Each row is changed once, whatever number of times the query finds it.
type computedPlan struct {
	kind    fragment.Kind // Update or Delete
	ignore  bool
	targets []computedTarget
	source  Rows // per target: its primary key columns, then the values of its set
	tables  []TableVersion
}

// computedTarget is one table to change.
type computedTarget struct {
	target
	set   []*ast.Assignment
	ids   []schema.ColumnID // that set assigns
	now   []fragment.Assignment
	first int // position of its primary key in the source's rows
}

// needsQuery tells whether an assignment's value has to be computed by a query: a shard cannot.
func needsQuery(ctx *Context, b *bind.Binder, sc *bind.Scope, list []*ast.Assignment) bool {
	for _, a := range list {
		if hasSubquery(a.Expr) {
			return true
		}
		if e, err := bind.Expr(b, sc, a.Expr); err == nil && !shipping(ctx).Pushable(e) {
			return true
		}
	}
	return false
}

// subqueries finds out whether a tree holds one.
type subqueries struct{ found bool }

func (s *subqueries) Enter(n ast.Node) (ast.Node, bool) {
	if _, ok := n.(*ast.SubqueryExpr); ok {
		s.found = true
	}
	return n, s.found
}

func (s *subqueries) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func hasSubquery(n ast.ExprNode) bool {
	var s subqueries
	n.Accept(&s)
	return s.found
}

// baseTables lists the base tables of a FROM clause, by the names they go by.
func baseTables(ctx *Context, n ast.ResultSetNode, dst []target) ([]target, error) {
	switch n := n.(type) {
	case *ast.Join:
		dst, err := baseTables(ctx, n.Left, dst)
		if err != nil || n.Right == nil {
			return dst, err
		}
		return baseTables(ctx, n.Right, dst)
	case *ast.TableSource:
		name, ok := n.Source.(*ast.TableName)
		if !ok {
			return dst, nil // a derived table: joined with, never changed
		}
		tgt, err := baseTable(ctx, name)
		if err != nil {
			return dst, err
		}
		if n.AsName.O != "" {
			tgt.alias = n.AsName.O
		}
		return append(dst, tgt), nil
	}
	return dst, nil
}

func buildJoinUpdate(ctx *Context, s *ast.UpdateStmt, params int) (Modify, error) {
	if s.With != nil {
		return nil, mysqlerr.NotSupported("WITH … UPDATE")
	}
	all, err := baseTables(ctx, s.TableRefs.TableRefs, nil)
	if err != nil {
		return nil, err
	}
	p := &computedPlan{kind: fragment.Update, ignore: s.IgnoreErr}
	for _, a := range s.List {
		t, pos, err := assignedTable(all, a.Column)
		if err != nil {
			return nil, err
		}
		i := p.target(t)
		p.targets[i].set = append(p.targets[i].set, a)
		p.targets[i].ids = append(p.targets[i].ids, t.table.Columns[pos].ID)
	}
	for i := range p.targets {
		t := &p.targets[i]
		if err := ctx.Check(mysql.UpdatePriv, t.db, t.table.Name); err != nil {
			return nil, err
		}
		named := make([]fragment.Assignment, len(t.ids))
		for j, id := range t.ids {
			named[j].Column = id
		}
		all, err := addOnUpdateNow(ctx, t.table, named)
		if err != nil {
			return nil, err
		}
		t.now = all[len(named):]
	}
	return p, p.build(ctx, params, s.TableRefs, s.Where, s.Order, s.Limit)
}

func buildJoinDelete(ctx *Context, s *ast.DeleteStmt, params int) (Modify, error) {
	if s.With != nil {
		return nil, mysqlerr.NotSupported("WITH … DELETE")
	}
	all, err := baseTables(ctx, s.TableRefs.TableRefs, nil)
	if err != nil {
		return nil, err
	}
	p := &computedPlan{kind: fragment.Delete, ignore: s.IgnoreErr}
	for _, name := range s.Tables.Tables {
		t := findTarget(all, name.Schema.O, name.Name.O)
		if t == nil {
			return nil, mysqlerr.New(mysqlerr.UnknownTable, name.Name.O, "MULTI DELETE")
		}
		if err := ctx.Check(mysql.DeletePriv, t.db, t.table.Name); err != nil {
			return nil, err
		}
		p.target(t)
	}
	return p, p.build(ctx, params, s.TableRefs, s.Where, s.Order, s.Limit)
}

func findTarget(all []target, db, name string) *target {
	for i := range all {
		if all[i].alias == name && (db == "" || all[i].db == db) {
			return &all[i]
		}
	}
	return nil
}

// assignedTable finds the table whose column an assignment names.
func assignedTable(all []target, c *ast.ColumnName) (*target, int, error) {
	var found *target
	at := -1
	for i := range all {
		t := &all[i]
		if c.Table.O != "" && !strings.EqualFold(c.Table.O, t.alias) || c.Schema.O != "" && c.Schema.O != t.db {
			continue
		}
		pos := t.table.ColumnByName(c.Name.L)
		if pos < 0 {
			continue
		}
		if found != nil {
			return nil, 0, mysqlerr.New(mysqlerr.NonUniq, bind.FullName(c), bind.FieldList)
		}
		found, at = t, pos
	}
	if found == nil {
		return nil, 0, mysqlerr.New(mysqlerr.BadField, bind.FullName(c), bind.FieldList)
	}
	return found, at, nil
}

// target gives the index of t among those to change.
func (p *computedPlan) target(t *target) int {
	for i := range p.targets {
		if p.targets[i].alias == t.alias && p.targets[i].db == t.db {
			return i
		}
	}
	p.targets = append(p.targets, computedTarget{target: *t})
	return len(p.targets) - 1
}

// build plans the source: the primary keys, each with the new values behind it, locked.
func (p *computedPlan) build(ctx *Context, params int, from *ast.TableRefsClause, where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) error {
	if ctx.SafeUpdates && where == nil && limit == nil {
		return mysqlerr.New(mysqlerr.UpdateWithoutKeyInSafeMode)
	}
	var fields []ast.ExprNode
	var into []*types.Type
	for i := range p.targets {
		t := &p.targets[i]
		t.first = len(fields)
		fields = append(fields, keyColumns(t.table, t.alias)...)
		into = append(into, make([]*types.Type, len(fields)-t.first)...)
		for j, a := range t.set {
			value, err := assignedNode(t, j, a)
			if err != nil {
				return err
			}
			fields = append(fields, value)
			into = append(into, &t.table.Columns[t.table.ColumnByID(t.ids[j])].Type)
		}
		p.tables = append(p.tables, TableVersion{ID: t.table.ID, Version: t.table.Version})
	}
	var err error
	if p.source, err = changeSource(ctx, params, fields, into, from, where, order, limit); err != nil {
		return err
	}
	p.tables = append(p.tables, p.source.Tables()...)
	return nil
}

// assignedNode is the expression that an assignment's value is selected by: DEFAULT becomes DEFAULT(column).
func assignedNode(t *computedTarget, j int, a *ast.Assignment) (ast.ExprNode, error) {
	d, ok := a.Expr.(*ast.DefaultExpr)
	if !ok || d.Name != nil {
		return a.Expr, nil
	}
	c := &t.table.Columns[t.table.ColumnByID(t.ids[j])]
	if c.DefaultExpr != "" {
		return defaultNode(c, t.alias)
	}
	return &ast.DefaultExpr{Name: &ast.ColumnName{Table: ast.NewCIStr(t.alias), Name: ast.NewCIStr(c.Name)}}, nil
}

// foundRow is a row to change with its new values.
type foundRow struct {
	target int
	key    []byte
	values []types.Value
}

// foundRowBytes is what a row costs, with its place among those that were seen.
func foundRowBytes(r *foundRow) int {
	n := 2*len(r.key) + 128
	for i := range r.values {
		n += 40 + len(r.values[i].Raw())
	}
	return n
}

// Run collects all rows first, so that the statement does not meet its own effects, then changes them one by one.
func (p *computedPlan) Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error) {
	env := changeEnv(rt, p.ignore)
	w := &writer{rt: rt}
	hold := rt.Memory.Hold(memory.Rows)
	defer hold.Close()
	rows, err := p.collect(ctx, rt, &hold)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if err := w.write(ctx, p.fragment(&rows[i], i+1, env)); err != nil {
			return nil, err
		}
	}
	return w.changeResult(p.kind), nil
}

func (p *computedPlan) fragment(r *foundRow, number int, env *expr.Env) *fragment.Write {
	t := &p.targets[r.target]
	f := &fragment.Write{
		Kind: p.kind, Tablet: t.table.TabletFor(r.key).ID, SchemaVersion: t.table.Version, Keys: [][]byte{r.key}, Env: env, FirstRow: number,
	}
	fields := p.source.Fields()[t.first+len(t.table.Primary().Columns):]
	for j, v := range r.values {
		f.Set = append(f.Set, fragment.Assignment{Column: t.ids[j], Expr: &expr.Const{Val: v, Typ: fields[j].Type}})
	}
	for _, a := range t.now {
		a.Expr = expr.Fold(a.Expr, env)
		f.Set = append(f.Set, a)
	}
	return f
}

func (p *computedPlan) collect(ctx context.Context, rt *exec.Runtime, hold *memory.Hold) ([]foundRow, error) {
	op, err := p.source.Open(ctx, rt)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	seen := make([]map[string]bool, len(p.targets))
	for i := range seen {
		seen[i] = map[string]bool{}
	}
	var list []foundRow
	var rows types.Batch
	for {
		ok, err := op.Next(ctx, &rows)
		if err != nil || !ok {
			return list, err
		}
		for i := range rows.Len() {
			for n := range p.targets {
				r, err := p.found(n, rows.Row(i), seen[n], &rt.Env.Mode)
				if err != nil {
					return nil, err
				}
				if r == nil {
					continue
				}
				if err := hold.Grow(foundRowBytes(r)); err != nil {
					return nil, err
				}
				list = append(list, *r)
			}
		}
	}
}

// found takes a target's part out of a row of the source; nil where an outer join found no row, or one seen before.
func (p *computedPlan) found(n int, row []types.Value, seen map[string]bool, m *types.Mode) (*foundRow, error) {
	t := &p.targets[n]
	width := len(t.table.Primary().Columns)
	if row[t.first].IsNull() {
		return nil, nil
	}
	key, err := primaryKey(t.table, row[t.first:t.first+width], m)
	if err != nil || seen[string(key)] {
		return nil, err
	}
	seen[string(key)] = true
	r := &foundRow{target: n, key: key}
	for _, v := range row[t.first+width : t.first+width+len(t.set)] {
		r.values = append(r.values, v.Clone())
	}
	return r, nil
}

// NeedsTxn: the rows are locked, then changed.
func (p *computedPlan) NeedsTxn() bool         { return true }
func (p *computedPlan) Tables() []TableVersion { return p.tables }
func (p *computedPlan) Cacheable() bool        { return p.source.Cacheable() }

// Explain shows the tables that change above how rows and values are found.
func (p *computedPlan) Explain() []ExplainLine {
	var lines []ExplainLine
	for i := range p.targets {
		t := p.targets[i].table
		lines = append(lines, ExplainLine{Operator: kindNames[p.kind], Where: physical.ShardName(&t.Tablets[0]), Object: "table:" + t.Name})
	}
	return below(lines, p.source.Explain())
}
