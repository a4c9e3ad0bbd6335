// Package packet is the framing below every MySQL message: a payload cut into pieces of at most 2^24-1 bytes, each
// behind a four-byte header, and the integers and strings that payloads are spelled with.
//
//	+--------+--------+--------+--------+----------------- … -+
//	| length, little endian    |  seq   |  payload            |   a piece of 0xffffff bytes is continued by the next one
//	+--------+--------+--------+--------+----------------- … -+
//
// Invariants:
//
//   - A response costs one write: packets gather in the Conn's buffer until Flush, or until FlushSize bytes wait.
//   - A small request costs one read, and its payload is not copied: ReadCommand returns a view of the read buffer
//     that is valid until the next read.
//   - Nothing is believed before it is there: memory grows with the bytes that arrived, never with a length that was
//     claimed, and no payload exceeds SetMaxPayload.
//   - The sequence number of a command starts at 0 and every piece, in either direction, counts it up; a client that
//     sends another number is out of step, and ErrOutOfOrder ends the connection.
//   - A Decoder never reads past its payload and never panics: a short payload makes it Bad for good.
//   - An error of the connection is sticky: after it, nothing more is written.
package packet
