package expr

import (
	"math"
	"math/bits"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// The arithmetic operators, in def.op.
const (
	opAdd = iota
	opSub
	opMul
	opDiv
	opIntDiv
	opMod
)

var arithDefs = []def{
	{name: "+", min: 2, max: 2, op: opAdd, infix: "+", typ: typeArith, prep: prepArith, f2: evalArith},
	{name: "-", min: 1, max: 2, op: opSub, infix: "-", typ: typeArith, check: twoArguments, prep: prepArith, f2: evalArith, rewrite: minusAsNeg},
	{name: "*", min: 2, max: 2, op: opMul, infix: "*", typ: typeArith, prep: prepArith, f2: evalArith},
	{name: "/", min: 2, max: 2, op: opDiv, infix: "/", typ: typeArith, prep: prepArith, f2: evalArith},
	{name: "div", min: 2, max: 2, op: opIntDiv, infix: "DIV", typ: typeArith, prep: prepArith, f2: evalIntDiv},
	{name: "%", alias: []string{"mod"}, min: 2, max: 2, op: opMod, infix: "%", typ: typeArith, prep: prepArith, f2: evalArith},
	{name: "neg", min: 1, max: 1, typ: typeNeg, f1: evalNeg, rewrite: negLiteral,
		render: func(c *Call) string { return "-(" + c.args[0].String() + ")" }},
	{name: "unary +", min: 1, max: 1, rewrite: func(a []Expr) (Expr, error) { return a[0], nil }},
}

func minusAsNeg(args []Expr) (Expr, error) {
	if len(args) == 1 {
		return New("neg", args[0])
	}
	return nil, nil
}

// negLiteral makes one constant of a minus and a number, as MySQL's parser does: what looks for constants finds -1
// so, and -9223372036854775808 is a BIGINT.
func negLiteral(args []Expr) (Expr, error) {
	k, ok := args[0].(*Const)
	if !ok || k.deriv != derivUnset {
		return nil, nil
	}
	switch k.Val.Kind() {
	case types.KindInt:
		if i := k.Val.Int(); i >= 0 {
			return NewInt(-i), nil
		}
		return negDecimal(k), nil
	case types.KindUint:
		if u := k.Val.Uint(); u <= 1<<63 {
			return NewInt(-int64(u)), nil
		}
		return negDecimal(k), nil
	case types.KindFloat:
		return &Const{Val: types.Float(-k.Val.Float()), Typ: k.Typ}, nil
	case types.KindDecimal:
		return &Const{Val: types.Dec(k.Val.DecimalValue().Neg()), Typ: k.Typ}, nil
	}
	return nil, nil
}

func negDecimal(k *Const) *Const {
	return &Const{Val: types.Dec(k.Val.ToDecimal(nil).Neg()), Typ: decimalType(intDigits(&k.Typ), 0)}
}

// numericClass is how a value of t takes part in arithmetic: ClassInt, ClassDecimal or ClassFloat.
func numericClass(t *types.Type) types.Class {
	switch t.Class() {
	case types.ClassInt, types.ClassBit, types.ClassDate:
		return types.ClassInt
	case types.ClassDecimal:
		return types.ClassDecimal
	case types.ClassDatetime, types.ClassTime:
		if t.Decimals > 0 {
			return types.ClassDecimal
		}
		return types.ClassInt
	}
	return types.ClassFloat
}

// singleClass is numericClass for functions of one number: a date or time is a DOUBLE there, as MySQL has it.
func singleClass(t *types.Type) types.Class {
	switch t.Class() {
	case types.ClassDate, types.ClassDatetime, types.ClassTime:
		return types.ClassFloat
	}
	return numericClass(t)
}

func isUnsigned(t *types.Type) bool {
	return t.Unsigned || t.Class() == types.ClassBit
}

// typeArith follows MySQL: DOUBLE when either side is inexact, DECIMAL when either is exact with a fraction, else
// BIGINT.
func typeArith(c *Call) error {
	a, b := c.args[0].Type(), c.args[1].Type()
	ca, cb := numericClass(a), numericClass(b)
	if c.op == opIntDiv {
		c.typ = intType(intDivLength(a), isUnsigned(a) || isUnsigned(b))
		return nil
	}
	switch {
	case ca == types.ClassFloat || cb == types.ClassFloat:
		c.typ = arithDoubleType(c.op, a, b, c.increment())
	case ca == types.ClassDecimal || cb == types.ClassDecimal || c.op == opDiv:
		c.typ = arithDecimalType(c.op, a, b, c.increment())
	default:
		c.typ = arithIntType(c.op, a, b)
	}
	return nil
}

// intDivLength is how long MySQL says the quotient of DIV is: as the dividend without its decimals.
func intDivLength(dividend *types.Type) int {
	n := charLen(dividend)
	if dividend.Class() == types.ClassDecimal {
		n -= max(dividend.Decimals, 0)
	}
	if n < 0 || n > 21 {
		return 21
	}
	return max(n, 1)
}

func twoArguments(c *Call) error {
	if len(c.args) != 2 {
		return errBadExpr
	}
	return nil
}

// prepArith lets integers and doubles be computed of both operands, as in MySQL, where the right one may warn, or fail, beside a NULL.
// Decimals are not: the first NULL is the answer.
func prepArith(c *Call) {
	if len(c.args) != 2 {
		return
	}
	exact := c.typ.Class() == types.ClassDecimal
	if c.op == opIntDiv {
		exact = numericClass(c.args[0].Type()) != types.ClassInt || numericClass(c.args[1].Type()) != types.ClassInt
	}
	if _, computed := c.args[1].(*Call); computed && !exact {
		c.ev = evalBoth
	}
	if c.exact = exactCall(c); c.exact != nil {
		c.ev = evalExact
	}
}

func evalBoth(c *Call, env *Env, row []types.Value) (types.Value, error) {
	a, err := eval(c.args[0], env, row)
	if err != nil || a.IsNull() && env.Mode.Legacy {
		return types.Null, err
	}
	b, err := eval(c.args[1], env, row)
	if err != nil || a.IsNull() || b.IsNull() {
		return types.Null, err
	}
	return c.def.f2(c, env, a, b)
}

// arithDoubleType: doubles with a fixed number of decimals, such as ROUND's, keep one.
func arithDoubleType(op int, a, b *types.Type, inc int) types.Type {
	d := max(decimalsOf(a), decimalsOf(b))
	if op == opDiv {
		d += inc
	}
	return doubleType(d)
}

func arithDecimalType(op int, a, b *types.Type, inc int) types.Type {
	sa, sb := scaleOf(a), scaleOf(b)
	ia, ib := intDigits(a), intDigits(b)
	var t types.Type
	switch op {
	case opMul:
		t = decimalType(ia+sa+ib+sb, sa+sb)
	case opDiv:
		t = decimalType(ia+sa+sb+inc, sa+inc)
	case opMod:
		t = decimalType(max(ia, ib)+max(sa, sb), max(sa, sb))
	default:
		t = decimalType(max(ia, ib)+1+max(sa, sb), max(sa, sb))
	}
	if op == opMod {
		t.Unsigned = isUnsigned(a)
	} else {
		t.Unsigned = isUnsigned(a) && isUnsigned(b)
	}
	return t
}

func arithIntType(op int, a, b *types.Type) types.Type {
	da, db := intDigits(a), intDigits(b)
	unsigned := isUnsigned(a) || isUnsigned(b)
	n := max(da, db) + 1
	switch op {
	case opMul:
		n = da + db
	case opMod:
		n, unsigned = max(da, db), isUnsigned(a)
	}
	n = min(n, 20)
	if !unsigned {
		n++
	}
	return intType(n, unsigned)
}

func evalArith(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	if a.Kind() == types.KindInt && b.Kind() == types.KindInt && c.typ.Class() == types.ClassInt && !c.typ.Unsigned {
		return arithInts(c, env, a.Int(), b.Int())
	}
	switch c.typ.Class() {
	case types.ClassInt:
		return arithWide(c, env, toWide(a, env), toWide(b, env))
	case types.ClassDecimal:
		return arithDecimals(c, env, a, b)
	}
	return arithFloats(c, env, a.ToFloat(env.Warn), b.ToFloat(env.Warn))
}

// arithInts is the hot path: BIGINT op BIGINT.
func arithInts(c *Call, env *Env, a, b int64) (types.Value, error) {
	switch c.op {
	case opAdd:
		if s := a + b; (s > a) == (b > 0) {
			return types.Int(s), nil
		}
	case opSub:
		if s := a - b; (s < a) == (b > 0) {
			return types.Int(s), nil
		}
	case opMul:
		hi, lo := bits.Mul64(uint64(a), uint64(b))
		// The signed high word, from the unsigned product.
		h := int64(hi)
		if a < 0 {
			h -= b
		}
		if b < 0 {
			h -= a
		}
		if h == int64(lo)>>63 {
			return types.Int(int64(lo)), nil
		}
	case opMod:
		if b == 0 {
			return divisionByZero(env)
		}
		if b == -1 {
			return types.Int(0), nil
		}
		return types.Int(a % b), nil
	}
	return types.Null, outOfRange("BIGINT", c, env)
}

// wide is an integer between -2^63 and 2^64-1: magnitude and sign.
type wide struct {
	mag uint64
	neg bool
}

func toWide(v types.Value, env *Env) wide {
	switch v.Kind() {
	case types.KindUint, types.KindBit:
		return wide{mag: v.Uint()}
	case types.KindInt:
		return wideInt(v.Int())
	}
	if i, clipped := v.ToInt(nil); !clipped {
		return wideInt(i)
	}
	if u, clipped := v.ToUint(nil); !clipped {
		return wide{mag: u}
	}
	i, _ := v.ToInt(env.Warn)
	return wideInt(i)
}

func wideInt(i int64) wide {
	if i < 0 {
		return wide{uint64(-i), true}
	}
	return wide{uint64(i), false}
}

func arithWide(c *Call, env *Env, a, b wide) (types.Value, error) {
	unsigned := c.typ.Unsigned
	if c.op == opSub {
		b.neg = !b.neg && b.mag != 0
		if env.Mode.NoUnsignedSub {
			unsigned = false
		}
	}
	var r wide
	ok := true
	switch c.op {
	case opAdd, opSub:
		if a.neg == b.neg {
			var carry uint64
			r.mag, carry = bits.Add64(a.mag, b.mag, 0)
			r.neg, ok = a.neg, carry == 0
		} else if a.mag >= b.mag {
			r = wide{a.mag - b.mag, a.neg}
		} else {
			r = wide{b.mag - a.mag, b.neg}
		}
	case opMul:
		var hi uint64
		hi, r.mag = bits.Mul64(a.mag, b.mag)
		r.neg, ok = a.neg != b.neg, hi == 0
	case opMod:
		if b.mag == 0 {
			return divisionByZero(env)
		}
		r = wide{a.mag % b.mag, a.neg}
	}
	if !ok {
		return types.Null, outOfRange(intName(unsigned), c, env)
	}
	return wideResult(c, env, r, unsigned)
}

func wideResult(c *Call, env *Env, r wide, unsigned bool) (types.Value, error) {
	switch {
	case r.mag == 0:
		r.neg = false
	case unsigned && r.neg, !unsigned && !r.neg && r.mag > math.MaxInt64, r.neg && r.mag > 1<<63:
		return types.Null, outOfRange(intName(unsigned), c, env)
	}
	if unsigned {
		return types.Uint(r.mag), nil
	}
	if r.neg {
		return types.Int(-int64(r.mag)), nil
	}
	return types.Int(int64(r.mag)), nil
}

func intName(unsigned bool) string {
	if unsigned {
		return "BIGINT UNSIGNED"
	}
	return "BIGINT"
}

func arithFloats(c *Call, env *Env, a, b float64) (types.Value, error) {
	var r float64
	switch c.op {
	case opAdd:
		r = a + b
	case opSub:
		r = a - b
	case opMul:
		r = a * b
	case opDiv:
		if b == 0 {
			return divisionByZero(env)
		}
		r = a / b
	case opMod:
		if b == 0 {
			return divisionByZero(env)
		}
		r = math.Mod(a, b)
	}
	return finite(c, env, r)
}

// finite is r as a result, 1690 where the computation left the range of DOUBLE.
func finite(c *Call, env *Env, r float64) (types.Value, error) {
	if math.IsInf(r, 0) || math.IsNaN(r) {
		return types.Null, outOfRange("DOUBLE", c, env)
	}
	return types.Float(r), nil
}

// evalIntDiv is DIV: exact division, cut off at the point.
func evalIntDiv(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	ca, cb := numericClass(c.args[0].Type()), numericClass(c.args[1].Type())
	if ca == types.ClassInt && cb == types.ClassInt {
		x, y := toWide(a, env), toWide(b, env)
		if y.mag == 0 {
			return divisionByZero(env)
		}
		return wideResult(c, env, wide{x.mag / y.mag, x.neg != y.neg}, c.typ.Unsigned)
	}
	x, y := a.ToDecimal(env.Warn), b.ToDecimal(env.Warn)
	if y.IsZero() {
		return divisionByZero(env)
	}
	q, _ := x.QuoRem(y, 0)
	if i, ok := q.Int64(); ok && !(c.typ.Unsigned && i < 0) {
		if c.typ.Unsigned {
			return types.Uint(uint64(i)), nil
		}
		return types.Int(i), nil
	}
	if u, ok := q.Uint64(); ok && c.typ.Unsigned {
		return types.Uint(u), nil
	}
	return types.Null, outOfRange(intName(c.typ.Unsigned), c, env)
}

func typeNeg(c *Call) error {
	t := c.args[0].Type()
	switch singleClass(t) {
	case types.ClassFloat:
		c.typ = doubleType(decimalsOf(t))
	case types.ClassDecimal:
		c.typ = decimalType(intDigits(t)+scaleOf(t), scaleOf(t))
	default:
		if negatesToDecimal(c.args[0]) {
			c.typ = decimalType(intDigits(t), 0)
			return nil
		}
		c.typ = intType(min(max(charLen(t), 1)+1, 20), false)
	}
	return nil
}

// negatesToDecimal tells of a constant integer whose negative is a DECIMAL in MySQL, which looks whether it is 2^63 or more as an
// unsigned number: so are all that are too large for a BIGINT's negative, and all that are negative themselves.
func negatesToDecimal(e Expr) bool {
	if !isFixed(e) {
		return false
	}
	env := &Env{}
	v, err := e.Eval(env, nil)
	if err != nil || v.IsNull() {
		return false
	}
	w := toWide(v, env)
	return w.neg || w.mag >= 1<<63
}

// isFixed tells whether e is the same in all executions of all sessions.
func isFixed(e Expr) bool {
	fixed := true
	Walk(e, func(x Expr) bool {
		switch x := x.(type) {
		case *Const:
		case *Call:
			fixed = fixed && x.def.class == Pure && x.custom == nil && !x.def.usesNow && !x.def.once && x.name != "row"
		default:
			fixed = false
		}
		return fixed
	})
	return fixed
}

func evalNeg(c *Call, env *Env, a types.Value) (types.Value, error) {
	switch c.typ.Class() {
	case types.ClassFloat:
		return types.Float(-a.ToFloat(env.Warn)), nil
	case types.ClassDecimal:
		return types.Dec(a.ToDecimal(env.Warn).Neg()), nil
	}
	w := toWide(a, env)
	return wideResult(c, env, wide{w.mag, !w.neg}, false)
}

// divisionByZero is NULL, with the warning or error 1365 that the mode asks for.
func divisionByZero(env *Env) (types.Value, error) {
	if !env.Mode.DivZeroError {
		return types.Null, nil
	}
	if env.InDML && env.Mode.Strict {
		return types.Null, mysqlerr.New(mysqlerr.DivisionByZero)
	}
	env.warn(mysqlerr.DivisionByZero)
	return types.Null, nil
}

// outOfRange is error 1690 with the expression that met it.
func outOfRange(typeName string, c *Call, env *Env) error {
	return mysqlerr.Newf(mysqlerr.DataOutOfRange, "%s value is out of range in '%s'", typeName, Message(c, env))
}
