package codec

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

const nullText = 0xfb

// utcMode is what conversions at the wire need: no strictness, no zone.
var utcMode = types.Mode{Loc: time.UTC}

// AppendTextRow appends a row of the text protocol. vals has one value for each column.
func AppendTextRow(b []byte, cols []sql.Column, vals []types.Value, r *Charset) []byte {
	if r != nil {
		return appendTextRowIn(b, cols, vals, r)
	}
	for i := range vals {
		b = appendTextValue(b, &cols[i].Type, vals[i])
	}
	return b
}

func appendTextRowIn(b []byte, cols []sql.Column, vals []types.Value, r *Charset) []byte {
	for i, v := range vals {
		if isCharacters(v) {
			b = packet.AppendLenenc(b, r.value(v.Raw(), cols[i].Type.Collation))
		} else {
			b = appendTextValue(b, &cols[i].Type, v)
		}
	}
	return b
}

// isCharacters tells values that change with the character set.
func isCharacters(v types.Value) bool {
	switch v.Kind() {
	case types.KindString, types.KindJSON, types.KindEnum, types.KindSet:
		return true
	}
	return false
}

func appendTextValue(b []byte, t *types.Type, v types.Value) []byte {
	switch v.Kind() {
	case types.KindNull:
		return append(b, nullText)
	case types.KindString, types.KindBytes, types.KindJSON, types.KindEnum, types.KindSet:
		return packet.AppendLenenc(b, v.Raw())
	case types.KindInt:
		if plainInt(t) {
			at := len(b)
			b = strconv.AppendInt(append(b, 0), v.Int(), 10)
			b[at] = byte(len(b) - at - 1)
			return b
		}
	}
	return appendText(b, t, v)
}

// plainInt tells that the type puts no zeroes in front of an integer.
func plainInt(t *types.Type) bool {
	return !t.Zerofill && t.ID != mysql.MYSQL_TYPE_YEAR && t.Class() == types.ClassInt
}

// appendText appends v's text form, length-encoded. Nearly all are short: the length is put in front afterwards.
func appendText(b []byte, t *types.Type, v types.Value) []byte {
	at := len(b)
	b = v.AppendText(append(b, 0), t)
	n := len(b) - at - 1
	if n < 251 {
		b[at] = byte(n)
		return b
	}
	var prefix [9]byte
	p := mysql.AppendLengthEncodedInteger(prefix[:0], uint64(n))
	b = append(b, p[1:]...) // room
	copy(b[at+len(p):], b[at+1:at+1+n])
	copy(b[at:], p)
	return b
}

// AppendBinaryRow appends a row of the binary protocol. vals has one value for each column.
func AppendBinaryRow(b []byte, cols []sql.Column, vals []types.Value, r *Charset) []byte {
	b = append(b, 0)
	at := len(b)
	for range (len(vals) + 9) / 8 {
		b = append(b, 0)
	}
	for i := range vals {
		if vals[i].IsNull() {
			b[at+(i+2)/8] |= 1 << ((i + 2) % 8)
			continue
		}
		if r != nil && isCharacters(vals[i]) && isText(cols[i].Type.ID) {
			b = packet.AppendLenenc(b, r.value(vals[i].Raw(), cols[i].Type.Collation))
			continue
		}
		b = appendBinaryValue(b, &cols[i].Type, vals[i])
	}
	return b
}

// isText tells the types that the binary protocol sends as length-encoded text.
func isText(id byte) bool {
	switch id {
	case mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_SHORT,
		mysql.MYSQL_TYPE_YEAR, mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_FLOAT,
		mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP,
		mysql.MYSQL_TYPE_TIME:
		return false
	}
	return true
}

func appendBinaryValue(b []byte, t *types.Type, v types.Value) []byte {
	switch t.ID {
	case mysql.MYSQL_TYPE_LONGLONG:
		return binary.LittleEndian.AppendUint64(b, integer(t, v))
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24:
		return binary.LittleEndian.AppendUint32(b, uint32(integer(t, v)))
	case mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_YEAR:
		return binary.LittleEndian.AppendUint16(b, uint16(integer(t, v)))
	case mysql.MYSQL_TYPE_TINY:
		return append(b, byte(integer(t, v)))
	case mysql.MYSQL_TYPE_DOUBLE:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(float(v)))
	case mysql.MYSQL_TYPE_FLOAT:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(float(v))))
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP:
		return appendBinaryDatetime(b, t, v)
	case mysql.MYSQL_TYPE_TIME:
		return appendBinaryTime(b, v)
	}
	switch v.Kind() {
	case types.KindString, types.KindBytes, types.KindJSON, types.KindEnum, types.KindSet:
		return packet.AppendLenenc(b, v.Raw())
	}
	return appendText(b, t, v)
}

// integer gives the bits of v for an integer column.
func integer(t *types.Type, v types.Value) uint64 {
	switch v.Kind() {
	case types.KindInt, types.KindUint:
		return v.Uint()
	}
	if t.Unsigned {
		u, _ := v.ToUint(nil)
		return u
	}
	i, _ := v.ToInt(nil)
	return uint64(i)
}

func float(v types.Value) float64 {
	if v.Kind() == types.KindFloat {
		return v.Float()
	}
	return v.ToFloat(nil)
}

// appendBinaryDatetime appends 0, 4, 7 or 11 bytes behind their count: trailing zero parts are left out.
func appendBinaryDatetime(b []byte, t *types.Type, v types.Value) []byte {
	switch v.Kind() {
	case types.KindDate, types.KindDatetime:
	case types.KindTimestamp:
		v = types.ToLocal(v, time.UTC)
	default:
		if v = v.ToDatetime(&utcMode, nil); v.IsNull() {
			return append(b, 0)
		}
	}
	year, month, day, hour, minute, second, micro := temporal.Unpack(v.Uint())
	if t.Class() == types.ClassDate {
		hour, minute, second, micro = 0, 0, 0, 0
	}
	n := byte(0)
	switch {
	case micro != 0:
		n = 11
	case hour|minute|second != 0:
		n = 7
	case year|month|day != 0:
		n = 4
	}
	b = append(b, n)
	if n >= 4 {
		b = append(b, byte(year), byte(year>>8), byte(month), byte(day))
	}
	if n >= 7 {
		b = append(b, byte(hour), byte(minute), byte(second))
	}
	if n >= 11 {
		b = binary.LittleEndian.AppendUint32(b, uint32(micro))
	}
	return b
}

// appendBinaryTime appends 0, 8 or 12 bytes behind their count: sign, days, hours, minutes, seconds, microseconds.
func appendBinaryTime(b []byte, v types.Value) []byte {
	if v.Kind() != types.KindTime {
		if v = v.ToTime(&utcMode, nil); v.IsNull() {
			return append(b, 0)
		}
	}
	micros, negative := v.Int(), byte(0)
	if micros < 0 {
		micros, negative = -micros, 1
	}
	if micros == 0 {
		return append(b, 0)
	}
	seconds, micro := micros/1e6, micros%1e6
	n := byte(8)
	if micro != 0 {
		n = 12
	}
	b = append(b, n, negative)
	b = binary.LittleEndian.AppendUint32(b, uint32(seconds/86400))
	b = append(b, byte(seconds/3600%24), byte(seconds/60%60), byte(seconds%60))
	if micro != 0 {
		b = binary.LittleEndian.AppendUint32(b, uint32(micro))
	}
	return b
}
