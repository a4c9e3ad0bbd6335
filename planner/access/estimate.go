package access

import (
	"math"
	"slices"
	"strings"

	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
)

// Estimates. Where a table's statistics are known they tell which share of its rows a condition lets through; where not, the
// shape of the condition is all there is.

const (
	MinTableRows = 100 // small tables count as this many, so that plans do not change while they are filled
	SelEqual     = 0.02
	SelRange     = 1.0 / 3
	selBetween   = 0.1
	selLike      = 0.1
	SelOther     = 0.5
	EqDistinct   = 200 // values that a leading index column is thought to have, at least
	leastShare   = 1e-9
)

// Known is what is known of a table's rows, and of the constants that conditions compare them with.
type Known struct {
	*statistics.Table
	// Env is the mode, the time and the parameters of the execution that the plan is made for; others may have other ones.
	Env expr.Env
}

// KnownOf is what statistics tell a plan that is made under a mode and an environment; nil where there are none.
func KnownOf(s *statistics.Table, mode *types.Mode, env *expr.Env) *Known {
	if s == nil {
		return nil
	}
	k := &Known{Table: s, Env: expr.Env{Mode: *mode}}
	if env != nil {
		k.Env.Now, k.Env.System, k.Env.Params, k.Env.MaxPacket = env.Now, env.System, env.Params, env.MaxPacket
	}
	return k
}

// Eval is what an expression without columns comes to in the execution that the plan is made for; ok is false where only
// the execution can tell.
func (k *Known) Eval(e expr.Expr) (v types.Value, ok bool) {
	if c, is := e.(*expr.Const); is {
		return c.Val, true
	}
	if scalar.HasColumns(e) || expr.ClassOf(e) != expr.Pure {
		return types.Null, false
	}
	v, err := e.Eval(&k.Env, nil)
	return v, err == nil
}

// ExpectedRows is how many rows a table is expected to have, of which its shards tell rows; 0: they have not told yet.
func ExpectedRows(rows uint64, s *statistics.Table) float64 {
	switch {
	case s == nil:
		return math.Max(float64(rows), MinTableRows)
	case rows == 0:
		rows = s.Rows
	}
	return math.Max(float64(rows), 1)
}

// Selectivity is the share of rows that meet all of conds, of whatever tables.
func Selectivity(conds []expr.Expr) float64 { return selectivity(nil, conds) }

// Selectivity is the share of the table's rows that meet all of conds.
func (r *Table) Selectivity(conds []expr.Expr) float64 {
	if r.Known == nil {
		return selectivity(nil, conds)
	}
	s := 1.0
	var columns []int
	byColumn := map[int][]*Cond{}
	for _, c := range conds {
		if pos, rc := Match(c, r.Position, scalar.Fixed); rc != nil && r.column(pos) != nil && !hasOther(c) {
			if byColumn[pos] == nil {
				columns = append(columns, pos)
			}
			byColumn[pos] = append(byColumn[pos], rc)
			continue
		}
		s *= condSelectivity(r, c)
	}
	for _, pos := range columns {
		s *= r.share(pos, byColumn[pos])
	}
	return math.Max(s, leastShare)
}

// hasOther tells whether a condition says more than its Cond: an OR may.
func hasOther(e expr.Expr) bool { return scalar.AsCall(e, "or") != nil }

func selectivity(r *Table, conds []expr.Expr) float64 {
	s := 1.0
	for _, c := range conds {
		s *= condSelectivity(r, c)
	}
	return math.Max(s, leastShare)
}

// condSelectivity is the share of rows that meet one condition; r is nil, or a table of which something is known.
func condSelectivity(r *Table, e expr.Expr) float64 {
	c, ok := e.(*expr.Call)
	if !ok {
		if scalar.IsFalse(e) {
			return 0
		}
		if scalar.IsTrue(e) {
			return 1
		}
		return SelOther
	}
	switch c.Name() {
	case "=", "<=>", "is null":
		return SelEqual
	case "<", "<=", ">", ">=":
		return SelRange
	case "between":
		return selBetween
	case "like":
		return selLike
	case "in":
		return math.Min(SelEqual*float64(len(c.Args())-1), SelOther)
	case "is not null":
		return 0.9
	case "<>":
		return unequal(r, c)
	case "or":
		miss := 1.0
		for _, a := range c.Args() {
			miss *= 1 - partSelectivity(r, a)
		}
		return 1 - miss
	case "and":
		if r != nil {
			return r.Selectivity(c.Args())
		}
		return selectivity(nil, c.Args())
	case "not":
		return 1 - math.Min(partSelectivity(r, c.Args()[0]), 0.9)
	}
	return SelOther
}

