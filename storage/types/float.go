package types

import (
	"math"
	"strconv"
)

// Doubles whose size is outside of these are shown with an exponent.
const (
	plainFloatMin = 1e-15
	plainFloatMax = 1e15
)

// AppendFloat appends a DOUBLE as MySQL shows it: the shortest digits that read back as f, and an exponent without a plus
// sign for very large and very small numbers.
func AppendFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	if abs < plainFloatMax && abs >= plainFloatMin || f == 0 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	for i := start; i < len(dst); i++ {
		if dst[i] == '+' {
			return append(dst[:i], dst[i+1:]...)
		}
	}
	return dst
}

// appendFloat32 appends a FLOAT, which shows six significant digits.
func appendFloat32(dst []byte, f float64) []byte {
	var buf [24]byte
	rounded, _ := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'e', 5, 64)), 64)
	return AppendFloat(dst, rounded)
}

// parseFloat reads a number at the start of s, after white space, and tells how many bytes it took.
func parseFloat(s []byte) (float64, int, parseStatus) {
	start := skipSpace(s)
	i := start
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && isDigit(s[i]); i++ {
			digits++
		}
	}
	if digits == 0 {
		return 0, 0, parseEmpty
	}
	_, expLen := parseExponent(s[i:])
	i += expLen
	f, err := strconv.ParseFloat(string(s[start:i]), 64)
	if err != nil { // the syntax was checked, so it is out of range
		return math.Copysign(math.MaxFloat64, f), i, parseRange
	}
	return f, i, parseOK
}

// onlySpace tells whether nothing but white space is left.
func onlySpace(s []byte) bool { return skipSpace(s) == len(s) }

// roundFloat rounds to d decimal digits, half away from zero as FLOAT(m,d) columns and ROUND() do.
func roundFloat(f float64, d int) float64 {
	p := math.Pow10(d)
	if r := math.Round(f * p); !math.IsInf(r, 0) && p != 0 {
		return r / p
	}
	return f
}
