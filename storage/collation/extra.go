package collation

import (
	"bytes"

	"cloudsql/storage/version"
)

// Collations that MySQL 8.0 has and Vitess has not. Their order is a rule, not a table: the bytes of the character set, with
// letters of ASCII in one case for those that end in _ci, as Vitess orders the double-byte sets that it has. Those that would
// need a table are known by name and refused where an order is wanted (Unsorted).

// extraCollations are those; the programs of V1 don't know them.
var extraCollations = []struct {
	id            ID
	name, charset string
	kind          extraKind
}{
	{1, "big5_chinese_ci", "big5", extraFold}, {84, "big5_bin", "big5", extraBytes},
	{28, "gbk_chinese_ci", "gbk", extraUnsorted}, {87, "gbk_bin", "gbk", extraBytes},
	{18, "tis620_thai_ci", "tis620", extraUnsorted}, {89, "tis620_bin", "tis620", extraBytes},
	{248, "gb18030_chinese_ci", "gb18030", extraUnsorted}, {249, "gb18030_bin", "gb18030", extraBytes},
	{2, "latin2_czech_cs", "latin2", extraUnsorted}, {34, "cp1250_czech_cs", "cp1250", extraUnsorted},
	{31, "latin1_german2_ci", "latin1", extraUnsorted},
	{76, "utf8mb3_tolower_ci", "utf8mb3", extraUnsorted},
	{223, "utf8mb3_general_mysql500_ci", "utf8mb3", extraUnsorted}, {159, "ucs2_general_mysql500_ci", "ucs2", extraUnsorted},
}

// extraDefaults are the collations that their character sets have by default.
var extraDefaults = []ID{1, 28, 18, 248}

type extraKind uint8

const (
	extraBytes    extraKind = iota // the set's bytes
	extraFold                      // the same, with letters of ASCII in one case
	extraUnsorted                  // no order
)

func addExtra() {
	for _, x := range extraCollations {
		set := characterSet(x.charset, nil)
		w := &byteOrder{fold: x.kind != extraBytes, set: set}
		add(&collationInfo{
			id: x.id, name: x.name, charset: x.charset, maxBytes: set.maxBytes, order: orderSet, space: ' ', superset: set.superset,
			coll: w, set: set, since: version.V2, unsorted: x.kind == extraUnsorted,
		})
	}
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

// byteOrder weighs text that is in its character set.
type byteOrder struct {
	fold bool
	set  *CharacterSet
}

func (b *byteOrder) IsBinary() bool { return !b.fold }

func (b *byteOrder) Collate(left, right []byte, isPrefix bool) int {
	l, r := b.WeightString(nil, left, 0), b.WeightString(nil, right, 0)
	if isPrefix && len(l) > len(r) {
		l = l[:len(r)]
	}
	return bytes.Compare(l, r)
}

// WeightString has n characters, the missing ones spaces, where n is not 0.
func (b *byteOrder) WeightString(dst, src []byte, n int) []byte {
	for count := 0; len(src) > 0 && (n <= 0 || count < n); count++ {
		_, width, _ := b.set.next(src)
		for i, x := range src[:width] {
			if b.fold && i == 0 && width == 1 && 'a' <= x && x <= 'z' {
				x -= 'a' - 'A'
			}
			dst = append(dst, x)
		}
		if src = src[width:]; len(src) == 0 && n > 0 {
			dst = append(dst, bytes.Repeat([]byte{' '}, n-count-1)...)
		}
	}
	return dst
}

// sortKeySet encodes the weights of a collation of extraCollations.
func (ci *collationInfo) sortKeySet(dst, s []byte) []byte {
	var weights [256]byte
	text := s
	if !isASCII(s) || !ci.superset {
		text = ci.set.encode(make([]byte, 0, len(s)), s)
	}
	return sortKeyPadded(dst, ci.coll.WeightString(weights[:0], text, 0), ' ')
}
