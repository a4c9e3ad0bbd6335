// Package driver gives the parser its literals and parameter markers: the nodes of a syntax tree whose values the parser
// leaves to whoever uses it. Importing it registers them; nothing else in the program may.
//
// Invariants:
//   - No text that the lexer takes for a literal makes a panic, however long it is. What is wrong with a literal
//     (too many digits, a half byte in x'…') is an error of the parser, or of whoever wants its value.
//   - A literal keeps what was written: decimals and integers beyond 64 bits their digits, hexadecimal and bit literals
//     their kind and length, strings their bytes and character set. Restored and parsed again under the default
//     sql_mode, it is the same literal; strings that are not UTF-8 are restored as _binary x'…', since a descriptor
//     (which is JSON) could not carry their bytes.
package driver
