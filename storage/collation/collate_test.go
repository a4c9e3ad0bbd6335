package collation

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// randomText draws from letters whose order is interesting: case, accents, controls, spaces, ignorables, wide characters.
func randomText(r *rand.Rand, ascii bool) []byte {
	alphabet := []rune("aAbBzZ09 \t\x00\x01\x1f!~_-lL")
	if !ascii {
		alphabet = append(alphabet, []rune("éÉßsSœæıİÿŸ·\u0301\u0308\u200b中日😀ñЖжΩ€\u00a0\ufffdǆ")...)
	}
	var out []byte
	for range r.IntN(8) {
		out = utf8.AppendRune(out, alphabet[r.IntN(len(alphabet))])
	}
	return out
}

func TestSortKeyOrdersAsCompare(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{
		"utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_0900_bin", "utf8mb4_general_ci", "utf8mb4_bin",
		"utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb3_general_ci", "utf8mb3_unicode_ci", "latin1_swedish_ci", "latin1_bin",
		"ascii_general_ci", "ascii_bin", "binary", "cp1251_general_ci", "utf16_unicode_ci", "ucs2_general_ci", "sjis_japanese_ci",
		"big5_chinese_ci", "big5_bin", "gbk_bin", "gbk_chinese_ci", "tis620_thai_ci", "latin1_german2_ci", "utf8mb3_tolower_ci",
		"utf8mb3_general_mysql500_ci", "ucs2_general_mysql500_ci", "gb18030_bin", "tis620_bin", "latin2_hungarian_ci", "euckr_korean_ci", "gb18030_unicode_520_ci",
	} {
		c, ok := ByName(name)
		if !ok {
			t.Fatalf("no collation %s", name)
		}
		for range 4000 {
			a, b := randomText(r, r.IntN(2) == 0), randomText(r, r.IntN(2) == 0)
			want := bytes.Compare(c.SortKey(nil, a), c.SortKey(nil, b))
			if got := c.CompareStrings(a, b); got != want {
				t.Fatalf("%s: Compare(%q, %q) = %d, sort keys say %d", name, a, b, got, want)
			}
			if back := c.CompareStrings(b, a); back != -want {
				t.Fatalf("%s: Compare(%q, %q) = %d, but reversed %d", name, a, b, want, back)
			}
			if c.EqualStrings(a, b) != (want == 0) {
				t.Fatalf("%s: %q and %q are equal or not, but their order is %d", name, a, b, want)
			}
		}
	}
}

// The fast path over ASCII must give what the collation library gives.
func TestSortKeyASCIIEqualsSlowPath(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	slow := Default.info().coll
	check := func(s []byte) {
		want := slow.WeightString(nil, s, 0)
		if got := Default.SortKey(nil, s); !bytes.Equal(got, want) {
			t.Fatalf("%q: %x, want %x", s, got, want)
		}
	}
	for a := range byte(utf8.RuneSelf) {
		check([]byte{a})
		for b := range byte(utf8.RuneSelf) {
			check([]byte{a, b})
		}
	}
	for range 20000 {
		s := make([]byte, r.IntN(20))
		for i := range s {
			s[i] = byte(r.IntN(utf8.RuneSelf))
		}
		check(s)
		check(randomText(r, false))
	}
}

func TestGeneralWeightsASCII(t *testing.T) {
	fillGeneralWeights()
	for b, w := range generalASCII {
		if generalWeights[b] != uint16(w) {
			t.Errorf("%#x weighs %d, want %d", b, w, generalWeights[b])
		}
	}
	for r, w := range generalWeights {
		if utf8.ValidRune(rune(r)) && !utf8.ValidRune(rune(w)) {
			t.Errorf("%U has the weight %x, which UTF-8 cannot write", r, w)
		}
	}
}

// Each collation's weight of a space leaves room for the two markers below the weights above it.
func TestPadMarkersFit(t *testing.T) {
	for _, c := range All() {
		ci := c.info()
		if ci.order == orderWeights && (ci.space < padEnd || ci.wide && ci.space < 0x100) {
			t.Errorf("%s: space weighs %x", ci.name, ci.space)
		}
		if back, ok := ByName(c.Name()); !ok || back != c {
			t.Errorf("%s is not found by its name", c.Name())
		}
	}
}

