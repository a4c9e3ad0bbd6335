package collation

import (
	"bytes"
	"cmp"
	"math"
	"sync"
	"unicode/utf8"
)

// Sort keys are memcomparable: bytes.Compare of two keys is CompareStrings of their strings, and keys are equal exactly
// when the strings are. Under PAD SPACE a string stands for itself followed by endless spaces, which a finite key must
// imitate. With w a weight and s the weight of a space, trailing spaces are dropped and
//
//	end of the string                          → s 2
//	s before a run of spaces and then w < s    → s 1
//	every other weight                         → itself
//
// so that "a" (…s 2) is above "a\t" (w < s) and "a  \t" (s 1 s 1 w) and below "a b" (s then w > s > 2) and "ab".
// Weights are UTF-8 characters, single bytes or big-endian pairs; a marker is as wide as a weight.
const (
	padLess = 1
	padEnd  = 2
)

// CompareStrings orders two strings of UTF-8 (of any bytes under Binary) under c: -1, 0 or 1.
func (c ID) CompareStrings(a, b []byte) int {
	ci := c.info()
	switch ci.order {
	case orderBytes:
		return bytes.Compare(a, b)
	case orderUTF8:
		return comparePadded(a, b)
	case orderGeneral:
		return compareGeneral(a, b)
	case orderUCA900:
		return ci.compareUCA900(a, b)
	}
	if bytes.Equal(a, b) {
		return 0
	}
	var bufA, bufB [256]byte
	return bytes.Compare(c.SortKey(bufA[:0], a), c.SortKey(bufB[:0], b))
}

// EqualStrings tells whether two strings are equal under c.
func (c ID) EqualStrings(a, b []byte) bool {
	return bytes.Equal(a, b) || c.CompareStrings(a, b) == 0
}

// SortKey appends a key of s whose bytes order, and are equal, as the strings are under c.
func (c ID) SortKey(dst, s []byte) []byte {
	ci := c.info()
	switch ci.order {
	case orderBytes:
		return append(dst, s...)
	case orderUTF8:
		return sortKeyPadded(dst, s, ' ')
	case orderGeneral:
		return sortKeyGeneral(dst, s)
	case orderUCA900:
		if ci.id == Default {
			if key, ok := sortKeyASCII(dst, s); ok {
				return key
			}
		}
		return ci.coll.WeightString(dst, s, 0)
	case orderSet:
		return ci.sortKeySet(dst, s)
	}
	var text, weights [256]byte
	ws := ci.coll.WeightString(weights[:0], ci.encode(text[:0], s), 0)
	if ci.wide {
		return sortKeyPaddedWide(dst, ws, ci.space)
	}
	return sortKeyPadded(dst, ws, byte(ci.space))
}

// SortKeyPrefix appends what the keys of all strings begin with that begin with s, for collations under which the weights of
// characters do not depend on those behind them. Spaces at the end of s have no part in it: what they are encoded as depends on what follows.
func (c ID) SortKeyPrefix(dst, s []byte) []byte {
	dst, ci := c.SortKey(dst, s), c.info()
	switch {
	case ci.order == orderBytes, ci.order == orderUCA900:
		return dst
	case ci.wide:
		return dst[:len(dst)-4]
	}
	return dst[:len(dst)-2] // the mark of the string's end
}

// Weights are the weights of a string under c, as WEIGHT_STRING shows them: those of chars characters where that is not 0, as many
// as s has.
func (c ID) Weights(s []byte, chars int) []byte {
	ci := c.info()
	if ci.order == orderBytes {
		return s
	}
	return ci.coll.WeightString(nil, c.Encode(s), chars)
}

// sortKeyPadded encodes single-byte weights (UTF-8 counts as such: only its ASCII bytes can equal a space).
func sortKeyPadded(dst, ws []byte, space byte) []byte {
	for len(ws) > 0 && ws[len(ws)-1] == space {
		ws = ws[:len(ws)-1]
	}
	for i := 0; i < len(ws); {
		if ws[i] != space {
			dst = append(dst, ws[i])
			i++
			continue
		}
		run := i
		for ws[i] == space { // ends: the last weight is no space
			i++
		}
		for range i - run {
			dst = append(dst, space)
			if ws[i] < space {
				dst = append(dst, padLess)
			}
		}
	}
	return append(dst, space, padEnd)
}

// sortKeyPaddedWide encodes weights that are big-endian pairs.
func sortKeyPaddedWide(dst, ws []byte, space uint16) []byte {
	hi, lo := byte(space>>8), byte(space)
	for n := len(ws); n >= 2 && ws[n-2] == hi && ws[n-1] == lo; n = len(ws) {
		ws = ws[:n-2]
	}
	for i := 0; i+1 < len(ws); {
		if ws[i] != hi || ws[i+1] != lo {
			dst = append(dst, ws[i], ws[i+1])
			i += 2
			continue
		}
		run := i
		for ws[i] == hi && ws[i+1] == lo {
			i += 2
		}
		less := ws[i] < hi || ws[i] == hi && ws[i+1] < lo
		for range (i - run) / 2 {
			dst = append(dst, hi, lo)
			if less {
				dst = append(dst, 0, padLess)
			}
		}
	}
	return append(dst, hi, lo, 0, padEnd)
}

// comparePadded compares the bytes of UTF-8 under PAD SPACE.
func comparePadded(a, b []byte) int {
	n := min(len(a), len(b))
	if d := bytes.Compare(a[:n], b[:n]); d != 0 {
		return d
	}
	return restAgainstSpaces(a[n:]) - restAgainstSpaces(b[n:])
}

