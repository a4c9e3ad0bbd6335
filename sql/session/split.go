package session

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// nextStatement cuts the first statement off a text of several: up to the first semicolon that stands in no string,
// quoted name or comment. rest is what follows it, "" when that is white space and comments only. Statements are cut
// before they are parsed because each may change how the next is read (sql_mode), and because the ones before a
// statement with a syntax error are run.
func nextStatement(text string, mode mysql.SQLMode) (one, rest string, found bool) {
	if strings.IndexByte(text, ';') < 0 {
		return text, "", false
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ';':
			rest = text[i+1:]
			if blank(rest) {
				rest = ""
			}
			return text[:i], rest, true
		case c == '\'' || c == '"' || c == '`':
			i = skipQuoted(text, i, c != '`' && mode&mysql.ModeNoBackslashEscapes == 0)
		default:
			if n := commentLength(text[i:]); n > 0 {
				i += n
			} else {
				i++
			}
		}
	}
	return text, "", false
}

// skipQuoted gives the position after the string or name that begins at i.
func skipQuoted(text string, i int, escapes bool) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if escapes {
				i++
			}
		case quote:
			return i + 1 // a doubled quote goes on as a string of its own, which is as good
		}
	}
	return len(text)
}

// commentLength is the length of the comment that text begins with, 0 for none.
func commentLength(text string) int {
	var end string
	switch {
	case text[0] == '#':
		end = "\n"
	case strings.HasPrefix(text, "--") && (len(text) == 2 || text[2] <= ' '):
		end = "\n"
	case strings.HasPrefix(text, "/*"):
		end = "*/"
	default:
		return 0
	}
	if i := strings.Index(text[min(2, len(text)):], end); i >= 0 && end == "*/" {
		return i + 4
	}
	if i := strings.Index(text, end); i >= 0 && end == "\n" {
		return i + 1
	}
	return len(text)
}

// blank tells whether nothing but white space and comments (other than those with code in them) is left.
func blank(text string) bool {
	for text != "" {
		if text[0] <= ' ' || text[0] == ';' {
			text = text[1:]
			continue
		}
		n := commentLength(text)
		if n == 0 || strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*M!") {
			return false
		}
		text = text[n:]
	}
	return true
}
