package expr

import (
	"math"
	"math/rand/v2"

	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/libm"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

const (
	opCeil = iota
	opFloor
	opRound
	opTruncate
)

var mathDefs = []def{
	{name: "abs", min: 1, max: 1, typ: typeAbs, f1: abs},
	{name: "sign", min: 1, max: 1, typ: typeIntLen(2), f1: signFn},
	{name: "ceiling", alias: []string{"ceil"}, min: 1, max: 1, op: opCeil, typ: typeIntegral, f1: integral},
	{name: "floor", min: 1, max: 1, op: opFloor, typ: typeIntegral, f1: integral},
	{name: "round", min: 1, max: 2, op: opRound, typ: typeRound, fn: round},
	{name: "truncate", min: 2, max: 2, op: opTruncate, typ: typeRound, fn: round},
	{name: "pow", alias: []string{"power"}, min: 2, max: 2, typ: typeDouble, f2: func(c *Call, env *Env, a, b types.Value) (types.Value, error) {
		return finite(c, env, of(env, libm.Pow, math.Pow)(a.ToFloat(env.Warn), b.ToFloat(env.Warn)))
	}},
	{name: "sqrt", min: 1, max: 1, typ: typeDouble, f1: floatFn(math.Sqrt, math.Sqrt)},
	{name: "exp", min: 1, max: 1, typ: typeDouble, f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		return finite(c, env, of(env, libm.Exp, math.Exp)(a.ToFloat(env.Warn)))
	}},
	{name: "ln", min: 1, max: 1, typ: typeDouble, f1: logFn(libm.Log, math.Log)},
	{name: "log", min: 1, max: 2, typ: typeDouble, f1: logFn(libm.Log, math.Log), f2: logBase},
	{name: "log2", min: 1, max: 1, typ: typeDouble, f1: logFn(libm.Log2, math.Log2)},
	{name: "log10", min: 1, max: 1, typ: typeDouble, f1: logFn(libm.Log10, math.Log10)},
	{name: "sin", min: 1, max: 1, typ: typeDouble, f1: floatFn(libm.Sin, math.Sin)},
	{name: "cos", min: 1, max: 1, typ: typeDouble, f1: floatFn(libm.Cos, math.Cos)},
	{name: "tan", min: 1, max: 1, typ: typeDouble, f1: floatFn(libm.Tan, math.Tan)},
	{name: "cot", min: 1, max: 1, typ: typeDouble, f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		return finite(c, env, 1/of(env, libm.Tan, math.Tan)(a.ToFloat(env.Warn)))
	}},
	{name: "asin", min: 1, max: 1, typ: typeDouble, f1: floatFn(libm.Asin, math.Asin)},
	{name: "acos", min: 1, max: 1, typ: typeDouble, f1: floatFn(libm.Acos, math.Acos)},
	{name: "atan", alias: []string{"atan2"}, min: 1, max: 2, typ: typeDouble, f1: floatFn(libm.Atan, math.Atan),
		f2: func(c *Call, env *Env, a, b types.Value) (types.Value, error) {
			return finite(c, env, of(env, libm.Atan2, math.Atan2)(a.ToFloat(env.Warn), b.ToFloat(env.Warn)))
		}},
	{name: "degrees", min: 1, max: 1, typ: typeDouble, f1: scaled(180 / math.Pi)},
	{name: "radians", min: 1, max: 1, typ: typeDouble, f1: scaled(math.Pi / 180)},
	{name: "pi", min: 0, max: 0, typ: func(c *Call) error {
		c.typ = types.TypeDouble
		c.typ.Length, c.typ.Decimals = 8, 6
		return nil
	}, f0: func(*Call, *Env) (types.Value, error) { return types.Float(math.Pi), nil }},
	{name: "rand", min: 0, max: 1, class: Volatile, typ: typeDouble, ev: evalRand},
}

func typeDouble(c *Call) error { c.typ = types.TypeDouble; return nil }

// floatFn is a function of one double that is NULL outside of its domain.
// of is the function that entries of version 1 were computed with, or the present one.
func of[F any](env *Env, now, then F) F {
	if env.Mode.Legacy {
		return then
	}
	return now
}

func scaled(by float64) func(*Call, *Env, types.Value) (types.Value, error) {
	f := func(x float64) float64 { return x * by }
	return floatFn(f, f)
}

func floatFn(now, then func(float64) float64) func(*Call, *Env, types.Value) (types.Value, error) {
	return func(c *Call, env *Env, a types.Value) (types.Value, error) {
		r := of(env, now, then)(a.ToFloat(env.Warn))
		if math.IsNaN(r) {
			return types.Null, nil
		}
		return finite(c, env, r)
	}
}

