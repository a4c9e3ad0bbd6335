package logical

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// Tables in FROM that look at those on their left, LATERAL derived ones and JSON_TABLE. Each has parameters of its own for the
// columns that it names: the join that has them on its left, and the table on its right, sets them for each row.

// lateralRef is a column that a table in FROM takes from one on its left.
type lateralRef struct {
	OuterRef
	table string // that takes it
}

// lateralScope is what a table in FROM sees that may look at those on its left; what it takes from them is noted.
func (q *selectQuery) lateralScope(table string) *bind.Scope {
	sc := q.scopeOf(q.visible)
	sc.InnerAlias = nil
	slots := map[int]int{}
	sc.FromOuter = func(c *bind.Column) (expr.Expr, error) {
		if c.Expr != nil {
			return partsFromOuter(c.Expr, sc.FromOuter)
		}
		slot, ok := slots[c.ID]
		if !ok {
			slot = q.b.newSlot()
			slots[c.ID] = slot
			q.lateral = append(q.lateral, lateralRef{OuterRef{Col: c.Ref(), Slot: slot}, table})
			q.b.reads++ // what the table reads is read more than once
		}
		return q.outerParam(c, slot, nil), nil
	}
	return sc
}

// takeLateral gives the columns of left that what was bound since from takes.
func (q *selectQuery) takeLateral(from int, left Node) []lateralRef {
	var refs []lateralRef
	rest := q.lateral[:from]
	cols := algebra.ColumnsOf(left)
	for _, r := range q.lateral[from:] {
		if cols.Has(r.Col.Index) {
			refs = append(refs, r)
		} else {
			rest = append(rest, r)
		}
	}
	q.lateral = rest
	return refs
}

// lateralJoin is a join whose right side takes columns of the left one.
func lateralJoin(j *Join, refs []lateralRef, right bool) (Node, error) {
	if len(refs) == 0 {
		return j, nil
	}
	if right || j.Kind != exec.Inner && j.Kind != exec.Left {
		return nil, mysqlerr.New(mysqlerr.TFForbiddenJoinType, refs[0].table)
	}
	l := &algebra.Lateral{Kind: j.Kind, Left: j.Left, Right: j.Right, On: j.On}
	for _, r := range refs {
		l.Refs = append(l.Refs, r.OuterRef)
	}
	return l, nil
}
