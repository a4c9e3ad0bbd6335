package collation

import (
	"bytes"

	"cloudsql/storage/version"
)

// Collations that MySQL 8.0 has and Vitess has not. Their order is a rule of some lines, or a table that was asked of a server, weight by weight
// (testdata/weights.txt has some). Those that have neither are known by name and refused where an order is wanted (Unsorted).

// extraCollations are those; the programs of V1 don't know them.
var extraCollations = []struct {
	id            ID
	name, charset string
	kind          extraKind
}{
	{1, "big5_chinese_ci", "big5", extraBig5}, {84, "big5_bin", "big5", extraBytes},
	{28, "gbk_chinese_ci", "gbk", extraGBK}, {87, "gbk_bin", "gbk", extraBytes},
	{18, "tis620_thai_ci", "tis620", extraThai}, {89, "tis620_bin", "tis620", extraBytes},
	{248, "gb18030_chinese_ci", "gb18030", extraUnsorted}, {249, "gb18030_bin", "gb18030", extraBytes},
	{2, "latin2_czech_cs", "latin2", extraUnsorted}, {34, "cp1250_czech_cs", "cp1250", extraUnsorted},
	{31, "latin1_german2_ci", "latin1", extraGerman},
	{76, "utf8mb3_tolower_ci", "utf8mb3", extraLower},
	{223, "utf8mb3_general_mysql500_ci", "utf8mb3", extraGeneral}, {159, "ucs2_general_mysql500_ci", "ucs2", extraGeneral},
}

// extraDefaults are the collations that their character sets have by default.
var extraDefaults = []ID{1, 28, 18, 248}

type extraKind uint8

const (
	extraBytes    extraKind = iota // the set's bytes
	extraBig5                      // the same, with letters of ASCII in one case
	extraGBK                       // by the Chinese characters' sounds
	extraThai                      // consonants before the vowels that are written before them, tones last
	extraGerman                    // ä as ae, ö as oe, ü as ue, ß as ss: the order of telephone books
	extraLower                     // characters in lower case
	extraGeneral                   // as general_ci, with ß a letter of its own
	extraUnsorted                  // no order
)

func addExtra() {
	for _, x := range extraCollations {
		set := characterSet(x.charset, nil)
		info := &collationInfo{
			id: x.id, name: x.name, charset: x.charset, maxBytes: set.maxBytes, order: orderSet, space: ' ', superset: set.superset,
			set: set, since: version.V2, unsorted: x.kind == extraUnsorted, wide: x.kind == extraLower || x.kind == extraGeneral,
		}
		info.coll = extraWeigher(x.kind, set)
		info.keys = info.coll
		if x.kind == extraGBK {
			info.keys = &charOrder{set: set, weigh: gbkKey}
		}
		add(info)
	}
}

func extraWeigher(kind extraKind, set *CharacterSet) weigher {
	o := &charOrder{set: set, weigh: weighBig5}
	switch kind {
	case extraBytes:
		o.binary, o.weigh = true, weighBytes
	case extraGBK:
		o.weigh = weighGBK
	case extraGerman:
		o.weigh = weighGerman
	case extraLower:
		o.weigh = weighLower
	case extraGeneral:
		o.weigh = weighGeneral
	case extraThai:
		return &thaiOrder{charOrder{set: set, weigh: weighThai}}
	}
	return o
}

// Since is the version of the cluster from which on all programs know c.
func (c ID) Since() version.Version {
	if !c.Valid() {
		return 0
	}
	return table[c].since
}

// Unsorted tells the collations that are known by name only: what compares or sorts by one is refused with 1235.
func (c ID) Unsorted() bool { return c.info().unsorted }

// charOrder weighs text that is in its character set, a character at a time.
type charOrder struct {
	set    *CharacterSet
	binary bool
	weigh  func(dst, char []byte, r rune) []byte
}

func (o *charOrder) IsBinary() bool { return o.binary }

func (o *charOrder) Collate(left, right []byte, isPrefix bool) int {
	return collateWeights(o, left, right, isPrefix)
}

func collateWeights(o weigher, left, right []byte, isPrefix bool) int {
	l, r := o.WeightString(nil, left, 0), o.WeightString(nil, right, 0)
	if isPrefix && len(l) > len(r) {
		l = l[:len(r)]
	}
	return bytes.Compare(l, r)
}

// WeightString has n characters, the missing ones spaces, where n is not 0.
func (o *charOrder) WeightString(dst, src []byte, n int) []byte {
	count := 0
	for ; len(src) > 0 && (n <= 0 || count < n); count++ {
		r, width, _ := o.set.next(src)
		dst, src = o.weigh(dst, src[:width], r), src[width:]
	}
	for ; count < n; count++ {
		dst = o.weigh(dst, []byte{' '}, ' ')
	}
	return dst
}

func weighBytes(dst, char []byte, _ rune) []byte { return append(dst, char...) }

func foldASCII(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - ('a' - 'A')
	}
	return b
}

// sortKeySet encodes the weights of a collation of extraCollations.
func (ci *collationInfo) sortKeySet(dst, s []byte) []byte {
	var weights [256]byte
	text := s
	if !isASCII(s) || !ci.superset {
		text = ci.set.encode(make([]byte, 0, len(s)), s)
	}
	ws := ci.keys.WeightString(weights[:0], text, 0)
	if ci.wide {
		return sortKeyPaddedWide(dst, ws, ' ')
	}
	return sortKeyPadded(dst, ws, ' ')
}
