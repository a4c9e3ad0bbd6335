package shard

import (
	"math"
	"math/bits"

	"cloudsql/storage/columnar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// columnAggregation computes the aggregates of a block's rows as vectors, and merges them into the aggregation's states as the gateway merges those
// of tablets. It does nothing, and the rows go one by one, where a number might not fit.
type columnAggregation struct {
	spec   *fragment.Aggregate
	groups []int // places of the columns that rows are grouped by
	aggs   []columnAgg

	// Of the rows that are being aggregated.
	of      []int32 // group of each
	first   []int32 // a row of each group, -1: none
	order   []int32 // groups in the order of their first rows
	counts  []int64
	vectors map[int]*columnVector // by place
	partial []types.Value
}

// columnAgg is one of the aggregates.
type columnAgg struct {
	sum    expr.ExactSum
	place  int // the column that COUNT, MIN or MAX look at; -1: none
	kind   columnAggKind
	counts []int64 // of rows that are not NULL, by group
	totals []int64 // sums, or least or greatest numbers, by group
	shape  types.Value
}

type columnAggKind uint8

const (
	countAgg columnAggKind = iota
	sumAgg
	minAgg
	maxAgg
)

// columnVector is the numbers that a column has in the rows that are being aggregated.
type columnVector struct {
	numbers []int64
	nulls   []bool // nil: none is NULL
	shape   types.Value
}

// maxColumnGroups bounds the combinations of values that rows may be grouped by.
const maxColumnGroups = 1 << 12

// newColumnAggregation is how a fragment's aggregates are computed as vectors; nil: they are not.
func newColumnAggregation(spec *fragment.Aggregate) *columnAggregation {
	a := &columnAggregation{spec: spec, aggs: make([]columnAgg, len(spec.Aggs))}
	for _, e := range spec.GroupBy {
		c, ok := e.(*expr.Column)
		if !ok {
			return nil
		}
		a.groups = append(a.groups, c.Index)
	}
	for i, agg := range spec.Aggs {
		if !a.aggs[i].prepare(agg) {
			return nil
		}
	}
	return a
}

func (g *columnAgg) prepare(agg *expr.Agg) (ok bool) {
	g.place = -1
	if agg.Distinct {
		return false
	}
	var column *expr.Column
	if len(agg.Args) == 1 {
		column, _ = agg.Args[0].(*expr.Column)
	}
	if column != nil {
		g.place = column.Index
	}
	switch agg.Name {
	case "count":
		g.kind = countAgg
		return len(agg.Args) == 0 || column != nil
	case "sum", "avg":
		g.kind = sumAgg
		g.sum, ok = agg.ExactSum()
		return ok
	case "min", "max":
		if g.kind = minAgg; agg.Name == "max" {
			g.kind = maxAgg
		}
		return column != nil && ordinal(column.Typ.Class())
	}
	return false
}

// ordinal tells whether values of a class are in the order of their numbers, shown in whatever time zone.
func ordinal(c types.Class) bool {
	return c == types.ClassInt || c == types.ClassDecimal || c == types.ClassDate || c == types.ClassDatetime || c == types.ClassTime
}

// run aggregates rows of the scan's block, and the changed ones between them. did: it has; nothing was done otherwise.
func (a *columnAggregation) run(cs *columnScan, picked []int32, changed []changedRow) (did bool, err error) {
	if !a.group(cs, picked) {
		return false, nil
	}
	a.vectors = map[int]*columnVector{}
	for i := range a.aggs {
		if !a.aggs[i].add(a, cs, picked) {
			return false, nil
		}
	}
	return true, a.merge(cs, changed)
}

// group finds the group of each row by the codes of the columns' dictionaries.
func (a *columnAggregation) group(cs *columnScan, picked []int32) bool {
	total := 1
	for _, place := range a.groups {
		c := cs.columns[place]
		if c.Codes == nil {
			return false
		}
		if total *= len(c.Dict); total > maxColumnGroups {
			return false
		}
	}
	a.of = zeroed(a.of, len(picked))
	for _, place := range a.groups {
		c := cs.columns[place]
		n := int32(len(c.Dict)) //nolint:gosec // at most maxColumnGroups
		for i, p := range picked {
			a.of[i] = a.of[i]*n + int32(c.Codes[p])
		}
	}
	a.first, a.order = resize(a.first, total), a.order[:0]
	for g := range a.first {
		a.first[g] = -1
	}
	a.counts = zeroed(a.counts, total)
	for i, g := range a.of {
		if a.counts[g]++; a.first[g] < 0 {
			a.first[g] = picked[i]
			a.order = append(a.order, g)
		}
	}
	return true
}

func zeroed[T any](s []T, n int) []T {
	s = resize(s, n)
	clear(s)
	return s
}

// add aggregates the rows. false: that does not go with vectors.
func (g *columnAgg) add(a *columnAggregation, cs *columnScan, picked []int32) bool {
	groups := len(a.first)
	switch g.kind {
	case countAgg:
		return g.count(a, cs, picked)
	case sumAgg:
		return g.sums(a, cs, picked)
	case minAgg, maxAgg:
	}
	v := a.vector(cs, g.place, picked)
	if v == nil || v.shape.Kind() == types.KindTimestamp { // shown in local time, they may be in another order
		return false
	}
	g.shape = v.shape
	g.counts, g.totals = zeroed(g.counts, groups), zeroed(g.totals, groups)
	unsigned := unsignedKind(v.shape.Kind())
	for i, group := range a.of {
		if v.nulls != nil && v.nulls[i] {
			continue
		}
		n := v.numbers[i]
		if g.counts[group]++; g.counts[group] == 1 || less(n, g.totals[group], unsigned) == (g.kind == minAgg) {
			g.totals[group] = n
		}
	}
	return true
}

func unsignedKind(k types.Kind) bool {
	return k == types.KindUint || k == types.KindDate || k == types.KindDatetime || k == types.KindBit
}

func less(a, b int64, unsigned bool) bool {
	if unsigned {
		return uint64(a) < uint64(b) //nolint:gosec // the same bits
	}
	return a < b
}

func (g *columnAgg) count(a *columnAggregation, cs *columnScan, picked []int32) bool {
	g.counts = append(g.counts[:0], a.counts...)
	if g.place < 0 {
		return true
	}
	c := cs.columns[g.place]
	switch {
	case c.Codes != nil:
		for i, p := range picked {
			if c.Dict[c.Codes[p]].IsNull() {
				g.counts[a.of[i]]--
			}
		}
	case c.Words != nil:
		for i, p := range picked {
			if c.IsNull(int(p)) {
				g.counts[a.of[i]]--
			}
		}
	default:
		return false
	}
	return true
}

// sums adds up numbers, if no sum of any of them can be too large.
func (g *columnAgg) sums(a *columnAggregation, cs *columnScan, picked []int32) bool {
	fits := true
	var nulls [][]bool
	g.sum.Columns(func(place, scale int) {
		v := a.vector(cs, place, picked)
		if v == nil || !exactly(v.shape, scale) {
			fits = false
		} else if v.nulls != nil {
			nulls = append(nulls, v.nulls)
		}
	})
	if !fits {
		return false
	}
	n := len(picked)
	rows, largest, ok := g.sum.Eval(n, func(place int) []int64 { return a.vectors[place].numbers })
	if hi, lo := bits.Mul64(largest, uint64(n)); !ok || hi != 0 || lo > math.MaxInt64 {
		return false
	}
	g.counts, g.totals = append(g.counts[:0], a.counts...), zeroed(g.totals, len(a.first))
	for i, group := range a.of {
		g.totals[group] += rows[i]
	}
	if len(nulls) == 0 {
		return true
	}
	for i, group := range a.of {
		for _, list := range nulls {
			if list[i] {
				g.counts[group]--
				g.totals[group] -= rows[i]
				break
			}
		}
	}
	return true
}

// exactly tells whether values of a shape are numbers of a scale. NULL: there are none of them.
func exactly(shape types.Value, scale int) bool {
	switch shape.Kind() {
	case types.KindInt:
		return scale == 0
	case types.KindDecimal:
		return shape.Scale() == scale
	}
	return false
}

// vector gathers a column's numbers in the rows that are aggregated; nil: its values are not numbers of one shape.
func (a *columnAggregation) vector(cs *columnScan, place int, picked []int32) *columnVector {
	if v, ok := a.vectors[place]; ok {
		return v
	}
	v := &columnVector{numbers: make([]int64, len(picked))}
	switch c := cs.columns[place]; {
	case c.Codes != nil && !v.codes(c, picked), c.Codes == nil && c.Words == nil:
		v = nil
	case c.Words != nil:
		v.words(c, picked)
	}
	a.vectors[place] = v
	return v
}

func (v *columnVector) words(c *columnar.Column, picked []int32) {
	v.shape = c.Shape
	for i, p := range picked {
		v.numbers[i] = c.Words[p]
	}
	if c.Nulls == nil {
		return
	}
	v.nulls = make([]bool, len(picked))
	for i, p := range picked {
		v.nulls[i] = c.IsNull(int(p))
	}
}

func (v *columnVector) codes(c *columnar.Column, picked []int32) bool {
	numbers, null := make([]int64, len(c.Dict)), -1
	for code, value := range c.Dict {
		if value.IsNull() {
			null = code
			continue
		}
		w, ok := value.Word()
		if !ok || !v.shape.IsNull() && !value.SameShape(v.shape) {
			return false
		}
		numbers[code], v.shape = int64(w), value //nolint:gosec // the same bits
	}
	if v.shape.IsNull() {
		return false
	}
	for i, p := range picked {
		v.numbers[i] = numbers[c.Codes[p]]
	}
	if null >= 0 {
		v.nulls = make([]bool, len(picked))
		for i, p := range picked {
			v.nulls[i] = int(c.Codes[p]) == null
		}
	}
	return true
}

// merge brings what was aggregated into the states of the groups. Which of equal values a group shows depends on which came first: groups come
// in the order of their first rows, and changed rows where they stand among those.
func (a *columnAggregation) merge(cs *columnScan, changed []changedRow) error {
	var last *aggregationGroup
	for _, g := range a.order {
		for len(changed) > 0 && changed[0].at <= int(a.first[g]) {
			if _, err := cs.emitChanged(&changed[0]); err != nil {
				return err
			}
			changed = changed[1:]
		}
		var err error
		if last, err = a.mergeGroup(cs, g); err != nil {
			return err
		}
	}
	for i := range changed {
		if _, err := cs.emitChanged(&changed[i]); err != nil {
			return err
		}
	}
	return cs.rd.agg.account(last)
}

func (a *columnAggregation) mergeGroup(cs *columnScan, g int32) (*aggregationGroup, error) {
	rd := cs.rd
	for _, place := range a.groups {
		if err := cs.value(cs.columns[place], int(a.first[g]), &rd.row[place]); err != nil {
			return nil, err
		}
	}
	group, err := rd.agg.group(&rd.env, rd.row)
	if err != nil {
		return nil, err
	}
	for i := range a.aggs {
		a.partial = a.aggs[i].append(a.partial[:0], g)
		if err := group.states[i].Merge(a.partial); err != nil {
			return nil, mysqlerr.From(err)
		}
	}
	return group, nil
}

// append appends what AppendPartial of a state that had the group's rows would.
func (g *columnAgg) append(dst []types.Value, group int32) []types.Value {
	n := g.counts[group]
	switch g.kind {
	case countAgg:
		return append(dst, types.Int(n))
	case sumAgg:
		return append(dst, types.Int(n), types.DecSmall(g.totals[group], g.sum.Scale()))
	case minAgg, maxAgg:
	}
	if n == 0 {
		return append(dst, types.Null)
	}
	return append(dst, g.shape.WithWord(uint64(g.totals[group]))) //nolint:gosec // the same bits
}
