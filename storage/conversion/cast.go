package conversion

import (
	"bytes"
	"errors"
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Cast converts v as CAST(v AS t) does; invalid text gives the nearest value and a warning, NULL for dates. A text that is
// no JSON gives NULL with the error's message as a warning.
func Cast(v types.Value, t *types.Type, m *types.Mode, warn types.Warner) types.Value {
	if kind, _ := v.Parts(); kind == types.KindNull {
		return v
	}
	switch t.Class() {
	case types.ClassInt:
		return castInteger(v, t, m, warn)
	case types.ClassFloat:
		f, ok := clampFloat(v.ToFloat(warn), t, m != nil && m.Legacy)
		if !ok {
			warn.Warn(mysqlerr.WarnDataOutOfRange, "", 1)
		}
		return types.Float(f)
	case types.ClassDecimal:
		d, ok := clampDecimal(v.ToDec(warn), t)
		if !ok {
			warn.Warn(mysqlerr.WarnDataOutOfRange, "", 1)
		}
		return d
	case types.ClassString:
		return castString(v, t, m, warn)
	case types.ClassDate:
		return v.ToDate(m, warn)
	case types.ClassDatetime:
		return castDatetime(v, t, m, warn)
	case types.ClassTime:
		d := v.ToTime(m, warn)
		if d.IsNull() {
			return d
		}
		fsp := fraction(t)
		return types.Time(max(min(temporal.RoundMicros(d.Int(), fsp), temporal.MaxTime), -temporal.MaxTime), fsp)
	case types.ClassJSON:
		j, err := castJSON(v, t)
		if err != nil {
			e := mysqlerr.From(err)
			if warn != nil {
				warn(e.Code, e.Message)
			}
			return types.Null
		}
		return j
	case types.ClassEnum, types.ClassSet, types.ClassBit:
		lax := types.Mode{}
		if m != nil {
			lax = *m
			lax.Strict = false
		}
		out, err := Assign(v, t, "", 1, &lax, warn)
		if err != nil {
			return types.Null
		}
		return out
	}
	return v
}

func castDatetime(v types.Value, t *types.Type, m *types.Mode, warn types.Warner) types.Value {
	d := v.ToDatetime(m, warn)
	if d.IsNull() {
		return d
	}
	fsp := fraction(t)
	packed, ok := temporal.Round(d.Uint(), fsp)
	if !ok {
		warn.Incorrect("datetime", v)
		return types.Null
	}
	return types.Datetime(packed, fsp)
}

// castInteger wraps around between signed and unsigned, as CAST(-1 AS UNSIGNED) does.
func castInteger(v types.Value, t *types.Type, m *types.Mode, warn types.Warner) types.Value {
	if t.ID == mysql.TypeYear {
		return castYear(v, t, m, warn)
	}
	if t.Unsigned {
		return types.Uint(castUint(v, m != nil && m.Legacy, warn))
	}
	kind, text := v.Parts()
	switch kind {
	case types.KindUint, types.KindEnum, types.KindSet, types.KindBit:
		return types.Int(int64(v.Uint()))
	case types.KindString, types.KindBytes:
		if abs, neg, over, n := numeral.ScanInteger(text); !neg && !over && n > 0 && abs > math.MaxInt64 {
			const message = "Cast to signed converted positive out-of-range integer to its negative complement"
			if warn != nil {
				warn(mysqlerr.UnknownError, message)
			}
			return types.Int(int64(abs))
		}
		i, _ := v.ToInt(warn)
		return types.Int(i)
	}
	i, clipped := v.ToInt(warn)
	if clipped {
		warn.Truncated(truncatedName(v), v.AppendText(nil, nil))
	}
	return types.Int(i)
}

// castUint has the complement of what is negative, which entries of version 1 had not of a DECIMAL,
// nor of text beyond 64 bits.
func castUint(v types.Value, legacy bool, warn types.Warner) uint64 {
	kind, text := v.Parts()
	switch kind {
	case types.KindString, types.KindBytes:
		abs, neg, over, n := numeral.ScanInteger(text)
		if neg && (over || abs > 1<<63) && !legacy {
			warn.Truncated("INTEGER", text)
			return 1 << 63
		}
		if !neg || abs == 0 || over || abs > 1<<63 {
			u, _ := v.ToUint(warn)
			return u
		}
		if !numeral.OnlySpace(text[n:]) {
			warn.Truncated("INTEGER", text)
		}
		if warn != nil {
			warn(mysqlerr.UnknownError, "Cast to unsigned converted negative integer to its positive complement")
		}
		return -abs
	case types.KindDecimal:
		if types.DecimalSign(v) >= 0 || legacy {
			u, clipped := v.ToUint(nil)
			if clipped {
				warn.Truncated("DECIMAL", v.AppendText(nil, nil))
			}
			return u
		}
		i, clipped := v.ToInt(nil)
		if clipped {
			warn.Truncated("DECIMAL", v.AppendText(nil, nil))
		}
		return uint64(i)
	case types.KindInt, types.KindTime:
		i, _ := v.ToInt(warn)
		return uint64(i)
	case types.KindFloat:
		if v.Float() < 0 {
			i, _ := v.ToInt(nil)
			return uint64(i)
		}
	}
	u, clipped := v.ToUint(warn)
	if clipped {
		warn.Truncated(truncatedName(v), v.AppendText(nil, nil))
	}
	return u
}

// truncatedName is how warning 1292 calls a number that was out of an integer's range.
func truncatedName(v types.Value) string {
	if v.Kind() == types.KindDecimal {
		return "DECIMAL"
	}
	return "INTEGER"
}

func castYear(v types.Value, t *types.Type, m *types.Mode, warn types.Warner) types.Value {
	kind, raw := v.Parts()
	a := assignment{v: v, kind: kind, raw: raw, t: t, mode: &types.Mode{Loc: m.Location(), Strict: true}}
	y, err := a.year()
	if err != nil {
		warn.Truncated("YEAR", v.AppendText(nil, nil))
		return types.Null
	}
	return y
}

// castString gives CHAR(n), BINARY(n) and their like.
func castString(v types.Value, t *types.Type, m *types.Mode, warn types.Warner) types.Value {
	kind, s := v.Parts()
	switch kind {
	case types.KindString, types.KindBytes, types.KindEnum, types.KindSet, types.KindJSON:
	default:
		s = types.ToLocal(v, m.Location()).AppendText(make([]byte, 0, 32), nil)
	}
	if t.Collation == collation.Binary {
		if t.Length >= 0 && len(s) > t.Length {
			warn.Truncated(lengthName("BINARY", t.Length), s)
			s = s[:t.Length]
		}
		return types.Bytes(padBinary(s, t))
	}
	if good := t.Collation.ValidPrefix(s); good < len(s) {
		if kind == types.KindBytes || kind == types.KindBit {
			if warn != nil {
				warn.Warn(mysqlerr.InvalidCharacterString, t.Collation.Charset(), collation.HexPrefix(s[good:]))
			}
			return types.Null
		}
		s = t.Collation.Repair(s, false)
	}
	if n := fittingBytes(s, t, m != nil && m.Legacy); n < len(s) {
		if len(bytes.TrimRight(s[n:], " ")) > 0 {
			warn.Truncated(lengthName("CHAR", t.Length), s)
		}
		s = s[:n]
	}
	return types.String(s)
}

func lengthName(name string, n int) string {
	return name + "(" + string(types.Int(int64(n)).AppendText(nil, nil)) + ")"
}

// castJSON is CAST(v AS JSON), which parses strings. Its errors are 3141 for a string that is no JSON, 3144 for a binary
// string and 3157 for too deep nesting. t is v's type where it is known, as in ToJSON.
func castJSON(v types.Value, t *types.Type) (types.Value, error) {
	if v.Kind() != types.KindString {
		return v.ToJSON(t, nil)
	}
	j, err := types.ParseJSON(v.Raw())
	if err == nil {
		return j, nil
	}
	var bad *types.JSONError
	if errors.As(err, &bad) && !bad.TooDeep() {
		return types.Null, mysqlerr.New(mysqlerr.InvalidJSONTextInParam, 1, "cast_as_json", bad.Reason, bad.Position)
	}
	return types.Null, mysqlerr.New(mysqlerr.JSONDocumentTooDeep)
}
