package expr

import (
	"bytes"
	"math/bits"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// The bit operators on binary strings: functions of their own, that no statement can call, since a node of version 1 has none of them.
var bitBytesDefs = []def{
	{name: "bytes &", min: 2, max: 2, op: opBitAnd, infix: "&", since: version.V2, typ: typeBitBytes, f2: combineBytes},
	{name: "bytes |", min: 2, max: 2, op: opBitOr, infix: "|", since: version.V2, typ: typeBitBytes, f2: combineBytes},
	{name: "bytes ^", min: 2, max: 2, op: opBitXor, infix: "^", since: version.V2, typ: typeBitBytes, f2: combineBytes},
	{name: "bytes <<", min: 2, max: 2, op: opShiftLeft, infix: "<<", since: version.V2, typ: typeBitBytes, f2: shiftBytes},
	{name: "bytes >>", min: 2, max: 2, op: opShiftRight, infix: ">>", since: version.V2, typ: typeBitBytes, f2: shiftBytes},
	{name: "bytes ~", min: 1, max: 1, since: version.V2, typ: typeBitBytes,
		f1: func(c *Call, _ *Env, a types.Value) (types.Value, error) {
			out := bytes.Clone(c.text(0, a))
			for i := range out {
				out[i] = ^out[i]
			}
			return types.Bytes(out), nil
		},
		render: func(c *Call) string { return "~(" + c.args[0].String() + ")" }},
}

// onBytes is the operator of the same name on binary strings, where the first n arguments are such, and not all of them literals.
func onBytes(name string, n int) func(args []Expr) (Expr, error) {
	return func(args []Expr) (Expr, error) {
		literals := 0
		for _, a := range args[:n] {
			k, constant := a.(*Const)
			switch {
			case constant && k.Val.IsNull(), isHex(a):
				literals++
			case !a.Type().IsBinary():
				return nil, nil
			case asNumber(a) != a:
				literals++
			}
		}
		if literals == n {
			return nil, nil
		}
		return New("bytes "+name, args...)
	}
}

func typeBitBytes(c *Call) error {
	n := charLen(c.args[0].Type())
	if len(c.args) > 1 {
		if c.op == opShiftLeft || c.op == opShiftRight {
			c.args = numbers(c.args, at(1))
		} else {
			n = max(n, charLen(c.args[1].Type()))
		}
	}
	c.typ, c.coll, c.deriv, c.ascii = stringType(n, collation.Binary), collation.Binary, derivImplicit, false
	return nil
}

// combineBytes is &, | and ^ of strings of one length: 3513.
func combineBytes(c *Call, _ *Env, a, b types.Value) (types.Value, error) {
	x, y := c.text(0, a), c.text(1, b)
	if len(x) != len(y) {
		return types.Null, mysqlerr.New(mysqlerr.InvalidBitwiseOperandsSize)
	}
	out := bytes.Clone(x)
	combineBits(c.op, out, y)
	return types.Bytes(out), nil
}

// combineBits puts what the operator makes of x and y, which are equally long, into x.
func combineBits(op int, x, y []byte) {
	for i := range x {
		switch op {
		case opBitAnd:
			x[i] &= y[i]
		case opBitOr:
			x[i] |= y[i]
		default:
			x[i] ^= y[i]
		}
	}
}

// shiftBytes is << and >> of a string, which keeps its length.
func shiftBytes(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	x := c.text(0, a)
	out := make([]byte, len(x))
	if by := toBits(env, b); by/8 < uint64(len(x)) {
		whole, part := int(by/8), by%8 //nolint:gosec // below the length
		for i := range len(x) - whole {
			if c.op == opShiftLeft {
				out[i] = x[i+whole] << part
				if i+whole+1 < len(x) {
					out[i] |= byte(uint16(x[i+whole+1]) << part >> 8) //nolint:gosec // the bits that come over
				}
				continue
			}
			out[i+whole] = x[i] >> part
			if i > 0 {
				out[i+whole] |= byte(uint16(x[i-1]) << 8 >> part) //nolint:gosec // the bits that come over
			}
		}
	}
	return types.Bytes(out), nil
}

// countBits is BIT_COUNT of a string.
func countBits(b []byte) (n int) {
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}

// maxBitBytes is how long the arguments of BIT_AND and its kin may be.
const maxBitBytes = 511

// overBytes tells of BIT_AND, BIT_OR and BIT_XOR over binary strings.
func (a *Agg) overBytes() bool {
	switch a.Name {
	case "bit_and", "bit_or", "bit_xor":
		return a.Args[0].Type().IsBinary()
	}
	return false
}

// typeBitAgg: over binary strings the result is one. 3514.
func typeBitAgg(a *Agg) error {
	a.Typ = intType(21, true)
	if !a.overBytes() {
		return nil
	}
	n := charLen(a.Args[0].Type())
	if n < 0 || n > maxBitBytes {
		return mysqlerr.New(mysqlerr.InvalidBitwiseAggregateSize)
	}
	a.Typ = stringType(n, collation.Binary)
	return nil
}

// bitBytesState combines binary strings of one length; of none the result is what changes no other.
type bitBytesState struct {
	arg  Expr
	op   int
	size int // of the result of nothing
	b    []byte
	some bool
}

func (s *bitBytesState) Add(env *Env, row []types.Value) error {
	v, err := eval(s.arg, env, row)
	if err != nil || v.IsNull() {
		return err
	}
	text := textOf(v, s.arg.Type())
	switch {
	case !s.some:
		s.b, s.some = append(s.b[:0], text...), true
	case len(text) != len(s.b):
		return mysqlerr.New(mysqlerr.InvalidBitwiseOperandsSize)
	default:
		combineBits(s.op, s.b, text)
	}
	return nil
}

func (s *bitBytesState) AppendPartial(dst []types.Value) []types.Value { return dst }
func (s *bitBytesState) Merge([]types.Value) error                     { return errNoPartial }
func (s *bitBytesState) Bytes() int                                    { return stateBytes + len(s.b) }

func (s *bitBytesState) Result(*Env) (types.Value, error) {
	if s.some {
		return types.Bytes(bytes.Clone(s.b)), nil
	}
	neutral := byte(0)
	if s.op == opBitAnd {
		neutral = 0xff
	}
	return types.Bytes(bytes.Repeat([]byte{neutral}, s.size)), nil
}
