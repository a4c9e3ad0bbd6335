package dialect

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/lexer"
	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// ReadShow reads the forms of SHOW and DESCRIBE that MySQL has and the parser does not know: nil, nil for any other
// text. Errors: MySQL's for things that do not exist here (triggers, events, stored functions).
//
//	SHOW STORAGE ENGINES                      SHOW LOCAL {VARIABLES | STATUS} …
//	SHOW EXTENDED {INDEX | TABLES} …          SHOW {REPLICA | SLAVE} STATUS FOR CHANNEL 'c'
//	SHOW CREATE {TRIGGER | EVENT | FUNCTION}  {DESC | DESCRIBE | EXPLAIN} t 'pattern'
//	SHOW ENGINE INNODB STATUS
//
// and this program's own: SHOW SHARDS, SHOW TABLETS {FROM | IN} t.
func ReadShow(text string) (*ast.ShowStmt, error) {
	w := lexemes(text)
	switch {
	case w.at(0, "show"):
		return readShowForm(text, w)
	case w.at(0, "desc"), w.at(0, "describe"), w.at(0, "explain"):
		return readDescribe(w), nil
	}
	return nil, nil
}

func readShowForm(text string, w lexed) (*ast.ShowStmt, error) {
	switch {
	case w.at(1, "storage") && w.at(2, "engines"), w.at(1, "extended") && !w.at(2, "columns", "fields"):
		return reparse(text, w[1], "") // without the word that changes nothing
	case w.at(1, "local") && w.at(2, "variables", "status"):
		return reparse(text, w[1], "SESSION")
	case w.at(1, "replica", "slave") && w.at(2, "status") && w.at(3, "for") && w.at(4, "channel") && len(w) == 6:
		return &ast.ShowStmt{Tp: ast.ShowReplicaStatus}, nil
	case w.at(1, "shards") && len(w) == 2:
		return &ast.ShowStmt{Tp: ShowShards}, nil
	case w.at(1, "tablets") && w.at(2, "from", "in"):
		return readShowTablets(w), nil
	case w.at(1, "engine") && len(w) == 4:
		return readEngine(w)
	case w.at(1, "create") && len(w) > 3:
		name := w[len(w)-1].value
		switch {
		case w.at(2, "trigger"):
			return nil, mysqlerr.New(mysqlerr.TrgDoesNotExist)
		case w.at(2, "event"):
			return nil, mysqlerr.New(mysqlerr.EventDoesNotExist, name)
		case w.at(2, "function"):
			return nil, mysqlerr.New(mysqlerr.SpDoesNotExist, "FUNCTION", name)
		}
	}
	return nil, nil
}

// Statements for which the parser has no type: SHOW ENGINE INNODB STATUS, SHOW SHARDS, SHOW TABLETS, SHOW BINLOG EVENTS, SHOW REPLICAS.
const (
	EngineStatus ast.ShowStmtType = 1<<20 + iota
	ShowShards
	ShowTablets
	ShowBinlogEvents
	ShowReplicas
)

// readShowTablets reads SHOW TABLETS FROM [db.]t.
func readShowTablets(w lexed) *ast.ShowStmt {
	t := &ast.TableName{}
	switch {
	case len(w) == 4 && w[3].kind <= lexName:
		t.Name = ast.NewCIStr(w[3].value)
	case len(w) == 6 && w[4].value == "." && w[3].kind <= lexName && w[5].kind <= lexName:
		t.Schema, t.Name = ast.NewCIStr(w[3].value), ast.NewCIStr(w[5].value)
	default:
		return nil
	}
	return &ast.ShowStmt{Tp: ShowTablets, Table: t}
}

// readEngine reads SHOW ENGINE name {STATUS | MUTEX | LOGS}. 1286.
func readEngine(w lexed) (*ast.ShowStmt, error) {
	switch {
	case !w.at(3, "status", "mutex", "logs"):
		return nil, nil
	case !strings.EqualFold(w[2].value, "innodb") && !strings.EqualFold(w[2].value, "performance_schema"):
		return nil, mysqlerr.New(mysqlerr.UnknownStorageEngine, w[2].value)
	case !strings.EqualFold(w[2].value, "innodb") || !w.at(3, "status"):
		return nil, mysqlerr.NotSupported("SHOW ENGINE other than InnoDB STATUS")
	}
	return &ast.ShowStmt{Tp: EngineStatus}, nil
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

// readDescribe reads DESCRIBE [db.]t 'pattern'.
func readDescribe(w lexed) *ast.ShowStmt {
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
	l := lexer.Lexer{Text: strings.TrimRight(text, " \t\r\n;"), Escapes: true, Inside: true}
	for len(list) < maxLexemes {
		t := l.Next()
		if t.Kind == lexer.End {
			break
		}
		piece := lexeme{lexOther, l.Text[t.From:t.To], t.From, t.To}
		switch t.Kind {
		case lexer.Comment, lexer.Code, lexer.CodeEnd:
			continue
		case lexer.Hint:
			return nil
		case lexer.Word:
			piece.kind = lexWord
		case lexer.Name, lexer.String:
			var ok bool
			if piece.value, ok = unquote(&l, t); !ok {
				return nil
			}
			piece.end = l.Pos
			if piece.kind = lexName; t.Kind == lexer.String {
				piece.kind, piece.value = lexString, string(syntax.AppendUnescaped(nil, piece.value, l.Escapes))
			}
		}
		list = append(list, piece)
	}
	return list
}

// unquote gives the text of a quoted token, with those that a doubled quote makes of one. Backslashes stay.
func unquote(l *lexer.Lexer, t lexer.Token) (value string, ok bool) {
	quote := l.Text[t.From : t.From+1]
	for start := t.From; ; t = l.Next() {
		if !t.Closed {
			return "", false
		}
		if t.To == len(l.Text) || l.Text[t.To:t.To+1] != quote {
			return strings.ReplaceAll(l.Text[start+1:t.To-1], quote+quote, quote), true
		}
	}
}
