package collation

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"sync"
	"unicode/utf8"
)

// The weights of collations that are in no library. What a server's WEIGHT_STRING says is the source, and testdata/fingerprints.txt pins it.

// gbkOrder has, in the order of the codes from 8140 on, the place of each double-byte character under gbk_chinese_ci: 16 bits, big endian.
//
//go:embed gbk_order.bin
var gbkOrder string

const (
	gbkFirst  = 0x8100 // the weight of the first place
	gbkTrails = 190    // second bytes: 40 to 7E, 80 to FE
)

// gbkPlace is a character's place, -1 for one of a single byte.
func gbkPlace(char []byte) int {
	if len(char) != 2 {
		return -1
	}
	trail := int(char[1]) - 0x40
	if char[1] > 0x7F {
		trail--
	}
	i := 2 * ((int(char[0])-0x81)*gbkTrails + trail)
	return int(gbkOrder[i])<<8 | int(gbkOrder[i+1])
}

// foldChinese weighs a single byte of gbk_chinese_ci and big5_chinese_ci: brackets and the tilde have places of their own.
func foldChinese(b byte) byte {
	switch b {
	case '[', '\\':
		return b + 1
	case ']':
		return '['
	case '~':
		return 'Y'
	}
	return foldASCII(b)
}

// weighBig5 has a character of two bytes by its code, which is how MySQL compares and keeps it in indexes; WEIGHT_STRING shows some by their strokes.
func weighBig5(dst, char []byte, _ rune) []byte {
	switch {
	case len(char) > 1:
		return append(dst, char...)
	case char[0] == '`':
		return append(dst, 'E')
	}
	return append(dst, foldChinese(char[0]))
}

func weighGBK(dst, char []byte, _ rune) []byte {
	place := gbkPlace(char)
	if place < 0 {
		return append(dst, foldChinese(char[0]))
	}
	return binary.BigEndian.AppendUint16(dst, uint16(gbkFirst+place)) //nolint:gosec // less than 23,940
}

// gbkKey orders as weighGBK does, in UTF-8: none of its bytes beyond ASCII is that of a space.
func gbkKey(dst, char []byte, _ rune) []byte {
	place := gbkPlace(char)
	if place < 0 {
		return append(dst, foldChinese(char[0]))
	}
	return utf8.AppendRune(dst, rune(utf8.RuneSelf+place)) //nolint:gosec // less than 23,940
}

// germanWeights are those from À on under latin1_german2_ci, a letter each but for the umlauts and ß.
var germanWeights = [...]string{
	"A", "A", "A", "A", "AE", "A", "\\", "C", "E", "E", "E", "E", "I", "I", "I", "I", "D", "N", "O", "O", "O", "O", "OE", "\xD7", "\xD8",
	"U", "U", "U", "UE", "Y", "\xDE", "SS", "A", "A", "A", "A", "AE", "A", "\\", "C", "E", "E", "E", "E", "I", "I", "I", "I", "D", "N",
	"O", "O", "O", "O", "OE", "\xF7", "\xD8", "U", "U", "U", "UE", "Y", "\xDE", "Y",
}

func weighGerman(dst, char []byte, _ rune) []byte {
	if b := char[0]; b >= 0xC0 {
		return append(dst, germanWeights[b-0xC0]...)
	}
	return append(dst, foldASCII(char[0]))
}

// lowerPairs are the characters beyond ASCII that have a lower case under utf8mb3_tolower_ci, each followed by that.
//
//go:embed lower.txt
var lowerPairs string

var lowerCase = sync.OnceValue(func() map[rune]rune {
	m := map[rune]rune{}
	for s := lowerPairs; s != ""; {
		from, n := utf8.DecodeRuneInString(s)
		to, k := utf8.DecodeRuneInString(s[n:])
		m[from], s = to, s[n+k:]
	}
	return m
})

func weighLower(dst, _ []byte, r rune) []byte {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	} else if to, ok := lowerCase()[r]; ok && r >= utf8.RuneSelf {
		r = to
	}
	return binary.BigEndian.AppendUint16(dst, uint16(r)) //nolint:gosec // of the basic plane
}

func weighGeneral(dst, _ []byte, r rune) []byte {
	w := r
	if r != 'ß' {
		var buf [utf8.UTFMax]byte
		w, _ = generalWeight(utf8.AppendRune(buf[:0], r))
	}
	return binary.BigEndian.AppendUint16(dst, uint16(w)) //nolint:gosec // of the basic plane
}

// thaiOrder is the order of Thai dictionaries, as MySQL has it: a vowel that is written before its consonant comes behind it, and what is written
// above a syllable (tones and the like) behind everything, where it weighs the less, the more characters are before it.
type thaiOrder struct{ charOrder }

// Kinds of Thai characters, in TIS 620.
func thaiConsonant(b byte) bool { return 0xA1 <= b && b <= 0xCE }
func thaiLeading(b byte) bool   { return 0xE0 <= b && b <= 0xE4 }

func weighThai(dst, char []byte, _ rune) []byte { return append(dst, char[0]) }

func (o *thaiOrder) Collate(left, right []byte, isPrefix bool) int {
	return collateWeights(o, left, right, isPrefix)
}

func (o *thaiOrder) WeightString(dst, src []byte, n int) []byte {
	return o.charOrder.WeightString(dst, thaiSortable(src), n)
}

// thaiSortable puts the characters of text in TIS 620 into the order in which they weigh, with what they weigh. The place of a tone goes down by
// eight with each consonant and each character of another script before it, and begins anew after thirty-two of them (a byte holds it). There
// is one place for tones, the last: as in MySQL a second one takes the place of the first, and what is left over is filled with the
// last character.
func thaiSortable(src []byte) []byte {
	out := make([]byte, 0, len(src))
	place, last, tones := byte(0xF8), byte(0), 0
	for i := 0; i < len(src); i++ {
		b := src[i]
		tone := thaiTone(b)
		switch {
		case b < utf8.RuneSelf:
			place -= 8
			if 'A' <= b && b <= 'Z' {
				b += 'a' - 'A'
			}
		case tone != 0:
			last, tones = place+tone, tones+1
			continue
		case thaiConsonant(b):
			place -= 8
		case thaiLeading(b) && i+1 < len(src) && thaiConsonant(src[i+1]):
			i++
			out = append(out, src[i])
		}
		out = append(out, b)
	}
	if tones == 0 {
		return out
	}
	out = append(out, bytes.Repeat(src[len(src)-1:], tones-1)...)
	return append(out, last)
}

// thaiTone is the weight of what is written above a syllable, 0 for everything else.
func thaiTone(b byte) byte {
	switch {
	case b == 0xEC: // thanthakhat
		return 1
	case 0xE7 <= b && b <= 0xEB: // maitaikhu, four tones
		return b - 0xE7 + 2
	}
	return 0
}
