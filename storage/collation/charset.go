package collation

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"vitess.io/vitess/go/mysql/collations/charset"
	"vitess.io/vitess/go/mysql/collations/charset/types"
)

// Character sets are the edges of this package: text is UTF-8 inside (decision 41), and a set says which characters it has and
// which bytes they are, where somebody asks for bytes: HEX, LENGTH, a CAST to BINARY, a client. Tables come from Vitess, and for
// gbk, big5 and tis620 from golang.org/x/text, corrected where MySQL's are narrower or older. What they map is pinned by a
// fingerprint in charset_test.go: what a set has decides what columns take, and bytes of a set end in other tables' rows.

// rune codec of a character set, as Vitess has them.
type runeCodec interface {
	EncodeRune(dst []byte, r rune) int         // -1 for what the set lacks
	DecodeRune(src []byte) (r rune, width int) // utf8.RuneError, or any width, for what is no character
}

// maxRuneBytes is room for one character of any set.
const maxRuneBytes = 8

// CharacterSet is how text is written in one of MySQL's character sets.
type CharacterSet struct {
	name     string
	codec    runeCodec
	unit     int  // the least bytes of a character: 2 for utf16, 4 for utf32
	maxBytes int  // of a character
	utf8     bool // its text is UTF-8 as it is, or bytes
	superset bool // ASCII is ASCII
}

var setByName = map[string]*CharacterSet{}

// characterSet gives the one set of a name; cs is Vitess's, nil for those that are made here.
func characterSet(name string, cs charset.Charset) *CharacterSet {
	if s := setByName[name]; s != nil {
		return s
	}
	s := &CharacterSet{name: name, unit: 1}
	switch name {
	case "gbk":
		s.codec, s.maxBytes = &doubleByte{source: simplifiedchinese.GBK, has: gbkHas}, 2
	case "big5":
		s.codec, s.maxBytes = &doubleByte{source: traditionalchinese.Big5, has: big5Has, other: big5Other}, 2
	case "tis620":
		s.codec, s.maxBytes = thai{}, 1
	case "gb18030":
		s.codec, s.maxBytes = gb18030{}, 4
	default:
		s.codec, s.maxBytes = cs, cs.MaxWidth()
	}
	switch name {
	case "utf8mb4", "utf8mb3", "ascii", "binary":
		s.utf8 = true
	case "ucs2", "utf16", "utf16le":
		s.unit = 2
	case "utf32":
		s.unit = 4
	}
	s.superset = s.unit == 1 && keepsASCII(s.codec)
	setByName[name] = s
	return s
}

// keepsASCII tells whether every ASCII character is its own byte.
func keepsASCII(c runeCodec) bool {
	for b := range rune(utf8.RuneSelf) {
		var buf [maxRuneBytes]byte
		if n := c.EncodeRune(buf[:], b); n != 1 || rune(buf[0]) != b {
			return false
		}
		if r, n := c.DecodeRune([]byte{byte(b)}); n != 1 || r != b {
			return false
		}
	}
	return true
}

// has tells whether the set has a character.
func (s *CharacterSet) has(r rune) bool {
	switch s.name {
	case "utf8mb4", "utf16", "utf16le", "utf32", "gb18030", "binary":
		return true
	case "utf8mb3", "ucs2":
		return r <= 0xFFFF
	case "ascii":
		return r < utf8.RuneSelf
	}
	var buf [maxRuneBytes]byte
	return s.codec.EncodeRune(buf[:], r) >= 0
}

// appendRune appends a character in the set, a question mark for one that it lacks.
func (s *CharacterSet) appendRune(dst []byte, r rune) []byte {
	var buf [maxRuneBytes]byte
	n := -1
	if s.has(r) {
		n = s.codec.EncodeRune(buf[:], r)
	}
	if n < 0 {
		n = max(s.codec.EncodeRune(buf[:], '?'), 0)
	}
	return append(dst, buf[:n]...)
}

// encode appends UTF-8 in the set, a question mark for what that lacks.
func (s *CharacterSet) encode(dst, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n <= 1 {
			r = '?'
		}
		dst, text = s.appendRune(dst, r), text[n:]
	}
	return dst
}

// next reads the first character of bytes in the set; ok is false for what is none, of which n bytes are skipped.
func (s *CharacterSet) next(b []byte) (r rune, n int, ok bool) {
	if len(b) < s.unit {
		return utf8.RuneError, len(b), false
	}
	if s.superset && b[0] < utf8.RuneSelf {
		return rune(b[0]), 1, true
	}
	r, n = s.codec.DecodeRune(b)
	zero := s.maxBytes == 1 && r == 0 && b[0] != 0 // no character of an 8-bit set
	if r == utf8.RuneError && !s.replacement(b[:max(min(n, len(b)), 0)]) || zero || n <= 0 || n > len(b) || n%s.unit != 0 || !utf8.ValidRune(r) {
		return utf8.RuneError, s.unit, false
	}
	return r, n, true
}

