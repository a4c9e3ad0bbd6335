package expr

import (
	"math"
	"math/bits"

	"cloudsql/storage/types"
)

// exact is a sum or product of DECIMALs and integers whose scale is known beforehand, so that a row's value is computed with int64s.
// It gives what the general way (arithSmallDecimals) gives, or leaves it to that.
type exact struct {
	op          int // opAdd, opSub, opMul, exactColumn or exactConst
	scale       int
	column      int
	unscaled    int64 // of a constant
	left, right *exact
	leftUnit    int64 // of a sum: what brings the operands to its scale
	rightUnit   int64
}

const (
	exactColumn = -1 - iota
	exactConst
)

// outcome is what came of computing an exact.
type outcome uint8

const (
	computed outcome = iota
	isNull
	beyond // too many digits, or of another kind or scale than was foreseen
)

// exactOf is how e is computed; nil: not so.
func exactOf(e Expr) *exact {
	switch e := e.(type) {
	case *Column:
		if cl := e.Typ.Class(); cl == types.ClassDecimal || cl == types.ClassInt && !e.Typ.Unsigned {
			return &exact{op: exactColumn, column: e.Index, scale: scaleOf(&e.Typ)}
		}
	case *Const:
		if u, scale, ok := e.Val.Small(); ok {
			return &exact{op: exactConst, unscaled: u, scale: scale}
		}
	case *Call:
		return e.exact
	}
	return nil
}

// exactCall is how a call of +, - or * is computed whose result is a DECIMAL.
func exactCall(c *Call) *exact {
	if c.typ.Class() != types.ClassDecimal || c.op != opAdd && c.op != opSub && c.op != opMul {
		return nil
	}
	l, r := exactOf(c.args[0]), exactOf(c.args[1])
	if l == nil || r == nil {
		return nil
	}
	x := &exact{op: c.op, left: l, right: r}
	if c.op == opMul {
		x.scale = l.scale + r.scale
		if x.scale > maxScale {
			return nil
		}
		return x
	}
	x.scale = max(l.scale, r.scale)
	var ok, also bool
	x.leftUnit, ok = scaleUp(1, x.scale-l.scale)
	x.rightUnit, also = scaleUp(1, x.scale-r.scale)
	if !ok || !also {
		return nil
	}
	return x
}

// eval gives the unscaled number.
func (x *exact) eval(row []types.Value) (int64, outcome) {
	switch x.op {
	case exactConst:
		return x.unscaled, computed
	case exactColumn:
		v := &row[x.column]
		u, scale, ok := v.Small()
		switch {
		case ok && scale == x.scale:
			return u, computed
		case v.IsNull():
			return 0, isNull
		}
		return 0, beyond
	}
	a, o := x.left.eval(row)
	if o != computed {
		return 0, o
	}
	b, o := x.right.eval(row)
	if o != computed {
		return 0, o
	}
	if x.op == opMul {
		return multiply(a, b)
	}
	return x.add(a, b)
}

func multiply(a, b int64) (int64, outcome) {
	hi, lo := bits.Mul64(absU(a), absU(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, beyond
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), computed
	}
	return int64(lo), computed
}

func (x *exact) add(a, b int64) (int64, outcome) {
	a, o := multiply(a, x.leftUnit)
	b, also := multiply(b, x.rightUnit)
	if o != computed || also != computed {
		return 0, beyond
	}
	if x.op == opSub {
		b = -b
	}
	s := a + b
	if (s > a) != (b > 0) || s == math.MinInt64 {
		return 0, beyond
	}
	return s, computed
}

// evalExact computes a call in the short way where that goes.
func evalExact(c *Call, env *Env, row []types.Value) (types.Value, error) {
	switch u, o := c.exact.eval(row); o {
	case computed:
		return types.DecSmall(u, c.exact.scale), nil
	case isNull:
		return types.Null, nil
	}
	return evalStrict2(c, env, row)
}