func TestCompareStrings(t *testing.T) {
	for _, tc := range []struct {
		collation string
		a, b      string
		want      int
	}{
		{"utf8mb4_0900_ai_ci", "straße", "STRASSE", 0},
		{"utf8mb4_0900_ai_ci", "a", "a ", -1},
		{"utf8mb4_0900_ai_ci", "résumé", "RESUME", 0},
		{"utf8mb4_0900_as_cs", "a", "A", -1},
		{"utf8mb4_0900_bin", "a", "a ", -1},
		{"utf8mb4_general_ci", "a", "A  ", 0},
		{"utf8mb4_general_ci", "a", "a\t", 1},
		{"utf8mb4_general_ci", "é", "E", 0},
		{"utf8mb4_general_ci", "😀", "😁", 0},
		{"utf8mb4_unicode_ci", "ß", "ss", 0},
		{"utf8mb4_unicode_ci", "a ", "a", 0},
		{"utf8mb4_bin", "a", "A", 1},
		{"utf8mb4_bin", "a ", "a", 0},
		{"utf8mb4_bin", "a\x01", "a", -1},
		{"latin1_swedish_ci", "Ä", "ä", 0},
		{"latin1_swedish_ci", "y", "Ü", 0},
		{"binary", "a", "a\x00", -1},
		{"binary", "a", "A", 1},
	} {
		c, _ := ByName(tc.collation)
		if got := c.CompareStrings([]byte(tc.a), []byte(tc.b)); got != tc.want {
			t.Errorf("%s: %q against %q is %d, want %d", tc.collation, tc.a, tc.b, got, tc.want)
		}
	}
}

// Like passes over what can't begin a match; LikeWithin, which counts its steps, goes through all of it: both find the same.
func TestLikePassesOver(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet []string, n int) (s string) {
		for range r.IntN(n) {
			s += alphabet[r.IntN(len(alphabet))]
		}
		return s
	}
	c, _ := ByName("utf8mb4_0900_ai_ci")
	for range 20000 {
		s := []byte(text([]string{"a", "A", "b", "\x01", "é", "e", "\u0301", "文"}, 12))
		p := []byte(text([]string{"%", "%", "a", "b", "e", "_", "|", "\x00", "文"}, 8))
		want, err := c.LikeWithin(s, p, '|', func(int) error { return nil })
		if got := c.Like(s, p, '|'); err != nil || got != want {
			t.Fatalf("%q like %q: %v, counted %v, %v", s, p, got, want, err)
		}
	}
}

func TestLike(t *testing.T) {
	for _, tc := range []struct {
		collation, s, pattern string
		want                  bool
	}{
		{"utf8mb4_0900_ai_ci", "Hello", "h%O", true},
		{"utf8mb4_0900_ai_ci", "Hello", "h_llo", true},
		{"utf8mb4_0900_ai_ci", "Hello", "h__lo_", false},
		{"utf8mb4_0900_ai_ci", "50%", `50\%`, true},
		{"utf8mb4_0900_ai_ci", "500", `50\%`, false},
		{"utf8mb4_0900_ai_ci", "résumé", "RESUM_", true},
		{"utf8mb4_0900_ai_ci", "ß", "ss", false},
		{"utf8mb4_0900_ai_ci", "", "%", true},
		{"utf8mb4_0900_ai_ci", "", "", true},
		{"utf8mb4_0900_ai_ci", "", "_", false},
		{"utf8mb4_0900_ai_ci", "aXbXc", "%x%c", true},
		{"utf8mb4_0900_ai_ci", "mississippi", "%iss%ip%", true},
		{"utf8mb4_0900_ai_ci", "mississippi", "%iss%iss%iss%", false},
		{"utf8mb4_0900_ai_ci", "中文", "_文", true},
		{"utf8mb4_0900_ai_ci", "abc", "%%%", true},
		{"utf8mb4_0900_ai_ci", "abc", "abc%", true},
		{"utf8mb4_bin", "abc", "ABC", false},
		{"utf8mb4_bin", "abc ", "abc", false},
		{"utf8mb4_general_ci", "abc", "ABC", true},
		{"binary", "\xff\xfe", "_\xfe", true},
	} {
		c, _ := ByName(tc.collation)
		if got := c.Like([]byte(tc.s), []byte(tc.pattern), '\\'); got != tc.want {
			t.Errorf("%s: %q LIKE %q is %v", tc.collation, tc.s, tc.pattern, got)
		}
	}
	if Default.Like([]byte("a%"), []byte("a|%"), '|') != true {
		t.Error("ESCAPE '|' is not obeyed")
	}
}

