// Package types holds SQL values and their types, with what they are as numbers, dates, text and JSON, and how they compare: the
// alphabet that every other package spells rows and expressions with.
//
// # Values
//
// A Value is forty bytes, passed by value: a kind, a number and, for text, a slice that it shares with whoever made it.
// Numbers, dates and all decimals of up to eighteen digits need no memory of their own. A column's Type decides which kind
// its values have (Type.Class); conversion.Assign is the only way into a column, and its result is the storage form.
//
//	conversion.Assign ──▶ storage form ── AppendValue / row codec ──▶ disk, raft log, wire
//	                           │
//	 ToLocal (TIMESTAMP only) ─┴─▶ expressions: Compare, To…, conversion.Cast ──▶ AppendText ──▶ client
//
// What depends on the session is in Mode (sql_mode, time zone, the current date) and resolved when values are converted, so
// that a replica that stores or compares values needs no session.
//
// # Dates and times
//
// Dates are packed, a TIME is signed microseconds (storage/temporal). A TIMESTAMP is microseconds UTC in storage and becomes a
// local DATETIME when it is read.
//
// # Strings
//
// Text is UTF-8 in storage and in memory whatever the column's character set; the set decides which characters a
// column takes, and the collation how they compare (storage/collation).
//
// # JSON
//
// JSON is text in one normal form (json.go), so that reading a column costs nothing and equal documents mostly have equal
// bytes; CompareJSON settles the rest.
//
// # Invariants
//
//   - A value read as another kind (To…) gives the nearest one, and tells a Warner of what is lost.
//   - Two values of one column are equal under CompareSame exactly when their HashKeys are.
//   - A KindDecimal has one representation for each value and scale: in the number where that fits, else as digits.
//   - A KindString is valid UTF-8; a KindJSON is in normal form.
//   - DecodeValue and DecodeType take any bytes and give a value that is safe to use, or an error.
//   - Nobody writes to the bytes of a Value. Clone it to keep it beyond the life of the row that it came from.
//
// The decimal arithmetic behind DecimalValue comes from Vitess.
package types
