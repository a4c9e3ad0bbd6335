package types

import (
	"math"
	"strconv"

	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/numeral"
)

// The numeric views follow MySQL's implicit conversions. A string gives the number it starts with, and warning 1292 where
// more than white space follows.

// ToInt rounds v to a signed integer; the second result tells that it was out of range and clipped.
func (v Value) ToInt(warn Warner) (i int64, clipped bool) {
	switch v.kind {
	case KindInt:
		return int64(v.n), false
	case KindUint, KindEnum, KindSet, KindBit:
		if v.n > math.MaxInt64 {
			return math.MaxInt64, true
		}
		return int64(v.n), false
	case KindFloat:
		return floatToInt(v.Float())
	case KindDecimal:
		i, ok := decimalToInt(v)
		return i, !ok
	case KindString, KindBytes:
		return parseInt(v.b, warn)
	case KindJSON:
		return jsonNumber(v, "INTEGER", warn).ToInt(nil)
	case KindNull:
		return 0, false
	}
	n, micros := temporalNumber(v)
	if micros >= 500000 {
		n, _ = roundedTemporal(v)
	}
	return n, false
}

// ToUint rounds v to an unsigned integer; the second result tells that it was out of range and clipped.
func (v Value) ToUint(warn Warner) (u uint64, clipped bool) {
	switch v.kind {
	case KindUint, KindEnum, KindSet, KindBit:
		return v.n, false
	case KindFloat:
		return floatToUint(v.Float())
	case KindDecimal:
		u, ok := decimalToUint(v)
		return u, !ok
	case KindString, KindBytes:
		return parseUint(v.b, warn)
	case KindJSON:
		return jsonNumber(v, "INTEGER", warn).ToUint(nil)
	}
	i, _ := v.ToInt(warn)
	return uint64(max(i, 0)), i < 0
}

// ToFloat is v as a double.
func (v Value) ToFloat(warn Warner) float64 {
	switch v.kind {
	case KindNull:
		return 0
	case KindFloat:
		return v.Float()
	case KindInt:
		return float64(int64(v.n))
	case KindUint, KindEnum, KindSet, KindBit:
		return float64(v.n)
	case KindDecimal:
		return decimalToFloat(v)
	case KindString, KindBytes:
		f, n, status := numeral.ParseFloat(v.b)
		if status != numeral.OK || !numeral.OnlySpace(v.b[n:]) {
			warn.Truncated("DOUBLE", v.b)
		}
		return f
	case KindJSON:
		return jsonNumber(v, "DOUBLE", warn).ToFloat(nil)
	}
	n, micros := temporalNumber(v)
	if n < 0 || v.kind == KindTime && v.Int() < 0 {
		micros = -micros
	}
	return float64(n) + float64(micros)/1e6
}

// ToDec is v as a KindDecimal.
func (v Value) ToDec(warn Warner) Value {
	switch v.kind {
	case KindNull:
		return DecSmall(0, 0)
	case KindDecimal:
		return v
	case KindInt:
		return DecSmall(int64(v.n), 0)
	case KindUint, KindEnum, KindSet, KindBit:
		return decimalFromUint(v.n)
	case KindFloat:
		d, ok := DecFromFloat(v.Float())
		if !ok {
			warn.Truncated("DECIMAL", numeral.AppendFloat(nil, v.Float()))
		}
		return d
	case KindString, KindBytes:
		d, n, status := parseDecimal(v.b)
		if status != numeral.OK || !numeral.OnlySpace(v.b[n:]) {
			warn.Truncated("DECIMAL", v.b)
		}
		return d
	case KindJSON:
		return jsonNumber(v, "DECIMAL", warn).ToDec(nil)
	}
	n, micros := temporalNumber(v)
	if v.aux == 0 {
		return DecSmall(n, 0)
	}
	if n < 0 || v.kind == KindTime && v.Int() < 0 {
		micros = -micros
	}
	var d Value
	if hi := n; hi > -9e12 && hi < 9e12 { // TIME, and what else fits: n·10^6 within an int64
		d = DecSmall(hi*1e6+int64(micros), 6)
	} else {
		digits := strconv.AppendInt(nil, hi, 10)
		for p := int64(100000); p > 0; p /= 10 {
			digits = append(digits, byte('0'+int64(micros)/p%10))
		}
		d = decFromDigits(false, digits, 6)
	}
	return RoundDecimal(d, int(v.aux))
}

// ToDecimal is v as the arithmetic package's decimal.
func (v Value) ToDecimal(warn Warner) decimal.Decimal { return v.ToDec(warn).DecimalValue() }

// ToBool tells whether v is true in a condition: not NULL and not zero.
func (v Value) ToBool(warn Warner) bool {
	switch v.kind {
	case KindNull:
		return false
	case KindInt, KindUint, KindEnum, KindSet, KindBit:
		return v.n != 0
	case KindDecimal:
		return DecimalSign(v) != 0
	case KindJSON:
		return jsonTruth(v)
	}
	return v.ToFloat(warn) != 0
}

func floatToInt(f float64) (int64, bool) {
	f = math.RoundToEven(f)
	switch {
	case f != f:
		return 0, true
	case f >= 1<<63:
		return math.MaxInt64, true
	case f < -1<<63:
		return math.MinInt64, true
	}
	return int64(f), false
}

func floatToUint(f float64) (uint64, bool) {
	f = math.RoundToEven(f)
	switch {
	case f != f || f < 0:
		return 0, true
	case f >= 1<<64:
		return math.MaxUint64, true
	}
	return uint64(f), false
}

func parseInt(s []byte, warn Warner) (int64, bool) {
	abs, neg, _, n := numeral.ScanInteger(s)
	i, clipped := numeral.Signed(abs, neg)
	if clipped || n == 0 || !numeral.OnlySpace(s[n:]) {
		warn.Truncated("INTEGER", s)
	}
	return i, clipped
}

func parseUint(s []byte, warn Warner) (uint64, bool) {
	abs, neg, over, n := numeral.ScanInteger(s)
	if neg && abs != 0 {
		abs, over = 0, true
	}
	if over || n == 0 || !numeral.OnlySpace(s[n:]) {
		warn.Truncated("INTEGER", s)
	}
	return abs, over
}
