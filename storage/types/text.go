package types

import (
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
)

// AppendText appends v as MySQL's text protocol and string conversion show it ("NULL" is the caller's business).
// t, when given, decides ZEROFILL, FLOAT digits, DECIMAL scale and fractional seconds. Nothing is allocated beyond
// what dst needs, save for decimals that must change their scale.
func (v Value) AppendText(dst []byte, t *Type) []byte {
	switch v.kind {
	case KindInt, KindUint:
		return v.appendInteger(dst, t)
	case KindString, KindBytes, KindJSON, KindEnum, KindSet:
		return append(dst, v.b...)
	case KindFloat:
		return v.appendFloat(dst, t)
	case KindDecimal:
		if t != nil && t.ID == mysql.TypeNewDecimal && t.Decimals >= 0 && t.Decimals <= MaxDecimalScale {
			v = RoundDecimal(v, t.Decimals)
		}
		start := len(dst)
		return zerofill(appendDecimal(dst, v), start, t)
	case KindDate:
		return temporal.AppendDate(dst, v.n)
	case KindDatetime, KindTimestamp:
		return temporal.AppendDatetime(dst, packedOf(v), v.shownFsp(t))
	case KindTime:
		return temporal.AppendTime(dst, v.Int(), v.shownFsp(t))
	case KindBit:
		for i := int(v.aux) - 1; i >= 0; i-- {
			dst = append(dst, byte(v.n>>(8*i)))
		}
	}
	return dst
}

// Text is AppendText into a new string.
func (v Value) Text() string { return string(v.AppendText(nil, nil)) }

// shownFsp is the number of fractional digits to show for a date or time.
func (v Value) shownFsp(t *Type) int {
	if t != nil && t.Decimals >= 0 && t.Decimals <= 6 {
		if c := t.Class(); c == ClassDatetime || c == ClassTime {
			return t.Decimals
		}
	}
	return int(v.aux)
}

func (v Value) appendInteger(dst []byte, t *Type) []byte {
	if t != nil && t.ID == mysql.TypeYear {
		return temporal.AppendYear(dst, int(v.n))
	}
	start := len(dst)
	if v.kind == KindInt {
		dst = strconv.AppendInt(dst, int64(v.n), 10)
	} else {
		dst = strconv.AppendUint(dst, v.n, 10)
	}
	return zerofill(dst, start, t)
}

func (v Value) appendFloat(dst []byte, t *Type) []byte {
	start := len(dst)
	switch {
	case t == nil || t.Class() != ClassFloat:
		return numeral.AppendFloat(dst, v.Float())
	case t.Decimals >= 0 && t.Decimals <= MaxDecimalScale: // FLOAT(m,d)
		dst = strconv.AppendFloat(dst, v.Float(), 'f', t.Decimals, 64)
	case t.ID == mysql.TypeFloat:
		dst = numeral.AppendFloat32(dst, v.Float())
	default:
		dst = numeral.AppendFloat(dst, v.Float())
	}
	return zerofill(dst, start, t)
}

// zerofill pads the number at dst[start:] with zeros to a ZEROFILL column's display width.
func zerofill(dst []byte, start int, t *Type) []byte {
	if t == nil || !t.Zerofill {
		return dst
	}
	width := t.Length
	if t.ID == mysql.TypeNewDecimal && t.Decimals > 0 {
		width++ // the point
	}
	missing := width - (len(dst) - start)
	if missing <= 0 {
		return dst
	}
	for range missing {
		dst = append(dst, '0')
	}
	copy(dst[start+missing:], dst[start:])
	for i := range missing {
		dst[start+i] = '0'
	}
	return dst
}
