package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

// Clauses where MySQL has none, though the parser takes them, or says something else of them.

// words goes through a text's tokens but comments, and tells of each in how many parentheses it is, in lower case.
func words(text string, mode mysql.SQLMode, visit func(depth, at int, word string) error) error {
	l, depth := lexer.New(text, mode), 0
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		if t.Kind == lexer.Comment || t.Kind == lexer.Hint {
			continue
		}
		word := ""
		if t.Kind != lexer.String {
			word = strings.ToLower(text[t.From:t.To])
		}
		if word == ")" {
			depth = max(0, depth-1)
		}
		if err := visit(depth, t.From, word); err != nil {
			return err
		}
		if word == "(" {
			depth++
		}
	}
	return nil
}

// checkParts refuses ORDER BY, LIMIT, INTO and locks of a part of a set operation that is not in parentheses, unless it is the last. 1064.
func checkParts(text string, mode mysql.SQLMode) error {
	if !mentions(text, "union", "except", "intersect") {
		return nil
	}
	ended, before := []bool{false}, "" // at each depth: the part is at its end
	return words(text, mode, func(depth, at int, word string) error {
		ended = append(ended, false)[:depth+1]
		switch {
		case word == "select", word == "table", word == "values", word == ";":
			ended[depth] = false
		case (word == "union" || word == "except" || word == "intersect") && ended[depth]:
			return mysqlerr.SyntaxAt(text, at)
		case word == "order" && before != "for", word == "limit", word == "into",
			before == "for" && (word == "update" || word == "share"), before == "lock" && word == "in":
			ended[depth] = true
		}
		before = word
		return nil
	})
}

// checkManyUpdated is what MySQL says of ORDER BY and LIMIT in an UPDATE of several tables, for which the parser has no words: 1221. err is
// the parser's.
func checkManyUpdated(text string, mode mysql.SQLMode, err error) error {
	first, several, set := "", false, false
	wrong := words(text, mode, func(depth, _ int, word string) error {
		if first == "" {
			first = word
		}
		switch {
		case first != "update" || depth > 0:
		case word == "set":
			set = true
		case !set:
			several = several || word == "," || word == "join"
		case several && word == "order":
			return mysqlerr.New(mysqlerr.WrongUsage, "UPDATE", "ORDER BY")
		case several && word == "limit":
			return mysqlerr.New(mysqlerr.WrongUsage, "UPDATE", "LIMIT")
		}
		return nil
	})
	if wrong != nil {
		return wrong
	}
	return err
}
