package expr

import (
	"math"
	"math/bits"

	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/types"
)

// Arithmetic of exact numbers with a fraction.

func arithDecimals(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	if v, ok := arithSmallDecimals(c, a, b); ok {
		return v, nil
	}
	x, y := a.ToDecimal(env.Warn), b.ToDecimal(env.Warn)
	var r decimal.Decimal
	switch c.op {
	case opAdd:
		r = x.Add(y)
	case opSub:
		r = x.Sub(y)
	case opMul:
		r = limitScale(x.Mul(y))
	case opDiv:
		if y.IsZero() {
			return divisionByZero(env)
		}
		r = limitScale(quotient(x, y, c.increment()))
	case opMod:
		if y.IsZero() {
			return divisionByZero(env)
		}
		_, r = x.QuoRem(y, 0)
	}
	return decimalResult(c, env, r)
}

// maxInnerScale bounds the digits behind the point of intermediate results, which keep more than their type shows.
const maxInnerScale = 36

func limitScale(d decimal.Decimal) decimal.Decimal {
	if -d.Exponent() > maxInnerScale {
		return d.Round(maxInnerScale)
	}
	return d
}

// quotientScale is how many digits behind the point MySQL computes of a quotient: in groups of nine, at least
// div_precision_increment more than the operands have. The result's type shows fewer; what follows in an expression
// sees all, so that 1/3*3 is 1.0000.
func quotientScale(s1, s2, inc int) int {
	f1, f2 := nines(s1), nines(s2)
	return nines(f1 + f2 + max(inc-(f1-s1)-(f2-s2), 0))
}

func nines(digits int) int { return (digits + 8) / 9 * 9 }

// quotient is x / y, y not zero.
func quotient(x, y decimal.Decimal, inc int) decimal.Decimal {
	q, _ := x.QuoRem(y, int32(quotientScale(int(-x.Exponent()), int(-y.Exponent()), inc)))
	return q
}

// smallQuotient divides unscaled numbers where all fits 128 bits.
func smallQuotient(ua int64, sa int, ub int64, sb, inc int) (types.Value, bool) {
	scale := quotientScale(sa, sb, inc)
	shift := scale - sa + sb
	if ub == 0 || shift < 0 || shift > 18 || scale > maxScale {
		return types.Null, false
	}
	unit, _ := scaleUp(1, shift)
	hi, lo := bits.Mul64(absU(ua), uint64(unit))
	d := absU(ub)
	if hi >= d {
		return types.Null, false
	}
	q, _ := bits.Div64(hi, lo, d)
	if q > math.MaxInt64 {
		return types.Null, false
	}
	if (ua < 0) != (ub < 0) {
		return types.DecSmall(-int64(q), scale), true
	}
	return types.DecSmall(int64(q), scale), true
}

var maxDecimal, _ = decimal.NewFromString("1e65")

func decimalResult(c *Call, env *Env, r decimal.Decimal) (types.Value, error) {
	if r.CmpAbs(maxDecimal) >= 0 {
		return types.Null, outOfRange("DECIMAL", c, env)
	}
	return types.Dec(r), nil
}

// arithSmallDecimals adds, subtracts, multiplies and divides decimals and integers whose unscaled value fits an int64
// without a big number.
func arithSmallDecimals(c *Call, a, b types.Value) (types.Value, bool) {
	ua, sa, ok := smallDecimal(a)
	if !ok {
		return types.Null, false
	}
	ub, sb, ok := smallDecimal(b)
	if !ok {
		return types.Null, false
	}
	switch c.op {
	case opDiv:
		return smallQuotient(ua, sa, ub, sb, c.increment())
	case opMul:
		hi, lo := bits.Mul64(absU(ua), absU(ub))
		if hi != 0 || lo > math.MaxInt64 || sa+sb > maxScale {
			return types.Null, false
		}
		r := int64(lo)
		if (ua < 0) != (ub < 0) {
			r = -r
		}
		return types.DecSmall(r, sa+sb), true
	case opAdd, opSub:
		if c.op == opSub {
			ub = -ub
		}
		if sa < sb {
			ua, ub, sa, sb = ub, ua, sb, sa
		}
		ub, ok = scaleUp(ub, sa-sb)
		if s := ua + ub; ok && (s > ua) == (ub > 0) {
			return types.DecSmall(s, sa), true
		}
	}
	return types.Null, false
}

// smallDecimal is v as unscaled * 10^-scale where that fits 63 bits.
func smallDecimal(v types.Value) (unscaled int64, scale int, ok bool) {
	switch v.Kind() {
	case types.KindInt:
		return v.Int(), 0, v.Int() != math.MinInt64
	case types.KindUint:
		return v.Int(), 0, v.Uint() <= math.MaxInt64
	case types.KindDecimal:
		unscaled, ok = v.SmallDecimal()
		return unscaled, v.Scale(), ok && unscaled != math.MinInt64
	}
	return 0, 0, false
}

func scaleUp(u int64, digits int) (int64, bool) {
	for ; digits > 0; digits-- {
		if u > math.MaxInt64/10 || u < -(math.MaxInt64/10) {
			return 0, false
		}
		u *= 10
	}
	return u, true
}

func absU(i int64) uint64 {
	if i < 0 {
		return uint64(-i)
	}
	return uint64(i)
}
