package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
)

// IntoVars takes the clause out of SELECT … INTO @a[, @b …], which the parser does not know: it gives the variables' names and the
// text without it. nil where there is no such clause outside of parentheses.
func IntoVars(text string, mode mysql.SQLMode) (names []string, rest string) {
	first, _ := firstWord(text)
	if first != "select" && first != "with" || strings.IndexByte(text, '@') < 0 {
		return nil, ""
	}
	depth, l := 0, lexer(text, mode)
	for t := l.Next(); t.Kind != syntax.End; t = l.Next() {
		switch word := text[t.From:t.To]; {
		case t.Kind == syntax.Sign && word == "(":
			depth++
		case t.Kind == syntax.Sign && word == ")":
			depth--
		case t.Kind == syntax.Word && depth == 0 && strings.EqualFold(word, "into"):
			if names, end := variableList(text[t.To:], mode); names != nil {
				return names, text[:t.From] + " " + text[t.To+end:]
			}
		}
	}
	return nil, ""
}

// variableList reads @a, @`b`, … from the beginning of text and tells where it ends.
func variableList(text string, mode mysql.SQLMode) (names []string, end int) {
	i := 0
	space := func() {
		for i < len(text) && text[i] <= ' ' {
			i++
		}
	}
	for {
		if space(); i+1 >= len(text) || text[i] != '@' {
			return nil, 0
		}
		i++
		start := i
		if c := text[i]; c == '`' || c == '\'' || c == '"' {
			i = syntax.SkipQuoted(text, i, c != '`' && mode&mysql.ModeNoBackslashEscapes == 0)
			names = append(names, text[start+1:i-1])
		} else {
			for i < len(text) && (syntax.IsWord(text[i]) || text[i] == '.') {
				i++
			}
			if i == start {
				return nil, 0
			}
			names = append(names, text[start:i])
		}
		end = i
		if space(); i >= len(text) || text[i] != ',' {
			return names, end
		}
		i++
	}
}