func partSelectivity(r *Table, e expr.Expr) float64 {
	if r != nil {
		return r.Selectivity([]expr.Expr{e})
	}
	return condSelectivity(nil, e)
}

// unequal is the share of rows whose column is not a constant.
func unequal(r *Table, c *expr.Call) float64 {
	if r == nil {
		return 0.9
	}
	for i, a := range c.Args() {
		col, ok := a.(*expr.Column)
		if !ok || len(c.Args()) != 2 || !scalar.Fixed(c.Args()[1-i]) {
			continue
		}
		if pos := r.Position(col); pos >= 0 && r.column(pos) != nil {
			return math.Max(0, 1-r.column(pos).Nulls-r.equal(pos, c.Args()[1-i]))
		}
	}
	return 0.9
}

// column is what is known of a column; nil: nothing.
func (r *Table) column(pos int) *statistics.Column {
	if r.Known == nil {
		return nil
	}
	return r.Known.Column(r.Desc.Columns[pos].ID)
}

// Distinct is how many different values a column has; 0: nobody knows.
func (r *Table) Distinct(pos int) float64 {
	c := r.column(pos)
	if c == nil || c.Distinct == 0 {
		return 0
	}
	return r.Known.Distinct(c.Distinct, r.Rows)
}

// indexDistinct is how many different values the first n columns of an index have together; 0: nobody knows.
func (r *Table) indexDistinct(ix *schema.Index, n int) float64 {
	if r.Known == nil {
		return 0
	}
	if known := r.Known.Index(ix.ID); known != nil && n <= len(known.Distinct) && known.Distinct[n-1] > 0 {
		return r.Known.Distinct(known.Distinct[n-1], r.Rows)
	}
	return 0
}

// share is the share of rows for which all conditions on one column hold; something is known of it.
func (r *Table) share(pos int, list []*Cond) float64 {
	c := r.column(pos)
	lo, hi, others, ranged := 0.0, 1-c.Nulls, 1.0, false
	var add func(list []*Cond)
	add = func(list []*Cond) {
		for _, rc := range list {
			switch rc.Op {
			case RangeEq, rangeNullEq:
				others = math.Min(others, r.equal(pos, rc.Values[0]))
			case rangeIn:
				sum := 0.0
				for _, v := range rc.Values {
					sum += r.equal(pos, v)
				}
				others = math.Min(others, math.Min(sum, 1-c.Nulls))
			case rangeNull:
				others = math.Min(others, c.Nulls)
			case rangeNotNull:
				ranged = true
			case rangeLess, rangeLessEq, rangeGreater, rangeGreaterEq, rangeBetween, rangeLike:
				from, to, ok := r.between(pos, rc)
				if !ok {
					others *= guessed(rc)
					continue
				}
				lo, hi, ranged = math.Max(lo, from), math.Min(hi, to), true
			case rangeOr:
				sum := 0.0
				for _, s := range rc.subs {
					sum += r.share(pos, []*Cond{s})
				}
				others *= math.Min(1, sum)
			case rangeAnd:
				add(rc.subs)
			}
		}
	}
	add(list)
	if ranged {
		others *= math.Max(hi-lo, 0)
	}
	return math.Max(math.Min(others, 1), 1/math.Max(r.Rows, 1))
}

// equal is the share of rows with a value. A constant is looked up in the histogram; for a parameter any value is as likely as
// another, since the plan will be used for others.
func (r *Table) equal(pos int, e expr.Expr) float64 {
	c := r.column(pos)
	share := SelEqual
	if d := r.Distinct(pos); d > 0 {
		share = (1 - c.Nulls) / d
	}
	if _, constant := e.(*expr.Const); !constant {
		return share
	}
	v, ok := r.value(pos, e)
	if !ok {
		return share
	}
	if v.IsNull() {
		return 0
	}
	if _, at, ok := c.Histogram.Below(v, r.Desc.Columns[pos].Type.Collation); ok {
		return at
	}
	return share
}

