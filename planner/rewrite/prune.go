package rewrite

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// pruneColumns leaves out the columns of tables, and of derived ones, that nobody reads.
func pruneColumns(r *Rewriter, n algebra.Node) algebra.Node {
	return r.prune(n, true)
}

// prune goes downwards, so that whoever reads a column has been seen before the node that gives it. all tells that the
// places of the node's columns matter: those of a whole query, or of a set operation's part.
func (r *Rewriter) prune(n algebra.Node, all bool) algebra.Node {
	switch n := n.(type) {
	case *algebra.Table:
		out := *n
		out.Used = used(r.used, n.First, len(n.Desc.Columns), n.Desc.Primary().Columns[0].Column)
		return &out
	case *algebra.Virtual:
		out := *n
		out.Used = used(r.used, n.First, len(n.Rows.Columns()), 0)
		return &out
	case *algebra.Project:
		if !all {
			n = r.pruneProject(n)
		}
		n.Exprs(r.use)
		return algebra.Map(n, func(in algebra.Node) algebra.Node { return r.prune(in, false) })
	case *algebra.SetOp, *algebra.Distinct, *algebra.Recursive:
		n.Exprs(r.use)
		return algebra.Map(n, func(in algebra.Node) algebra.Node { return r.prune(in, true) })
	case *algebra.Sort, *algebra.Limit:
		n.Exprs(r.use)
		return algebra.Map(n, func(in algebra.Node) algebra.Node { return r.prune(in, all) })
	case *algebra.Filter:
		n.Exprs(r.use)
		_, query := n.In.(*algebra.Group)
		return algebra.Map(n, func(in algebra.Node) algebra.Node { return r.prune(in, all && !query) })
	case *algebra.Apply:
		n.Exprs(r.use)
		out := *n
		out.In, out.Sub = r.prune(n.In, false), n.Sub.Over(r.prune(n.Sub.Node, true))
		return &out
	}
	n.Exprs(r.use)
	return algebra.Map(n, func(in algebra.Node) algebra.Node { return r.prune(in, false) })
}

func (r *Rewriter) use(e expr.Expr) { r.used.AddColumnsOf(e) }

// used are the positions of the columns that are read; one at least, so that rows can be counted.
func used(s scalar.ColSet, first, n, otherwise int) []int {
	var list []int
	for pos := range n {
		if s.Has(first + pos) {
			list = append(list, pos)
		}
	}
	if list == nil {
		list = []int{otherwise}
	}
	return list
}

// pruneProject keeps what nobody reads where computing it does something: FROM t, (SELECT @row := 0) AS start.
func (r *Rewriter) pruneProject(p *algebra.Project) *algebra.Project {
	_, alone := p.In.(*algebra.Values)
	out := &algebra.Project{In: p.In}
	for i, id := range p.IDs {
		if r.used.Has(id) || acts(p.List[i], alone) {
			out.IDs, out.List = append(out.IDs, id), append(out.List, p.List[i])
		}
	}
	if len(out.IDs) == len(p.IDs) {
		return p
	}
	if len(out.IDs) == 0 {
		out.IDs, out.List = p.IDs[:1], []expr.Expr{expr.NewInt(1)} // rows are counted, and nothing of them is computed
	}
	return out
}

// acts tells whether a column of a derived table is computed whoever reads it: one that sets a variable, as MySQL merges no
// derived table that does, and in a derived table without tables, which MySQL never merges, one that waits or takes a lock.
func acts(e expr.Expr, alone bool) bool {
	found := false
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Call); ok {
			switch c.Name() {
			case ":=":
				found = true
			case "sleep", "benchmark", "get_lock", "release_lock", "release_all_locks":
				found = found || alone
			}
		}
		return !found
	})
	return found
}
