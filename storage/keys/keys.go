package keys

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// PrefixLen is the length of shard, tablet and index in front of the columns.
const PrefixLen = 10

// ErrCorrupt reports bytes that no encoder of this package wrote.
var ErrCorrupt = errors.New("keys: corrupt key")

// AppendPrefix appends the address of an index. Shard and tablet ids stay below 2^32, index ids below 2^16: the catalog
// draws them from counters that are checked (schema.MaxID).
func AppendPrefix(dst []byte, s schema.ShardID, t schema.TabletID, i schema.IndexID) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(s))
	dst = binary.BigEndian.AppendUint32(dst, uint32(t))
	return binary.BigEndian.AppendUint16(dst, uint16(i))
}

// Tags of a column's first byte.
const (
	tagNull    = 0x00
	tagBytes   = 0x01
	tagBigNeg  = 0x0b
	tagZero    = 0x14
	tagBigPos  = 0x1d
	escape     = 0x00
	escapedNul = 0xff
	terminator = 0x01
)

// AppendValue appends one column in storage form. prefix limits strings to so many characters (bytes for binary
// strings; 0: whole); desc inverts.
func AppendValue(dst []byte, v types.Value, t *types.Type, prefix int, desc bool) []byte {
	start := len(dst)
	dst = appendAscending(dst, v, t, prefix)
	if desc {
		invert(dst[start:])
	}
	return dst
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

func appendAscending(dst []byte, v types.Value, t *types.Type, prefix int) []byte {
	//exhaustive:enforce
	switch v.Kind() {
	case types.KindNull:
		return append(dst, tagNull)
	case types.KindInt, types.KindTime, types.KindTimestamp:
		return appendInt(dst, v.Int())
	case types.KindUint, types.KindDate, types.KindDatetime, types.KindEnum, types.KindSet, types.KindBit:
		return appendUint(dst, v.Uint())
	case types.KindFloat:
		return appendFloat(dst, v.Float())
	case types.KindDecimal:
		return appendDecimal(dst, v, t)
	case types.KindString, types.KindBytes, types.KindJSON:
	}
	return appendString(dst, v, t, prefix)
}

func appendInt(dst []byte, i int64) []byte {
	if i >= 0 {
		return appendUint(dst, uint64(i))
	}
	// The magnitude's bytes are inverted, so that larger magnitudes come first.
	return appendMagnitude(dst, uint64(-i), true)
}

func appendUint(dst []byte, u uint64) []byte { return appendMagnitude(dst, u, false) }

func appendMagnitude(dst []byte, u uint64, negative bool) []byte {
	if u == 0 {
		return append(dst, tagZero)
	}
	n := byteLen(u)
	if negative {
		dst = append(dst, byte(tagZero-n))
		u = ^u
	} else {
		dst = append(dst, byte(tagZero+n))
	}
	for shift := (n - 1) * 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(u>>shift))
	}
	return dst
}

func byteLen(u uint64) int {
	n := 1
	for u > 0xff {
		u >>= 8
		n++
	}
	return n
}

func appendFloat(dst []byte, f float64) []byte {
	if f == 0 {
		f = 0 // -0 and 0 are equal
	}
	bits := math.Float64bits(f)
	if bits>>63 != 0 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	dst = append(dst, tagBytes)
	return binary.BigEndian.AppendUint64(dst, bits)
}

// appendDecimal encodes the value scaled to the column's scale as an integer.
func appendDecimal(dst []byte, v types.Value, t *types.Type) []byte {
	scale := max(t.Decimals, 0)
	if v.Scale() != scale {
		v = types.RoundDecimal(v, scale)
	}
	if unscaled, ok := v.SmallDecimal(); ok {
		return appendInt(dst, unscaled)
	}
	digits := v.AppendText(nil, t)
	negative := false
	if len(digits) > 0 && digits[0] == '-' {
		negative, digits = true, digits[1:]
	}
	return appendDigits(dst, digits, negative)
}

// appendDigits encodes a number given as decimal digits (a point among them is skipped).
func appendDigits(dst, digits []byte, negative bool) []byte {
	var words [5]uint64 // little endian; 65 digits need 216 bits
	for _, c := range digits {
		if c == '.' {
			continue
		}
		mulAdd(&words, uint64(c-'0'))
	}
	if words[1]|words[2]|words[3]|words[4] == 0 {
		if negative {
			return appendMagnitude(dst, words[0], true)
		}
		return appendUint(dst, words[0])
	}
	var be [40]byte
	for i, w := range words {
		binary.BigEndian.PutUint64(be[len(be)-8*(i+1):], w)
	}
	first := 0
	for be[first] == 0 {
		first++
	}
	tag, n := byte(tagBigPos), byte(len(be)-first)
	if negative {
		tag, n = tagBigNeg, ^n
		invert(be[first:])
	}
	dst = append(dst, tag, n)
	return append(dst, be[first:]...)
}

