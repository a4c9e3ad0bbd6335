package types

import "math"

// Kind says what a Value holds.
type Kind uint8

// The kinds. A TIMESTAMP column is KindTimestamp in storage form only (see Value.Timestamp); everything that evaluates
// expressions sees KindDatetime in the session's time zone.
const (
	KindNull      Kind = iota
	KindInt            // int64; also YEAR
	KindUint           // uint64
	KindFloat          // float64
	KindDecimal        // exact decimal
	KindString         // characters, always valid UTF-8; the collation is the Type's
	KindBytes          // binary string
	KindDate           // packed date
	KindDatetime       // packed date and time, microseconds
	KindTimestamp      // microseconds since the Unix epoch, UTC; storage form only
	KindTime           // signed microseconds
	KindJSON           // JSON text in MySQL's normalised rendering
	KindEnum           // 1-based index (0 is the error value '') and the element's text
	KindSet            // bit mask and the text
	KindBit            // BIT(n): unsigned number; as text it is the big-endian bytes
)

// Value is one SQL value, 40 bytes, passed by value. The zero Value is NULL. The bytes inside are not copied by any
// constructor or accessor: a Value read from a row is valid as long as the row's buffer is (see Clone).
type Value struct {
	kind Kind
	aux  uint8 // decimal: scale; date/time kinds: fractional digits to show (0..6); bit: byte length
	// again: a KindDatetime that ToLocal made of the second of the two moments that a clock which is set back shows alike. Nothing
	// compares it and no bytes carry it; where the value becomes a TIMESTAMP again, it is the same moment.
	again bool
	n     uint64 // number, bits of a float, packed time, unscaled small decimal, enum index, set mask
	b     []byte // text or bytes; a decimal that does not fit 63 bits holds its unscaled digits here, with sign
}

// Null is the NULL value.
var Null = Value{}

func Int(i int64) Value      { return Value{kind: KindInt, n: uint64(i)} }
func Uint(u uint64) Value    { return Value{kind: KindUint, n: u} }
func Float(f float64) Value  { return Value{kind: KindFloat, n: math.Float64bits(f)} }
func String(b []byte) Value  { return Value{kind: KindString, b: b} }
func Str(s string) Value     { return Value{kind: KindString, b: []byte(s)} }
func Bytes(b []byte) Value   { return Value{kind: KindBytes, b: b} }
func JSON(text []byte) Value { return Value{kind: KindJSON, b: text} }

// Bool is MySQL's 1 or 0.
func Bool(t bool) Value {
	if t {
		return Int(1)
	}
	return Int(0)
}

// Enum is an ENUM element: its 1-based index and text.
func Enum(index uint64, text []byte) Value { return Value{kind: KindEnum, n: index, b: text} }

// Set is a SET value: its bit mask and text.
func Set(mask uint64, text []byte) Value { return Value{kind: KindSet, n: mask, b: text} }

// Bit is a BIT(bits) value.
func Bit(v uint64, bits int) Value { return Value{kind: KindBit, aux: uint8((bits + 7) / 8), n: v} }

// Timestamp is a TIMESTAMP in storage form; micros is relative to the Unix epoch, and temporal.ZeroTimestamp stands for
// '0000-00-00 00:00:00'.
func Timestamp(micros int64, fsp int) Value {
	return Value{kind: KindTimestamp, aux: uint8(fsp), n: uint64(micros)}
}

// Time is a TIME of signed microseconds.
func Time(micros int64, fsp int) Value {
	return Value{kind: KindTime, aux: uint8(fsp), n: uint64(micros)}
}

// Date is a DATE; packed is temporal.Pack with a zero time.
func Date(packed uint64) Value { return Value{kind: KindDate, n: packed} }

// Datetime is a DATETIME with fsp fractional digits.
func Datetime(packed uint64, fsp int) Value {
	return Value{kind: KindDatetime, aux: uint8(fsp), n: packed}
}

func (v Value) Kind() Kind     { return v.kind }
func (v Value) IsNull() bool   { return v.kind == KindNull }
func (v Value) Int() int64     { return int64(v.n) }                // KindInt, KindTime, KindTimestamp
func (v Value) Uint() uint64   { return v.n }                       // KindUint, KindEnum, KindSet, KindBit, packed dates
func (v Value) Float() float64 { return math.Float64frombits(v.n) } // KindFloat
func (v Value) Raw() []byte    { return v.b }                       // KindString, KindBytes, KindJSON, KindEnum, KindSet
func (v Value) Fsp() int       { return int(v.aux) }                // date and time kinds
func (v Value) Scale() int     { return int(v.aux) }                // KindDecimal

// Parts is v's kind and its bytes (Raw), where both are asked for all the time: other methods copy a Value, this one doesn't.
func (v *Value) Parts() (Kind, []byte) { return v.kind, v.b }

// Small is an exact number of few digits, unscaled / 10^scale: ok tells whether v is a KindInt or KindDecimal that is one.
func (v *Value) Small() (unscaled int64, scale int, ok bool) {
	switch v.kind {
	case KindInt:
		return int64(v.n), 0, int64(v.n) != math.MinInt64
	case KindDecimal:
		return int64(v.n), int(v.aux), v.b == nil
	}
	return 0, 0, false
}

// Word is v's number, if v is nothing else: no NULL, text or decimal of many digits.
func (v Value) Word() (n uint64, ok bool) {
	switch v.kind {
	case KindInt, KindUint, KindFloat, KindDate, KindDatetime, KindTimestamp, KindTime, KindBit:
		return v.n, true
	case KindDecimal:
		return v.n, v.b == nil
	case KindNull, KindString, KindBytes, KindJSON, KindEnum, KindSet:
	}
	return 0, false
}

// WithWord is a value of v's kind, scale or fractional digits that has another number; v has a Word.
func (v Value) WithWord(n uint64) Value {
	v.n = n
	return v
}

// SameShape tells of two values with Words whether they have the same kind, and the same scale or fractional digits.
func (v Value) SameShape(o Value) bool { return v.kind == o.kind && v.aux == o.aux }

// Clone copies the bytes inside, so that the Value outlives the buffer it was read from.
func (v Value) Clone() Value {
	if v.b != nil {
		v.b = append([]byte(nil), v.b...)
	}
	return v
}

// CopyTo is v with its bytes copied to b, an empty slice.
func (v Value) CopyTo(b []byte) Value {
	v.b = append(b, v.b...)
	return v
}
