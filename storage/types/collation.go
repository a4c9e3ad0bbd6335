package types

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"vitess.io/vitess/go/mysql/collations"
	"vitess.io/vitess/go/mysql/collations/charset"
	"vitess.io/vitess/go/mysql/collations/colldata"

	"cloudsql/storage/version"
)

// order is how a collation compares: it picks the routine in collate.go.
type order uint8

const (
	orderBytes   order = iota // memcmp, no padding: binary, utf8mb4_0900_bin
	orderUTF8                 // code points, which is the byte order of UTF-8, PAD SPACE: utf8mb4_bin, ascii_bin …
	orderGeneral              // one weight per character, PAD SPACE: utf8mb4_general_ci and its like
	orderUCA900               // Unicode 9 weights, NO PAD: utf8mb4_0900_ai_ci and its like
	orderSet                  // the bytes of the character set, perhaps in one case, PAD SPACE: big5_bin and its like
	orderWeights              // whatever the collation's weight string says, PAD SPACE: all others
)

// collationInfo is what the routines need to know of a collation, gathered once when the program starts.
type collationInfo struct {
	id       Collation
	name     string
	charset  string
	maxBytes int
	order    order
	wide     bool // orderWeights: a weight is two bytes, not one
	space    uint16
	superset bool // ASCII is the same in the collation's charset
	transfer bool // text must be converted from UTF-8 to the collation's charset before coll sees it
	coll     weigher
	cs       charset.Charset // that coll sees
	set      *CharacterSet
	since    version.Version // 0: V1
	unsorted bool            // no table of its order is served: a name, and a default of its set
}

// weigher is what makes sort keys: Vitess's collations, and those of extra.go.
type weigher interface {
	Collate(left, right []byte, isPrefix bool) int
	WeightString(dst, src []byte, numCodepoints int) []byte
	IsBinary() bool
}

var (
	collationTable  []*collationInfo // by number; nil where there is none
	collationByName = map[string]Collation{}
	defaultByName   = map[string]Collation{} // by charset
)

func init() {
	env := collations.NewEnvironment("8.0.30")
	for _, coll := range colldata.All(env) {
		add(describe(coll))
	}
	addExtra()
	for _, info := range collationTable {
		if info == nil {
			continue
		}
		if id := env.DefaultCollationForCharset(info.charset); id != collations.Unknown {
			defaultByName[info.charset] = Collation(id)
		}
	}
	for _, extra := range extraDefaults {
		defaultByName[collationTable[extra].charset] = extra
	}
	for name, id := range collationByName { // "utf8" is the old name of utf8mb3
		if rest, ok := strings.CutPrefix(name, "utf8mb3_"); ok {
			collationByName["utf8_"+rest] = id
		}
	}
	defaultByName["utf8"] = defaultByName["utf8mb3"]
	initGeneralASCII()
	initUCA900ASCII()
}

func add(info *collationInfo) {
	for int(info.id) >= len(collationTable) {
		collationTable = append(collationTable, nil)
	}
	collationTable[info.id] = info
	collationByName[info.name] = info.id
}

func describe(coll colldata.Collation) *collationInfo {
	cs := coll.Charset()
	info := &collationInfo{
		id: Collation(coll.ID()), name: coll.Name(), charset: cs.Name(), maxBytes: cs.MaxWidth(), coll: coll, cs: cs,
		set: characterSet(cs.Name(), cs),
	}
	unicodeCharset := charset.IsUnicode(cs)
	info.transfer = !unicodeCharset && info.id != CollationBinary
	info.superset = isSuperset(cs)
	switch coll.(type) {
	case *colldata.Collation_binary, *colldata.Collation_utf8mb4_0900_bin:
		info.order = orderBytes
	case *colldata.Collation_unicode_bin:
		info.order = orderUTF8
	case *colldata.Collation_unicode_general_ci:
		info.order = orderGeneral
	case *colldata.Collation_utf8mb4_uca_0900:
		info.order = orderUCA900
	default:
		info.order = orderWeights
		if info.name == "ascii_bin" {
			info.order = orderUTF8
		}
		_, info.wide = coll.(*colldata.Collation_uca_legacy)
		info.transfer = info.name != "ascii_bin" && info.charset != "utf8mb4"
		space := coll.WeightString(nil, info.encode(nil, []byte(" ")), 0)
		for _, b := range space {
			info.space = info.space<<8 | uint16(b)
		}
	}
	return info
}

