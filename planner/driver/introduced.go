package driver

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/charset"

	"cloudsql/storage/collation"
)

// The parser's list of character sets is TiDB's; MySQL's others are added to it.
func init() {
	for _, c := range collation.All() {
		name := c.Charset()
		if _, err := charset.GetCharsetInfo(name); err != nil {
			d, _ := collation.DefaultOf(name)
			charset.AddCharset(&charset.Charset{Name: name, DefaultCollation: d.Name(), Collations: map[string]*charset.Collation{}, Maxlen: c.MaxBytes()})
		}
		if _, err := charset.GetCollationByName(c.Name()); err != nil {
			charset.AddCollation(&charset.Collation{ID: int(c), CharsetName: name, Name: c.Name(), Sortlen: 1})
		}
	}
}

// IntroducedMark begins the text of a literal whose introducer the parser does not take. It lives from one end of a parse to the other,
// and no client can guess it.
var IntroducedMark = "#" + strings.ToLower(rand.Text()) + ":"

// IntroducedText is such a literal on its way through the parser: a string of hexadecimal digits, so that nothing in it needs quotes.
type IntroducedText struct {
	Charset string
	Binary  bool   // a hexadecimal or bit literal
	Hex     bool   // which of these
	Content string // its bytes
	Source  string // introducer and literal as they were written
}

func (t IntroducedText) String() string {
	kind := "s"
	if t.Binary {
		if kind = "b"; t.Hex {
			kind = "x"
		}
	}
	return IntroducedMark + t.Charset + ":" + kind + ":" + hex.EncodeToString([]byte(t.Content)) + ":" + hex.EncodeToString([]byte(t.Source))
}

// takeIntroduced makes the node of a text that IntroducedText wrote the literal that it stands for.
func (n *ValueExpr) takeIntroduced() {
	rest, ok := strings.CutPrefix(n.text, IntroducedMark)
	if !ok || n.kind != KindString {
		return
	}
	parts := strings.Split(rest, ":")
	if len(parts) != 4 {
		return
	}
	content, err := hex.DecodeString(parts[2])
	if _, known := collation.DefaultOf(parts[0]); err != nil || !known {
		return
	}
	n.introducer, n.text = parts[0], string(content)
	if parts[1] != "s" {
		n.kind, n.bits = KindBinary, -1
	}
}

// Charset is the character set that the literal is of: its introducer's or the connection's.
func (n *ValueExpr) Charset() string {
	if n.introducer != "" {
		return n.introducer
	}
	return n.Type.GetCharset()
}

// ParseBinary reads a hexadecimal (x'4d', 0x4d) or a bit literal (b'01', 0b01).
func ParseBinary(s string) (b []byte, hexadecimal, ok bool) {
	if v, err := parseHex(s); err == nil {
		return v.Bytes, true, true
	}
	if v, err := parseBits(s); err == nil {
		return v.Bytes, false, true
	}
	return nil, false, false
}