// value is what an expression without columns comes to now, as a value of a column; or near one.
func (r *Table) value(pos int, e expr.Expr) (types.Value, bool) {
	v, ok := r.Known.Eval(e)
	if !ok || v.IsNull() {
		return v, ok
	}
	lo, _, fit := Bounds(v, &r.Desc.Columns[pos].Type, &r.Known.Env.Mode)
	return lo, fit != Unknown
}

// Below is the share of all rows whose value of a column is below what an expression without columns comes to, and at it.
func (r *Table) Below(pos int, e expr.Expr) (below, at float64, ok bool) {
	c := r.column(pos)
	if c == nil {
		return 0, 0, false
	}
	v, ok := r.value(pos, e)
	if !ok {
		return 0, 0, false
	}
	return c.Histogram.Below(v, r.Desc.Columns[pos].Type.Collation)
}

// Moments are the mean and the variance of a column of numbers, and the share of NULLs.
func (r *Table) Moments(pos int) (mean, variance, nulls float64, ok bool) {
	c := r.column(pos)
	if c == nil {
		return 0, 0, 0, false
	}
	mean, variance, ok = c.Histogram.Moments()
	return mean, variance, c.Nulls, ok
}

// between is where a range begins and ends among a column's rows, as shares of all rows in order, those with NULL last.
func (r *Table) between(pos int, rc *Cond) (from, to float64, ok bool) {
	c := r.column(pos)
	to = 1 - c.Nulls
	if rc.Op == rangeLike {
		return r.betweenLike(pos, rc)
	}
	below, at, ok := r.Below(pos, rc.Values[0])
	if !ok {
		return 0, 0, false
	}
	switch rc.Op {
	case rangeLess:
		to = below
	case rangeLessEq:
		to = below + at
	case rangeGreater:
		from = below + at
	case rangeGreaterEq:
		from = below
	case rangeBetween:
		from = below
		if below, at, ok = r.Below(pos, rc.Values[1]); !ok {
			return 0, 0, false
		}
		to = below + at
	}
	return from, to, true
}

// last is behind all strings that begin with what is before it.
const last = "\U0010FFFF\U0010FFFF"