// encode turns UTF-8 into the collation's own character set, a question mark for what that lacks.
func (ci *collationInfo) encode(dst, s []byte) []byte {
	if !ci.transfer || ci.superset && isASCII(s) {
		return s
	}
	out, _ := charset.ConvertFromUTF8(dst, ci.cs, s) // the error only says that a question mark was needed
	return out
}

func isASCII(s []byte) bool {
	for _, b := range s {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isSuperset tells whether every ASCII character has its own byte in cs.
func isSuperset(cs charset.Charset) bool {
	for b := range rune(utf8.RuneSelf) {
		var buf [8]byte
		if n := cs.EncodeRune(buf[:], b); n != 1 || rune(buf[0]) != b {
			return false
		}
	}
	return true
}

// info gives c's description, that of the default collation for a number without one (0 in a Type that names none).
func (c Collation) info() *collationInfo {
	if int(c) < len(collationTable) {
		if ci := collationTable[c]; ci != nil {
			return ci
		}
	}
	return collationTable[CollationDefault]
}

// CollationByName finds a collation by its MySQL name in any case.
func CollationByName(name string) (Collation, bool) {
	if c, ok := collationByName[name]; ok {
		return c, true
	}
	c, ok := collationByName[strings.ToLower(name)]
	return c, ok
}

// Valid tells whether c is the number of a collation that columns may have.
func (c Collation) Valid() bool { return int(c) < len(collationTable) && collationTable[c] != nil }

// Name is c's name in MySQL 8.0 ("utf8mb4_0900_ai_ci").
func (c Collation) Name() string { return c.info().name }

// Charset is the name of c's character set ("utf8mb4").
func (c Collation) Charset() string { return c.info().charset }

// DefaultCollation is the collation that a character set, named in any case, has by default under MySQL 8.0.
func DefaultCollation(charset string) (Collation, bool) {
	c, ok := defaultByName[strings.ToLower(charset)]
	return c, ok
}

// BinaryCollation is the _bin collation of a character set, as CHARACTER SET x BINARY asks for.
func BinaryCollation(charset string) (Collation, bool) {
	charset = strings.ToLower(charset)
	if charset == "utf8" {
		charset = "utf8mb3"
	}
	if charset == "binary" {
		return CollationBinary, true
	}
	return CollationByName(charset + "_bin")
}

// MaxBytes is the width of c's widest character in its own character set: 4 for utf8mb4, 1 for latin1.
func (c Collation) MaxBytes() int { return c.info().maxBytes }

// PadSpace tells whether trailing spaces do not count in comparisons.
func (c Collation) PadSpace() bool {
	o := c.info().order
	return o != orderBytes && o != orderUCA900
}

// IsBinary tells whether c compares code points or bytes (the _bin collations and binary).
func (c Collation) IsBinary() bool { return c.info().coll.IsBinary() }

// AllCollations lists every collation that a column may have, by number, for SHOW COLLATION.
func AllCollations() []Collation {
	all := make([]Collation, 0, len(collationTable))
	for _, ci := range collationTable {
		if ci != nil {
			all = append(all, ci.id)
		}
	}
	return all
}

// holds tells how many leading bytes of s, which is any bytes at all, are characters that c's character set can hold.
func (c Collation) holds(s []byte) int {
	ci := c.info()
	i := 0
	for (ci.set.superset || ci.set.utf8) && i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	for i < len(s) {
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		if !ci.set.has(r) {
			return i
		}
		i += size
	}
	return i
}

// Upper appends s in upper case as UPPER() gives it under c; a binary string stays as it is.
func (c Collation) Upper(dst, s []byte) []byte { return c.mapCase(dst, s, unicode.ToUpper, 'a', 'z') }

// Lower appends s in lower case as LOWER() gives it under c; a binary string stays as it is.
func (c Collation) Lower(dst, s []byte) []byte { return c.mapCase(dst, s, unicode.ToLower, 'A', 'Z') }

func (c Collation) mapCase(dst, s []byte, mapRune func(rune) rune, from, to byte) []byte {
	if c == CollationBinary {
		return append(dst, s...)
	}
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if from <= b && b <= to {
				b ^= 'a' - 'A'
			}
			dst = append(dst, b)
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size <= 1 {
			dst = append(dst, s[i])
		} else {
			dst = utf8.AppendRune(dst, mapRune(r))
		}
		i += size
	}
	return dst
}
