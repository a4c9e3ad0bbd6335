package types

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/limits"
	"cloudsql/storage/numeral"
	"cloudsql/storage/temporal"
)

// Values and types are written self-describing, for fragments, row pages and the messages between nodes:
//
//	value   kind │ aux │ number │ bytes     each part only where the kind has it
//	kind    one byte; encodedBig marks a decimal whose digits are in bytes
//	aux     one byte: scale, fractional digits, or bytes of a BIT
//	number  varint (zigzag where the number is signed), or 8 bytes of a float
//	bytes   length as a varint, then the bytes
//
//	type    ID │ flags │ length │ decimals │ collation │ count of elements, each like bytes
//
// The format never changes for a kind: a reader that meets an unknown kind says so. A decoded Value shares src's bytes.
const encodedBig = 0x80

var errBadValue = errors.New("types: malformed value encoding")

// AppendValue appends v's encoding.
func AppendValue(dst []byte, v Value) []byte {
	//exhaustive:enforce
	switch v.kind {
	case KindNull:
		return append(dst, byte(KindNull))
	case KindInt:
		return binary.AppendVarint(append(dst, byte(v.kind)), int64(v.n))
	case KindUint, KindDate:
		return binary.AppendUvarint(append(dst, byte(v.kind)), v.n)
	case KindFloat:
		return appendUint64(append(dst, byte(v.kind)), v.n)
	case KindDecimal:
		if v.b != nil {
			return appendBytes(append(dst, byte(v.kind)|encodedBig, v.aux), v.b)
		}
		return binary.AppendVarint(append(dst, byte(v.kind), v.aux), int64(v.n))
	case KindDatetime, KindBit:
		return binary.AppendUvarint(append(dst, byte(v.kind), v.aux), v.n)
	case KindTimestamp, KindTime:
		return binary.AppendVarint(append(dst, byte(v.kind), v.aux), int64(v.n))
	case KindEnum, KindSet:
		return appendBytes(binary.AppendUvarint(append(dst, byte(v.kind)), v.n), v.b)
	case KindString, KindBytes, KindJSON:
	}
	return appendBytes(append(dst, byte(v.kind)), v.b)
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// decoder reads parts off the front of src and remembers a failure.
type decoder struct {
	src    []byte
	bad    bool
	odd    bool // read, but nothing that this package makes of another's bytes
	stored bool // never logged as they are: text may be broken
}

func (d *decoder) byte() byte {
	if len(d.src) == 0 {
		d.bad = true
		return 0
	}
	b := d.src[0]
	d.src = d.src[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	u, n := binary.Uvarint(d.src)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.src = d.src[n:]
	return u
}

func (d *decoder) varint() int64 {
	i, n := binary.Varint(d.src)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.src = d.src[n:]
	return i
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.src)) {
		d.bad = true
		return nil
	}
	b := d.src[:n:n]
	d.src = d.src[n:]
	return b
}

// DecodeValue reads a value that AppendValue wrote; rest is what follows it. The value shares src's bytes. Any input gives
// a value that is safe to use, or an error.
func DecodeValue(src []byte) (v Value, rest []byte, err error) {
	d := decoder{src: src}
	if !d.value(&v) || d.odd {
		return Null, src, errBadValue
	}
	return v, d.src, nil
}

// DecodeStored is DecodeValue for what this process has written for itself. It takes what DecodeValue doesn't: functions can make
// strings that are not valid UTF-8, and such a value has to come back as it was.
func DecodeStored(src []byte) (v Value, rest []byte, err error) {
	d := decoder{src: src, stored: true}
	if !d.value(&v) {
		return Null, src, errBadValue
	}
	return v, d.src, nil
}

// DecodeComputed is DecodeValue for what expressions have computed elsewhere, of rows on their way to a gateway: in changes of
// data functions make strings that are not valid UTF-8, for a column to refuse or repair (1366).
func DecodeComputed(src []byte) (v Value, rest []byte, err error) {
	d := decoder{src: src, stored: true}
	if !d.value(&v) || d.odd {
		return Null, src, errBadValue
	}
	return v, d.src, nil
}

