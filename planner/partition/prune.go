package partition

import (
	"bytes"

	"cloudsql/planner/access"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Bounds of what is enumerated to find partitions.
const (
	maxTuples    = 1024
	maxRangeWalk = 32
)

// Leaves are the places of the partitions where rows may meet conditions, each of one column, by the columns' positions. nil: all.
func (m *Map) Leaves(conds map[int][]*access.Cond, env *expr.Env) []int {
	quiet := *env
	env, quiet.Warn = &quiet, nil // whoever evaluates the conditions warns
	top := m.top.prune(m.table, conds, env)
	var sub []bool
	if m.sub != nil {
		sub = m.sub.prune(m.table, conds, env)
	}
	if top == nil && sub == nil {
		return nil
	}
	width := 1
	if m.sub != nil {
		width = m.sub.count
	}
	leaves := []int{}
	for i := range m.top.count * width {
		if (top == nil || top[i/width]) && (sub == nil || sub[i%width]) {
			leaves = append(leaves, i)
		}
	}
	return leaves
}

// prune tells which partitions of a level rows may be in; nil: all.
func (l *level) prune(t *schema.Table, conds map[int][]*access.Cond, env *expr.Env) []bool {
	if rows, ok := l.tuples(t, conds, env); ok {
		return l.placesOf(rows)
	}
	_, bare := l.expr.(*expr.Column)
	keyed := l.rule.Method == schema.PartitionByRange || l.rule.Method == schema.PartitionByList
	switch {
	case keyed && (l.expr == nil || bare):
		return l.pruneKeys(t, conds, env)
	case l.rule.Method == schema.PartitionByRange && len(l.columns) == 1:
		return l.pruneMonotone(t, conds, env)
	case !keyed && len(l.columns) == 1 && (l.expr == nil || bare):
		return l.pruneWalk(t, conds, env)
	}
	return nil
}

// tuples lists the rows, of which only the columns that decide are set, that conditions allow.
func (l *level) tuples(t *schema.Table, conds map[int][]*access.Cond, env *expr.Env) (rows [][]types.Value, ok bool) {
	rows = [][]types.Value{make([]types.Value, len(t.Columns))}
	for _, pos := range l.columns {
		list, ok := access.Points(conds[pos], &t.Columns[pos].Type, env)
		if !ok || len(rows)*len(list) > maxTuples {
			return nil, false
		}
		next := make([][]types.Value, 0, len(rows)*len(list))
		for _, row := range rows {
			for _, v := range list {
				one := append([]types.Value(nil), row...)
				one[pos] = v
				next = append(next, one)
			}
		}
		rows = next
	}
	return rows, true
}

// placesOf are the partitions of rows; nil where a row's cannot be told.
func (l *level) placesOf(rows [][]types.Value) []bool {
	found := make([]bool, l.count)
	for _, row := range rows {
		tuple, err := l.tuple(row)
		if err != nil {
			return nil
		}
		if i, err := l.placeOf(tuple); err == nil {
			found[i] = true
		}
	}
	return found
}

// pruneKeys takes the columns for those of an index whose ranges meet the partitions' bounds and values.
func (l *level) pruneKeys(t *schema.Table, conds map[int][]*access.Cond, env *expr.Env) []bool {
	p := access.PathOver(l.columns, conds)
	if len(p.Access) == 0 {
		return nil
	}
	spans, _, err := p.Spans(t, env)
	if err != nil {
		return nil
	}
	found := make([]bool, l.count)
	for i := range spans {
		l.meet(&spans[i], found)
	}
	return found
}

// meet notes the partitions that a range of keys meets.
func (l *level) meet(s *fragment.Span, found []bool) {
	if l.rule.Method == schema.PartitionByList {
		for _, key := range l.values {
			if bytes.Compare(key, s.Start) >= 0 && (s.End == nil || bytes.Compare(key, s.End) < 0) {
				found[l.places[string(key)]] = true
			}
		}
		return
	}
	for i := l.rangeOf(s.Start); i < l.count; i++ {
		found[i] = true
		if s.End != nil && bytes.Compare(l.bounds[i], s.End) >= 0 {
			return
		}
	}
}

// monotone are the functions that keep an order, and whether some dates have no value under them.
var monotone = map[string]bool{"year": false, "to_days": true, "to_seconds": true, "unix_timestamp": false}

// pruneMonotone finds the partitions of a range of a column through a function that keeps its order.
func (l *level) pruneMonotone(t *schema.Table, conds map[int][]*access.Cond, env *expr.Env) []bool {
	c, ok := l.expr.(*expr.Call)
	if !ok || len(c.Args()) != 1 {
		return nil
	}
	nulls, keeps := monotone[c.Name()]
	if _, bare := c.Args()[0].(*expr.Column); !keeps || !bare {
		return nil
	}
	pos := l.columns[0]
	lo, hi, ok := access.Range(conds[pos], &t.Columns[pos].Type, env)
	if !ok {
		return nil
	}
	first, last := 0, l.count-1
	row := make([]types.Value, len(t.Columns))
	at := func(v types.Value) (i int, ok bool) {
		row[pos] = v
		tuple, err := l.tuple(row)
		if err != nil || tuple[0].IsNull() {
			return 0, false
		}
		return l.rangeOf(l.key(tuple)), true
	}
	if !lo.IsNull() {
		if i, ok := at(lo); ok {
			first = i
		}
	}
	if !hi.IsNull() {
		if i, ok := at(hi); ok {
			last = min(i, last)
		}
	}
	found := make([]bool, l.count)
	for i := first; i <= last; i++ {
		found[i] = true
	}
	found[0] = found[0] || nulls
	return found
}

// pruneWalk enumerates a small range of integers.
func (l *level) pruneWalk(t *schema.Table, conds map[int][]*access.Cond, env *expr.Env) []bool {
	pos := l.columns[0]
	typ := &t.Columns[pos].Type
	lo, hi, ok := access.Range(conds[pos], typ, env)
	if !ok || typ.Class() != types.ClassInt || lo.Kind() != hi.Kind() || lo.IsNull() {
		return nil
	}
	n := hashed(hi) - hashed(lo)
	if typ.Unsigned != (lo.Kind() == types.KindUint) || n >= maxRangeWalk {
		return nil
	}
	var rows [][]types.Value
	for i := range n + 1 {
		row := make([]types.Value, len(t.Columns))
		row[pos] = types.Int(lo.Int() + int64(i)) //nolint:gosec // below maxRangeWalk
		if typ.Unsigned {
			row[pos] = types.Uint(lo.Uint() + i)
		}
		rows = append(rows, row)
	}
	return l.placesOf(rows)
}
