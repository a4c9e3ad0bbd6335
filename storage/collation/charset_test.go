package collation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

var rewriteFingerprints = flag.Bool("rewrite-fingerprints", false, "write testdata/fingerprints.txt anew")

// runes calls f with every character of Unicode, those of the planes that have none in steps.
func runes(f func(r rune)) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if r == 0xD800 {
			r = 0xE000
		}
		if r == 0x30000 {
			r = 0xE0000
		}
		f(r)
	}
}

// Every character of every set comes back from its bytes, and what a set lacks is a question mark.
func TestCharacterSetsRoundTrip(t *testing.T) {
	for name, set := range setByName {
		if set.utf8 {
			continue
		}
		c, _ := DefaultOf(name)
		runes(func(r rune) {
			if r > 0xFFFF && r%97 != 0 {
				return
			}
			text := utf8.AppendRune(nil, r)
			raw := c.Encode(text)
			if len(raw) > c.MaxBytes() || len(raw) != c.EncodedLen(text) {
				t.Fatalf("%s: %U has %d bytes, EncodedLen says %d", name, r, len(raw), c.EncodedLen(text))
			}
			back, bad := c.DecodeStrict(raw)
			switch {
			case !c.Has(text):
				if string(back) != "?" || string(c.Replace(text)) != "?" {
					t.Fatalf("%s lacks %U and writes %x, which is %q", name, r, raw, back)
				}
			case name == "cp932" && r == 0x6661: // MySQL's table has one pair of characters on one code
			case name == "gb18030" && string(raw) == "?": // private use (decision 41)
				if r != '?' && (r < 0xE000 || r > 0xF8FF) {
					t.Fatalf("gb18030 has no bytes for %U", r)
				}
			case bad >= 0 || !bytes.Equal(back, text):
				t.Fatalf("%s: %U is %x, which is %q", name, r, raw, back)
			}
		})
	}
}

// What is stored and kept as keys depends on these tables: an update of a library that changes one is found here, before it
// makes keys that the old ones don't meet. A new line is fine; a changed one never is.
func TestFingerprints(t *testing.T) {
	var lines []string
	for _, name := range charsetNames() {
		c, _ := DefaultOf(name)
		h := sha256.New()
		runes(func(r rune) {
			if text := utf8.AppendRune(nil, r); c.Has(text) && (r <= 0xFFFF || r%61 == 0) {
				_, _ = fmt.Fprintf(h, "%x=%x;", r, c.Encode(text))
			}
		})
		lines = append(lines, "set "+name+" "+hex.EncodeToString(h.Sum(nil)[:12]))
	}
	for _, c := range All() {
		if c.Unsorted() {
			continue
		}
		step := rune(1)
		if o := c.info().order; o == orderUTF8 || o == orderBytes {
			step = 257 // the text itself
		}
		h := sha256.New()
		var key [64]byte
		// Few collations have weights of their own for these characters: those on the bytes of a set, and two languages.
		han := c.info().order == orderSet || strings.Contains(c.Name(), "_zh_") || strings.Contains(c.Name(), "_ja_") || c.info().transfer && c.MaxBytes() <= 3
		runes(func(r rune) {
			if implicit := 0x3400 <= r && r < 0xD800 && !han; implicit && r%61 != 0 {
				return
			}
			if r%step == 0 && (r <= 0xFFFF || r%509 == 0) {
				_, _ = h.Write(c.SortKey(key[:0], utf8.AppendRune(nil, r)))
			}
		})
		lines = append(lines, "collation "+c.Name()+" "+hex.EncodeToString(h.Sum(nil)[:12]))
	}
	const file = "testdata/fingerprints.txt"
	got := strings.Join(lines, "\n") + "\n"
	if *rewriteFingerprints {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pinned := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(pinned) || pinned[i] != line {
			t.Errorf("line %d is %q now", i+1, line)
		}
	}
}

func charsetNames() []string {
	var names []string
	for _, c := range All() {
		if d, _ := DefaultOf(c.Charset()); d == c {
			names = append(names, c.Charset())
		}
	}
	return names
}

// MySQL 8.0 has 41 character sets and 286 collations; those without a table are known and refused.
func TestAllOfMySQL(t *testing.T) {
	if n := len(charsetNames()); n != 41 {
		t.Errorf("%d character sets", n)
	}
	if n := len(All()); n != 286 {
		t.Errorf("%d collations", n)
	}
	var unsorted []string
	for _, c := range All() {
		if c.Unsorted() {
			unsorted = append(unsorted, c.Name())
		}
	}
	want := "latin2_czech_cs cp1250_czech_cs gb18030_chinese_ci"
	if got := strings.Join(unsorted, " "); got != want {
		t.Errorf("without an order: %s", got)
	}
}

// Values of MySQL's (and MariaDB's) servers.
func TestEncode(t *testing.T) {
	for _, tc := range []struct{ set, text, hex string }{
		{"latin2", "Łódź", "a3f364bc"}, {"cp1251", "Привет", "cff0e8e2e5f2"}, {"sjis", "日本", "93fa967b"}, {"euckr", "한국", "c7d1b1b9"},
		{"gb2312", "日本", "c8d5b1be"}, {"gbk", "日本", "c8d5b1be"}, {"big5", "日本", "a4e9a5bb"}, {"ucs2", "Ж", "0416"}, {"utf16le", "a", "6100"},
		{"utf32", "a", "00000061"}, {"tis620", "กa", "a161"}, {"gb18030", "€", "a2e3"}, {"latin1", "€é", "80e9"}, {"gbk", "€", "3f"},
		{"big5", "ぁБ", "c6a53f"}, {"big5", "Ж", "c7b4"}, {"swe7", "å", "7d"}, {"utf16", "😀", "d83dde00"}, {"ucs2", "😀", "003f"},
	} {
		c, _ := DefaultOf(tc.set)
		if got := hex.EncodeToString(c.Encode([]byte(tc.text))); got != tc.hex {
			t.Errorf("%s of %s is %s, want %s", tc.text, tc.set, got, tc.hex)
		}
	}
}

func TestDecodeStrict(t *testing.T) {
	for _, tc := range []struct {
		set, hex, text string
		bad            int
	}{
		{"cp1251", "cff0", "Пр", -1}, {"sjis", "93fa97", "日?", 2}, {"ucs2", "41", "A", -1}, {"utf32", "0416", "Ж", -1}, {"utf16", "d83d", "?", 0},
		{"utf8mb4", "c3", "\xc3", 0}, {"gbk", "80", "?", 0}, {"cp1257", "a1", "?", 0},
	} {
		c, _ := DefaultOf(tc.set)
		raw, _ := hex.DecodeString(tc.hex)
		if text, bad := c.DecodeStrict(raw); string(text) != tc.text || bad != tc.bad {
			t.Errorf("%s of %s is %q, bad at %d, want %q at %d", tc.hex, tc.set, text, bad, tc.text, tc.bad)
		}
	}
}