func logFn(now, then func(float64) float64) func(*Call, *Env, types.Value) (types.Value, error) {
	return func(c *Call, env *Env, a types.Value) (types.Value, error) {
		x := a.ToFloat(env.Warn)
		if x <= 0 {
			return badLogarithm(env)
		}
		return finite(c, env, of(env, now, then)(x))
	}
}

func badLogarithm(env *Env) (types.Value, error) {
	env.warnf(mysqlerr.InvalidArgumentForLogarithm, "Invalid argument for logarithm")
	return types.Null, nil
}

func logBase(c *Call, env *Env, b, a types.Value) (types.Value, error) {
	base, x := b.ToFloat(env.Warn), a.ToFloat(env.Warn)
	if base <= 0 || base == 1 || x <= 0 {
		return badLogarithm(env)
	}
	log := of(env, libm.Log, math.Log)
	return finite(c, env, log(x)/log(base))
}

func typeAbs(c *Call) error {
	t := c.args[0].Type()
	switch singleClass(t) {
	case types.ClassFloat:
		c.typ = doubleType(decimalsOf(t))
	case types.ClassDecimal:
		c.typ = decimalType(intDigits(t)+scaleOf(t), scaleOf(t))
	default:
		c.typ = intType(max(charLen(t), 1), isUnsigned(t))
	}
	return nil
}

func abs(c *Call, env *Env, a types.Value) (types.Value, error) {
	switch c.typ.Class() {
	case types.ClassFloat:
		return types.Float(math.Abs(a.ToFloat(env.Warn))), nil
	case types.ClassDecimal:
		return types.Dec(a.ToDecimal(env.Warn).Abs()), nil
	}
	w := toWide(a, env)
	w.neg = false
	return wideResult(c, env, w, c.typ.Unsigned)
}

func signFn(_ *Call, env *Env, a types.Value) (types.Value, error) {
	if a.Kind() == types.KindDecimal {
		return types.Int(int64(a.DecimalValue().Sign())), nil
	}
	f := a.ToFloat(env.Warn)
	switch {
	case f < 0:
		return types.Int(-1), nil
	case f > 0:
		return types.Int(1), nil
	}
	return types.Int(0), nil
}

// maxIntegralDigits is up to how many digits CEILING and FLOOR of a DECIMAL are a BIGINT: one more than before the point, where there is a fraction.
const maxIntegralDigits = 18

// bigintLength is how long MySQL says that a function of integers is.
const bigintLength = 21

func typeIntegral(c *Call) error {
	t := c.args[0].Type()
	switch singleClass(t) {
	case types.ClassFloat:
		c.typ = types.TypeDouble
	case types.ClassDecimal:
		n := intDigits(t)
		if scaleOf(t) > 0 {
			n++
		}
		if n <= maxIntegralDigits {
			c.typ = intType(bigintLength, false)
		} else {
			c.typ = decimalType(n, 0)
		}
	default:
		c.typ = intType(bigintLength, isUnsigned(t))
	}
	return nil
}

func integral(c *Call, env *Env, a types.Value) (types.Value, error) {
	if c.typ.Class() == types.ClassFloat {
		f := a.ToFloat(env.Warn)
		if c.op == opCeil {
			return types.Float(math.Ceil(f)), nil
		}
		return types.Float(math.Floor(f)), nil
	}
	if k := a.Kind(); k == types.KindInt || k == types.KindUint {
		return a, nil
	}
	d := a.ToDecimal(env.Warn)
	if c.op == opCeil {
		d = d.Ceil()
	} else {
		d = d.Floor()
	}
	v := types.Dec(d)
	if c.typ.Class() == types.ClassDecimal {
		return v, nil
	}
	i, clipped := v.ToInt(nil)
	if clipped {
		return types.Null, outOfRange("BIGINT", c, env)
	}
	return types.Int(i), nil
}

// typeRound: a DECIMAL has the decimals of the first argument, fewer where a constant second argument asks for fewer.
func typeRound(c *Call) error {
	t := c.args[0].Type()
	switch singleClass(t) {
	case types.ClassFloat:
		c.typ = types.TypeDouble
		return nil
	case types.ClassDecimal:
	default:
		c.typ = intType(bigintLength, isUnsigned(t))
		return nil
	}
	scale := scaleOf(t)
	digits := int64(0)
	if len(c.args) == 2 {
		digits = int64(scale)
		if k, ok := isConst(c.args[1]); ok {
			digits, _ = k.Val.ToInt(nil) // 0 for NULL
			if k.Val.Kind() == types.KindUint {
				digits = int64(min(k.Val.Uint(), maxScale))
			}
		}
	}
	n := intDigits(t)
	if c.op == opRound && (digits <= 0 || digits < int64(scale)) {
		n++
	}
	scale = int(min(max(digits, 0), int64(scale)))
	c.typ = decimalType(n+scale, scale)
	return nil
}

