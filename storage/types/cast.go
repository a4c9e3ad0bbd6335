package types

import (
	"bytes"
	"errors"
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
)

// Cast converts v as CAST(v AS t) does; invalid text gives the nearest value and a warning, NULL for dates. A text that is
// no JSON gives NULL with the error's message as a warning here: use CastJSON where it must fail the statement.
func Cast(v Value, t *Type, m *Mode, warn Warner) Value {
	if v.kind == KindNull {
		return v
	}
	switch t.Class() {
	case ClassInt:
		return castInteger(v, t, m, warn)
	case ClassFloat:
		f, ok := t.clampFloat(v.ToFloat(warn))
		if !ok {
			warn.warn(mysqlerr.WarnDataOutOfRange, "", 1)
		}
		return Float(f)
	case ClassDecimal:
		d, ok := t.clampDecimal(v.ToDec(warn))
		if !ok {
			warn.warn(mysqlerr.WarnDataOutOfRange, "", 1)
		}
		return d
	case ClassString:
		return castString(v, t, m, warn)
	case ClassDate:
		return v.ToDate(m, warn)
	case ClassDatetime:
		return castDatetime(v, t, m, warn)
	case ClassTime:
		d := v.ToTime(m, warn)
		if d.IsNull() {
			return d
		}
		fsp := t.temporalFsp()
		return Time(max(min(temporal.RoundMicros(d.Int(), fsp), temporal.MaxTime), -temporal.MaxTime), fsp)
	case ClassJSON:
		j, err := CastJSON(v, t)
		if err != nil {
			e := mysqlerr.From(err)
			if warn != nil {
				warn(e.Code, e.Message)
			}
			return Null
		}
		return j
	case ClassEnum, ClassSet, ClassBit:
		lax := Mode{}
		if m != nil {
			lax = *m
			lax.Strict = false
		}
		out, err := Assign(v, t, "", 1, &lax, warn)
		if err != nil {
			return Null
		}
		return out
	}
	return v
}

func castDatetime(v Value, t *Type, m *Mode, warn Warner) Value {
	d := v.ToDatetime(m, warn)
	if d.IsNull() {
		return d
	}
	fsp := t.temporalFsp()
	packed, ok := temporal.Round(d.n, fsp)
	if !ok {
		warnTemporal(warn, "datetime", v, false)
		return Null
	}
	return Datetime(packed, fsp)
}

// castInteger wraps around between signed and unsigned, as CAST(-1 AS UNSIGNED) does.
func castInteger(v Value, t *Type, m *Mode, warn Warner) Value {
	if t.ID == mysql.TypeYear {
		return castYear(v, t, m, warn)
	}
	if t.Unsigned {
		return Uint(castUint(v, warn))
	}
	switch v.kind {
	case KindUint, KindEnum, KindSet, KindBit:
		return Int(int64(v.n))
	case KindString, KindBytes:
		if abs, neg, over, n := numeral.ScanInteger(v.b); !neg && !over && n > 0 && abs > math.MaxInt64 {
			const message = "Cast to signed converted positive out-of-range integer to its negative complement"
			if warn != nil {
				warn(mysqlerr.UnknownError, message)
			}
			return Int(int64(abs))
		}
		i, _ := v.ToInt(warn)
		return Int(i)
	}
	i, clipped := v.ToInt(warn)
	if clipped {
		warn.warnTruncated(truncatedName(v), v.AppendText(nil, nil))
	}
	return Int(i)
}

func castUint(v Value, warn Warner) uint64 {
	switch v.kind {
	case KindString, KindBytes:
		abs, neg, over, n := numeral.ScanInteger(v.b)
		if !neg || abs == 0 || over || abs > 1<<63 {
			u, _ := v.ToUint(warn)
			return u
		}
		if !numeral.OnlySpace(v.b[n:]) {
			warn.warnTruncated("INTEGER", v.b)
		}
		if warn != nil {
			warn(mysqlerr.UnknownError, "Cast to unsigned converted negative integer to its positive complement")
		}
		return -abs
	case KindDecimal:
		u, ok := decimalToUint(v)
		if !ok {
			warn.warnTruncated("DECIMAL", v.AppendText(nil, nil))
		}
		return u
	case KindInt, KindTime:
		i, _ := v.ToInt(warn)
		return uint64(i)
	case KindFloat:
		if f := v.Float(); f < 0 {
			i, _ := floatToInt(f)
			return uint64(i)
		}
	}
	u, clipped := v.ToUint(warn)
	if clipped {
		warn.warnTruncated(truncatedName(v), v.AppendText(nil, nil))
	}
	return u
}

// truncatedName is how warning 1292 calls a number that was out of an integer's range.
func truncatedName(v Value) string {
	if v.kind == KindDecimal {
		return "DECIMAL"
	}
	return "INTEGER"
}

func castYear(v Value, t *Type, m *Mode, warn Warner) Value {
	a := assignment{v: v, t: t, mode: &Mode{Loc: m.loc(), Strict: true}}
	y, err := a.year()
	if err != nil {
		warn.warnTruncated("YEAR", v.AppendText(nil, nil))
		return Null
	}
	return y
}

// castString gives CHAR(n), BINARY(n) and their like.
func castString(v Value, t *Type, m *Mode, warn Warner) Value {
	s := v.b
	switch v.kind {
	case KindString, KindBytes, KindEnum, KindSet, KindJSON:
	default:
		s = ToLocal(v, m.loc()).AppendText(make([]byte, 0, 32), nil)
	}
	if t.Collation == collation.Binary {
		if t.Length >= 0 && len(s) > t.Length {
			warn.warnTruncated(lengthName("BINARY", t.Length), s)
			s = s[:t.Length]
		}
		return Bytes(t.padBinary(s))
	}
	if good := t.Collation.ValidPrefix(s); good < len(s) {
		if v.kind == KindBytes || v.kind == KindBit {
			if warn != nil {
				warn.warn(mysqlerr.InvalidCharacterString, t.Collation.Charset(), collation.HexPrefix(s[good:]))
			}
			return Null
		}
		s = t.Collation.Repair(s)
	}
	if n := t.fittingBytes(s, m.legacy()); n < len(s) {
		if len(bytes.TrimRight(s[n:], " ")) > 0 {
			warn.warnTruncated(lengthName("CHAR", t.Length), s)
		}
		s = s[:n]
	}
	return String(s)
}

func lengthName(name string, n int) string {
	return name + "(" + string(Int(int64(n)).AppendText(nil, nil)) + ")"
}

// CastJSON is CAST(v AS JSON), which parses strings. Its errors are 3141 for a string that is no JSON, 3144 for a binary
// string and 3157 for too deep nesting. t is v's type where it is known, as in ToJSON.
func CastJSON(v Value, t *Type) (Value, error) {
	if v.kind != KindString {
		return v.ToJSON(t, nil)
	}
	j, err := ParseJSON(v.b)
	if err == nil {
		return j, nil
	}
	var bad *JSONError
	if errors.As(err, &bad) && bad != errJSONDepth {
		return Null, mysqlerr.New(mysqlerr.InvalidJSONTextInParam, 1, "cast_as_json", bad.Reason, bad.Position)
	}
	return Null, mysqlerr.New(mysqlerr.JSONDocumentTooDeep)
}
