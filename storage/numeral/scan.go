package numeral

import "math"

// Status tells what a number's text looked like.
type Status uint8

const (
	OK    Status = iota
	None         // no digit at all
	Range        // too large; the result is the nearest value
)

// ScanInteger reads sign and digits at the start of s, after white space; abs is clipped to 2^64-1 where over is set.
func ScanInteger(s []byte) (abs uint64, neg, over bool, n int) {
	i := SkipSpace(s)
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	first := i
	for ; i < len(s) && IsDigit(s[i]); i++ {
		d := uint64(s[i] - '0')
		if over || abs > (math.MaxUint64-d)/10 {
			over, abs = true, math.MaxUint64
			continue
		}
		abs = abs*10 + d
	}
	if i == first {
		return 0, false, false, 0
	}
	return abs, neg, over, i
}

// Signed is the signed integer of a size and a sign; clipped tells that it was out of range.
func Signed(abs uint64, neg bool) (i int64, clipped bool) {
	switch {
	case neg && abs > 1<<63:
		return math.MinInt64, true
	case neg:
		return -int64(abs), false
	case abs > math.MaxInt64:
		return math.MaxInt64, true
	}
	return int64(abs), false
}

// ScanExponent reads "e-5"; a lone e is no exponent. The value is clipped to what no number survives.
func ScanExponent(s []byte) (exp, n int) {
	if len(s) < 2 || s[0]|0x20 != 'e' {
		return 0, 0
	}
	i, neg := 1, false
	if s[i] == '-' || s[i] == '+' {
		neg = s[i] == '-'
		i++
	}
	if i == len(s) || !IsDigit(s[i]) {
		return 0, 0
	}
	for ; i < len(s) && IsDigit(s[i]); i++ {
		exp = min(exp*10+int(s[i]-'0'), 100000)
	}
	if neg {
		exp = -exp
	}
	return exp, i
}

func IsDigit(b byte) bool { return b-'0' <= 9 }

// IsSpace tells what counts as white space around a number.
func IsSpace(b byte) bool { return b == ' ' || b-'\t' <= '\r'-'\t' }

// SkipSpace counts the white space that s starts with.
func SkipSpace(s []byte) int {
	i := 0
	for i < len(s) && IsSpace(s[i]) {
		i++
	}
	return i
}

// OnlySpace tells whether s is nothing but white space.
func OnlySpace(s []byte) bool { return SkipSpace(s) == len(s) }