// restAgainstSpaces compares s with as many spaces as it has bytes.
func restAgainstSpaces(s []byte) int {
	for _, b := range s {
		if b != ' ' {
			return cmp.Compare(b, ' ')
		}
	}
	return 0
}

// generalWeights holds the weight of each character of the basic plane under the general_ci collations. It is filled
// on the first use of a character beyond ASCII; generalASCII serves until then.
var (
	generalASCII   [utf8.RuneSelf]byte
	generalWeights []uint16
	generalOnce    sync.Once
)

func initGeneralASCII() {
	for b := range generalASCII {
		generalASCII[b] = byte(b)
		if 'a' <= b && b <= 'z' {
			generalASCII[b] -= 'a' - 'A'
		}
	}
}

func fillGeneralWeights() {
	coll, _ := ByName("utf8mb4_general_ci")
	ci := coll.info()
	generalWeights = make([]uint16, math.MaxUint16+1)
	var char, weight [4]byte
	for r := range rune(len(generalWeights)) {
		n := utf8.EncodeRune(char[:], r) // a surrogate becomes U+FFFD, which is never looked up under its own number
		if w := ci.coll.WeightString(weight[:0], char[:n], 0); len(w) == 2 {
			generalWeights[r] = uint16(w[0])<<8 | uint16(w[1])
		}
	}
}

// generalWeight gives the weight of the character at the start of s and the bytes it takes. All characters beyond the
// basic plane weigh the same, as in MySQL.
func generalWeight(s []byte) (w rune, size int) {
	if s[0] < utf8.RuneSelf {
		return rune(generalASCII[s[0]]), 1
	}
	generalOnce.Do(fillGeneralWeights)
	r, size := utf8.DecodeRune(s)
	if r > math.MaxUint16 {
		return utf8.RuneError, size
	}
	return rune(generalWeights[r]), size
}

func compareGeneral(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		wa, na := generalWeight(a)
		wb, nb := generalWeight(b)
		if wa != wb {
			return cmp.Compare(wa, wb)
		}
		a, b = a[na:], b[nb:]
	}
	return generalAgainstSpaces(a) - generalAgainstSpaces(b)
}

func generalAgainstSpaces(s []byte) int {
	for len(s) > 0 {
		w, n := generalWeight(s)
		if w != ' ' {
			return cmp.Compare(w, ' ')
		}
		s = s[n:]
	}
	return 0
}

// sortKeyGeneral writes the weights as UTF-8, which orders as they do and keeps ASCII at one byte.
func sortKeyGeneral(dst, s []byte) []byte {
	spaces := 0 // met and not yet written: what follows decides how
	for len(s) > 0 {
		w, n := generalWeight(s)
		s = s[n:]
		if w == ' ' {
			spaces++
			continue
		}
		for ; spaces > 0; spaces-- {
			dst = append(dst, ' ')
			if w < ' ' {
				dst = append(dst, padLess)
			}
		}
		dst = utf8.AppendRune(dst, w)
	}
	return append(dst, ' ', padEnd)
}

// uca900ASCII holds the primary weight of each ASCII character under utf8mb4_0900_ai_ci, 0 where it is ignored.
var uca900ASCII [utf8.RuneSelf]uint16

func initUCA900ASCII() {
	coll := Default.info().coll
	for b := range uca900ASCII {
		if w := coll.WeightString(nil, []byte{byte(b)}, 0); len(w) == 2 {
			uca900ASCII[b] = uint16(w[0])<<8 | uint16(w[1])
		}
	}
}

// sortKeyASCII is the weight string of a string that is all ASCII, under utf8mb4_0900_ai_ci: one weight a character,
// and no contraction of that collation lies within ASCII. It gives up (false, dst unchanged) at any other character.
func sortKeyASCII(dst, s []byte) ([]byte, bool) {
	key := dst
	for _, b := range s {
		if b >= utf8.RuneSelf {
			return dst, false
		}
		if w := uca900ASCII[b]; w != 0 {
			key = append(key, byte(w>>8), byte(w))
		}
	}
	return key, true
}

func (ci *collationInfo) compareUCA900(a, b []byte) int {
	if bytes.Equal(a, b) {
		return 0
	}
	if ci.id == Default {
		if d, ok := compareUCA900ASCII(a, b); ok {
			return d
		}
	}
	return cmp.Compare(ci.coll.Collate(a, b, false), 0)
}

// compareUCA900ASCII compares as long as both strings are ASCII. It decides nothing (false) when it meets another
// character, or one right behind the first difference: that may combine with the character before.
func compareUCA900ASCII(a, b []byte) (int, bool) {
	i, j := 0, 0
	for {
		wa, wb := uint16(0), uint16(0)
		for ; i < len(a) && wa == 0; i++ {
			if a[i] >= utf8.RuneSelf {
				return 0, false
			}
			wa = uca900ASCII[a[i]]
		}
		for ; j < len(b) && wb == 0; j++ {
			if b[j] >= utf8.RuneSelf {
				return 0, false
			}
			wb = uca900ASCII[b[j]]
		}
		if wa != wb {
			if i < len(a) && a[i] >= utf8.RuneSelf || j < len(b) && b[j] >= utf8.RuneSelf {
				return 0, false
			}
			return cmp.Compare(wa, wb), true
		}
		if wa == 0 {
			return 0, true
		}
	}
}
