package types

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
)

// integerBits is the width of an integer type.
func integerBits(id ID) uint {
	switch id {
	case mysql.TypeTiny:
		return 8
	case mysql.TypeShort:
		return 16
	case mysql.TypeInt24:
		return 24
	case mysql.TypeLong:
		return 32
	}
	return 64
}

// IntRange gives the least and greatest value of a signed integer type.
func (t *Type) IntRange() (lo, hi int64) {
	hi = math.MaxInt64 >> (64 - integerBits(t.ID))
	return -hi - 1, hi
}

// UintMax gives the greatest value of an unsigned integer type.
func (t *Type) UintMax() uint64 { return math.MaxUint64 >> (64 - integerBits(t.ID)) }

func (a *assignment) integer() (Value, error) {
	if a.v.kind == KindString || a.v.kind == KindBytes {
		return a.integerFromText()
	}
	if a.v.kind == KindJSON && !a.unwrapJSON() {
		return a.badJSON("INTEGER", a.zeroInteger())
	}
	if a.t.Unsigned {
		u, clipped := a.v.ToUint(nil)
		return a.fitUint(u, clipped)
	}
	i, clipped := a.v.ToInt(nil)
	return a.fitInt(i, clipped)
}

func (a *assignment) fitInt(i int64, clipped bool) (Value, error) {
	lo, hi := a.t.IntRange()
	switch {
	case i < lo:
		return a.problem(a.outOfRange(), Int(lo))
	case i > hi:
		return a.problem(a.outOfRange(), Int(hi))
	case clipped:
		return a.problem(a.outOfRange(), Int(i))
	}
	return Int(i), nil
}

func (a *assignment) fitUint(u uint64, clipped bool) (Value, error) {
	if most := a.t.UintMax(); u > most {
		return a.problem(a.outOfRange(), Uint(most))
	}
	if clipped {
		return a.problem(a.outOfRange(), Uint(u))
	}
	return Uint(u), nil
}

// integerFromText rounds a fraction silently, as MySQL does.
func (a *assignment) integerFromText() (Value, error) {
	s := a.v.b
	abs, neg, over, n := numeral.ScanInteger(s)
	number := Null
	if n == 0 || n < len(s) && (s[n] == '.' || s[n]|0x20 == 'e') {
		d, length, status := parseDecimal(s)
		if status == numeral.None {
			return a.problem(a.incorrect("integer", a.shown()), a.zeroInteger())
		}
		n, number = length, d
	}
	result, err := a.fitParsed(number, abs, neg, over)
	if err == nil && !numeral.OnlySpace(s[n:]) {
		return a.problem(a.truncated(), result)
	}
	return result, err
}

func (a *assignment) zeroInteger() Value {
	if a.t.Unsigned {
		return Uint(0)
	}
	return Int(0)
}

// fitParsed fits what was read as a decimal, or else as an integer.
func (a *assignment) fitParsed(number Value, abs uint64, neg, over bool) (Value, error) {
	switch {
	case a.t.Unsigned && !number.IsNull():
		u, ok := decimalToUint(number)
		return a.fitUint(u, !ok)
	case a.t.Unsigned && neg && abs != 0:
		return a.fitUint(0, true)
	case a.t.Unsigned:
		return a.fitUint(abs, over)
	case !number.IsNull():
		i, ok := decimalToInt(number)
		return a.fitInt(i, !ok)
	}
	i, clipped := numeral.Signed(abs, neg)
	return a.fitInt(i, clipped)
}

// unwrapJSON replaces a JSON scalar by the number that it holds; false where it holds none.
func (a *assignment) unwrapJSON() bool {
	bad := false
	a.v = jsonNumber(a.v, "", func(uint16, string) { bad = true })
	return !bad
}

// badJSON is 3156: Invalid JSON value for CAST to INTEGER from column c at row 1.
func (a *assignment) badJSON(what string, nearest Value) (Value, error) {
	return a.problem(mysqlerr.New(mysqlerr.InvalidJSONValueForCast, what, a.column, a.row), nearest)
}

// year takes 1901 to 2155 and 0; one or two digits mean a year of 1970 to 2069.
func (a *assignment) year() (Value, error) {
	var y int64
	clipped, text := false, false
	switch a.v.kind {
	case KindString, KindBytes:
		abs, neg, over, n := numeral.ScanInteger(a.v.b)
		if n == 0 {
			return a.problem(a.incorrect("integer", a.shown()), Int(0))
		}
		if !numeral.OnlySpace(a.v.b[n:]) {
			return a.problem(a.truncated(), Int(0))
		}
		text = n-numeral.SkipSpace(a.v.b) < 4 // '0000' is the year 0, '0' and '00' are 2000
		if y, clipped = numeral.Signed(abs, neg); over {
			clipped = true
		}
	case KindDate, KindDatetime, KindTimestamp:
		y = int64(temporal.Of(ToLocal(a.v, a.mode.loc()).n).Year)
	default:
		y, clipped = a.v.ToInt(nil)
	}
	switch {
	case clipped || y < 0 || y > 99 && y < 1901 || y > 2155:
		return a.problem(a.outOfRange(), Int(0))
	case y <= 99 && (y != 0 || text):
		y += int64(temporal.Century(int(y)))
	}
	return Int(y), nil
}

