package planner

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/change"
	"cloudsql/planner/dml"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/locate"
	"cloudsql/planner/logical"
	"cloudsql/planner/rules"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// computedPlan is an UPDATE or DELETE whose rows and new values a query computes: of several tables, with subqueries, or
// with functions that differ from row to row. Each row is changed once, whatever number of times the query finds it.
type computedPlan struct {
	*dml.Change
	added  [][]fragment.Assignment // of each target: what its definition adds
	checks [][]fragment.Check      // of each target: those that its row may violate then
	source Rows                    // of In
	tables []TableVersion
	places []locate.Place // of each target
	change.Ties
	spares bool // spares(…)
}

func buildComputedUpdate(ctx *Context, s *ast.UpdateStmt, params int) (Modify, error) {
	if err := orderOfSeveral(s); err != nil {
		return nil, err
	}
	q, err := logical.BindUpdate(ctx, s, params, nil)
	if err != nil {
		return nil, err
	}
	return newComputed(ctx, q)
}

func buildComputedDelete(ctx *Context, s *ast.DeleteStmt, params int) (Modify, error) {
	q, err := logical.BindDelete(ctx, s, params)
	if err != nil {
		return nil, err
	}
	return newComputed(ctx, q)
}

func newComputed(ctx *Context, q *logical.Query) (Modify, error) {
	p := &computedPlan{Change: q.Root.(*dml.Change)}
	p.spares = spares(ctx, p.Kind, p.Ignore)
	p.added, p.checks = make([][]fragment.Assignment, len(p.Targets)), make([][]fragment.Check, len(p.Targets))
	for i := range p.Targets {
		t := &p.Targets[i]
		p.tables = append(p.tables, TableVersion{ID: t.Table.ID, Version: t.Table.Version})
		at, err := locate.PlaceOf(t.Table, t.Only)
		if err != nil {
			return nil, err
		}
		p.places = append(p.places, at)
		if p.Kind == fragment.Delete {
			continue
		}
		named := make([]fragment.Assignment, len(t.Values))
		for j, id := range t.Values {
			named[j].Column = id
		}
		r, err := rules.Of(ctx.Catalog, t.Table)
		if err != nil {
			return nil, err
		}
		all, err := onUpdate(t.Table, named, r)
		if err != nil {
			return nil, err
		}
		p.added[i], p.checks[i] = all[len(named):], r.ChecksOf(all)
	}
	var err error
	if p.source, err = planQuery(ctx, q.Below()); err != nil {
		return nil, err
	}
	p.tables = append(p.tables, p.source.Tables()...)
	changes := make([]change.Target, len(p.Targets))
	for i := range p.Targets {
		t := &p.Targets[i]
		changes[i] = change.Target{DB: t.DB, Table: t.Table, Kind: p.Kind, Set: p.added[i], Values: t.Values}
	}
	p.Ties, err = change.Tie(ctx, p.Ignore, &p.tables, changes...)
	return p, err
}

// foundRow is a row to change with its new values.
type foundRow struct {
	target int
	locate.Row
	values []types.Value
}

// foundRowBytes is what a row costs, with its place among those that were seen.
func foundRowBytes(r *foundRow) int {
	n := 2*len(r.Key) + 128
	for i := range r.values {
		n += 40 + len(r.values[i].Raw())
	}
	return n
}

// Run collects all rows first, so that the statement does not meet its own effects, then changes them one by one.
func (p *computedPlan) Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error) {
	env := change.Env(rt, p.Ignore)
	w := p.Writer(rt)
	hold := rt.Memory.Hold(memory.Rows)
	defer hold.Close()
	rows, err := p.collect(ctx, rt, &hold)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		at, f := &p.places[rows[i].target], p.fragment(&rows[i], i+1, env)
		if at.Moves(f.Set) {
			err = w.WriteMoving(ctx, at, p.Ignore, f)
		} else {
			err = w.Write(ctx, f)
		}
		if err != nil {
			return nil, err
		}
	}
	return w.Result(p.Kind), nil
}

func (p *computedPlan) fragment(r *foundRow, number int, env *expr.Env) *fragment.Write {
	t := &p.Targets[r.target]
	f := &fragment.Write{
		Kind: p.Kind, Tablet: r.Tablet.ID, SchemaVersion: t.Table.Version, Keys: [][]byte{r.Key}, Env: env, FirstRow: number,
		Checks: p.checks[r.target], Lenient: p.spares,
	}
	fields := p.source.Fields()[t.Key+len(p.places[r.target].Found):]
	for j, v := range r.values {
		f.Set = append(f.Set, fragment.Assignment{Column: t.Values[j], Expr: &expr.Const{Val: v, Typ: fields[j].Type}})
	}
	for _, a := range p.added[r.target] {
		a.Expr = expr.Fold(a.Expr, env)
		f.Set = append(f.Set, a)
	}
	return f
}

func (p *computedPlan) collect(ctx context.Context, rt *exec.Runtime, hold *memory.Hold) ([]foundRow, error) {
	op, err := openStrict(ctx, p.source, rt, p.Ignore)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	seen := make([]map[string]bool, len(p.Targets))
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
			for n := range p.Targets {
				r, err := p.found(n, rows.Row(i), seen[n], rt.Env)
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
func (p *computedPlan) found(n int, row []types.Value, seen map[string]bool, env *expr.Env) (*foundRow, error) {
	t := &p.Targets[n]
	width := len(p.places[n].Found)
	if row[t.Key].IsNull() {
		return nil, nil
	}
	at, err := p.places[n].Locate(row[t.Key:t.Key+width], &env.Mode)
	if err != nil || seen[string(at.Key)] {
		return nil, err
	}
	seen[string(at.Key)] = true
	for _, c := range t.Checks {
		if v := row[c.At]; v.IsNull() || v.Int() == 0 {
			return nil, refuseChecked(env, p.Ignore, c.DB, c.View)
		}
	}
	r := &foundRow{target: n, Row: at}
	for _, v := range row[t.Key+width : t.Key+width+len(t.Values)] {
		r.values = append(r.values, v.Clone())
	}
	return r, nil
}

// Found gives the query that finds the rows and computes their values.
func (p *computedPlan) Found() Rows { return p.source }

// NeedsTxn: the rows are locked, then changed.
func (p *computedPlan) NeedsTxn() bool         { return true }
func (p *computedPlan) Tables() []TableVersion { return p.tables }
func (p *computedPlan) Cacheable() bool        { return p.source.Cacheable() }

// Explain shows the tables that change above how rows and values are found.
func (p *computedPlan) Explain() []ExplainLine {
	var lines []ExplainLine
	for i := range p.Targets {
		t := p.Targets[i].Table
		lines = append(lines, ExplainLine{Operator: kindNames[p.Kind], Where: explain.ShardName(&t.Tablets[0]), Object: "table:" + t.Name})
	}
	return below(lines, p.source.Explain())
}

// orderOfSeveral is 1221 where an UPDATE of several tables has an order, or a limit.
func orderOfSeveral(s *ast.UpdateStmt) error {
	if s.TableRefs.TableRefs.Right == nil {
		return nil
	}
	switch {
	case s.Order != nil:
		return mysqlerr.New(mysqlerr.WrongUsage, "UPDATE", "ORDER BY")
	case s.Limit != nil:
		return mysqlerr.New(mysqlerr.WrongUsage, "UPDATE", "LIMIT")
	}
	return nil
}
