package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

// Split cuts the first statement off a text of several: up to the first semicolon that stands in no string,
// quoted name or comment. rest is what follows it, "" when that is white space and comments only. Statements are cut
// before they are parsed because each may change how the next is read (sql_mode), and because the ones before a
// statement with a syntax error are run.
func Split(text string, mode mysql.SQLMode) (one, rest string) {
	if strings.IndexByte(text, ';') < 0 {
		return text, ""
	}
	l := lexer.New(text, mode)
	for t := l.Next(); t.Kind != lexer.End; t = l.Next() {
		if t.Kind != lexer.Sign || text[t.From] != ';' {
			continue
		}
		if rest = text[t.To:]; blank(rest) {
			rest = ""
		}
		return text[:t.From], rest
	}
	return text, ""
}

// blank tells whether nothing but white space and comments (other than those with code in them) is left.
func blank(text string) bool {
	l := lexer.Lexer{Text: text}
	for {
		switch t := l.Next(); {
		case t.Kind == lexer.End:
			return true
		case t.Kind == lexer.Comment, t.Kind == lexer.Hint:
		case t.Kind == lexer.Sign && text[t.From] == ';':
		default:
			return false
		}
	}
}

// SecondStatement is the error of a statement, rest, that follows another where only one may stand. What follows the first semicolon of
// a stored program is the rest of its body: that is what is not served.
func SecondStatement(text, rest string, mode mysql.SQLMode) *mysqlerr.Error {
	if _, err := Recognise(text[:len(text)-len(rest)-1], mode); mysqlerr.Code(err) == mysqlerr.NotSupportedYet {
		return mysqlerr.From(err)
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	return mysqlerr.SyntaxAt(text, len(text)-len(rest))
}
