package syntax

import (
	"regexp"
	"strings"
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

// mayBeWidth finds long numbers that stand first in parentheses behind a word.
var mayBeWidth = regexp.MustCompile("([a-zA-Z0-9_`]+)\\s*\\(\\s*([0-9]{19,})\\s*[,)]")

// manyLiterals are words before a parenthesis with literals of which a statement may have many.
var manyLiterals = map[string]bool{"values": true, "value": true, "in": true, "row": true, "and": true, "or": true}

// clampWidths writes the widest length in place of each that is longer. Which long numbers are lengths is the grammar's to
// say: in place of a length, and there only, it refuses a float.
func clampWidths(text string, o Options) string {
	if !longNumber(text) {
		return text
	}
	var spots [][2]int
	for _, m := range mayBeWidth.FindAllStringSubmatchIndex(text, mostWidths*4) {
		if tooWide(text[m[4]:m[5]]) && !manyLiterals[strings.ToLower(text[m[2]:m[3]])] && len(spots) < mostWidths {
			spots = append(spots, [2]int{m[4], m[5]})
		}
	}
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