// betweenLike is where strings of a pattern lie that begins with something.
func (r *Table) betweenLike(pos int, rc *Cond) (from, to float64, ok bool) {
	v, ok := r.value(pos, rc.Values[0])
	if !ok || v.IsNull() {
		return 0, 0, false
	}
	head := string(v.Raw())
	if i := strings.IndexAny(head, `%_\`); i >= 0 {
		head = head[:i]
	}
	if head == "" {
		return 0, 0, false
	}
	c, coll := r.column(pos), r.Desc.Columns[pos].Type.Collation
	low, high := types.Str(head), types.Str(head+last)
	if v.Kind() == types.KindBytes {
		low, high = types.Bytes([]byte(head)), types.Bytes([]byte(head+"\xff\xff"))
	}
	if from, _, ok = c.Histogram.Below(low, coll); !ok {
		return 0, 0, false
	}
	to, at, ok := c.Histogram.Below(high, coll)
	return from, to + at, ok
}

// guessed is the share of rows in a range of which nothing is known.
func guessed(rc *Cond) float64 {
	switch rc.Op {
	case rangeBetween:
		return selBetween
	case rangeLike:
		return selLike
	case rangeNotNull:
		return 0.9
	case rangeOr:
		return math.Min(0.5, selBetween*float64(len(rc.subs)))
	}
	return SelRange
}

// rangeShare estimates the share of rows that conditions on the i-th column of an index let through, of those that the columns
// before it have left. single: those have one value each.
func (r *Table) rangeShare(list []*Cond, points, i int, ix *schema.Index, single bool) float64 {
	pos := ix.Columns[i].Column
	if i > 0 && points > 0 && single {
		if all, before := r.indexDistinct(ix, i+1), r.indexDistinct(ix, i); all > 0 && before > 0 {
			return math.Min(1, float64(points)*before/all)
		}
	}
	if r.column(pos) != nil {
		return r.share(pos, list)
	}
	if points > 0 {
		return math.Min(1, float64(points)/guessDistinct(i, ix, r.Rows))
	}
	share := 1.0
	for _, rc := range list {
		share *= guessed(rc)
	}
	return share
}

// PointShare is the share of rows with one value of the i-th column of an index, of those with one value each of the columns
// before it.
func (r *Table) PointShare(i int, ix *schema.Index) float64 {
	if all := r.indexDistinct(ix, i+1); all > 0 && i == 0 {
		return 1 / all
	} else if all > 0 {
		if before := r.indexDistinct(ix, i); before > 0 {
			return math.Min(1, before/all)
		}
	}
	if d := r.Distinct(ix.Columns[i].Column); d > 0 {
		return 1 / d
	}
	return math.Min(1, 1/guessDistinct(i, ix, r.Rows))
}

// guessDistinct is how many values the i-th column of an index is thought to have, of whose table nothing is known but its rows.
func guessDistinct(i int, ix *schema.Index, total float64) float64 {
	if ix.IsUnique() || ix.ID == schema.PrimaryIndex {
		return uniqueDistinct(total, i, len(ix.Columns))
	}
	return math.Min(total, EqDistinct)
}

// DistinctOrGuess is how many values a column has, or is thought to have.
func (r *Table) DistinctOrGuess(pos int) float64 {
	if d := r.Distinct(pos); d > 0 {
		return d
	}
	most := 1 / SelEqual
	for i := range r.Desc.Indexes {
		if ix := &r.Desc.Indexes[i]; ix.Columns[0].Column == pos {
			most = math.Max(most, 1/r.PointShare(0, ix))
		}
	}
	return math.Min(most, math.Max(r.Rows, 1))
}

// firstColumnPower is how much of a unique key of several columns the first one is thought to tell.
const firstColumnPower = 0.8

// uniqueDistinct is how many values the i-th of n columns of a unique key has for each value of those before it.
func uniqueDistinct(total float64, i, n int) float64 {
	power := 1.0
	if n > 1 {
		power = firstColumnPower
		if i > 0 {
			power = (1 - firstColumnPower) / float64(n-1)
		}
	}
	return math.Max(1, math.Pow(total, power))
}

// Side is one of the relations that a condition is on.
type Side struct {
	Columns scalar.ColSet
	Table   *Table // nil: nothing is known of it
}

// share is the share of the side's rows that meet the terms on it alone; own tells whether there are any.
func (s *Side) share(terms []expr.Expr) (share float64, own bool) {
	var mine []expr.Expr
	for _, t := range terms {
		if scalar.HasColumns(t) && s.Columns.Covers(t) {
			mine = append(mine, t)
		}
	}
	if s.Table == nil {
		return Selectivity(mine), mine != nil
	}
	return s.Table.Selectivity(mine), mine != nil
}

// OrShare is the share of pairs of rows that a condition on several relations lets through. What an OR says of each of them alone has
// been tested on their rows before (scalar.ImpliedBy): of FRANCE and GERMANY beside FRANCE and GERMANY, half of the pairs are of different
// ones.
func OrShare(e expr.Expr, sides []Side) float64 {
	or := scalar.AsCall(e, "or")
	if or == nil {
		return Selectivity([]expr.Expr{e})
	}
	miss := 1.0
	for _, branch := range or.Args() {
		terms := scalar.Split(nil, branch)
		share, rest := 1.0, terms
		for i := range sides {
			s := &sides[i]
			part, own := s.share(terms)
			if !own {
				continue
			}
			if before := scalar.ImpliedBy(e, s.Columns); before != nil {
				tested, _ := s.share([]expr.Expr{before})
				part = math.Min(1, part/tested)
			}
			share *= part
			rest = slices.DeleteFunc(slices.Clone(rest), s.Columns.Covers)
		}
		miss *= 1 - share*Selectivity(rest)
	}
	return math.Max(1-miss, leastShare)
}
