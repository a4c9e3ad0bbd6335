package types

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"

	"cloudsql/storage/collation"
)

// Numeric tells whether a kind compares as a number with a number.
func (k Kind) Numeric() bool {
	switch k {
	case KindInt, KindUint, KindFloat, KindDecimal, KindBit:
		return true
	}
	return false
}

func (k Kind) temporal() bool { return k >= KindDate && k <= KindTime }

// textual tells whether a kind compares as a string with a string.
func (k Kind) textual() bool {
	return k == KindString || k == KindBytes || k == KindEnum || k == KindSet
}

// Compare orders two non-null values of possibly different kinds as MySQL's comparison operators do: numbers against
// strings as doubles, dates against strings as dates, strings under the collation c, JSON by its own order. A TIME
// against a date needs the current date, so the caller converts it first (ToDatetime); here it counts as a number.
func Compare(a, b Value, c collation.ID) int {
	if a.kind == b.kind {
		switch a.kind {
		case KindEnum, KindSet: // of two different columns: as text
			return c.CompareStrings(a.b, b.b)
		}
		return compareSameKind(a, b, c)
	}
	switch {
	case a.kind == KindNull || b.kind == KindNull:
		return CompareSame(a, b, c)
	case a.kind == KindJSON || b.kind == KindJSON:
		return compareWithJSON(a, b)
	case a.kind.Numeric() && b.kind.Numeric():
		return compareNumbers(a, b)
	case a.kind.textual() && b.kind.textual():
		if a.kind == KindBytes || b.kind == KindBytes {
			return bytes.Compare(a.b, b.b)
		}
		return c.CompareStrings(a.b, b.b)
	case a.kind.temporal() && b.kind.temporal():
		if a.kind != KindTime && b.kind != KindTime {
			return cmp.Compare(packedOf(a), packedOf(b))
		}
		return compareDecimals(a.ToDec(nil), b.ToDec(nil))
	case a.kind.temporal() && b.kind.textual():
		return compareTemporalText(a, b, c)
	case a.kind.textual() && b.kind.temporal():
		return -compareTemporalText(b, a, c)
	case a.kind.temporal():
		return compareTemporalNumber(a, b)
	case b.kind.temporal():
		return -compareTemporalNumber(b, a)
	}
	return compareNumberText(a, b)
}

// CompareQuick is Compare for values of kinds whose numbers have their order; ok is false for others.
func CompareQuick(a, b *Value) (order int, ok bool) {
	if a.kind != b.kind {
		return cmp.Compare(a.n, b.n), isMoment(a.kind) && isMoment(b.kind)
	}
	switch a.kind {
	case KindInt, KindTime:
		return cmp.Compare(int64(a.n), int64(b.n)), true
	case KindUint, KindDate, KindDatetime:
		return cmp.Compare(a.n, b.n), true
	case KindDecimal:
		return cmp.Compare(int64(a.n), int64(b.n)), a.aux == b.aux && a.b == nil && b.b == nil
	}
	return 0, false
}

// isMoment tells of what is packed alike.
func isMoment(k Kind) bool { return k == KindDate || k == KindDatetime }

// compareNumberText compares a number with text: as doubles, or as integers where the text is an ENUM or SET (their
// numbers are exact) and the other side is exact too.
func compareNumberText(a, b Value) int {
	if isExactInteger(a.kind) && isExactInteger(b.kind) {
		return compareIntegers(a, b)
	}
	return cmp.Compare(a.ToFloat(nil), b.ToFloat(nil))
}

func isExactInteger(k Kind) bool {
	return k == KindInt || k == KindUint || k == KindBit || k == KindEnum || k == KindSet
}

