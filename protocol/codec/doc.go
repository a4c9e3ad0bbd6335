// Package codec translates between SQL values and MySQL's wire: column definitions, rows of the text and of the
// binary protocol, and the parameters of prepared statements. It knows payloads, not connections.
//
// Invariants:
//
//   - Encoding a row allocates nothing (beyond the growth of the buffer it appends to) for values whose kind is the
//     column type's own; another kind is converted as MySQL would.
//   - The binary protocol encodes by the type that the column definition announced, never by the value at hand,
//     since that is what the client decodes by.
//   - What a client is told of a column (wire type, length, flags, decimals, character set) follows MySQL 8.0: TEXT
//     and BLOB of every size are BLOB and told apart by length; ENUM and SET are STRING with a flag; a length counts
//     bytes of the character set that results are sent in.
//   - Parameters are views of the packet they came in; a truncated or impossible packet gives error 1835 and never a
//     panic. Text that is not valid UTF-8 becomes a binary string, since KindString promises to be valid.
package codec