// mulAdd computes words = words*10 + add.
func mulAdd(words *[5]uint64, add uint64) {
	carry := add
	for i := range words {
		hi, lo := mul64(words[i], 10)
		lo += carry
		if lo < carry {
			hi++
		}
		words[i], carry = lo, hi
	}
}

func mul64(a, b uint64) (hi, lo uint64) {
	const mask = 1<<32 - 1
	p0 := (a & mask) * b
	p1 := (a>>32)*b + p0>>32
	return p1 >> 32, p1<<32 | p0&mask
}

func appendString(dst []byte, v types.Value, t *types.Type, prefix int) []byte {
	s := v.Raw()
	if prefix > 0 {
		s = Prefix(s, prefix, t.Collation == collation.Binary)
	}
	dst = append(dst, tagBytes)
	if v.Kind() == types.KindBytes || v.Kind() == types.KindJSON || t.Collation == collation.Binary {
		return appendEscaped(dst, s)
	}
	var buf [128]byte
	return appendEscaped(dst, t.Collation.SortKey(buf[:0], s))
}

// AppendBeginning appends what the ascending keys of all strings begin with that begin as v does (collation.ID.SortKeyPrefix).
func AppendBeginning(dst []byte, v types.Value, t *types.Type, prefix int) []byte {
	s, binary := v.Raw(), t.Collation == collation.Binary
	if prefix > 0 {
		s = Prefix(s, prefix, binary)
	}
	if !binary {
		s = t.Collation.SortKeyPrefix(nil, s)
	}
	dst = appendEscaped(append(dst, tagBytes), s)
	return dst[:len(dst)-2] // without the terminator: longer strings go on from here
}

// Prefix cuts s to its first n characters, or bytes when binary.
func Prefix(s []byte, n int, binary bool) []byte {
	if len(s) <= n {
		return s
	}
	if binary {
		return s[:n]
	}
	end := 0
	for ; n > 0 && end < len(s); n-- {
		_, size := utf8.DecodeRune(s[end:])
		end += size
	}
	return s[:end]
}

func appendEscaped(dst, s []byte) []byte {
	for _, c := range s {
		dst = append(dst, c)
		if c == escape {
			dst = append(dst, escapedNul)
		}
	}
	return append(dst, escape, terminator)
}

// skip gives the length of the first column's encoding.
func skip(b []byte, t *types.Type, desc bool) (int, error) {
	if len(b) == 0 {
		return 0, ErrCorrupt
	}
	var flip byte
	if desc {
		flip = 0xff
	}
	n := 0
	switch tag := b[0] ^ flip; {
	case tag == tagNull || tag == tagZero:
		n = 1
	case tag == tagBytes && t.Class() == types.ClassFloat:
		n = 9
	case tag == tagBytes:
		return skipEscaped(b, flip)
	case tag == tagBigPos && len(b) > 1:
		n = 2 + int(b[1]^flip)
	case tag == tagBigNeg && len(b) > 1:
		n = 2 + int(^(b[1] ^ flip))
	case tag > tagZero && tag <= tagZero+8:
		n = 1 + int(tag-tagZero)
	case tag < tagZero && tag >= tagZero-8:
		n = 1 + int(tagZero-tag)
	default:
		return 0, ErrCorrupt
	}
	if n > len(b) {
		return 0, ErrCorrupt
	}
	return n, nil
}

func skipEscaped(b []byte, flip byte) (int, error) {
	for i := 1; i+1 < len(b); i++ {
		if b[i]^flip != escape {
			continue
		}
		if b[i+1]^flip == terminator {
			return i + 2, nil
		}
		i++
	}
	return 0, ErrCorrupt
}

// SpanSuccessor gives the first key after all keys that begin with prefix (nil: there is none).
func SpanSuccessor(prefix []byte) []byte { return AppendSuccessor(nil, prefix) }

// AppendSuccessor is SpanSuccessor in the memory of dst.
func AppendSuccessor(dst, prefix []byte) []byte {
	start := len(dst)
	end := append(dst, prefix...)
	for i := len(end) - 1; i >= start; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
