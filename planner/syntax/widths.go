package syntax

import (
	"strings"

	"cloudsql/planner/lexer"
)

// Lengths of types beyond 63 bits. MySQL's grammar takes any digits for one and its types refuse it by name and limit
// (1439, 1074, 1426). The parser has no words for more than 64 bits there, and makes a signed number of what it has, so that
// CHAR(18446744073709551615) would be a CHAR without a length. Such numbers are rare: a text without one costs a look at
// its digits.

const (
	widest     = "9223372036854775807" // what is beyond any type's limit and a number for the parser
	someWidth  = "1"
	noWidth    = "1e0" // a number in an expression, never a length
	mostWidths = 16    // that one statement is asked about
)

// mayBeWidths finds long numbers that stand first in parentheses behind a word, so many at most. Others than those of few digits are looked at
// no further than their parenthesis: a statement with many rows has many.
func mayBeWidths(text string, most int) (spots [][2]int) {
	for at := 0; len(spots) < most; {
		open := strings.IndexByte(text[at:], '(')
		if open < 0 {
			break
		}
		open += at
		from := passSpaces(text, open+1)
		to := from
		for to < len(text) && isDigit(text[to]) {
			to++
		}
		at = max(to, open+1)
		if to-from < len(widest) || !tooWide(text[from:to]) {
			continue
		}
		if end := passSpaces(text, to); end == len(text) || text[end] != ',' && text[end] != ')' {
			continue
		}
		if word := wordBefore(text[:open]); word != "" && !manyLiterals[strings.ToLower(word)] {
			spots = append(spots, [2]int{from, to})
		}
	}
	return spots
}

const spaces = " \t\n\f\r"

func passSpaces(text string, from int) int {
	for from < len(text) && strings.IndexByte(spaces, text[from]) >= 0 {
		from++
	}
	return from
}

// wordBefore is the word that a text ends in, but for spaces.
func wordBefore(text string) string {
	text = strings.TrimRight(text, spaces)
	from := len(text)
	for from > 0 && (lexer.IsWord(text[from-1]) || text[from-1] == '`') {
		from--
	}
	return text[from:]
}

// manyLiterals are words before a parenthesis with literals of which a statement may have many.
var manyLiterals = map[string]bool{"values": true, "value": true, "in": true, "row": true, "and": true, "or": true}

// clampWidths writes the widest length in place of each that is longer. Which long numbers are lengths is the grammar's to
// say: in place of a length, and there only, it refuses a float.
func clampWidths(text string, o Options) string {
	if !longNumber(text) {
		return text
	}
	spots := mayBeWidths(text, mostWidths)
	if len(spots) == 0 || !parses(fill(text, spots, func(int) string { return someWidth }), o) {
		return text
	}
	width := make([]bool, len(spots))
	for i := range spots {
		width[i] = !parses(fill(text, spots, func(j int) string {
			if j == i {
				return noWidth
			}
			return someWidth
		}), o)
	}
	return fill(text, spots, func(i int) string {
		if width[i] {
			return widest
		}
		return text[spots[i][0]:spots[i][1]]
	})
}

func parses(text string, o Options) bool {
	_, _, err := parse(text, o)
	return err == nil
}

// fill replaces spots, each by something that is not longer; spaces keep everything else in its place.
func fill(text string, spots [][2]int, by func(i int) string) string {
	b := []byte(text)
	for i, s := range spots {
		for j := s[0] + copy(b[s[0]:s[1]], by(i)); j < s[1]; j++ {
			b[j] = ' '
		}
	}
	return string(b)
}

// longNumber tells whether text has as many digits in a row as a number beyond 63 bits has.
func longNumber(text string) bool {
	for i := len(widest) - 1; i < len(text); i += len(widest) { // a long run of digits has one of these places
		if !isDigit(text[i]) {
			continue
		}
		from, to := i, i
		for from > 0 && isDigit(text[from-1]) {
			from--
		}
		for to < len(text) && isDigit(text[to]) {
			to++
		}
		if tooWide(text[from:to]) {
			return true
		}
		i = to
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func tooWide(digits string) bool {
	digits = strings.TrimLeft(digits, "0")
	return len(digits) > len(widest) || len(digits) == len(widest) && digits > widest
}