func round(c *Call, env *Env, a []types.Value) (types.Value, error) {
	digits := int64(0)
	if len(a) == 2 {
		digits, _ = a[1].ToInt(env.Warn)
		if a[1].Kind() == types.KindUint {
			digits = int64(min(a[1].Uint(), maxScale))
		}
	}
	switch c.typ.Class() {
	case types.ClassFloat:
		return types.Float(roundFloat(a[0].ToFloat(env.Warn), digits, c.op == opTruncate)), nil
	case types.ClassDecimal:
		return roundDecimal(c, env, a[0], digits)
	}
	return roundInt(c, env, a[0], digits)
}

// roundFloat scales and rounds to even, as the C library's rint does.
func roundFloat(f float64, digits int64, truncate bool) float64 {
	if digits > 308 || math.IsInf(f, 0) {
		return f
	}
	if digits < -308 {
		return 0
	}
	p := math.Pow(10, math.Abs(float64(digits)))
	scaled := f * p
	if digits < 0 {
		scaled = f / p
	}
	if math.IsInf(scaled, 0) {
		return f
	}
	if truncate {
		scaled = math.Trunc(scaled)
	} else {
		scaled = math.RoundToEven(scaled)
	}
	if digits < 0 {
		return scaled * p
	}
	return scaled / p
}

func roundDecimal(c *Call, env *Env, v types.Value, digits int64) (types.Value, error) {
	n := int32(min(max(digits, -maxPrecision-1), int64(c.typ.Decimals)))
	dec := v.ToDec(env.Warn)
	if n >= 0 && c.op == opRound {
		return types.RoundDecimal(dec, int(n)), nil
	}
	d := dec.DecimalValue()
	if c.op == opTruncate {
		if -d.Exponent() > n {
			d = truncateDecimal(d, n)
		}
	} else {
		d = d.Round(n)
	}
	return decimalResult(c, env, d)
}

// truncateDecimal cuts off digits behind the n-th place, before the point for a negative n.
func truncateDecimal(d decimal.Decimal, n int32) decimal.Decimal {
	if n >= 0 {
		return d.Truncate(n)
	}
	unit := decimal.New(1, -n)
	q, _ := d.QuoRem(unit, 0)
	return q.Mul(unit)
}

func roundInt(c *Call, env *Env, v types.Value, digits int64) (types.Value, error) {
	w := toWide(v, env)
	if digits >= 0 {
		return wideResult(c, env, w, c.typ.Unsigned)
	}
	if digits < -19 {
		return wideResult(c, env, wide{}, c.typ.Unsigned)
	}
	unit := uint64(1)
	for range -digits {
		unit *= 10
	}
	rest := w.mag % unit
	w.mag -= rest
	if c.op == opRound && rest >= unit-rest {
		if w.mag > math.MaxUint64-unit {
			return types.Null, outOfRange(intName(c.typ.Unsigned), c, env)
		}
		w.mag += unit
	}
	return wideResult(c, env, w, c.typ.Unsigned)
}

// randState is MySQL's generator, so that RAND(n) gives the sequence that it gives there.
type randState struct{ seed1, seed2 uint64 }

const randModulus = 0x3FFFFFFF

func newRandState(seed uint32) *randState {
	return &randState{
		seed1: uint64(seed*0x10001+55555555) % randModulus,
		seed2: uint64(seed*0x10000001) % randModulus,
	}
}

func (r *randState) next() float64 {
	r.seed1 = (r.seed1*3 + r.seed2) % randModulus
	r.seed2 = (r.seed1 + r.seed2 + 33) % randModulus
	return float64(r.seed1) / randModulus
}

// evalRand seeds once per statement for a constant argument, for each row for any other.
func evalRand(c *Call, env *Env, row []types.Value) (types.Value, error) {
	if len(c.args) == 0 {
		return types.Float(float64(env.random()>>11) / (1 << 53)), nil
	}
	_, constant := c.args[0].(*Const)
	if _, param := c.args[0].(*Param); param {
		constant = true
	}
	if r, ok := env.state[c].(*randState); ok && constant {
		return types.Float(r.next()), nil
	}
	v, err := eval(c.args[0], env, row)
	if err != nil {
		return types.Null, err
	}
	seed, _ := v.ToInt(env.Warn)
	r := newRandState(uint32(seed))
	if constant {
		if env.state == nil {
			env.state = map[*Call]any{}
		}
		env.state[c] = r
	}
	return types.Float(r.next()), nil
}

func (env *Env) random() uint64 {
	if env.Rand != nil {
		return env.Rand()
	}
	return rand.Uint64()
}