// replacement tells whether b is the character U+FFFD, which is also what stands for none.
func (s *CharacterSet) replacement(b []byte) bool {
	var buf [maxRuneBytes]byte
	n := s.codec.EncodeRune(buf[:], utf8.RuneError)
	return n > 0 && string(buf[:n]) == string(b)
}

// decode appends bytes of the set as UTF-8. bad is the place of the first that are no character, -1 where all are; a question mark
// stands for each unit of them.
func (s *CharacterSet) decode(dst, b []byte) (text []byte, bad int) {
	bad = -1
	for i := 0; i < len(b); {
		r, n, ok := s.next(b[i:])
		if !ok {
			if r = '?'; bad < 0 {
				bad = i
			}
		}
		dst, i = utf8.AppendRune(dst, r), i+n
	}
	return dst, bad
}

// KeepsUTF8 tells the collations whose text, as bytes, is what it is inside: UTF-8, ASCII, or bytes of no set.
func (c ID) KeepsUTF8() bool { return c.info().set.utf8 }

// MinBytes is the width of the narrowest character of c's set: 1, or that of its unit.
func (c ID) MinBytes() int { return c.info().set.unit }

// Has tells whether all of s, which is UTF-8, can be written in c's character set.
func (c ID) Has(s []byte) bool { return c.ValidPrefix(s) == len(s) }

// Replace gives s with a question mark for each character that c's set lacks. The result may be s itself.
func (c ID) Replace(s []byte) []byte {
	if c.Has(s) {
		return s
	}
	set := c.info().set
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n <= 1 || !set.has(r) {
			r = '?'
		}
		out, s = utf8.AppendRune(out, r), s[n:]
	}
	return out
}

// Encode gives UTF-8 text in c's character set, with a question mark for what that lacks. The result may be s itself.
func (c ID) Encode(s []byte) []byte {
	set := c.info().set
	if set.utf8 || set.superset && isASCII(s) {
		return s
	}
	return set.encode(make([]byte, 0, len(s)), s)
}

// EncodedLen is the length of Encode's result.
func (c ID) EncodedLen(s []byte) int {
	set := c.info().set
	switch {
	case set.utf8:
		return len(s)
	case set.maxBytes == set.unit:
		return set.unit * utf8.RuneCount(s)
	}
	return len(c.Encode(s))
}

// Decode gives text of c's character set as UTF-8, with a question mark for what is no character. The result may be s itself.
func (c ID) Decode(s []byte) []byte {
	set := c.info().set
	if set.utf8 || set.superset && isASCII(s) {
		return s
	}
	out, _ := set.decode(make([]byte, 0, len(s)+len(s)/2), s)
	return out
}

// DecodeStrict is Decode that tells where s first is no text of the set, -1 where all of it is. As in MySQL a text whose first
// character lacks bytes of its unit has zeros put before it.
func (c ID) DecodeStrict(s []byte) (text []byte, bad int) {
	set := c.info().set
	switch {
	case set.name == "binary":
		return s, -1
	case set.utf8:
		if good := c.ValidPrefix(s); good < len(s) {
			return s, good
		}
		return s, -1
	case set.superset && isASCII(s):
		return s, -1
	}
	if missing := (set.unit - len(s)%set.unit) % set.unit; missing > 0 {
		s = append(make([]byte, missing, missing+len(s)), s...)
	}
	return set.decode(make([]byte, 0, len(s)+len(s)/2), s)
}

// doubleByte is a set of two bytes a character, by a table of x/text that MySQL's differs from a little.
type doubleByte struct {
	source encoding.Encoding
	has    func(code int) bool // MySQL's set has the code
	other  func(code int) rune // the character of a code that the source has otherwise, 0 for the rest

	once   sync.Once
	toRune []uint16 // by code - 0x8000
	toCode []uint16 // by rune
}

const firstDouble = 0x8000

// fill reads the source's table, code by code. The lowest code of a character is the one that is written.
func (d *doubleByte) fill() {
	d.toRune, d.toCode = make([]uint16, 0x10000-firstDouble), make([]uint16, 0x10000)
	decoder := d.source.NewDecoder()
	for code := firstDouble; code < 0x10000; code++ {
		if !d.has(code) {
			continue
		}
		var r rune
		if d.other != nil {
			r = d.other(code)
		}
		if r == 0 {
			text, err := decoder.Bytes([]byte{byte(code >> 8), byte(code)})
			var n int
			if r, n = utf8.DecodeRune(text); err != nil || n != len(text) || r == utf8.RuneError || r > 0xFFFF || r < utf8.RuneSelf {
				continue
			}
		}
		d.toRune[code-firstDouble] = uint16(r) //nolint:gosec // of the basic plane
		if d.toCode[r] == 0 {
			d.toCode[r] = uint16(code) //nolint:gosec // two bytes
		}
	}
}

func (d *doubleByte) EncodeRune(dst []byte, r rune) int {
	if 0 <= r && r < utf8.RuneSelf {
		dst[0] = byte(r)
		return 1
	}
	if d.once.Do(d.fill); r < 0 || r > 0xFFFF || d.toCode[r] == 0 {
		return -1
	}
	dst[0], dst[1] = byte(d.toCode[r]>>8), byte(d.toCode[r])
	return 2
}

