package types

import (
	"bytes"
	"cmp"
	"math"
	"math/bits"
	"strconv"

	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/numeral"
)

// Limits of DECIMAL in digits.
const (
	MaxDecimalPrecision = 65
	MaxDecimalScale     = 30
)

// A decimal's unscaled value is in n where it fits an int64 (b is nil then), else its digits with a sign are in b. There
// is one form only for each value and scale.

var pow10 = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// DecSmall makes the decimal unscaled / 10^scale; scale is 0 to MaxDecimalScale.
func DecSmall(unscaled int64, scale int) Value {
	if unscaled == math.MinInt64 {
		return decFromDigits(true, strconv.AppendUint(nil, 1<<63, 10), scale)
	}
	return Value{kind: KindDecimal, aux: uint8(scale), n: uint64(unscaled)}
}

// SmallDecimal gives the unscaled value of a KindDecimal that fits an int64, which nearly all do; use Scale with it.
func (v Value) SmallDecimal() (unscaled int64, ok bool) { return int64(v.n), v.b == nil }

// Dec makes a decimal value of d, rounded to MaxDecimalScale digits and clipped to MaxDecimalPrecision.
func Dec(d decimal.Decimal) Value {
	if d.IsZero() {
		return DecSmall(0, clampScale(int(-d.Exponent())))
	}
	scale := clampScale(int(-d.Exponent()))
	if d.Exponent() < -MaxDecimalScale {
		d = d.Round(MaxDecimalScale)
	}
	v, _, _ := ParseDecimal(d.FormatMySQL(int32(scale)))
	return v
}

func clampScale(scale int) int { return min(max(scale, 0), MaxDecimalScale) }

// DecimalValue views a KindDecimal as the arithmetic package's type.
func (v Value) DecimalValue() decimal.Decimal {
	if v.b == nil {
		return decimal.New(int64(v.n), -int32(v.aux))
	}
	d, err := decimal.NewFromMySQL(appendDecimal(nil, v))
	if err != nil {
		panic("types: a decimal holds bad digits: " + err.Error())
	}
	return d
}

// decFromDigits makes a decimal of unscaled digits, rounding what is beyond MaxDecimalScale and clipping what is beyond
// MaxDecimalPrecision. A negative scale appends zeros. It keeps digits.
func decFromDigits(neg bool, digits []byte, scale int) Value {
	digits = bytes.TrimLeft(digits, "0")
	if scale < 0 {
		if len(digits) > 0 && len(digits)-scale > MaxDecimalPrecision {
			digits, scale = bytes.Repeat([]byte{'9'}, MaxDecimalPrecision), 0
		} else {
			zeros := -scale
			if len(digits) == 0 {
				zeros = 0
			}
			digits, scale = append(digits[:len(digits):len(digits)], bytes.Repeat([]byte{'0'}, zeros)...), 0
		}
	}
	if limit := max(0, MaxDecimalPrecision-max(0, len(digits)-scale)); scale > min(MaxDecimalScale, limit) {
		to := min(MaxDecimalScale, limit)
		digits, scale = roundDigits(digits, scale-to), to
	}
	for len(digits) > MaxDecimalPrecision && scale > 0 { // rounding carried into one digit more
		digits, scale = roundDigits(digits, 1), scale-1
	}
	if len(digits) > MaxDecimalPrecision {
		digits, scale = bytes.Repeat([]byte{'9'}, MaxDecimalPrecision), 0
	}
	if len(digits) <= 19 {
		if u, err := strconv.ParseUint(string(digits), 10, 64); len(digits) == 0 || err == nil && u <= math.MaxInt64 {
			n := int64(u)
			if neg {
				n = -n
			}
			return Value{kind: KindDecimal, aux: uint8(scale), n: uint64(n)}
		}
	}
	b := make([]byte, 0, len(digits)+1)
	if neg {
		b = append(b, '-')
	}
	return Value{kind: KindDecimal, aux: uint8(scale), b: append(b, digits...)}
}

// roundDigits drops the last n digits, rounding half up (the sign is kept apart, so that is away from zero).
func roundDigits(digits []byte, n int) []byte {
	if n > len(digits) {
		return nil
	}
	kept := append([]byte{'0'}, digits[:len(digits)-n]...)
	if digits[len(digits)-n] >= '5' {
		i := len(kept) - 1
		for ; kept[i] == '9'; i-- {
			kept[i] = '0'
		}
		kept[i]++
	}
	return bytes.TrimLeft(kept, "0")
}

