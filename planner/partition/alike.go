package partition

import (
	"bytes"
	"maps"
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Alike tells that two tables are partitioned in the same way by columns of the same types, at positions that are among equal: rows that have
// equal values in those are in partitions of the same place.
func Alike(a, b *schema.Table, equal [][2]int) bool {
	p, q := a.Partitioning, b.Partitioning
	if p == nil || q == nil || p.Sub != nil || q.Sub != nil || p.Method != q.Method || p.Linear != q.Linear || len(p.Partitions) != len(q.Partitions) {
		return false
	}
	l, err := newLevel(a, &p.PartitionRule, p.Partitions)
	if err != nil {
		return false
	}
	r, err := newLevel(b, &q.PartitionRule, q.Partitions)
	if err != nil || !l.plain() || !r.plain() || len(l.columns) != len(r.columns) {
		return false
	}
	for i, pos := range l.columns {
		if !slices.Contains(equal, [2]int{pos, r.columns[i]}) || !sameHash(&a.Columns[pos].Type, &b.Columns[r.columns[i]].Type) {
			return false
		}
	}
	return slices.EqualFunc(l.bounds, r.bounds, bytes.Equal) && maps.Equal(l.places, r.places)
}

// plain tells that columns decide as they are.
func (l *level) plain() bool {
	if l.expr == nil {
		return true
	}
	_, ok := l.expr.(*expr.Column)
	return ok
}

// sameHash tells that equal values of two types are hashed alike, and have the same place in an order.
func sameHash(a, b *types.Type) bool {
	return a.ID == b.ID && a.Unsigned == b.Unsigned && a.Decimals == b.Decimals && a.Collation == b.Collation
}
