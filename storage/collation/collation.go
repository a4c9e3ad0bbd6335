package collation

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"vitess.io/vitess/go/mysql/collations"
	"vitess.io/vitess/go/mysql/collations/charset"
	"vitess.io/vitess/go/mysql/collations/colldata"

	"cloudsql/storage/version"
)

// ID is MySQL's collation number: 255 utf8mb4_0900_ai_ci, 63 binary.
type ID uint16

// Collations that the code names.
const (
	Latin1     ID = 8   // latin1_swedish_ci
	UTF8MB3    ID = 33  // utf8mb3_general_ci
	UTF8MB4Bin ID = 46  // utf8mb4_bin
	Binary     ID = 63  // binary
	Default    ID = 255 // utf8mb4_0900_ai_ci
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
	id       ID
	name     string
	charset  string
	maxBytes int
	order    order
	wide     bool // orderWeights: a weight is two bytes, not one
	space    uint16
	superset bool // ASCII is the same in the collation's charset
	transfer bool // text must be converted from UTF-8 to the collation's charset before coll sees it
	coll     weigher
	keys     weigher         // orderSet: of sort keys, whose weights beyond ASCII have no byte that is a space's
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
	table         []*collationInfo // by number; nil where there is none
	byName        = map[string]ID{}
	defaultByName = map[string]ID{} // by charset
)

func init() {
	env := collations.NewEnvironment("8.0.30")
	for _, coll := range colldata.All(env) {
		add(describe(coll))
	}
	addExtra()
	for _, info := range table {
		if info == nil {
			continue
		}
		if id := env.DefaultCollationForCharset(info.charset); id != collations.Unknown {
			defaultByName[info.charset] = ID(id)
		}
	}
	for _, extra := range extraDefaults {
		defaultByName[table[extra].charset] = extra
	}
	for name, id := range byName { // "utf8" is the old name of utf8mb3
		if rest, ok := strings.CutPrefix(name, "utf8mb3_"); ok {
			byName["utf8_"+rest] = id
		}
	}
	defaultByName["utf8"] = defaultByName["utf8mb3"]
	initGeneralASCII()
	initUCA900ASCII()
}

func add(info *collationInfo) {
	for int(info.id) >= len(table) {
		table = append(table, nil)
	}
	table[info.id] = info
	byName[info.name] = info.id
}

func describe(coll colldata.Collation) *collationInfo {
	cs := coll.Charset()
	info := &collationInfo{
		id: ID(coll.ID()), name: coll.Name(), charset: cs.Name(), maxBytes: cs.MaxWidth(), coll: coll, cs: cs,
		set: characterSet(cs.Name(), cs),
	}
	unicodeCharset := charset.IsUnicode(cs)
	info.transfer = !unicodeCharset && info.id != Binary
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
func (c ID) info() *collationInfo {
	if int(c) < len(table) {
		if ci := table[c]; ci != nil {
			return ci
		}
	}
	return table[Default]
}

// ByName finds a collation by its MySQL name in any case.
func ByName(name string) (ID, bool) {
	if c, ok := byName[name]; ok {
		return c, true
	}
	c, ok := byName[strings.ToLower(name)]
	return c, ok
}

// Valid tells whether c is the number of a collation that columns may have.
func (c ID) Valid() bool { return int(c) < len(table) && table[c] != nil }

// Name is c's name in MySQL 8.0 ("utf8mb4_0900_ai_ci").
func (c ID) Name() string { return c.info().name }

// Charset is the name of c's character set ("utf8mb4").
func (c ID) Charset() string { return c.info().charset }

// DefaultOf is the collation that a character set, named in any case, has by default under MySQL 8.0.
func DefaultOf(charset string) (ID, bool) {
	c, ok := defaultByName[strings.ToLower(charset)]
	return c, ok
}

// BinaryOf is the _bin collation of a character set, as CHARACTER SET x BINARY asks for.
func BinaryOf(charset string) (ID, bool) {
	charset = strings.ToLower(charset)
	if charset == "utf8" {
		charset = "utf8mb3"
	}
	if charset == "binary" {
		return Binary, true
	}
	return ByName(charset + "_bin")
}

// MaxBytes is the width of c's widest character in its own character set: 4 for utf8mb4, 1 for latin1.
func (c ID) MaxBytes() int { return c.info().maxBytes }

// PadSpace tells whether trailing spaces do not count in comparisons.
func (c ID) PadSpace() bool {
	o := c.info().order
	return o != orderBytes && o != orderUCA900
}

// IsBinary tells whether c compares code points or bytes (the _bin collations and binary).
func (c ID) IsBinary() bool { return c.info().coll.IsBinary() }

// All lists every collation that a column may have, by number, for SHOW COLLATION.
func All() []ID {
	all := make([]ID, 0, len(table))
	for _, ci := range table {
		if ci != nil {
			all = append(all, ci.id)
		}
	}
	return all
}

// Upper appends s in upper case as UPPER() gives it under c; a binary string stays as it is.
func (c ID) Upper(dst, s []byte) []byte { return c.mapCase(dst, s, unicode.ToUpper, 'a', 'z') }

// Lower appends s in lower case as LOWER() gives it under c; a binary string stays as it is.
func (c ID) Lower(dst, s []byte) []byte { return c.mapCase(dst, s, unicode.ToLower, 'A', 'Z') }

func (c ID) mapCase(dst, s []byte, mapRune func(rune) rune, from, to byte) []byte {
	if c == Binary {
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