// decimalDigits gives sign and unscaled digits of v ("0" for zero); buf is room for them.
func decimalDigits(v Value, buf []byte) (neg bool, digits []byte) {
	if v.b == nil {
		n := int64(v.n)
		if n < 0 {
			return true, strconv.AppendUint(buf, uint64(-n), 10)
		}
		return false, strconv.AppendUint(buf, uint64(n), 10)
	}
	if v.b[0] == '-' {
		return true, v.b[1:]
	}
	return false, v.b
}

func appendDecimal(dst []byte, v Value) []byte {
	var buf [24]byte
	neg, digits := decimalDigits(v, buf[:0])
	if neg {
		dst = append(dst, '-')
	}
	scale := int(v.aux)
	if whole := len(digits) - scale; whole > 0 {
		dst = append(dst, digits[:whole]...)
		digits = digits[whole:]
	} else {
		dst = append(dst, '0')
	}
	if scale > 0 {
		dst = append(dst, '.')
		for range scale - len(digits) {
			dst = append(dst, '0')
		}
		dst = append(dst, digits...)
	}
	return dst
}

// ParseDecimal reads a number such as "-12.50" or "1.5e3" at the start of s (after white space) and tells how many
// bytes it took; ok is false where there is no number or it is too large for DECIMAL (the result is clipped then).
func ParseDecimal(s []byte) (v Value, n int, ok bool) {
	v, n, status := parseDecimal(s)
	return v, n, status == numeral.OK
}

func parseDecimal(s []byte) (Value, int, numeral.Status) {
	i := numeral.SkipSpace(s)
	neg := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	var small uint64
	whole := i
	for i < len(s) && numeral.IsDigit(s[i]) {
		small = small*10 + uint64(s[i]-'0') // may wrap; looked at only where there are few digits
		i++
	}
	wholeEnd, frac, fracEnd := i, i, i
	if i < len(s) && s[i] == '.' {
		frac = i + 1
		for i++; i < len(s) && numeral.IsDigit(s[i]); i++ {
			small = small*10 + uint64(s[i]-'0')
		}
		fracEnd = i
	}
	count := wholeEnd - whole + fracEnd - frac
	if count == 0 {
		return DecSmall(0, 0), 0, numeral.None
	}
	exp, expLen := numeral.ScanExponent(s[i:])
	i += expLen
	scale := fracEnd - frac
	if count <= 18 && exp == 0 {
		if neg {
			return DecSmall(-int64(small), scale), i, numeral.OK
		}
		return DecSmall(int64(small), scale), i, numeral.OK
	}
	digits := append(append(make([]byte, 0, count), s[whole:wholeEnd]...), s[frac:fracEnd]...)
	status := numeral.OK
	if significant := len(bytes.TrimLeft(digits, "0")); significant > 0 && significant-scale+exp > MaxDecimalPrecision {
		status = numeral.Range
		digits, scale, exp = bytes.Repeat([]byte{'9'}, MaxDecimalPrecision), 0, 0
	}
	return decFromDigits(neg, digits, scale-exp), i, status
}

// RoundDecimal gives v, a KindDecimal, with another scale: rounded half away from zero, or with zeros appended.
func RoundDecimal(v Value, scale int) Value {
	have := int(v.aux)
	if scale == have {
		return v
	}
	if v.b == nil {
		n, neg := int64(v.n), int64(v.n) < 0
		u := uint64(n)
		if neg {
			u = uint64(-n)
		}
		if d := have - scale; d >= 0 && d < len(pow10) {
			q, r := u/pow10[d], u%pow10[d]
			if r >= pow10[d]-r {
				q++
			}
			return smallDecimal(neg, q, scale)
		} else if d < 0 && -d < len(pow10) {
			if hi, lo := bits.Mul64(u, pow10[-d]); hi == 0 && lo <= math.MaxInt64 {
				return smallDecimal(neg, lo, scale)
			}
		}
	}
	var buf [24]byte
	neg, digits := decimalDigits(v, buf[:0])
	if scale < have {
		return decFromDigits(neg, roundDigits(digits, have-scale), scale)
	}
	padded := append(append(make([]byte, 0, len(digits)+scale-have), digits...), bytes.Repeat([]byte{'0'}, scale-have)...)
	return decFromDigits(neg, padded, scale)
}

func smallDecimal(neg bool, abs uint64, scale int) Value {
	n := int64(abs)
	if neg {
		n = -n
	}
	return Value{kind: KindDecimal, aux: uint8(scale), n: uint64(n)}
}

