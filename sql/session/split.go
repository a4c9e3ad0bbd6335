package session

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
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
			i = syntax.SkipQuoted(text, i, c != '`' && mode&mysql.ModeNoBackslashEscapes == 0)
		default:
			if n := syntax.CommentLength(text[i:]); n > 0 {
				i += n
			} else {
				i++
			}
		}
	}
	return text, "", false
}

// blank tells whether nothing but white space and comments (other than those with code in them) is left.
func blank(text string) bool {
	for text != "" {
		if text[0] <= ' ' || text[0] == ';' {
			text = text[1:]
			continue
		}
		n := syntax.CommentLength(text)
		if n == 0 || strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*M!") {
			return false
		}
		text = text[n:]
	}
	return true
}