func (a *assignment) float() (Value, error) {
	if a.v.kind == KindJSON && !a.unwrapJSON() {
		return a.badJSON("DOUBLE", Float(0))
	}
	var f float64
	garbage, over := false, false
	if a.v.kind == KindString || a.v.kind == KindBytes {
		var n int
		var status numeral.Status
		f, n, status = numeral.ParseFloat(a.v.b)
		garbage = status == numeral.None || !numeral.OnlySpace(a.v.b[n:])
		over = status == numeral.Range
	} else {
		f = a.v.ToFloat(nil)
	}
	nearest, inRange := a.t.clampFloat(f)
	switch {
	case !inRange || over:
		return a.problem(a.outOfRange(), Float(nearest))
	case garbage:
		return a.problem(a.truncated(), Float(nearest))
	}
	return Float(nearest), nil
}

// clampFloat rounds f to the column's precision and brings it into its range.
func (t *Type) clampFloat(f float64) (float64, bool) {
	ok := true
	if f != f {
		return 0, false
	}
	if t.Unsigned && f < 0 {
		return 0, false
	}
	if t.Decimals >= 0 && t.Decimals <= MaxDecimalScale {
		f = roundFloat(f, t.Decimals)
		if t.Length > 0 {
			most := math.Pow10(t.Length-t.Decimals) - math.Pow10(-t.Decimals)
			if math.Abs(f) > most {
				f, ok = math.Copysign(most, f), false
			}
		}
	}
	limit := math.MaxFloat64
	if t.ID == mysql.TypeFloat {
		limit = math.MaxFloat32
	}
	if math.Abs(f) > limit {
		f, ok = math.Copysign(limit, f), false
	}
	if t.ID == mysql.TypeFloat {
		f = float64(float32(f))
	}
	return f, ok
}

// roundFloat rounds to d decimal digits, half away from zero as FLOAT(m,d) columns and ROUND() do.
func roundFloat(f float64, d int) float64 {
	p := math.Pow10(d)
	if r := math.Round(f * p); !math.IsInf(r, 0) && p != 0 {
		return r / p
	}
	return f
}

// DecimalShape is the precision and scale of a DECIMAL type, (10,0) where it names none.
func (t *Type) DecimalShape() (precision, scale int) {
	precision, scale = t.Length, t.Decimals
	if precision <= 0 {
		precision = 10
	}
	if scale < 0 {
		scale = 0
	}
	return min(precision, MaxDecimalPrecision), min(scale, MaxDecimalScale)
}

func (a *assignment) decimal() (Value, error) {
	if _, scale := a.t.DecimalShape(); a.v.kind == KindJSON && !a.unwrapJSON() {
		return a.badJSON("DECIMAL", DecSmall(0, scale))
	}
	var d Value
	garbage, over := false, false
	switch a.v.kind {
	case KindString, KindBytes:
		var n int
		var status numeral.Status
		d, n, status = parseDecimal(a.v.b)
		if status == numeral.None {
			_, scale := a.t.DecimalShape()
			return a.problem(a.incorrect("decimal", a.shown()), DecSmall(0, scale))
		}
		garbage, over = !numeral.OnlySpace(a.v.b[n:]), status == numeral.Range
	case KindFloat:
		var ok bool
		d, ok = decimalFromFloat(a.v.Float())
		over = !ok
	default:
		d = a.v.ToDec(nil)
	}
	stored, ok := a.t.clampDecimal(d)
	switch {
	case !ok || over:
		return a.problem(a.outOfRange(), stored)
	case garbage:
		return a.problem(a.truncated(), stored)
	}
	if a.warner != nil && a.v.kind != KindFloat && stored.aux < d.aux && compareDecimals(d, stored) != 0 {
		a.note()
	}
	return stored, nil
}

// clampDecimal rounds d to the column's scale and brings it into its range.
func (t *Type) clampDecimal(d Value) (Value, bool) {
	precision, scale := t.DecimalShape()
	if t.Unsigned && decimalSign(d) < 0 {
		return DecSmall(0, scale), false
	}
	d = RoundDecimal(d, scale)
	if !decimalFits(d, precision, scale) {
		return maxDecimal(decimalSign(d) < 0, precision, scale), false
	}
	return d, true
}

// bit takes a number, or a string as the number's big-endian bytes.
func (a *assignment) bit() (Value, error) {
	bits := max(a.t.Length, 1)
	most := uint64(math.MaxUint64) >> (64 - bits)
	var u uint64
	over := false
	switch a.v.kind {
	case KindString, KindBytes, KindEnum, KindSet, KindJSON:
		for _, b := range a.v.b {
			over = over || u > math.MaxUint64>>8
			u = u<<8 | uint64(b)
		}
	case KindUint, KindBit:
		u = a.v.n
	default:
		i, clipped := a.v.ToInt(nil)
		u, over = uint64(i), clipped
	}
	if over || u > most {
		if !a.mode.Strict {
			return a.problem(a.outOfRange(), Bit(most, bits))
		}
		return a.problem(a.tooLong(), Bit(most, bits))
	}
	return Bit(u, bits), nil
}
