package shard

import (
	"bytes"
	"math/bits"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
)

// oneEach tells that each span of a DISTINCT has rows of one group, which no other span has: the columns that make the group stand in full
// in the key that all keys of the span begin with. What comes behind the first row that passes the filter has nothing to add then. Semi
// joins look up their keys so.
func (rd *pageWriter) oneEach() bool {
	r := rd.r
	if r.Agg == nil || len(r.Agg.Aggs) > 0 || len(r.Joins) > 0 || r.Keys != nil || len(r.Spans) == 0 || rd.o.Locker != nil {
		return false
	}
	n := bits.Len64(rd.places(r.Agg.GroupBy))
	if n == 0 {
		return false
	}
	for i := range r.Spans {
		sp := &r.Spans[i]
		if !prefixed(sp) || !keys.HoldsColumns(rd.plan.layout.table, rd.plan.index, sp.Start, n) {
			return false
		}
	}
	return true
}

// groupsTogether tells that the index's order has the rows of each group one behind the other: they are grouped by the columns that it
// begins with. Under locks, a row that has moved meanwhile comes out of order.
func (rd *pageWriter) groupsTogether() bool {
	places := rd.places(rd.r.Agg.GroupBy)
	return rd.r.Keys == nil && rd.o.Locker == nil && places != 0 && places&(places+1) == 0
}

// places are the bits of the places that columns have in the index; 0: something else is among list.
func (rd *pageWriter) places(list []expr.Expr) (set uint64) {
	for _, e := range list {
		c, ok := e.(*expr.Column)
		if !ok || c.Index >= len(rd.r.Columns) { // a join's
			return 0
		}
		i := rd.plan.index.Place(rd.plan.layout.table.ColumnByID(rd.r.Columns[c.Index]))
		if i < 0 {
			return 0
		}
		set |= 1 << i
	}
	return set
}

// prefixed tells whether a span is of all keys that begin with its start.
func prefixed(sp *fragment.Span) bool {
	n := len(sp.End) - 1
	return n >= 0 && len(sp.Start) > n && sp.Start[n] != 0xff && sp.End[n] == sp.Start[n]+1 && bytes.Equal(sp.Start[:n], sp.End[:n]) &&
		len(bytes.TrimRight(sp.Start[n+1:], "\xff")) == 0
}
