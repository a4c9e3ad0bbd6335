package codec

import (
	"cloudsql/storage/collation"
)

// Charset converts between UTF-8, which everything inside is in, and a client's character set. A nil Charset is
// UTF-8.
type Charset struct {
	collation collation.ID // what results are said to be in; 0: each column in its own
	utf8      bool         // nothing is to be converted
	stored    bool         // columns are sent in their own character sets; other texts are UTF-8
}

var asStored, asBytes = &Charset{utf8: true, stored: true}, &Charset{collation: collation.Binary, utf8: true, stored: true}

// ResultsIn is the character set of results: with 0 and collation.Binary (character_set_results is NULL, or binary) columns are sent as they
// are stored, in words of their own, or as bytes.
func ResultsIn(c collation.ID) *Charset {
	switch c {
	case 0:
		return asStored
	case collation.Binary:
		return asBytes
	}
	return CharsetOf(c)
}

// CharsetOf is the character set that a collation belongs to: nil for binary and unknown ones.
func CharsetOf(c collation.ID) *Charset {
	if !c.Valid() || c == collation.Binary {
		return nil
	}
	return &Charset{collation: c, utf8: c.KeepsUTF8()}
}

// announced is what the definition of a character column says whose own collation is own.
func (c *Charset) announced(own collation.ID) (coll collation.ID, maxBytes int) {
	switch {
	case c != nil && c.collation != 0:
		coll = c.collation
	case c != nil && own.Valid():
		coll = own
	default:
		coll = collation.Default
	}
	return coll, coll.MaxBytes()
}

// value is Encode for a value of a column whose collation is own.
func (c *Charset) value(s []byte, own collation.ID) []byte {
	if c.stored && own.Valid() && !own.KeepsUTF8() && own != collation.Binary {
		return own.Encode(s)
	}
	return c.Encode(s)
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
