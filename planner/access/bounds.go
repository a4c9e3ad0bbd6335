package access

import (
	"math"

	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Fit is how well a constant fits a column.
type Fit uint8

const (
	Exactly Fit = iota // lo and hi are the constant as a value of the column
	Within             // the constant lies somewhere from lo to hi
	Unknown            // nothing is known
)

// maxExactFloat is up to where every integer is a double.
const maxExactFloat = 1 << 53

// Bounds finds where a constant lies among the values of a column, in storage form.
func Bounds(v types.Value, t *types.Type, m *types.Mode) (lo, hi types.Value, state Fit) {
	switch t.Class() {
	case types.ClassInt:
		return intBounds(v)
	case types.ClassDecimal:
		return decimalBounds(v, max(t.Decimals, 0))
	case types.ClassFloat:
		f := types.Float(v.ToFloat(nil))
		return f, f, Exactly
	case types.ClassString:
		if v.Kind() == types.KindString || v.Kind() == types.KindBytes {
			return v, v, Exactly
		}
	case types.ClassDate, types.ClassDatetime:
		return dateBounds(v, t, m)
	case types.ClassTime:
		return timeBounds(v, m)
	case types.ClassEnum:
		return enumBounds(v, t)
	case types.ClassBit:
		if u, clipped := v.ToUint(nil); !clipped {
			b := types.Bit(u, max(t.Length, 1))
			return b, b, Exactly
		}
	}
	return types.Null, types.Null, Unknown
}

func intBounds(v types.Value) (lo, hi types.Value, state Fit) {
	switch v.Kind() {
	case types.KindInt, types.KindUint:
		return v, v, Exactly
	case types.KindDecimal:
		if w := types.RoundDecimal(v, 0); types.Compare(w, v, collation.Binary) == 0 {
			if i, clipped := w.ToInt(nil); !clipped {
				return types.Int(i), types.Int(i), Exactly
			}
			if u, clipped := w.ToUint(nil); !clipped {
				return types.Uint(u), types.Uint(u), Exactly
			}
		}
	case types.KindString, types.KindBytes:
		if d, n, ok := types.ParseDecimal(v.Raw()); ok && n == len(v.Raw()) && d.Kind() == types.KindDecimal {
			return intBounds(d)
		}
	case types.KindFloat:
	default:
		return types.Null, types.Null, Unknown
	}
	f := v.ToFloat(nil)
	if math.Abs(f) >= maxExactFloat || math.IsNaN(f) {
		return types.Null, types.Null, Unknown
	}
	if f == math.Trunc(f) {
		return types.Int(int64(f)), types.Int(int64(f)), Exactly
	}
	return types.Int(int64(math.Floor(f))), types.Int(int64(math.Ceil(f))), Within
}

func decimalBounds(v types.Value, scale int) (lo, hi types.Value, state Fit) {
	var a, b types.Value
	switch v.Kind() {
	case types.KindInt, types.KindUint, types.KindDecimal:
		a = types.Dec(v.ToDecimal(nil))
		if r := types.RoundDecimal(a, scale); types.Compare(r, a, collation.Binary) == 0 {
			return r, r, Exactly
		}
		b = a
	case types.KindFloat, types.KindString:
		f := v.ToFloat(nil)
		slack := math.Abs(f) * 1e-14
		a, b = types.Dec(types.Float(f-slack).ToDecimal(nil)), types.Dec(types.Float(f+slack).ToDecimal(nil))
	default:
		return types.Null, types.Null, Unknown
	}
	step := decimal.New(1, -int32(scale))
	lo = types.RoundDecimal(types.Dec(a.DecimalValue().Sub(step)), scale)
	hi = types.RoundDecimal(types.Dec(b.DecimalValue().Add(step)), scale)
	return lo, hi, Within
}

// timeBounds knows of text that is a time and nothing else: other text is compared as text.
func timeBounds(v types.Value, m *types.Mode) (lo, hi types.Value, state Fit) {
	if v.Kind() == types.KindTime || v.Kind() == types.KindString {
		warned := false
		if t := v.ToTime(m, func(uint16, string) { warned = true }); !t.IsNull() && !warned {
			return t, t, Exactly
		}
	}
	return types.Null, types.Null, Unknown
}

func dateBounds(v types.Value, t *types.Type, m *types.Mode) (lo, hi types.Value, state Fit) {
	switch v.Kind() {
	case types.KindDate, types.KindDatetime, types.KindString, types.KindBytes:
	default:
		return types.Null, types.Null, Unknown
	}
	dt := v.ToDatetime(m, nil)
	if dt.IsNull() {
		return types.Null, types.Null, Unknown
	}
	switch {
	case t.IsTimestamp():
		return timestampBounds(dt, t, m)
	case t.Class() == types.ClassDate:
		day := dt.ToDate(m, nil)
		if day.IsNull() {
			return types.Null, types.Null, Unknown
		}
		day = types.Date(dt.Uint() &^ (1<<41 - 1))
		if day.Uint() == dt.Uint() {
			return day, day, Exactly
		}
		return day, day, Within
	}
	return dt, dt, Exactly
}

// timestampSlackMicros covers whatever a time zone's changes may do to the order of local times.
const timestampSlackMicros = 26 * 3600 * 1e6

func timestampBounds(dt types.Value, t *types.Type, m *types.Mode) (lo, hi types.Value, state Fit) {
	bad := false
	lax := types.Mode{Loc: m.Loc, AllowInvalid: true}
	wide := *t
	wide.Decimals = 6
	ts, err := conversion.Assign(dt, &wide, "", 0, &lax, func(uint16, string) { bad = true })
	if err != nil || bad || ts.Kind() != types.KindTimestamp || ts.Int() == temporal.ZeroTimestamp {
		return types.Null, types.Null, Unknown
	}
	if m.Loc == nil || m.Loc.String() == "UTC" {
		return ts, ts, Exactly
	}
	return types.Timestamp(ts.Int()-timestampSlackMicros, 6), types.Timestamp(ts.Int()+timestampSlackMicros, 6), Within
}

func enumBounds(v types.Value, t *types.Type) (lo, hi types.Value, state Fit) {
	bad := false
	lax := types.Mode{}
	e, err := conversion.Assign(v, t, "", 0, &lax, func(uint16, string) { bad = true })
	if err != nil || bad || e.Kind() != types.KindEnum || v.Kind() != types.KindString {
		return types.Null, types.Null, Unknown
	}
	return e, e, Exactly
}
