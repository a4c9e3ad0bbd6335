package codec

import (
	"unicode/utf8"

	"vitess.io/vitess/go/mysql/collations"
	"vitess.io/vitess/go/mysql/collations/charset"
	"vitess.io/vitess/go/mysql/collations/colldata"

	"cloudsql/storage/types"
)

// Charset converts between UTF-8, which everything inside is in, and a client's character set. A nil Charset is
// UTF-8.
type Charset struct {
	collation types.Collation
	maxBytes  int
	superset  bool // ASCII stays as it is
	cs        charset.Charset
}

// CharsetOf is the character set that a collation belongs to: nil for utf8mb4, utf8mb3, ascii, binary and unknown
// ones.
func CharsetOf(c types.Collation) *Charset {
	if !c.Valid() {
		return nil
	}
	cs := colldata.Lookup(collations.ID(c)).Charset()
	switch cs.Name() {
	case "utf8mb4", "utf8mb3", "ascii", "binary":
		return nil
	}
	return &Charset{collation: c, maxBytes: cs.MaxWidth(), superset: keepsASCII(cs), cs: cs}
}

// keepsASCII tells whether every ASCII character is its own byte in cs.
func keepsASCII(cs charset.Charset) bool {
	for r := range rune(utf8.RuneSelf) {
		var buf [8]byte
		if n := cs.EncodeRune(buf[:], r); n != 1 || rune(buf[0]) != r {
			return false
		}
	}
	return true
}

// announced is what column definitions say of character columns.
func (c *Charset) announced() (collation types.Collation, maxBytes int) {
	if c == nil {
		return types.CollationDefault, 4
	}
	return c.collation, c.maxBytes
}

// Encode gives UTF-8 text in c, with a question mark for what c lacks. The result may be s itself.
func (c *Charset) Encode(s []byte) []byte {
	if c == nil || c.superset && isASCII(s) {
		return s
	}
	out, _ := charset.ConvertFromUTF8(nil, c.cs, s) // the error only says that a question mark was needed
	return out
}

// Decode gives text in c as UTF-8, with a question mark for what is no character. The result may be s itself.
func (c *Charset) Decode(s []byte) []byte {
	if c == nil || c.superset && isASCII(s) {
		return s
	}
	out, _ := charset.Convert(nil, charset.Charset_utf8mb4{}, s, c.cs)
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
