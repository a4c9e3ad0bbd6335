package access

import (
	"cloudsql/planner/scalar"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// LookupPart is the value of one index column.
type LookupPart struct {
	Value expr.Expr // over the left row
	Col   Column
	Right int // position of the column in the right row; -1: Value is a constant
	Coll  collation.ID
}

// Lookup finds the value of an index column: from the left row, or a constant. cond is the join's condition that
// it settles.
func (r *Table) Lookup(c *schema.IndexColumn, push []expr.Expr, joins []scalar.JoinKey) (part *LookupPart, cond expr.Expr) {
	typ := &r.Desc.Columns[c.Column].Type
	col := Column{Type: typ, Desc: c.Desc}
	for _, k := range joins {
		right, ok := k.Right.(*expr.Column)
		if !ok || k.NullSafe || r.Position(right) != c.Column || !lookupTypes(typ, k) {
			continue
		}
		return &LookupPart{Value: k.Left, Col: col, Right: c.Column, Coll: k.Hash.Coll}, k.Cond
	}
	for _, e := range push {
		eq := scalar.AsCall(e, "=")
		if eq == nil {
			continue
		}
		pos, rc := Match(eq, r.Position, scalar.Fixed)
		if rc != nil && pos == c.Column && rc.Op == RangeEq && rc.Exact {
			return &LookupPart{Value: rc.Values[0], Col: col, Right: -1}, nil
		}
	}
	return nil, nil
}

// lookupTypes tells whether any value of the left side can be turned into the column's key, or is known to match none.
func lookupTypes(col *types.Type, k scalar.JoinKey) bool {
	if k.Hash.Float {
		return false
	}
	l := k.Left.Type().Class()
	switch col.Class() {
	case types.ClassInt, types.ClassDecimal:
		return l == types.ClassInt || l == types.ClassDecimal
	case types.ClassString:
		return l == types.ClassString && k.Hash.Coll == col.Collation
	case types.ClassDate:
		return l == types.ClassDate
	case types.ClassDatetime:
		return scalar.IsDate(l) && !col.IsTimestamp()
	case types.ClassTime:
		return l == types.ClassTime
	}
	return false
}
