package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
)

// firstWord gives the first word of a text in lower case, after white space and comments.
func firstWord(text string) (word, rest string) {
	l := lexer.Lexer{Text: text}
	t := l.Next()
	for t.Kind == lexer.Comment || t.Kind == lexer.Code && strings.HasPrefix(text[t.From:], "/*M!") {
		t = l.Next()
	}
	const longest = len("flashback") + 2
	if t.Kind != lexer.Word || t.To-t.From > longest {
		return "", text[t.From:]
	}
	var buf [longest]byte
	n := t.To - t.From
	for j := range n {
		buf[j] = lower(text[t.From+j])
	}
	return string(buf[:n]), text[t.To:]
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// words are the tokens of a statement after its first word: words in lower case, everything else as it is written.
type words []token

type token struct {
	lower string // of words; quoted names and strings keep their quotes and case
	raw   string // as written
	at    int    // where it begins in the text that was split
}

// maxTokens bounds what is looked at: the statements recognised are short.
const maxTokens = 64

// tokens splits the first tokens of text. What stands in a comment /*!50003 … */ counts like the rest, other comments
// are white space; nil where it has optimizer hints, whose meaning is the parser's.
func tokens(text string, mode mysql.SQLMode, limit int) words {
	list, l := words{}, lexer.New(text, mode)
	l.Inside = true
	for len(list) < limit {
		t := l.Next()
		raw := text[t.From:t.To]
		switch t.Kind {
		case lexer.End:
			return list
		case lexer.Hint:
			return nil
		case lexer.Comment, lexer.Code, lexer.CodeEnd:
			continue
		case lexer.Word, lexer.Sign:
			if raw == ";" {
				return list
			}
			if t.Kind == lexer.Word || raw == "@" { // @a and @@session.a are one
				for l.Pos < len(text) && (lexer.IsWord(text[l.Pos]) || text[l.Pos] == '@') {
					l.Pos++
				}
				raw = text[t.From:l.Pos]
				list = append(list, token{strings.ToLower(raw), raw, t.From})
				continue
			}
		}
		list = append(list, token{raw, raw, t.From})
	}
	return list
}

// take removes the given words from the front of w, if it begins with them.
func (w *words) take(list ...string) bool {
	if len(*w) < len(list) {
		return false
	}
	for i, l := range list {
		if (*w)[i].lower != l {
			return false
		}
	}
	*w = (*w)[len(list):]
	return true
}

// tableName takes [db.]table.
func (w *words) tableName() (*ast.TableName, bool) {
	first, ok := w.ident()
	if !ok {
		return nil, false
	}
	n := &ast.TableName{Name: ast.NewCIStr(first)}
	if w.take(".") {
		second, ok := w.ident()
		if !ok {
			return nil, false
		}
		n.Schema, n.Name = n.Name, ast.NewCIStr(second)
	}
	return n, true
}

// tableNames takes [db.]table, …
func (w *words) tableNames() (list []*ast.TableName, ok bool) {
	return listOf(w, w.tableName)
}

// listOf takes things with commas between them.
func listOf[T any](w *words, one func() (T, bool)) (list []T, ok bool) {
	for first := true; first || w.take(","); first = false {
		x, ok := one()
		if !ok {
			return nil, false
		}
		list = append(list, x)
	}
	return list, true
}

func (w *words) ident() (string, bool) {
	if len(*w) == 0 {
		return "", false
	}
	t := (*w)[0]
	name := t.word()
	if name == "" {
		return "", false
	}
	*w = (*w)[1:]
	return name, true
}

// word gives a token as an identifier, "" if it is none.
func (t token) word() string {
	switch c := t.lower[0]; {
	case c == '`' && len(t.lower) > 2:
		return strings.ReplaceAll(t.lower[1:len(t.lower)-1], "``", "`")
	case lexer.IsWord(c):
		return t.raw
	}
	return ""
}

// assigns tells whether w begins with the sign of an assignment.
func (w words) assigns() bool {
	return len(w) > 0 && w[0].lower == "=" || len(w) > 1 && w[0].lower == ":" && w[1].lower == "="
}
