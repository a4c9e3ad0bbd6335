package codec

import (
	"math"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Params are the parameters of one prepared statement between its executions.
type Params struct {
	Values []types.Value // of the last Decode; views of its packet and of long data

	Charset *Charset // that the client sends text in; set before Decode

	types []paramType // as last bound; nil before the first execution
	long  [][]byte    // what COM_STMT_SEND_LONG_DATA brought; nil entries came in none
}

type paramType struct {
	id       byte
	unsigned bool
}

// AddLongData appends a piece of parameter i of n; a parameter number that does not exist is the caller's to refuse.
// The result is the parameter's length in bytes.
func (p *Params) AddLongData(i, n int, piece []byte) int {
	if p.long == nil {
		p.long = make([][]byte, n)
	}
	if p.long[i] == nil {
		p.long[i] = []byte{}
	}
	p.long[i] = append(p.long[i], piece...)
	return len(p.long[i])
}

// DropLongData forgets what AddLongData collected: after an execution, and on COM_STMT_RESET.
func (p *Params) DropLongData() { p.long = nil }

// Decode reads n parameters from the part of COM_STMT_EXECUTE behind the iteration count into Values. A client that
// executes again may leave the types out; the ones bound before stay.
// Errors: 1835 for a malformed packet, 1210 where no types were ever bound.
func (p *Params) Decode(payload []byte, n int) error {
	p.Values = p.Values[:0]
	if n == 0 {
		return nil
	}
	d := packet.NewDecoder(payload)
	nulls := d.Bytes((n + 7) / 8)
	if d.Uint8() == 1 {
		p.bind(&d, n)
	}
	if d.Bad() {
		p.types = nil
		return mysqlerr.New(mysqlerr.MalformedPacket)
	}
	if len(p.types) != n {
		return mysqlerr.New(mysqlerr.WrongArguments, "mysqld_stmt_execute")
	}
	for i := range n {
		v, ok := types.Null, true
		switch {
		case p.long != nil && p.long[i] != nil:
			v = p.text(p.types[i].id, p.long[i])
		case nulls[i/8]&(1<<(i%8)) == 0:
			v, ok = p.decode(&d, p.types[i])
		}
		if !ok || d.Bad() {
			return mysqlerr.New(mysqlerr.MalformedPacket)
		}
		p.Values = append(p.Values, v)
	}
	return nil
}

// bind reads the parameters' types.
func (p *Params) bind(d *packet.Decoder, n int) {
	p.types = p.types[:0]
	for range n {
		id, flags := d.Uint8(), d.Uint8()
		p.types = append(p.types, paramType{id: id, unsigned: flags&mysql.PARAM_UNSIGNED != 0})
		if d.Bad() {
			return
		}
	}
}

// decode reads one value; ok is false for a type that no parameter has and for impossible content.
func (p *Params) decode(d *packet.Decoder, t paramType) (v types.Value, ok bool) {
	switch t.id {
	case mysql.MYSQL_TYPE_TINY:
		u := d.Uint8()
		return integerParam(uint64(int64(int8(u))), uint64(u), t), true
	case mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_YEAR:
		u := d.Uint16()
		return integerParam(uint64(int64(int16(u))), uint64(u), t), true
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24:
		u := d.Uint32()
		return integerParam(uint64(int64(int32(u))), uint64(u), t), true
	case mysql.MYSQL_TYPE_LONGLONG:
		u := d.Uint64()
		return integerParam(u, u, t), true
	case mysql.MYSQL_TYPE_FLOAT:
		return floatParam(float64(math.Float32frombits(d.Uint32())))
	case mysql.MYSQL_TYPE_DOUBLE:
		return floatParam(math.Float64frombits(d.Uint64()))
	case mysql.MYSQL_TYPE_NULL:
		return types.Null, true
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP:
		return datetimeParam(d, t.id)
	case mysql.MYSQL_TYPE_TIME:
		return timeParam(d)
	case mysql.MYSQL_TYPE_DECIMAL, mysql.MYSQL_TYPE_NEWDECIMAL:
		return p.decimal(d.Lenenc()), true
	case mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_JSON,
		mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET, mysql.MYSQL_TYPE_TINY_BLOB, mysql.MYSQL_TYPE_MEDIUM_BLOB,
		mysql.MYSQL_TYPE_LONG_BLOB, mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_BIT, mysql.MYSQL_TYPE_GEOMETRY:
		return p.text(t.id, d.Lenenc()), true
	}
	return types.Null, false
}

func integerParam(signed, unsigned uint64, t paramType) types.Value {
	if t.unsigned {
		return types.Uint(unsigned)
	}
	return types.Int(int64(signed))
}

// floatParam refuses what no column can hold.
func floatParam(f float64) (types.Value, bool) {
	return types.Float(f), !math.IsNaN(f) && !math.IsInf(f, 0)
}

// text makes a character or a binary string.
func (p *Params) text(id byte, b []byte) types.Value {
	switch id {
	case mysql.MYSQL_TYPE_TINY_BLOB, mysql.MYSQL_TYPE_MEDIUM_BLOB, mysql.MYSQL_TYPE_LONG_BLOB, mysql.MYSQL_TYPE_BLOB,
		mysql.MYSQL_TYPE_BIT, mysql.MYSQL_TYPE_GEOMETRY:
		return types.Bytes(b)
	}
	if b = p.Charset.Decode(b); !utf8.Valid(b) {
		return types.Bytes(b)
	}
	return types.String(b)
}

func (p *Params) decimal(b []byte) types.Value {
	if v, n, ok := types.ParseDecimal(b); ok && n == len(b) {
		return v
	}
	return p.text(mysql.MYSQL_TYPE_VAR_STRING, b)
}

// datetimeParam reads 0, 4, 7 or 11 bytes. A part out of its range makes the value impossible.
func datetimeParam(d *packet.Decoder, id byte) (types.Value, bool) {
	n := d.Uint8()
	var year, month, day, hour, minute, second, micro int
	switch n {
	case 0, 4, 7, 11:
	default:
		return types.Null, false
	}
	if n >= 4 {
		year, month, day = int(d.Uint16()), int(d.Uint8()), int(d.Uint8())
	}
	if n >= 7 {
		hour, minute, second = int(d.Uint8()), int(d.Uint8()), int(d.Uint8())
	}
	if n >= 11 {
		micro = int(d.Uint32())
	}
	if year > 9999 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59 || micro > 999999 {
		return types.Null, false
	}
	if id == mysql.MYSQL_TYPE_DATE || id == mysql.MYSQL_TYPE_NEWDATE {
		return types.Date(temporal.Pack(year, month, day, 0, 0, 0, 0)), true
	}
	return types.Datetime(temporal.Pack(year, month, day, hour, minute, second, micro), fsp(micro)), true
}

// Bounds of TIME: ±838:59:59.
const maxTimeMicros = ((838*60+59)*60 + 59) * 1000000

// timeParam reads 0, 8 or 12 bytes. A TIME beyond its bounds is clipped to them.
func timeParam(d *packet.Decoder) (types.Value, bool) {
	n := d.Uint8()
	if n != 0 && n != 8 && n != 12 {
		return types.Null, false
	}
	if n == 0 {
		return types.Time(0, 0), true
	}
	negative, days := d.Uint8() != 0, int64(d.Uint32())
	hour, minute, second := int64(d.Uint8()), int64(d.Uint8()), int64(d.Uint8())
	micro := int64(0)
	if n == 12 {
		micro = int64(d.Uint32())
	}
	if minute > 59 || second > 59 || micro > 999999 {
		return types.Null, false
	}
	total := min((((days*24+hour)*60+minute)*60+second)*1000000+micro, maxTimeMicros)
	if negative {
		total = -total
	}
	return types.Time(total, fsp(int(micro))), true
}

// fsp shows microseconds where there are any.
func fsp(micro int) int {
	if micro != 0 {
		return 6
	}
	return 0
}
