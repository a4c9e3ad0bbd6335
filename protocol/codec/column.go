package codec

import (
	"math"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// wire is what a column definition says of a type.
type wire struct {
	id       byte
	charset  collation.ID
	length   uint32 // bytes
	flags    uint
	decimals byte
}

const (
	unknownTextChars = 16383 // announced for a character expression whose length nobody computed
	mediumBlob       = 1<<24 - 1
	notFixedDec      = 31 // decimals of a number that has no fixed count of them
)

// AppendColumn appends the payload of a column definition for a client that takes its results in r.
func AppendColumn(b []byte, c *sql.Column, r *Charset) []byte {
	w := describe(c, r)
	b = append(b, 3, 'd', 'e', 'f')
	b = appendName(b, c.Schema, r)
	b = appendName(b, c.Table, r)
	b = appendName(b, c.OrgTable, r)
	b = appendName(b, c.Name, r)
	b = appendName(b, c.OrgName, r)
	b = append(b, 0x0c, byte(w.charset), byte(w.charset>>8))
	b = packet.AppendUint(b, uint64(w.length), 4)
	return append(b, w.id, byte(w.flags), byte(w.flags>>8), w.decimals, 0, 0)
}

func appendName(b []byte, name string, r *Charset) []byte {
	if r == nil {
		return packet.AppendLenenc(b, name)
	}
	return packet.AppendLenenc(b, r.Encode([]byte(name)))
}

// describe derives what the wire says from a column's type; NOT_NULL and the key flags come from the column.
func describe(c *sql.Column, r *Charset) wire {
	t := &c.Type
	w := wire{id: t.ID, charset: collation.Binary, flags: uint(c.Flags)}
	if t.Unsigned {
		w.flags |= mysql.UNSIGNED_FLAG
	}
	if t.Zerofill {
		w.flags |= mysql.ZEROFILL_FLAG | mysql.UNSIGNED_FLAG
	}
	if t.Decimals > 0 {
		w.decimals = byte(min(t.Decimals, notFixedDec))
	}
	switch t.Class() {
	case types.ClassInt:
		describeInt(&w, t)
	case types.ClassFloat:
		w.length = orDefault(t.Length, map[bool]int{true: 12, false: 22}[t.ID == mysql.MYSQL_TYPE_FLOAT])
		if t.Decimals == types.Unspecified {
			w.decimals = notFixedDec
		}
	case types.ClassDecimal:
		describeDecimal(&w, t)
	case types.ClassString:
		describeString(&w, t, r)
	case types.ClassEnum, types.ClassSet:
		describeEnum(&w, t, r)
	case types.ClassDate, types.ClassDatetime, types.ClassTime:
		describeTemporal(&w, t)
	case types.ClassJSON:
		w.length = math.MaxUint32
		w.flags |= mysql.BLOB_FLAG | mysql.BINARY_FLAG
	case types.ClassBit:
		w.length = orDefault(t.Length, 1)
		w.flags |= mysql.UNSIGNED_FLAG
	case types.ClassNull:
		w.id = mysql.MYSQL_TYPE_NULL
		w.flags |= mysql.BINARY_FLAG
	}
	// Expressions of a binary character set, numbers included, say so; columns of tables only where it matters.
	if c.OrgTable == "" && w.charset == collation.Binary {
		w.flags |= mysql.BINARY_FLAG
	}
	return w
}

func describeInt(w *wire, t *types.Type) {
	width := 20
	switch t.ID {
	case mysql.MYSQL_TYPE_TINY:
		width = 4
	case mysql.MYSQL_TYPE_SHORT:
		width = 6
	case mysql.MYSQL_TYPE_INT24:
		width = 9
	case mysql.MYSQL_TYPE_LONG:
		width = 11
	case mysql.MYSQL_TYPE_YEAR:
		width = 4
		w.flags |= mysql.UNSIGNED_FLAG | mysql.ZEROFILL_FLAG
	}
	if t.Unsigned && t.ID != mysql.MYSQL_TYPE_LONGLONG && t.ID != mysql.MYSQL_TYPE_INT24 && t.ID != mysql.MYSQL_TYPE_YEAR {
		width-- // no sign
	}
	if t.Unsigned && t.ID == mysql.MYSQL_TYPE_INT24 {
		width = 8
	}
	w.length = orDefault(t.Length, width)
	w.decimals = 0
}

func describeDecimal(w *wire, t *types.Type) {
	length := int(orDefault(t.Length, 10))
	if w.decimals > 0 {
		length++ // the point
	}
	if !t.Unsigned {
		length++ // the sign
	}
	w.length = uint32(length)
}

func describeTemporal(w *wire, t *types.Type) {
	w.flags |= mysql.BINARY_FLAG
	if w.decimals > 6 {
		w.decimals = 0
	}
	switch t.Class() {
	case types.ClassDate:
		w.id, w.length, w.decimals = mysql.MYSQL_TYPE_DATE, 10, 0
		return
	case types.ClassTime:
		w.length = 10
	default:
		w.length = 19
	}
	if w.decimals > 0 {
		w.length += 1 + uint32(w.decimals)
	}
}

func describeString(w *wire, t *types.Type, r *Charset) {
	if t.Decimals == types.Unspecified {
		w.decimals = 0
	}
	perChar := 1
	if t.Collation != collation.Binary {
		w.charset, perChar = r.announced(t.Collation)
	}
	if t.Collation.IsBinary() {
		w.flags |= mysql.BINARY_FLAG
	}
	chars := t.Length
	switch t.ID {
	case mysql.MYSQL_TYPE_TINY_BLOB, mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_MEDIUM_BLOB, mysql.MYSQL_TYPE_LONG_BLOB:
		chars = blobLength(t)
		w.id = mysql.MYSQL_TYPE_BLOB
		w.flags |= mysql.BLOB_FLAG
	case mysql.MYSQL_TYPE_VARCHAR:
		w.id = mysql.MYSQL_TYPE_VAR_STRING
	}
	if chars == types.Unspecified {
		chars = unknownTextChars
	}
	w.length = saturate(uint64(chars) * uint64(perChar))
}

// blobLength is the longest content of a TEXT or BLOB column in bytes, by which clients tell the sizes apart.
func blobLength(t *types.Type) int {
	switch t.ID {
	case mysql.MYSQL_TYPE_TINY_BLOB:
		return math.MaxUint8
	case mysql.MYSQL_TYPE_MEDIUM_BLOB:
		return mediumBlob
	case mysql.MYSQL_TYPE_LONG_BLOB:
		return math.MaxUint32
	}
	return math.MaxUint16
}

func describeEnum(w *wire, t *types.Type, r *Charset) {
	chars, sum := 0, 0
	for _, e := range t.Elems {
		n := utf8.RuneCountInString(e)
		chars = max(chars, n)
		sum += n
	}
	if t.ID == mysql.MYSQL_TYPE_SET {
		chars = sum + max(0, len(t.Elems)-1) // with commas
		w.flags |= mysql.SET_FLAG
	} else {
		w.flags |= mysql.ENUM_FLAG
	}
	if t.Collation.IsBinary() {
		w.flags |= mysql.BINARY_FLAG
	}
	w.id = mysql.MYSQL_TYPE_STRING
	coll, maxBytes := r.announced(t.Collation)
	w.charset, w.decimals = coll, 0
	w.length = saturate(uint64(chars) * uint64(maxBytes))
}

func orDefault(length, def int) uint32 {
	if length < 0 {
		return uint32(def)
	}
	return uint32(length)
}

func saturate(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// Definitions frames the column count and the definitions of a result set's columns as packets, numbered from 1.
func Definitions(cols []sql.Column, r *Charset) []byte {
	b := make([]byte, 0, 64+64*len(cols))
	seq := uint8(1)
	b = packet.AppendFramed(b, mysql.AppendLengthEncodedInteger(nil, uint64(len(cols))), seq)
	var payload []byte
	for i := range cols {
		seq++
		payload = AppendColumn(payload[:0], &cols[i], r)
		b = packet.AppendFramed(b, payload, seq)
	}
	return b
}

// HeaderDefinitions is Definitions, kept with the header when the client takes UTF-8, as nearly all do.
func HeaderDefinitions(h *sql.Header, r *Charset) []byte {
	if r != nil {
		return Definitions(h.Columns, r)
	}
	if kept := h.Encoded.Load(); kept != nil {
		return *kept
	}
	b := Definitions(h.Columns, r)
	h.Encoded.Store(&b)
	return b
}
