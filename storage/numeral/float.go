package numeral

import (
	"bytes"
	"math"
	"slices"
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

// FitFloat is f in at most width characters, with as many of its digits as there is room for: behind a point, or with an exponent where
// that has more of them. false where there is room for none.
func FitFloat(f float64, width int) ([]byte, bool) {
	plain, digits := fittingFloat(f, 'f', width)
	if abs := math.Abs(f); abs >= plainFloatMax || abs < plainFloatMin {
		digits = 0
	}
	if short, more := fittingFloat(f, 'e', width); more > digits {
		return short, true
	}
	return plain, digits > 0
}

// fittingFloat is the most precise form of f in a format that has no more than width characters, and its significant digits.
func fittingFloat(f float64, format byte, width int) (text []byte, digits int) {
	for precision := min(width, 17); precision >= 0; precision-- {
		text = strconv.AppendFloat(text[:0], f, format, precision, 64)
		mantissa, exponent, _ := bytes.Cut(text, []byte("e"))
		if bytes.IndexByte(mantissa, '.') >= 0 {
			mantissa = bytes.TrimRight(bytes.TrimRight(mantissa, "0"), ".")
		}
		if format == 'e' {
			negative := exponent[0] == '-'
			exponent = bytes.TrimLeft(exponent[1:], "0")
			mantissa = append(slices.Clone(mantissa), 'e')
			if negative {
				mantissa = append(mantissa, '-')
			}
			mantissa = append(mantissa, exponent...)
		}
		if len(mantissa) <= width {
			first := bytes.IndexAny(mantissa, "123456789")
			end := bytes.IndexByte(mantissa, 'e')
			if end < 0 {
				end = len(mantissa)
			}
			if first >= 0 && first < end {
				digits = end - first - bytes.Count(mantissa[first:end], []byte("."))
			}
			return mantissa, digits
		}
	}
	return nil, 0
}

// AppendFloat32 appends a FLOAT, which shows six significant digits.
func AppendFloat32(dst []byte, f float64) []byte {
	var buf [24]byte
	rounded, _ := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'e', 5, 64)), 64)
	return AppendFloat(dst, rounded)
}

// ParseFloat reads a number at the start of s, after white space, and tells how many bytes it took.
func ParseFloat(s []byte) (float64, int, Status) {
	start := SkipSpace(s)
	i := start
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := 0
	for ; i < len(s) && IsDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && IsDigit(s[i]); i++ {
			digits++
		}
	}
	if digits == 0 {
		return 0, 0, None
	}
	_, expLen := ScanExponent(s[i:])
	i += expLen
	f, err := strconv.ParseFloat(string(s[start:i]), 64)
	if err != nil { // the syntax was checked, so it is out of range
		return math.Copysign(math.MaxFloat64, f), i, Range
	}
	return f, i, OK
}
