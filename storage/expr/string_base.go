package expr

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Numbers in other bases, and bytes as hexadecimal digits.

func typeHex(c *Call) error {
	n := types.Unspecified
	t := c.args[0].Type()
	switch {
	case isNumberClass(t.Class()):
		n = 16
	case charLen(t) >= 0:
		n = charLen(t) * 2
		if isText(c.args[0]) {
			n *= t.Collation.MaxBytes()
		}
	}
	c.setASCIIResult(n)
	return nil
}

func hexFn(c *Call, env *Env, a types.Value) (types.Value, error) {
	if isNumberKind(a.Kind()) && (a.Kind() != types.KindBit || !env.Mode.Legacy) {
		return c.str([]byte(strings.ToUpper(strconv.FormatUint(hexNumber(a, env), 16)))), nil
	}
	return c.str([]byte(hexText(c.text(0, a)))), nil
}

// hexNumber is what HEX shows of a number: all ones where it is not among the 64-bit numbers.
func hexNumber(a types.Value, env *Env) uint64 {
	if a.Kind() == types.KindDecimal || a.Kind() == types.KindFloat {
		if f := a.ToFloat(nil); f <= math.MinInt64 || f >= math.MaxUint64 {
			return math.MaxUint64
		}
	}
	w := toWide(a, env)
	if w.neg {
		return -w.mag
	}
	return w.mag
}

func typeUnhex(c *Call) error {
	n := charLen(c.args[0].Type())
	if n >= 0 {
		n = (n + 1) / 2
	}
	c.typ, c.coll, c.deriv, c.ascii = stringType(n, collation.Binary), collation.Binary, derivCoercible, false
	return nil
}

func unhex(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	out := make([]byte, 0, (len(s)+1)/2)
	if len(s)%2 == 1 {
		s = append([]byte{'0'}, s...)
	}
	for i := 0; i < len(s); i += 2 {
		hi, lo := hexDigit(s[i]), hexDigit(s[i+1])
		if hi < 0 || lo < 0 {
			env.warnf(mysqlerr.WrongValueForType, "Incorrect string value: '%s' for function unhex", c.text(0, a))
			return types.Null, nil
		}
		out = append(out, byte(hi<<4|lo))
	}
	return types.Bytes(out), nil
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// inBase is BIN and OCT: CONV(n, 10, …).
func inBase(c *Call, env *Env, a types.Value) (types.Value, error) {
	s := c.text(0, a)
	if len(s) == 0 {
		return types.Null, nil
	}
	u := env.parseBase(s, 10, false)
	return c.str([]byte(strconv.FormatUint(u, c.op))), nil
}

func conv(c *Call, env *Env, a []types.Value) (types.Value, error) {
	from, _ := a[1].ToInt(env.Warn)
	to, _ := a[2].ToInt(env.Warn)
	if !validBase(from) || !validBase(to) {
		return types.Null, nil
	}
	s := c.text(0, a[0])
	if env.Mode.Legacy {
		s = bytes.TrimLeft(s, " ")
	}
	if len(s) == 0 {
		return types.Null, nil // spaces alone are 0, but for version 1
	}
	u := env.parseBase(s, int(max(from, -from)), from < 0)
	var out string
	if to < 0 {
		out = strconv.FormatInt(int64(u), int(-to))
	} else {
		out = strconv.FormatUint(u, int(to))
	}
	return c.str([]byte(strings.ToUpper(out))), nil
}

func validBase(b int64) bool { return b >= 2 && b <= 36 || b <= -2 && b >= -36 }

// parseBase reads the leading digits of text. A number beyond 64 bits is the largest there is, or the smallest, with a warning, as of text
// without digits: a negative one that is to have no sign is 0, if its digits are decimal ones.
func (env *Env) parseBase(text []byte, base int, signed bool) uint64 {
	legacy := env.Mode.Legacy
	s, neg := text, false
	if !legacy {
		s = bytes.TrimLeft(text, " \t\n\v\f\r")
	}
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	limit := uint64(math.MaxUint64)
	if signed {
		limit = math.MaxInt64
		if neg {
			limit++
		}
	}
	n := 0
	for n < len(s) && digitValue(s[n]) < base {
		n++
	}
	u, err := strconv.ParseUint(string(s[:n]), base, 64)
	if beyond := err != nil || u > limit; beyond && !legacy {
		env.Warn.Truncated("DECIMAL", text)
	}
	switch {
	case n == 0:
		return 0
	case err != nil || u > limit:
		if digits := bytes.TrimLeft(s, "0"); neg && !signed && !legacy && len(digits) > 0 && digits[0] >= '1' && digits[0] <= '9' {
			return 0
		}
		u = limit
		neg = neg && (signed || legacy)
	}
	if neg {
		u = -u
	}
	return u
}

func digitValue(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'z':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'Z':
		return int(b-'A') + 10
	}
	return math.MaxInt
}
