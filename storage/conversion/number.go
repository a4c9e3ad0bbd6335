package conversion

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// integerBits is the width of an integer type.
func integerBits(id types.ID) uint {
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

// intRange gives the least and greatest value of a signed integer type.
func intRange(t *types.Type) (lo, hi int64) {
	hi = math.MaxInt64 >> (64 - integerBits(t.ID))
	return -hi - 1, hi
}

// uintMax gives the greatest value of an unsigned integer type.
func uintMax(t *types.Type) uint64 { return math.MaxUint64 >> (64 - integerBits(t.ID)) }

func (a *assignment) integer() (types.Value, error) {
	if a.kind == types.KindString || a.kind == types.KindBytes {
		return a.integerFromText()
	}
	if a.kind == types.KindJSON && !a.unwrapJSON() {
		return a.badJSON("INTEGER", a.zeroInteger())
	}
	if a.t.Unsigned {
		return a.clipped(a.clipUint(a.v.ToUint(nil)))
	}
	return a.clipped(a.clipInt(a.v.ToInt(nil)))
}

// clipped reports what was out of range.
func (a *assignment) clipped(v types.Value, fits bool) (types.Value, error) {
	if !fits {
		return a.problem(a.outOfRange(), v)
	}
	return v, nil
}

// clipInt gives the nearest value that the column takes; fits tells that nothing was clipped, here or before.
func (a *assignment) clipInt(i int64, before bool) (v types.Value, fits bool) {
	lo, hi := intRange(a.t)
	return types.Int(min(max(i, lo), hi)), !before && lo <= i && i <= hi
}

func (a *assignment) clipUint(u uint64, before bool) (v types.Value, fits bool) {
	most := uintMax(a.t)
	return types.Uint(min(u, most)), !before && u <= most
}

// integerFromText rounds a fraction silently, as MySQL does.
func (a *assignment) integerFromText() (types.Value, error) {
	s := a.raw
	abs, neg, over, n := numeral.ScanInteger(s)
	number := types.Null
	if n == 0 || n < len(s) && (s[n] == '.' || s[n]|0x20 == 'e') {
		d, length, _ := types.ParseDecimal(s)
		if length == 0 {
			return a.problem(a.incorrect("integer", a.shown()), a.zeroInteger())
		}
		n, number = length, d
	}
	v, fits := a.clipParsed(number, abs, neg, over)
	if fits && !numeral.OnlySpace(s[n:]) {
		return a.problem(a.truncated(), v)
	}
	return a.clipped(v, fits) // alone, as in MySQL
}

func (a *assignment) zeroInteger() types.Value {
	if a.t.Unsigned {
		return types.Uint(0)
	}
	return types.Int(0)
}

// clipParsed clips what was read as a decimal, or else as an integer.
func (a *assignment) clipParsed(number types.Value, abs uint64, neg, over bool) (v types.Value, fits bool) {
	switch {
	case a.t.Unsigned && !number.IsNull():
		return a.clipUint(number.ToUint(nil))
	case a.t.Unsigned && neg && abs != 0:
		return a.clipUint(0, true)
	case a.t.Unsigned:
		return a.clipUint(abs, over)
	case !number.IsNull():
		return a.clipInt(number.ToInt(nil))
	}
	return a.clipInt(numeral.Signed(abs, neg))
}

// unwrapJSON replaces a JSON scalar by the number that it holds; false where it holds none.
func (a *assignment) unwrapJSON() bool {
	n, ok := types.JSONNumber(a.v)
	a.v = n
	a.kind, a.raw = n.Parts()
	return ok
}

// badJSON is 3156: Invalid JSON value for CAST to INTEGER from column c at row 1.
func (a *assignment) badJSON(what string, nearest types.Value) (types.Value, error) {
	return a.problem(mysqlerr.New(mysqlerr.InvalidJSONValueForCast, what, a.column, a.row), nearest)
}

// year takes 1901 to 2155 and 0; one or two digits mean a year of 1970 to 2069.
func (a *assignment) year() (types.Value, error) {
	var y int64
	clipped, text, cut := false, false, false
	switch a.kind {
	case types.KindString, types.KindBytes:
		abs, neg, over, n := numeral.ScanInteger(a.raw)
		if n == 0 {
			return a.problem(a.incorrect("integer", a.shown()), types.Int(0))
		}
		if cut = !numeral.OnlySpace(a.raw[n:]); cut && a.mode != nil && a.mode.Legacy {
			return a.problem(a.truncated(), types.Int(0))
		}
		text = n-numeral.SkipSpace(a.raw) < 4 // '0000' is the year 0, '0' and '00' are 2000
		if y, clipped = numeral.Signed(abs, neg); over {
			clipped = true
		}
	case types.KindDate, types.KindDatetime, types.KindTimestamp:
		y = int64(temporal.Of(types.ToLocal(a.v, a.mode.Location()).Uint()).Year)
	default:
		y, clipped = a.v.ToInt(nil)
	}
	switch {
	case clipped || y < 0 || y > 99 && y < 1901 || y > 2155:
		return a.problem(a.outOfRange(), types.Int(0))
	case y <= 99 && (y != 0 || text):
		y += int64(temporal.Century(int(y)))
	}
	if cut { // what stands before is the year all the same
		return a.problem(a.truncated(), types.Int(y))
	}
	return types.Int(y), nil
}

func (a *assignment) float() (types.Value, error) {
	if a.kind == types.KindJSON && !a.unwrapJSON() {
		return a.badJSON("DOUBLE", types.Float(0))
	}
	var f float64
	garbage, over := false, false
	if a.kind == types.KindString || a.kind == types.KindBytes {
		var n int
		var status numeral.Status
		f, n, status = numeral.ParseFloat(a.raw)
		garbage = status == numeral.None || !numeral.OnlySpace(a.raw[n:])
		over = status == numeral.Range
	} else {
		f = a.v.ToFloat(nil)
	}
	nearest, inRange := clampFloat(f, a.t, a.mode != nil && a.mode.Legacy)
	switch {
	case !inRange || over:
		return a.problem(a.outOfRange(), types.Float(nearest))
	case garbage:
		return a.problem(a.truncated(), types.Float(nearest))
	}
	return types.Float(nearest), nil
}

// clampFloat rounds f to the column's precision and brings it into its range.
func clampFloat(f float64, t *types.Type, legacy bool) (float64, bool) {
	ok := true
	if f != f {
		return 0, false
	}
	if t.Unsigned && f < 0 {
		return 0, false
	}
	if t.Decimals >= 0 && t.Decimals <= types.MaxDecimalScale {
		f = roundFloat(f, t.Decimals, legacy)
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

// roundFloat rounds to d decimal digits as FLOAT(m,d) columns do: what is behind the integer below f, half to even.
func roundFloat(f float64, d int, legacy bool) float64 {
	p, whole := math.Pow10(d), math.Floor(f)
	if legacy {
		if r := math.Round(f * p); !math.IsInf(r, 0) && p != 0 {
			return r / p
		}
		return f
	}
	if r := math.RoundToEven((f - whole) * p); !math.IsInf(whole, 0) && p != 0 {
		return whole + r/p
	}
	return f
}

func (a *assignment) decimal() (types.Value, error) {
	exact, isText := types.JSONString(a.v)
	if _, scale := a.t.DecimalShape(); a.kind == types.KindJSON && !a.unwrapJSON() {
		return a.badJSON("DECIMAL", types.DecSmall(0, scale))
	}
	if isText && a.kind == types.KindFloat && !a.mode.Legacy {
		a.kind, a.raw = types.KindString, exact // a double has not all of its digits
	}
	var d types.Value
	garbage, over := false, false
	switch a.kind {
	case types.KindString, types.KindBytes:
		var n int
		var ok bool
		if d, n, ok = types.ParseDecimal(a.raw); n == 0 {
			_, scale := a.t.DecimalShape()
			return a.problem(a.incorrect("decimal", a.shown()), types.DecSmall(0, scale))
		}
		garbage, over = !numeral.OnlySpace(a.raw[n:]), !ok
	case types.KindFloat:
		var ok bool
		d, ok = types.DecFromFloat(a.v.Float())
		over = !ok
	default:
		d = a.v.ToDec(nil)
	}
	stored, ok := clampDecimal(d, a.t)
	switch {
	case !ok || over:
		return a.problem(a.outOfRange(), stored)
	case garbage:
		return a.problem(a.truncated(), stored)
	}
	if a.warner != nil && (a.kind != types.KindFloat || !a.mode.Legacy) && stored.Scale() < d.Scale() && types.CompareSame(d, stored, collation.Binary) != 0 {
		a.note()
	}
	return stored, nil
}

// clampDecimal rounds d to the column's scale and brings it into its range.
func clampDecimal(d types.Value, t *types.Type) (types.Value, bool) {
	precision, scale := t.DecimalShape()
	if t.Unsigned && types.DecimalSign(d) < 0 {
		return types.DecSmall(0, scale), false
	}
	return types.ClipDecimal(d, precision, scale)
}

// bit takes a number, or a string as the number's big-endian bytes.
func (a *assignment) bit() (types.Value, error) {
	bits := max(a.t.Length, 1)
	most := uint64(math.MaxUint64) >> (64 - bits)
	var u uint64
	over := false
	switch a.kind {
	case types.KindString, types.KindBytes, types.KindEnum, types.KindSet, types.KindJSON:
		for _, b := range a.raw {
			over = over || u > math.MaxUint64>>8
			u = u<<8 | uint64(b)
		}
	case types.KindUint, types.KindBit:
		u = a.v.Uint()
	default:
		i, clipped := a.v.ToInt(nil)
		u, over = uint64(i), clipped
	}
	if over || u > most {
		if !a.mode.Strict {
			return a.problem(a.outOfRange(), types.Bit(most, bits))
		}
		return a.problem(a.tooLong(), types.Bit(most, bits))
	}
	return types.Bit(u, bits), nil
}
