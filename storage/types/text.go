package types

import (
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/mysql"
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
		return appendDate(dst, v.n)
	case KindDatetime, KindTimestamp:
		return appendDatetime(dst, packedOf(v), v.shownFsp(t))
	case KindTime:
		return appendTime(dst, v.Int(), v.shownFsp(t))
	case KindBit:
		for i := int(v.aux) - 1; i >= 0; i-- {
			dst = append(dst, byte(v.n>>(8*i)))
		}
	}
	return dst
}

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
		return appendPadded(dst, int(v.n), 4)
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
		return AppendFloat(dst, v.Float())
	case t.Decimals >= 0 && t.Decimals <= MaxDecimalScale: // FLOAT(m,d)
		dst = strconv.AppendFloat(dst, v.Float(), 'f', t.Decimals, 64)
	case t.ID == mysql.TypeFloat:
		dst = appendFloat32(dst, v.Float())
	default:
		dst = AppendFloat(dst, v.Float())
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

// appendPadded appends n with at least width digits.
func appendPadded(dst []byte, n, width int) []byte {
	for p := pow10[width-1]; p > 1 && uint64(n) < p; p /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

func appendDate(dst []byte, packed uint64) []byte {
	c := unpack(packed)
	dst = append2(append2(dst, c.year/100), c.year%100)
	dst = append2(append(dst, '-'), c.month)
	return append2(append(dst, '-'), c.day)
}

func appendDatetime(dst []byte, packed uint64, fsp int) []byte {
	c := unpack(packed)
	dst = append(appendDate(dst, packed), ' ')
	dst = append2(append(append2(dst, c.hour), ':'), c.minute)
	dst = append2(append(dst, ':'), c.second)
	return appendMicros(dst, c.micro, fsp)
}

func appendTime(dst []byte, micros int64, fsp int) []byte {
	if micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	s := int(micros / microsPerSecond)
	dst = append(appendPadded(dst, s/3600, 2), ':')
	dst = append2(append(append2(dst, s/60%60), ':'), s%60)
	return appendMicros(dst, int(micros%microsPerSecond), fsp)
}

// appendMicros appends the first fsp digits of a fraction, cutting off the rest.
func appendMicros(dst []byte, micros, fsp int) []byte {
	if fsp <= 0 {
		return dst
	}
	return appendPadded(append(dst, '.'), micros/fspUnit[fsp], fsp)
}
