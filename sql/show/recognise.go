package show

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// Recognise reads the forms of SHOW and DESCRIBE that MySQL has and the parser does not know: nil, nil for any other
// text. Errors: MySQL's for things that do not exist here (triggers, events, stored functions).
//
//	SHOW STORAGE ENGINES                      SHOW LOCAL {VARIABLES | STATUS} …
//	SHOW EXTENDED {INDEX | TABLES} …          SHOW {REPLICA | SLAVE} STATUS FOR CHANNEL 'c'
//	SHOW CREATE {TRIGGER | EVENT | FUNCTION}  {DESC | DESCRIBE | EXPLAIN} t 'pattern'
//	SHOW ENGINE INNODB STATUS
func Recognise(text string) (*ast.ShowStmt, error) {
	w := lexemes(text)
	switch {
	case w.at(0, "show"):
		return recogniseShow(text, w)
	case w.at(0, "desc"), w.at(0, "describe"), w.at(0, "explain"):
		return recogniseDescribe(w), nil
	}
	return nil, nil
}

func recogniseShow(text string, w lexed) (*ast.ShowStmt, error) {
	switch {
	case w.at(1, "storage") && w.at(2, "engines"), w.at(1, "extended") && !w.at(2, "columns", "fields"):
		return reparse(text, w[1], "") // without the word that changes nothing
	case w.at(1, "local") && w.at(2, "variables", "status"):
		return reparse(text, w[1], "SESSION")
	case w.at(1, "replica", "slave") && w.at(2, "status") && w.at(3, "for") && w.at(4, "channel") && len(w) == 6:
		return &ast.ShowStmt{Tp: ast.ShowReplicaStatus}, nil
	case w.at(1, "engine") && len(w) == 4:
		return recogniseEngine(w)
	case w.at(1, "create") && len(w) > 3:
		name := w[len(w)-1].value
		switch {
		case w.at(2, "trigger"):
			return nil, mysqlerr.New(mysql.ErrTrgDoesNotExist)
		case w.at(2, "event"):
			return nil, mysqlerr.New(mysql.ErrEventDoesNotExist, name)
		case w.at(2, "function"):
			return nil, mysqlerr.New(mysql.ErrSpDoesNotExist, "FUNCTION", name)
		}
	}
	return nil, nil
}

// showEngineStatus is SHOW ENGINE INNODB STATUS, for which the parser has no type.
const showEngineStatus ast.ShowStmtType = 1 << 20

// recogniseEngine reads SHOW ENGINE name {STATUS | MUTEX | LOGS}. 1286.
func recogniseEngine(w lexed) (*ast.ShowStmt, error) {
	switch {
	case !w.at(3, "status", "mutex", "logs"):
		return nil, nil
	case !strings.EqualFold(w[2].value, "innodb") && !strings.EqualFold(w[2].value, "performance_schema"):
		return nil, mysqlerr.New(mysql.ErrUnknownStorageEngine, w[2].value)
	case !strings.EqualFold(w[2].value, "innodb") || !w.at(3, "status"):
		return nil, mysqlerr.NotSupported("SHOW ENGINE other than InnoDB STATUS")
	}
	return &ast.ShowStmt{Tp: showEngineStatus}, nil
}

// reparse gives the parser a text in which one word is another. Its errors are left to those who parse the original.
func reparse(text string, l lexeme, word string) (*ast.ShowStmt, error) {
	n, err := syntax.Parse(text[:l.start]+word+text[l.end:], syntax.Options{})
	if err != nil {
		return nil, nil //nolint:nilerr // the session's parser tells it better
	}
	stmt, _ := n.(*ast.ShowStmt)
	return stmt, nil
}

// recogniseDescribe reads DESCRIBE [db.]t 'pattern'.
func recogniseDescribe(w lexed) *ast.ShowStmt {
	last := len(w) - 1
	if last < 2 || w[last].kind != lexString || w[1].kind > lexName {
		return nil
	}
	t := &ast.TableName{Name: ast.NewCIStr(w[1].value)}
	switch {
	case last == 2:
	case last == 4 && w[2].value == "." && w[3].kind <= lexName:
		t.Schema, t.Name = t.Name, ast.NewCIStr(w[3].value)
	default:
		return nil
	}
	return &ast.ShowStmt{Tp: ast.ShowColumns, Table: t, Column: &ast.ColumnName{Name: ast.NewCIStr(w[last].value)}}
}

// lexemes are the pieces of a short statement.
type (
	lexed []lexeme

	lexeme struct {
		kind       lexKind
		value      string // a name or string without its quotes
		start, end int
	}

	lexKind uint8
)

const (
	lexWord   lexKind = iota
	lexName           // in backquotes
	lexString         // in quotes
	lexOther          // one character
)

// maxLexemes is more than any of the statements has that are looked for.
const maxLexemes = 8

// at tells whether the i-th lexeme is one of the words.
func (w lexed) at(i int, words ...string) bool {
	if i >= len(w) || w[i].kind != lexWord {
		return false
	}
	for _, word := range words {
		if strings.EqualFold(w[i].value, word) {
			return true
		}
	}
	return false
}

func lexemes(text string) lexed {
	var list lexed
	text = strings.TrimRight(text, " \t\r\n;")
	for i := 0; i < len(text) && len(list) < maxLexemes; {
		start := i
		switch c := text[i]; {
		case c <= ' ':
			i++
			continue
		case c == '`' || c == '\'' || c == '"':
			l := lexeme{kind: lexString, start: start}
			if c == '`' {
				l.kind = lexName
			}
			if l.value, i = unquote(text, i); i < 0 {
				return nil
			}
			l.end = i
			list = append(list, l)
			continue
		case isWordByte(c):
			for i < len(text) && isWordByte(text[i]) {
				i++
			}
			list = append(list, lexeme{lexWord, text[start:i], start, i})
		default:
			i++
			list = append(list, lexeme{lexOther, text[start:i], start, i})
		}
	}
	return list
}

// unquote reads the quoted piece that begins at i; next is -1 where it does not end. A backslash stays, for it is the
// pattern's.
func unquote(text string, i int) (value string, next int) {
	quote := text[i]
	var b strings.Builder
	for i++; i < len(text); i++ {
		switch {
		case text[i] != quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			return b.String(), i + 1
		}
	}
	return "", -1
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
