package expr

import (
	"math"
	"math/bits"

	"cloudsql/storage/types"
)

// ExactSum is how what a SUM or AVG adds up is computed from vectors of unscaled numbers, one row after the other in each.
type ExactSum struct{ x *exact }

// ExactSum gives it, if all that a adds up can be computed so.
func (a *Agg) ExactSum() (ExactSum, bool) {
	if a.Distinct || a.Name != "sum" && a.Name != "avg" || len(a.Args) != 1 {
		return ExactSum{}, false
	}
	t := a.Args[0].Type()
	x := exactOf(a.Args[0])
	if x == nil || numericClass(t) == types.ClassFloat || x.scale > scaleOf(t) {
		return ExactSum{}, false
	}
	return ExactSum{x}, true
}

// Scale is that of its results.
func (s ExactSum) Scale() int { return s.x.scale }

// Columns calls fn with the places and scales of the columns that it is computed from.
func (s ExactSum) Columns(fn func(place, scale int)) { s.x.columns(fn) }

func (x *exact) columns(fn func(place, scale int)) {
	switch {
	case x.op == exactColumn:
		fn(x.column, x.scale)
	case x.left != nil:
		x.left.columns(fn)
		x.right.columns(fn)
	}
}

// Eval computes n rows; column gives the numbers of a column. ok: nothing was too large, and no result is above largest. The result is the caller's
// to read until the next call, if it is not a column.
func (s ExactSum) Eval(n int, column func(place int) []int64) (result []int64, largest uint64, ok bool) {
	o, ok := s.x.vector(n, column)
	if !ok {
		return nil, 0, false
	}
	return o.fill(n), o.largest, true
}

// vectorOperand is the rows of an operand: each its own number, or all the same.
type vectorOperand struct {
	rows    []int64
	same    int64
	largest uint64 // absolute, of any row
}

func (o *vectorOperand) fill(n int) []int64 {
	if o.rows == nil {
		o.rows = make([]int64, n)
		for i := range o.rows {
			o.rows[i] = o.same
		}
	}
	return o.rows
}

func (x *exact) vector(n int, column func(place int) []int64) (o vectorOperand, ok bool) {
	switch x.op {
	case exactConst:
		return vectorOperand{same: x.unscaled, largest: absU(x.unscaled)}, true
	case exactColumn:
		o.rows = column(x.column)[:n]
		for _, v := range o.rows {
			o.largest = max(o.largest, absU(v))
		}
		return o, o.largest <= math.MaxInt64
	}
	a, ok := x.left.vector(n, column)
	if !ok {
		return o, false
	}
	b, ok := x.right.vector(n, column)
	if !ok {
		return o, false
	}
	if x.op == opMul {
		return multiplied(n, a, b)
	}
	if a, ok = a.scaled(n, x.leftUnit); !ok {
		return o, false
	}
	if b, ok = b.scaled(n, x.rightUnit); !ok {
		return o, false
	}
	return added(n, a, b, x.op == opSub)
}

// scaled is an operand times a constant.
func (o vectorOperand) scaled(n int, unit int64) (vectorOperand, bool) {
	if unit == 1 {
		return o, true
	}
	return multiplied(n, o, vectorOperand{same: unit, largest: absU(unit)})
}

// multiplied refuses where the product of the largest might not fit: rows are computed one by one then.
func multiplied(n int, a, b vectorOperand) (o vectorOperand, ok bool) {
	hi, lo := bits.Mul64(a.largest, b.largest)
	if hi != 0 || lo > math.MaxInt64 {
		return o, false
	}
	o.largest = lo
	if a.rows == nil {
		a, b = b, a
	}
	switch {
	case a.rows == nil:
		o.same = a.same * b.same
		return o, true
	case b.rows == nil:
		o.rows = make([]int64, n)
		for i, v := range a.rows[:n] {
			o.rows[i] = v * b.same
		}
		return o, true
	}
	o.rows = make([]int64, n)
	other := b.rows[:n]
	for i, v := range a.rows[:n] {
		o.rows[i] = v * other[i]
	}
	return o, true
}

func added(n int, a, b vectorOperand, subtracts bool) (o vectorOperand, ok bool) {
	o.largest = a.largest + b.largest
	if o.largest < a.largest || o.largest > math.MaxInt64 {
		return o, false
	}
	sign := int64(1)
	if subtracts {
		sign = -1
	}
	if a.rows == nil && b.rows == nil {
		o.same = a.same + sign*b.same
		return o, true
	}
	o.rows = make([]int64, n)
	switch {
	case a.rows == nil:
		for i, v := range b.rows[:n] {
			o.rows[i] = a.same + sign*v
		}
	case b.rows == nil:
		c := sign * b.same
		for i, v := range a.rows[:n] {
			o.rows[i] = v + c
		}
	default:
		other := b.rows[:n]
		for i, v := range a.rows[:n] {
			o.rows[i] = v + sign*other[i]
		}
	}
	return o, true
}
