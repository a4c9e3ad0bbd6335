package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
)

// IntoVars takes the clause out of SELECT … INTO @a[, @b …], which the parser does not know: it gives the variables' names and the
// text without it. nil where there is no such clause outside of parentheses.
func IntoVars(text string, mode mysql.SQLMode) (names []string, rest string) {
	first, _ := firstWord(text)
	if first != "select" && first != "with" || strings.IndexByte(text, '@') < 0 {
		return nil, ""
	}
	eachInto(text, mode, func(t lexer.Token, _ lexer.Lexer) bool {
		var end int
		if names, end = variableList(text[t.To:], mode); names == nil {
			return false
		}
		rest = text[:t.From] + " " + text[t.To+end:]
		return true
	})
	return names, rest
}

// variableList reads @a, @`b`, … from the beginning of text and tells where it ends.
func variableList(text string, mode mysql.SQLMode) (names []string, end int) {
	l := lexer.New(text, mode)
	for {
		if t := nextCode(&l); t.Kind != lexer.Sign || text[t.From] != '@' {
			return nil, 0
		}
		name, ok := variableName(&l)
		if !ok {
			return nil, 0
		}
		names, end = append(names, name), l.Pos
		if t := nextCode(&l); t.Kind != lexer.Sign || text[t.From] != ',' {
			return names, end
		}
	}
}

// variableName reads what stands right behind an @: a quoted name, or words with points between them.
func variableName(l *lexer.Lexer) (name string, ok bool) {
	from := l.Pos
	t := l.Next()
	if t.From == from && (t.Kind == lexer.Name || t.Kind == lexer.String) {
		return unquote(l, t)
	}
	for l.Pos = from; ; {
		ahead := *l
		if t := ahead.Next(); t.From != l.Pos || t.Kind != lexer.Word && (t.Kind != lexer.Sign || l.Text[t.From] != '.') {
			return l.Text[from:l.Pos], l.Pos > from
		}
		*l = ahead
	}
}

// nextCode gives the next token that is no comment.
func nextCode(l *lexer.Lexer) lexer.Token {
	for {
		if t := l.Next(); t.Kind != lexer.Comment {
			return t
		}
	}
}
