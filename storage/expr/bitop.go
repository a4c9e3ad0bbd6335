package expr

import (
	"math/bits"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// The bit operators, on unsigned 64-bit numbers. MySQL 8 also has them on binary strings; those are refused.
const (
	opBitAnd = iota
	opBitOr
	opBitXor
	opShiftLeft
	opShiftRight
)

var bitDefs = []def{
	{name: "&", min: 2, max: 2, op: opBitAnd, infix: "&", typ: typeBit, f2: evalBit},
	{name: "|", min: 2, max: 2, op: opBitOr, infix: "|", typ: typeBit, f2: evalBit},
	{name: "^", min: 2, max: 2, op: opBitXor, infix: "^", typ: typeBit, f2: evalBit},
	{name: "<<", min: 2, max: 2, op: opShiftLeft, infix: "<<", typ: typeBit, f2: evalBit},
	{name: ">>", min: 2, max: 2, op: opShiftRight, infix: ">>", typ: typeBit, f2: evalBit},
	{name: "~", min: 1, max: 1, typ: typeBit,
		f1:     func(_ *Call, env *Env, a types.Value) (types.Value, error) { return types.Uint(^toBits(env, a)), nil },
		render: func(c *Call) string { return "~(" + c.args[0].String() + ")" }},
	{name: "bit_count", min: 1, max: 1,
		typ: func(c *Call) error { c.typ = intType(2, false); return nil },
		f1: func(_ *Call, env *Env, a types.Value) (types.Value, error) {
			if a.Kind() == types.KindBytes {
				n := 0
				for _, b := range a.Raw() {
					n += bits.OnesCount8(b)
				}
				return types.Int(int64(n)), nil
			}
			return types.Int(int64(bits.OnesCount64(toBits(env, a)))), nil
		}},
}

// typeBit refuses binary strings: MySQL 8 would combine or shift them byte by byte. Hexadecimal literals are numbers, but
// for those beside another binary string.
func typeBit(c *Call) error {
	strings := c.args
	if c.op == opShiftLeft || c.op == opShiftRight {
		strings = c.args[:1]
	}
	binary, literals := 0, 0
	for _, a := range strings {
		if a.Type().IsBinary() {
			binary++
		}
		if isHex(a) {
			literals++
		}
	}
	if binary == len(strings) && literals < binary {
		return mysqlerr.NotSupported("bit operations on binary strings")
	}
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