// value reads a value; false where the bytes are none.
func (d *decoder) value(v *Value) bool {
	tag := d.byte()
	v.kind = Kind(tag &^ encodedBig)
	big := tag&encodedBig != 0
	switch v.kind {
	case KindNull:
	case KindInt:
		v.n = uint64(d.varint())
	case KindUint:
		v.n = d.uvarint()
	case KindDate:
		v.n = d.uvarint()
		d.odd = !temporal.Valid(v.n) || v.n != temporal.DateOnly(v.n)
	case KindFloat:
		if d.bad = d.bad || len(d.src) < 8; !d.bad {
			v.n = binary.BigEndian.Uint64(d.src)
			d.src = d.src[8:]
		}
	case KindDecimal:
		d.decimal(v, big)
		big = false
	case KindDatetime:
		v.aux, v.n = d.byte(), d.uvarint()
		d.odd = v.aux > 6 || !temporal.Valid(v.n)
	case KindBit:
		v.aux, v.n = d.byte(), d.uvarint()
		d.odd = v.aux > 8
	case KindTimestamp, KindTime:
		v.aux, v.n = d.byte(), uint64(d.varint())
		d.odd = v.aux > 6 || v.kind == KindTime && (int64(v.n) > temporal.MaxTime || int64(v.n) < -temporal.MaxTime) ||
			v.kind == KindTimestamp && (int64(v.n) > temporal.MaxTimestamp || int64(v.n) < 0 && int64(v.n) != temporal.ZeroTimestamp)
	case KindEnum, KindSet:
		v.n, v.b = d.uvarint(), d.bytes()
		d.odd = !d.stored && !utf8.Valid(v.b)
	case KindString, KindJSON:
		v.b = d.bytes()
		d.odd = !d.stored && !utf8.Valid(v.b)
	case KindBytes:
		v.b = d.bytes()
	default:
		d.bad = true
	}
	return !d.bad && !big
}

// decimal reads the rest of a decimal and holds it to the one form that this package makes.
func (d *decoder) decimal(v *Value, big bool) {
	v.aux = d.byte()
	if d.bad = d.bad || v.aux > MaxDecimalScale; d.bad {
		return
	}
	if !big {
		v.n = uint64(d.varint())
		d.bad = d.bad || int64(v.n) == math.MinInt64
		return
	}
	v.b = d.bytes()
	digits := trimSign(v.b)
	if len(digits) < 19 || len(digits) > MaxDecimalPrecision || digits[0] == '0' {
		d.bad = true
		return
	}
	for _, b := range digits {
		d.bad = d.bad || !numeral.IsDigit(b)
	}
	if !d.bad && decFromDigits(false, digits, int(v.aux)).b == nil {
		d.bad = true
	}
}

const (
	typeUnsigned = 1 << iota
	typeZerofill
)

// AppendType appends t's encoding. A length beyond all that MySQL has is written as the longest.
func AppendType(dst []byte, t *Type) []byte {
	var flags byte
	if t.Unsigned {
		flags |= typeUnsigned
	}
	if t.Zerofill {
		flags |= typeZerofill
	}
	dst = append(dst, t.ID, flags)
	dst = binary.AppendVarint(dst, int64(min(max(t.Length, Unspecified), limits.TypeLength)))
	dst = binary.AppendVarint(dst, int64(min(max(t.Decimals, Unspecified), limits.TypeDecimals)))
	dst = binary.AppendUvarint(dst, uint64(t.Collation))
	dst = binary.AppendUvarint(dst, uint64(len(t.Elems)))
	for _, e := range t.Elems {
		dst = append(binary.AppendUvarint(dst, uint64(len(e))), e...)
	}
	return dst
}

// DecodeType reads a type that AppendType wrote; rest is what follows it. The type shares nothing with src.
func DecodeType(src []byte) (t Type, rest []byte, err error) {
	d := decoder{src: src}
	t.ID = d.byte()
	flags := d.byte()
	t.Unsigned, t.Zerofill = flags&typeUnsigned != 0, flags&typeZerofill != 0
	length, decimals, coll, count := d.varint(), d.varint(), d.uvarint(), d.uvarint()
	if d.bad || flags > typeUnsigned|typeZerofill || length < Unspecified || length > limits.TypeLength ||
		decimals < Unspecified || decimals > limits.TypeDecimals || coll > limits.Collation || count > uint64(len(d.src)) {
		return Type{}, src, errBadValue
	}
	t.Length, t.Decimals, t.Collation = int(length), int(decimals), collation.ID(coll)
	for i := uint64(0); i < count && !d.bad; i++ {
		t.Elems = append(t.Elems, string(d.bytes()))
	}
	if d.bad {
		return Type{}, src, errBadValue
	}
	return t, d.src, nil
}