func (d *doubleByte) DecodeRune(src []byte) (rune, int) {
	if len(src) > 0 && src[0] < utf8.RuneSelf {
		return rune(src[0]), 1
	}
	if len(src) < 2 {
		return utf8.RuneError, 1
	}
	d.once.Do(d.fill)
	r := d.toRune[int(src[0])<<8|int(src[1])-firstDouble]
	if r == 0 {
		return utf8.RuneError, 1
	}
	return rune(r), 2
}

// gbkHas: MySQL's gbk is code page 936 as it was, without what GB 18030 and the euro have added.
func gbkHas(code int) bool {
	switch {
	case code == 0xA2E3, code == 0xA3A0, code == 0xA8BF, 0xA989 <= code && code <= 0xA995, 0xFE50 <= code && code <= 0xFEA0:
		return false
	}
	return true
}

// big5Has: MySQL's big5 has the two levels of characters and ETEN's additions, not those of Hong Kong.
func big5Has(code int) bool {
	switch {
	case code < 0xA140, 0xA3C0 <= code && code <= 0xA3FE, 0xC7FD <= code && code < 0xC940, code > 0xF9DC:
		return false
	}
	switch code {
	case 0xA15A, 0xA1C3, 0xA1C5, 0xA1FE, 0xA240, 0xA2CC, 0xA2CE: // twins of other characters
		return false
	}
	return true
}

// big5Signs are characters that MySQL's table has otherwise than that of the web.
var big5Signs = map[int]rune{
	0xA145: 0x2022, 0xA14E: 0xFF64, 0xA1C2: 0x203E, 0xA1E3: 0x223C, 0xA1F2: 0x2641, 0xA1F3: 0x2609, 0xA241: 0xFF0F, 0xA242: 0xFF3C,
	0xA244: 0x00A5, 0xA246: 0x00A2, 0xA247: 0x00A3,
}

// big5Additions are the characters from C6A1 on, as runs: kana, Cyrillic letters and numbers.
var big5Additions = [][2]rune{
	{0x30FE, 1}, {0x309D, 2}, {0x3005, 1}, {0x3041, 83}, {0x30A1, 86}, {0x414, 2}, {0x401, 1}, {0x416, 7}, {0x423, 19}, {0x451, 1},
	{0x436, 26}, {0x2460, 10}, {0x2474, 10},
}

func big5Other(code int) rune {
	const first, last, rows = 0xC6A1, 0xC7FC, 157 // characters of a row: 40 … 7E, A1 … FE
	if code < first || code > last {
		return big5Signs[code]
	}
	row, column := rune(code>>8), rune(code&0xFF)
	switch {
	case 0x40 <= column && column <= 0x7E:
		column -= 0x40
	case 0xA1 <= column && column <= 0xFE:
		column -= 0xA1 - 63
	default:
		return 0
	}
	at := (row-0xC6)*rows + column - 63
	for _, run := range big5Additions {
		if at < run[1] {
			return run[0] + at
		}
		at -= run[1]
	}
	return 0
}

// thai is tis620: its letters as Windows has them, and control characters.
type thai struct{}

func (thai) EncodeRune(dst []byte, r rune) int {
	b, ok := byte(r), 0 <= r && r < 0xA0
	if !ok {
		b, ok = charmap.Windows874.EncodeRune(r)
		ok = ok && b > 0xA0
	}
	if dst[0] = b; !ok {
		return -1
	}
	return 1
}

func (thai) DecodeRune(src []byte) (rune, int) {
	switch {
	case len(src) == 0:
		return utf8.RuneError, 0
	case src[0] < 0xA0:
		return rune(src[0]), 1
	case src[0] == 0xA0:
		return utf8.RuneError, 1
	}
	return charmap.Windows874.DecodeByte(src[0]), 1
}

// gb18030 is Vitess's with the euro sign where the standard has it.
type gb18030 struct{ charset.Charset_gb18030 }

var _ types.Charset = gb18030{}

const gb18030Euro = 0xA2E3

func (g gb18030) EncodeRune(dst []byte, r rune) int {
	if r == '€' {
		dst[0], dst[1] = gb18030Euro>>8, gb18030Euro&0xFF
		return 2
	}
	n := g.Charset_gb18030.EncodeRune(dst, r)
	if n == 4 && r <= 0xFFFF { // of characters for private use it writes bytes that are another's
		if back, _ := g.DecodeRune(dst[:n]); back != r {
			return -1
		}
	}
	return n
}

func (g gb18030) DecodeRune(src []byte) (rune, int) {
	switch {
	case len(src) > 0 && src[0] == 0x80:
		return utf8.RuneError, 1
	case len(src) > 1 && src[0] == gb18030Euro>>8 && src[1] == gb18030Euro&0xFF:
		return '€', 2
	}
	return g.Charset_gb18030.DecodeRune(src)
}
