package types

// CollationByName finds a collation by its MySQL name, CharsetOf gives the name of its character set ("utf8mb4"), and
// DefaultCollation a character set's default under MySQL 8.0.

func CollationByName(name string) (Collation, bool)     { panic("being written") }
func (c Collation) Name() string                        { panic("being written") }
func (c Collation) Charset() string                     { panic("being written") }
func DefaultCollation(charset string) (Collation, bool) { panic("being written") }
func (c Collation) MaxBytes() int                       { panic("being written") } // per character
func (c Collation) PadSpace() bool                      { panic("being written") } // trailing spaces do not count

// CompareStrings orders two strings under c; SortKey appends a key whose bytes order the same way.
func (c Collation) CompareStrings(a, b []byte) int { panic("being written") }
func (c Collation) SortKey(dst, s []byte) []byte   { panic("being written") }

// Like matches MySQL's LIKE under c.
func (c Collation) Like(s, pattern []byte, escape rune) bool { panic("being written") }

// Upper and Lower map case as UPPER() and LOWER() do under c.
func (c Collation) Upper(dst, s []byte) []byte { panic("being written") }
func (c Collation) Lower(dst, s []byte) []byte { panic("being written") }

// AllCollations lists every collation that a column may have, for SHOW COLLATION.
func AllCollations() []Collation { panic("being written") }
