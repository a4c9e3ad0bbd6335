package codec

import (
	"cloudsql/storage/collation"
)

// Charset converts between UTF-8, which everything inside is in, and a client's character set. A nil Charset is
// UTF-8.
type Charset struct {
	collation collation.ID // what results are said to be in
	utf8      bool         // nothing is to be converted
}

// CharsetOf is the character set that a collation belongs to: nil for binary and unknown ones.
func CharsetOf(c collation.ID) *Charset {
	if !c.Valid() || c == collation.Binary {
		return nil
	}
	return &Charset{c, c.KeepsUTF8()}
}

// announced is what column definitions say of character columns.
func (c *Charset) announced() (coll collation.ID, maxBytes int) {
	if c == nil {
		return collation.Default, collation.Default.MaxBytes()
	}
	return c.collation, c.collation.MaxBytes()
}

// Encode gives UTF-8 text in c, with a question mark for what c lacks. The result may be s itself.
func (c *Charset) Encode(s []byte) []byte {
	if c == nil || c.utf8 {
		return s
	}
	return c.collation.Encode(s)
}

// Decode gives text in c as UTF-8, with a question mark for what is no character. The result may be s itself.
func (c *Charset) Decode(s []byte) []byte {
	if c == nil || c.utf8 {
		return s
	}
	return c.collation.Decode(s)
}