// ClipDecimal rounds v, a KindDecimal, to what DECIMAL(precision,scale) holds; false where it is beyond that, and the result the
// value farthest from zero.
func ClipDecimal(v Value, precision, scale int) (Value, bool) {
	v = RoundDecimal(v, scale)
	if !decimalFits(v, precision, scale) {
		return maxDecimal(DecimalSign(v) < 0, precision, scale), false
	}
	return v, true
}

// decimalFits tells whether v has at most precision-scale digits before the point.
func decimalFits(v Value, precision, scale int) bool {
	var buf [24]byte
	_, digits := decimalDigits(v, buf[:0])
	if len(digits) == 1 && digits[0] == '0' {
		return true
	}
	return len(digits)-int(v.aux) <= precision-scale
}

// maxDecimal is the value of DECIMAL(precision,scale) farthest from zero.
func maxDecimal(neg bool, precision, scale int) Value {
	return decFromDigits(neg, bytes.Repeat([]byte{'9'}, precision), scale)
}

// DecimalSign is -1, 0 or 1, of a KindDecimal.
func DecimalSign(v Value) int {
	if v.b == nil {
		return cmp.Compare(int64(v.n), 0)
	}
	if v.b[0] == '-' {
		return -1
	}
	return 1
}

// compareDecimals orders two KindDecimals by value.
func compareDecimals(a, b Value) int {
	if a.b == nil && b.b == nil && a.aux == b.aux {
		return cmp.Compare(int64(a.n), int64(b.n))
	}
	sa, sb := DecimalSign(a), DecimalSign(b)
	if sa != sb || sa == 0 {
		return cmp.Compare(sa, sb)
	}
	var bufA, bufB [24]byte
	_, da := decimalDigits(a, bufA[:0])
	_, db := decimalDigits(b, bufB[:0])
	return sa * compareDigits(da, int(a.aux), db, int(b.aux))
}

// compareDigits compares two unscaled digit strings without leading zeros.
func compareDigits(a []byte, scaleA int, b []byte, scaleB int) int {
	if d := cmp.Compare(len(a)-scaleA, len(b)-scaleB); d != 0 {
		return d
	}
	n := min(len(a), len(b))
	if d := bytes.Compare(a[:n], b[:n]); d != 0 {
		return d
	}
	if len(bytes.TrimLeft(a[n:], "0")) > 0 {
		return 1
	}
	if len(bytes.TrimLeft(b[n:], "0")) > 0 {
		return -1
	}
	return 0
}

// decimalToFloat is the double nearest to v.
func decimalToFloat(v Value) float64 {
	if v.b == nil && int(v.aux) < len(pow10) {
		if n := int64(v.n); -1<<53 <= n && n <= 1<<53 {
			return float64(n) / float64(pow10[v.aux]) // both exact, so the quotient is rounded once
		}
	}
	var buf [MaxDecimalPrecision + 4]byte
	f, _ := strconv.ParseFloat(string(appendDecimal(buf[:0], v)), 64)
	return f
}

// decimalToInt rounds v to an integer; false where it had to be clipped.
func decimalToInt(v Value) (int64, bool) {
	v = RoundDecimal(v, 0)
	if v.b == nil {
		return int64(v.n), true
	}
	if v.b[0] == '-' {
		return math.MinInt64, string(v.b) == "-9223372036854775808"
	}
	return math.MaxInt64, false
}

// decimalToUint rounds v to an unsigned integer; false where it had to be clipped.
func decimalToUint(v Value) (uint64, bool) {
	v = RoundDecimal(v, 0)
	if v.b == nil {
		return uint64(max(int64(v.n), 0)), int64(v.n) >= 0
	}
	if v.b[0] == '-' {
		return 0, false
	}
	u, err := strconv.ParseUint(string(v.b), 10, 64)
	return u, err == nil
}

// decimalFromUint is the exact decimal of u.
func decimalFromUint(u uint64) Value {
	if u <= math.MaxInt64 {
		return DecSmall(int64(u), 0)
	}
	return decFromDigits(false, strconv.AppendUint(nil, u, 10), 0)
}

// DecFromFloat takes the shortest digits that give f, as MySQL does; false where f is beyond DECIMAL.
func DecFromFloat(f float64) (Value, bool) {
	if math.IsNaN(f) {
		return DecSmall(0, 0), false
	}
	if math.IsInf(f, 0) {
		return maxDecimal(f < 0, MaxDecimalPrecision, 0), false
	}
	var buf [32]byte
	v, _, status := parseDecimal(strconv.AppendFloat(buf[:0], f, 'e', -1, 64))
	return v, status == numeral.OK
}