// The keys of all strings that begin alike begin alike.
func TestSortKeyPrefix(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb4_bin", "binary", "utf8mb4_0900_bin", "latin1_bin",
		"latin1_general_ci", "cp1251_general_ci", "utf16_general_ci", "utf16_bin", "ascii_bin"} {
		c, ok := ByName(name)
		if !ok {
			t.Fatal(name)
		}
		for range 20000 {
			prefix, rest := randomText(r, false), randomText(r, false)
			if name == "utf8mb4_0900_ai_ci" && !isASCII(prefix) {
				continue // a character's weight may depend on the next
			}
			s, key := append(bytes.Clone(prefix), rest...), c.SortKeyPrefix(nil, prefix)
			if !bytes.HasPrefix(c.SortKey(nil, s), key) {
				t.Fatalf("%s: %q starts with %q but its key %x not with %x", name, s, prefix, c.SortKey(nil, s), key)
			}
		}
	}
}

func TestCase(t *testing.T) {
	if got := string(Default.Upper(nil, []byte("straße éa1"))); got != "STRAßE ÉA1" {
		t.Errorf("UPPER gives %q", got)
	}
	if got := string(Default.Lower(nil, []byte("ÀB1"))); got != "àb1" {
		t.Errorf("LOWER gives %q", got)
	}
	if got := string(Binary.Upper(nil, []byte("ab"))); got != "ab" {
		t.Errorf("UPPER of a binary string gives %q", got)
	}
}

func TestValidPrefix(t *testing.T) {
	for _, tc := range []struct {
		collation, s string
		want         int
	}{
		{"utf8mb4_bin", "a😀", 5}, {"utf8mb3_bin", "a😀", 1}, {"latin1_bin", "é€中", 5}, {"ascii_bin", "aé", 1},
		{"utf8mb4_bin", "a\xff", 1}, {"binary", "ab", 2}, {"cp1251_bin", "Жé", 2},
	} {
		c, _ := ByName(tc.collation)
		if got := c.ValidPrefix([]byte(tc.s)); got != tc.want {
			t.Errorf("%s holds %d bytes of %q, want %d", tc.collation, got, tc.s, tc.want)
		}
	}
}

func BenchmarkSortKey(b *testing.B) {
	s := []byte("customer-0000012345")
	for _, name := range []string{"utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb4_bin", "latin1_swedish_ci"} {
		c, _ := ByName(name)
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 128)
			b.ReportAllocs()
			for b.Loop() {
				buf = c.SortKey(buf[:0], s)
			}
		})
	}
}

// What a server's WEIGHT_STRING says (MariaDB 10.11; of tolower_ci, which it has not, its LOWER): a collation, bytes of its set, and their weights.
//
//go:embed testdata/weights.txt
var serverWeights string

func TestWeightsOfAServer(t *testing.T) {
	n := 0
	for line := range strings.Lines(serverWeights) {
		fields := strings.Fields(line)
		c, ok := ByName(fields[0])
		bytes, err := hex.DecodeString(fields[1])
		if !ok || err != nil {
			t.Fatal(line)
		}
		if got := hex.EncodeToString(c.Weights(c.Decode(bytes), 0)); got != fields[2] {
			t.Errorf("%s: %s weighs %s, not %s", fields[0], fields[1], got, fields[2])
		}
		n++
	}
	if n < 200 {
		t.Errorf("%d weights", n)
	}
}

// The sort keys of gbk_chinese_ci are not its weights, but order as they do.
func TestKeysOfGBK(t *testing.T) {
	c, _ := ByName("gbk_chinese_ci")
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		a, b := string(rune(0x4E00+r.IntN(20000))), string(rune(0x4E00+r.IntN(20000)))
		if !c.Has([]byte(a)) || !c.Has([]byte(b)) {
			continue
		}
		want := bytes.Compare(c.Weights([]byte(a), 0), c.Weights([]byte(b), 0))
		if got := c.CompareStrings([]byte(a+" "), []byte(b)); got != want {
			t.Fatalf("%s and %s compare as %d, their weights as %d", a, b, got, want)
		}
	}
}
