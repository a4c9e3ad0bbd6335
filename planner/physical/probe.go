package physical

import (
	"context"
	"slices"

	"cloudsql/distributed"
	"cloudsql/planner/exec"
	"cloudsql/planner/inshard"
	"cloudsql/planner/probe"
	"cloudsql/storage/expr"
)

// probed is a column that a scan on the left side of a hash join reads, and the join's key that it is: rows whose value the right side has
// not need not leave the shard.
type probed struct {
	scan *tableScan
	at   int // place in the fragment's row
	key  int
}

// leastProbed is from how many rows of a scan on keys are worth telling.
const leastProbed = 32

// most is up to how many keys are worth telling: as leave out half of the rows.
func (p *probed) most() float64 { return p.scan.mostKeys(p.at) }

func (s *tableScan) mostKeys(at int) float64 { return s.table.DistinctOrGuess(s.columns[at]) / 2 }

func (p *probed) column() *expr.Column {
	c := &p.scan.table.Desc.Columns[p.scan.columns[p.at]]
	return &expr.Column{Index: p.at, Typ: c.Type, Name: p.scan.table.Alias + "." + c.Shown()}
}

// probes finds the scans that the keys of the right side matter to.
func (j *joinNode) probes() (list []probed) {
	if !j.tells || j.kind != exec.Inner && j.kind != exec.Semi {
		return nil
	}
	for i := range j.leftKeys {
		k := &j.leftKeys[i]
		l, ok := k.Expr.(*expr.Column)
		r, plain := j.rightKeys[i].Expr.(*expr.Column)
		if !ok || !plain || k.AsFloat || k.NullSafe || !inshard.SameText(&l.Typ, k) || !inshard.SameText(&r.Typ, k) {
			continue
		}
		if s, at := source(j.left, j.left.ids()[l.Index]); s != nil && s.path.Est >= leastProbed {
			list = append(list, probed{s, at, i})
		}
	}
	return list
}

// source finds the scan that a column comes from, and its place in the fragment's row, where the scan may leave out rows by it: nothing in
// between sees others than those that have the value.
func source(n node, id int) (*tableScan, int) {
	switch n := n.(type) {
	case *tableScan:
		if at := n.source(id); at >= 0 {
			return n, at
		}
	case *joinNode:
		if slices.Contains(n.left.ids(), id) {
			return source(n.left, id)
		}
		if n.kind == exec.Inner {
			return source(n.right, id)
		}
	case *lookupNode:
		if slices.Contains(n.left.ids(), id) {
			return source(n.left, id)
		}
		if n.kind == exec.Inner {
			return source(n.scan, id)
		}
	case *filterNode:
		return source(n.in, id)
	case *distinctNode:
		return source(n.in, id)
	case *sortNode:
		if n.limit == nil {
			return source(n.in, id)
		}
	case *projectNode:
		return sourceOf(n.in, n.exprs, slices.Index(n.cols, id))
	case *eitherNode:
		return source(n.inShards, id)
	case *aggNode:
		if !n.spec.Rollup {
			return sourceOf(n.in, n.spec.GroupBy, slices.Index(n.cols, id))
		}
	}
	return nil, 0
}

// sourceOf is source of the i-th of some expressions over n's rows, if that is a column.
func sourceOf(n node, list []expr.Expr, i int) (*tableScan, int) {
	if i >= 0 && i < len(list) {
		if c, ok := list[i].(*expr.Column); ok {
			return source(n, n.ids()[c.Index])
		}
	}
	return nil, 0
}

// source is the place of an output column in the fragment's row; -1 where it has none, or where leaving out rows changes others.
func (s *tableScan) source(id int) int {
	i, list := slices.Index(s.cols, id), s.project
	if s.agg != nil {
		list = s.agg.GroupBy
	}
	switch {
	case i < 0 || s.limit != nil || s.lock.Mode != distributed.ReadSnapshot:
		return -1
	case s.agg == nil && s.project == nil:
		return i
	case i < len(list):
		if c, ok := list[i].(*expr.Column); ok && c.Index < len(s.columns) {
			return c.Index
		}
	}
	return -1
}

// openProbed opens the left side, whose scans are told the keys of the right side.
func (j *joinNode) openProbed(ctx context.Context, run *exec.Run, list []probed, keys exec.Keys) (exec.Operator, error) {
	for i := range list {
		p := &list[i]
		set, err := keys(p.key, p.most())
		if err != nil {
			return nil, err
		}
		if set != nil {
			ctx = probe.With(ctx, p.scan, set.Holds(p.column()))
		}
	}
	return open(ctx, run, j.left)
}

// explainProbes tells which scans will probably be told keys.
func (j *joinNode) explainProbes() (list []string) {
	for _, p := range j.probes() {
		if j.right.rows() <= p.most() {
			list = append(list, "keys to "+p.column().Name)
		}
	}
	return list
}
