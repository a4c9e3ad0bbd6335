package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

// braceLevel is what is known where parentheses or braces are open.
type braceLevel struct{ query, tables bool } // a query's own words; its tables

var mayPrecedeTable = map[string]bool{"from": true, "join": true, "straight_join": true, ",": true, "(": true, "oj": true}

// checkBraces refuses braces around a table that have another word than OJ: the parser takes any. 1064.
func checkBraces(text string, mode mysql.SQLMode) error {
	if strings.IndexByte(text, '{') < 0 {
		return nil
	}
	levels, before := []braceLevel{{}}, ""
	l := lexer.New(text, mode)
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		switch t.Kind {
		case lexer.Comment, lexer.Hint:
			continue
		case lexer.String:
			before = "''"
			continue
		}
		now, word := &levels[len(levels)-1], strings.ToLower(text[t.From:t.To])
		switch word {
		case "{":
			if next := l; now.tables && mayPrecedeTable[before] {
				if t := next.Next(); !strings.EqualFold(text[t.From:t.To], "oj") {
					return mysqlerr.SyntaxAt(text, t.From)
				}
			}
			levels = append(levels, braceLevel{tables: now.tables})
		case "(":
			levels = append(levels, braceLevel{tables: now.tables && mayPrecedeTable[before]})
		case ")", "}":
			levels = levels[:max(1, len(levels)-1)]
		case "select", "delete":
			*now = braceLevel{query: true}
		case "from", "join", "straight_join":
			now.tables = now.query || now.tables
		case "where", "group", "having", "order", "limit", "window", "on", "using", "set", "union", "for", "into":
			now.tables = false
		}
		before = word
	}
	return nil
}