// compareIntegers orders signed and unsigned integers by value.
func compareIntegers(a, b Value) int {
	negA, negB := a.kind == KindInt && int64(a.n) < 0, b.kind == KindInt && int64(b.n) < 0
	if negA != negB {
		if negA {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.n, b.n) // two's complement orders negatives among themselves
}

func compareNumbers(a, b Value) int {
	switch {
	case a.kind == KindFloat || b.kind == KindFloat:
		return compareFloats(a.ToFloat(nil), b.ToFloat(nil))
	case a.kind == KindDecimal || b.kind == KindDecimal:
		return compareDecimals(a.ToDec(nil), b.ToDec(nil))
	}
	return compareIntegers(a, b)
}

// compareFloats puts NaN, which no column holds, first.
func compareFloats(a, b float64) int { return cmp.Compare(a, b) }

// compareTemporalText reads b as the kind of date or time that a is; text that is none compares as text.
func compareTemporalText(a, b Value, c collation.ID) int {
	var parsed Value
	if a.kind == KindTime {
		parsed = b.ToTime(nil, nil)
	} else {
		parsed = b.ToDatetime(nil, nil)
	}
	if parsed.IsNull() {
		var buf [32]byte
		return c.CompareStrings(a.AppendText(buf[:0], nil), b.b)
	}
	if a.kind == KindTime {
		return cmp.Compare(a.Int(), parsed.Int())
	}
	return cmp.Compare(packedOf(a), parsed.n)
}

// compareTemporalNumber reads the number as the date that it writes (20240506 is midnight of a DATETIME); where it writes
// none, or against a TIME, both compare as numbers.
func compareTemporalNumber(a, b Value) int {
	if a.kind != KindTime {
		if d := b.ToDatetime(nil, nil); !d.IsNull() {
			return cmp.Compare(packedOf(a), d.n)
		}
	}
	if b.kind == KindFloat {
		return cmp.Compare(a.ToFloat(nil), b.Float())
	}
	return compareDecimals(a.ToDec(nil), b.ToDec(nil))
}

// CompareSame orders two values of one column (same class) for sorting; NULL first.
func CompareSame(a, b Value, c collation.ID) int {
	if a.kind == b.kind {
		return compareSameKind(a, b, c)
	}
	switch {
	case a.kind == KindNull:
		return -1
	case b.kind == KindNull:
		return 1
	case isExactInteger(a.kind) && isExactInteger(b.kind):
		return compareIntegers(a, b)
	}
	return Compare(a, b, c)
}

func compareSameKind(a, b Value, c collation.ID) int {
	switch a.kind {
	case KindInt, KindTime, KindTimestamp:
		return cmp.Compare(int64(a.n), int64(b.n))
	case KindUint, KindEnum, KindSet, KindBit, KindDate, KindDatetime:
		return cmp.Compare(a.n, b.n)
	case KindFloat:
		return compareFloats(a.Float(), b.Float())
	case KindDecimal:
		return compareDecimals(a, b)
	case KindString:
		return c.CompareStrings(a.b, b.b)
	case KindBytes:
		return bytes.Compare(a.b, b.b)
	case KindJSON:
		return CompareJSON(a.b, b.b)
	}
	return 0
}

// Hash keys start with a tag, and are of a fixed length or carry their length, so that keys of several columns can be
// written one behind the other.
const (
	hashNull byte = iota
	hashNegative
	hashUnsigned
	hashFloat
	hashDecimal
	hashText
	hashDate
	hashTime
	hashJSON
)

// HashKey appends bytes that are equal exactly for values that are equal under c: for hash joins, GROUP BY and DISTINCT.
// Values of one column (same class) only; NULL has a key of its own.
func HashKey(dst []byte, v Value, c collation.ID) []byte {
	switch v.kind {
	case KindInt:
		if int64(v.n) < 0 {
			return appendUint64(append(dst, hashNegative), v.n)
		}
		return appendUint64(append(dst, hashUnsigned), v.n)
	case KindUint, KindEnum, KindSet, KindBit:
		return appendUint64(append(dst, hashUnsigned), v.n)
	case KindFloat:
		f := v.Float()
		if f == 0 {
			f = 0 // drops the sign of -0
		}
		return appendUint64(append(dst, hashFloat), math.Float64bits(f))
	case KindDecimal:
		return hashDecimalKey(dst, v)
	case KindString:
		return appendSized(append(dst, hashText), func(dst []byte) []byte { return c.SortKey(dst, v.b) })
	case KindBytes:
		return appendSized(append(dst, hashText), func(dst []byte) []byte { return append(dst, v.b...) })
	case KindDate, KindDatetime:
		return appendUint64(append(dst, hashDate), v.n)
	case KindTimestamp:
		return appendUint64(append(dst, hashDate), packedOf(v))
	case KindTime:
		return appendUint64(append(dst, hashTime), v.n)
	case KindJSON:
		return appendSized(append(dst, hashJSON), func(dst []byte) []byte { return appendJSONKey(dst, v.b) })
	}
	return append(dst, hashNull)
}

// hashDecimalKey gives equal keys to 1, 1.0 and the integer 1.
func hashDecimalKey(dst []byte, v Value) []byte {
	if v.b == nil {
		n, scale := int64(v.n), int(v.aux)
		for scale > 0 && n%10 == 0 {
			n, scale = n/10, scale-1
		}
		if scale == 0 || n == 0 {
			return HashKey(dst, Int(n), 0)
		}
		return append(appendUint64(append(dst, hashDecimal, byte(scale)), uint64(n)), 0)
	}
	digits := bytes.TrimRight(v.b, "0")
	if cut := len(v.b) - len(digits); cut > int(v.aux) {
		digits = v.b[:len(v.b)-int(v.aux)]
	}
	scale := int(v.aux) - (len(v.b) - len(digits))
	if short := decFromDigits(digits[0] == '-', bytes.TrimLeft(digits, "-"), scale); short.b == nil {
		return hashDecimalKey(dst, short)
	}
	if scale == 0 && digits[0] != '-' {
		if u, ok := decimalToUint(Value{kind: KindDecimal, b: digits}); ok {
			return HashKey(dst, Uint(u), 0)
		}
	}
	return append(append(dst, hashDecimal, byte(scale), byte(len(digits))), digits...)
}

// KeyHash is a hash of v's HashKey, the same in all processes. buf lends room for the key; what it has become comes back.
func KeyHash(v Value, c collation.ID, buf []byte) (uint64, []byte) {
	if v.kind == KindInt || v.kind == KindUint {
		return mixed(v.n), buf
	}
	buf = HashKey(buf[:0], v, c)
	if len(buf) == 9 && (buf[0] == hashNegative || buf[0] == hashUnsigned) { // a whole number of another kind
		return mixed(binary.BigEndian.Uint64(buf[1:])), buf
	}
	return xxhash.Sum64(buf), buf
}

// mixed spreads a number over all bits: the last steps of MurmurHash3.
func mixed(n uint64) uint64 {
	n = (n ^ n>>33) * 0xff51afd7ed558ccd
	n = (n ^ n>>33) * 0xc4ceb9fe1a85ec53
	return n ^ n>>33
}

func appendUint64(dst []byte, u uint64) []byte {
	return append(dst, byte(u>>56), byte(u>>48), byte(u>>40), byte(u>>32), byte(u>>24), byte(u>>16), byte(u>>8), byte(u))
}

// appendSized appends what write does, preceded by its length in four bytes.
func appendSized(dst []byte, write func([]byte) []byte) []byte {
	at := len(dst)
	dst = write(append(dst, 0, 0, 0, 0))
	n := uint32(len(dst) - at - 4)
	dst[at], dst[at+1], dst[at+2], dst[at+3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return dst
}
