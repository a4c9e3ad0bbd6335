package expr

import (
	"math/bits"

	"cloudsql/storage/types"
)

// The bit operators, on unsigned 64-bit numbers. Those on binary strings are in bitbytes.go.
const (
	opBitAnd = iota
	opBitOr
	opBitXor
	opShiftLeft
	opShiftRight
)

var bitDefs = []def{
	{name: "&", min: 2, max: 2, op: opBitAnd, infix: "&", rewrite: onBytes("&", 2), typ: typeBit, f2: evalBit},
	{name: "|", min: 2, max: 2, op: opBitOr, infix: "|", rewrite: onBytes("|", 2), typ: typeBit, f2: evalBit},
	{name: "^", min: 2, max: 2, op: opBitXor, infix: "^", rewrite: onBytes("^", 2), typ: typeBit, f2: evalBit},
	{name: "<<", min: 2, max: 2, op: opShiftLeft, infix: "<<", rewrite: onBytes("<<", 1), typ: typeBit, f2: evalBit},
	{name: ">>", min: 2, max: 2, op: opShiftRight, infix: ">>", rewrite: onBytes(">>", 1), typ: typeBit, f2: evalBit},
	{name: "~", min: 1, max: 1, rewrite: onBytes("~", 1), typ: typeBit,
		f1:     func(_ *Call, env *Env, a types.Value) (types.Value, error) { return types.Uint(^toBits(env, a)), nil },
		render: func(c *Call) string { return "~(" + c.args[0].String() + ")" }},
	{name: "bit_count", min: 1, max: 1,
		typ: func(c *Call) error { c.typ = intType(2, false); return nil },
		f1: func(_ *Call, env *Env, a types.Value) (types.Value, error) {
			if a.Kind() == types.KindBytes {
				return types.Int(int64(countBits(a.Raw()))), nil
			}
			return types.Int(int64(bits.OnesCount64(toBits(env, a)))), nil
		}},
}

// typeBit: hexadecimal literals are numbers.
func typeBit(c *Call) error {
	c.args = numbers(c.args, allArgs)
	c.typ = types.TypeUint
	c.typ.Length = 21
	return nil
}

func evalBit(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	x, y := toBits(env, a), toBits(env, b)
	switch c.op {
	case opBitAnd:
		x &= y
	case opBitOr:
		x |= y
	case opBitXor:
		x ^= y
	case opShiftLeft:
		x <<= y
	case opShiftRight:
		x >>= y
	}
	return types.Uint(x), nil
}

// toBits is v's 64-bit pattern: negative numbers in two's complement.
func toBits(env *Env, v types.Value) uint64 {
	switch v.Kind() {
	case types.KindInt, types.KindUint, types.KindBit:
		return v.Uint()
	}
	w := toWide(v, env)
	if w.neg {
		return -w.mag
	}
	return w.mag
}
