package syntax

import (
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/driver"
	"cloudsql/planner/lexer"
	"cloudsql/storage/collation"
)

// _cp1251'…', _sjis 0x93FA: the parser refuses introducers of all but five character sets. In a text with another each introducer and
// its literal give way to one string, _latin1'…', which says what stood there (driver.IntroducedText); the parser's trees have a literal
// of that character set then, as they have of the five.

// parsed are the character sets whose introducers the parser takes.
var parsed = map[string]bool{"utf8": true, "utf8mb3": true, "utf8mb4": true, "ascii": true, "latin1": true, "binary": true}

// introducedBy gives the character set whose introducer a word is, where the parser has none for it.
func introducedBy(word string) (string, bool) {
	if len(word) < 4 || word[0] != '_' {
		return "", false
	}
	name := strings.ToLower(word[1:])
	if _, ok := collation.DefaultOf(name); !ok || parsed[name] {
		return "", false
	}
	return name, true
}

// mayIntroduce tells whether a text has such a word somewhere.
func mayIntroduce(text string) bool {
	for i := strings.IndexByte(text, '_'); i >= 0; {
		end := i + 1
		for end < len(text) && lexer.IsWord(text[end]) {
			end++
		}
		if i == 0 || !lexer.IsWord(text[i-1]) {
			if _, ok := introducedBy(text[i:end]); ok {
				return true
			}
		}
		next := strings.IndexByte(text[end:], '_')
		if next < 0 {
			return false
		}
		i = end + next
	}
	return false
}

// takeIntroducers gives the text with strings in the place of introduced literals.
func takeIntroducers(text string, mode mysql.SQLMode) string {
	if !mayIntroduce(text) {
		return text
	}
	s := newScanner(text, mode)
	for i := s.space(0); i < len(text); {
		end := s.token(i)
		next := s.space(end)
		if name, ok := introducedBy(text[i:end]); ok && next < len(text) {
			if lit, to, ok := s.literal(next); ok {
				lit.Charset = name
				lit.Source = text[i:to]
				s.replace(i, to, "_latin1'"+lit.String()+"'"+strings.Repeat("\n", strings.Count(lit.Source, "\n")))
				next = s.space(to)
			}
		}
		i = next
	}
	return s.changed()
}

// literal reads the string, hexadecimal or bit literal at i and what follows it.
func (s *scanner) literal(i int) (lit driver.IntroducedText, to int, ok bool) {
	switch s.text[i] {
	case '\'', '"':
		content, to, ok := s.strings(i)
		lit.Content = content
		return lit, to, ok
	}
	end := s.token(i)
	word := s.text[i:end]
	if len(word) == 1 && end < len(s.text) && s.text[end] == '\'' {
		end = s.token(end)
		word = s.text[i:end]
	}
	b, hexadecimal, ok := driver.ParseBinary(word)
	if !ok {
		return lit, 0, false
	}
	lit.Binary, lit.Hex, lit.Content = true, hexadecimal, string(b)
	return lit, end, true
}

// strings reads the string at i and those beside it, which are parts of it.
func (s *scanner) strings(i int) (content string, to int, ok bool) {
	var b []byte
	for {
		end, closed, _ := lexer.Quoted(s.text, i, s.escapes)
		if !closed {
			return "", 0, false
		}
		b = AppendUnescaped(b, s.text[i+1:end-1], s.escapes)
		if end < len(s.text) && s.text[end] == s.text[i] { // a doubled quote is one of the string's characters
			b, i = append(b, s.text[i]), end
			continue
		}
		next := s.space(end)
		if next == end || next >= len(s.text) || s.text[next] != s.text[i] {
			return string(b), end, true
		}
		i = next
	}
}

// AppendUnescaped appends what a string between its quotes means.
func AppendUnescaped(dst []byte, s string, escapes bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || !escapes || i+1 == len(s) {
			dst = append(dst, c)
			continue
		}
		i++
		switch c = s[i]; c {
		case '0':
			c = 0
		case 'b':
			c = '\b'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'Z':
			c = 26
		case '%', '_':
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
}

// introduced finds what takeIntroducers wrote.
var introduced = regexp.MustCompile(`_latin1'` + driver.IntroducedMark + `[0-9a-z]+:[a-z]:[0-9a-f]*:([0-9a-f]*)'`)

// writtenIntroducers is text as it was before takeIntroducers.
func writtenIntroducers(text string) string {
	if !strings.Contains(text, driver.IntroducedMark) {
		return text
	}
	return introduced.ReplaceAllStringFunc(text, func(m string) string {
		source, _ := hex.DecodeString(introduced.FindStringSubmatch(m)[1])
		return string(source)
	})
}
