package collation

import "unicode/utf8"

// What columns and casts need of text that may not fit its character set, and how messages show bytes that are none.

// ValidPrefix tells how many leading bytes of s, which is any bytes at all, are characters that c's character set can hold.
func (c ID) ValidPrefix(s []byte) int {
	ci := c.info()
	i := 0
	for (ci.set.superset || ci.set.utf8) && i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	for i < len(s) {
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		if !ci.set.has(r) {
			return i
		}
		i += size
	}
	return i
}

// CharsPrefix is how many leading bytes of s are its first n characters: all where it has no more.
func CharsPrefix(s []byte, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return i
}

// FittingPrefix is how many leading bytes of s, which is UTF-8, take no more than limit bytes in c's character set.
func (c ID) FittingPrefix(s []byte, limit int) int {
	set := c.info().set
	var buf [maxRuneBytes]byte
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if limit -= len(set.appendRune(buf[:0], r)); limit < 0 {
			return i
		}
		i += n
	}
	return len(s)
}

// Repair makes s hold only what c's character set has: a question mark for a character that it lacks. Where bytes are no characters at all
// the string ends, or, where c's set is another than that of clients, they have a question mark each if each says so.
func (c ID) Repair(s []byte, each bool) []byte {
	var out []byte
	for len(s) > 0 {
		good := c.ValidPrefix(s)
		out = append(out, s[:good]...)
		s = s[good:]
		if len(s) == 0 {
			break
		}
		r, size := utf8.DecodeRune(s)
		if r == utf8.RuneError && size <= 1 && (!each || c.Charset() == "utf8mb4") {
			break
		}
		out = append(out, '?')
		s = s[size:]
	}
	return out
}

// BadBytes shows the start of what was no character, as 1366 does: '\xF0\x9F\x98\x80'.
func BadBytes(s []byte) string {
	const hex, limit = "0123456789ABCDEF", 6
	var out []byte
	for _, b := range s[:min(len(s), limit)] {
		if b >= ' ' && b < 0x7f {
			out = append(out, b)
		} else {
			out = append(out, '\\', 'x', hex[b>>4], hex[b&15])
		}
	}
	if len(s) > limit {
		out = append(out, "..."...)
	}
	return string(out)
}

// HexPrefix shows the first bytes of what is no text, as 1300 does.
func HexPrefix(s []byte) string {
	const hex, limit = "0123456789ABCDEF", 6
	var out []byte
	for _, b := range s[:min(len(s), limit)] {
		out = append(out, hex[b>>4], hex[b&15])
	}
	return string(out)
}

// Printable shows text in a message as MySQL does, at most limit bytes.
func Printable(text []byte, limit int) string {
	if len(text) > limit {
		text = text[:limit]
	}
	out := make([]byte, 0, len(text))
	rest := text
	for len(rest) > 0 {
		ok := UTF8MB4Bin.ValidPrefix(rest)
		out = append(out, rest[:ok]...)
		rest = rest[ok:]
		if len(rest) > 0 {
			const hex = "0123456789ABCDEF"
			out = append(out, '\\', 'x', hex[rest[0]>>4], hex[rest[0]&15])
			rest = rest[1:]
		}
	}
	return string(out)
}
