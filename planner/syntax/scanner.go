package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
)

// scanner goes through the tokens of a text without conditional comments (plain), parts of which give way to others.
type scanner struct {
	text    string
	escapes bool // a backslash in a string is one
	out     strings.Builder
	copied  int // of text, into out
}

func newScanner(text string, mode mysql.SQLMode) scanner {
	return scanner{text: text, escapes: mode&mysql.ModeNoBackslashEscapes == 0}
}

// replace puts by in the place of text[from:to], which comes behind all that was replaced before.
func (s *scanner) replace(from, to int, by string) {
	s.out.WriteString(s.text[s.copied:from])
	s.out.WriteString(by)
	s.copied = to
}

// changed is the text with all that was replaced.
func (s *scanner) changed() string { return s.out.String() + s.text[s.copied:] }

// space gives the next token's position.
func (s *scanner) space(i int) int {
	for i < len(s.text) {
		switch n := lexer.CommentLength(s.text[i:]); {
		case n > 0:
			i += n
		case s.text[i] <= ' ':
			i++
		default:
			return i
		}
	}
	return i
}

// token gives where the token at i ends, which is no comment.
func (s *scanner) token(i int) int {
	l := lexer.Lexer{Text: s.text, Pos: i, Escapes: s.escapes}
	return l.Next().To
}
