package session

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/terror"
	driver "github.com/pingcap/tidb/pkg/parser/test_driver"

	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
)

// parsed is a statement that was read: as a syntax tree, or, where the parser does not know it, as what it does.
type parsed struct {
	text         string
	node         ast.StmtNode
	run          func(ctx context.Context, s *Session, w sql.ResultWriter) error
	com          com
	params       int
	maxExecution int64 // of the hint MAX_EXECUTION_TIME, milliseconds; 0: none
	keepConds    bool  // SHOW WARNINGS and kin
	noPrepare    bool  // 1295 in the prepared statement protocol
}

// diagnostic tells whether the statement is about the conditions of the one before.
func (p *parsed) diagnostic() bool {
	if show, ok := p.node.(*ast.ShowStmt); ok {
		return show.Tp == ast.ShowWarnings || show.Tp == ast.ShowErrors
	}
	return p.keepConds
}

func newParser() any { return parser.New() }

// parse reads one statement. Errors: 1065 for an empty one, 1064, and what the parser finds wrong with names.
func (s *Session) parse(text string) (*parsed, error) {
	if st, err := s.recognise(text); st != nil || err != nil {
		return st, err
	}
	p := s.eng.parsers.Get().(*parser.Parser)
	p.SetSQLMode(s.sqlMode)
	nodes, _, err := p.ParseSQL(text, parser.CharsetConnection(s.collation.Charset()), parser.CollationConnection(s.collation.Name()))
	if err != nil {
		s.eng.parsers.Put(newParser()) // one that stopped midway is not worth a second thought
		if st, e := s.parseIntoVars(text); st != nil || e != nil {
			return st, e
		}
		return nil, s.syntaxError(text, err)
	}
	if len(nodes) != 1 {
		s.eng.parsers.Put(p)
		if len(nodes) == 0 {
			return nil, mysqlerr.New(mysql.ErrEmptyQuery)
		}
		return nil, mysqlerr.Syntax(nodes[1].Text(), 1)
	}
	node := nodes[0]
	s.eng.parsers.Put(p)
	if set, ok := node.(*ast.SetStmt); ok {
		renameCharacteristics(set, text)
	}
	st := &parsed{text: text, node: node, com: comOfNode(node)}
	st.params = numberParams(node)
	st.maxExecution = executionHint(node)
	return st, nil
}

// renameCharacteristics gives what the parser makes of SET SESSION TRANSACTION its name in MySQL 8.0. It uses the names
// of MySQL 5.7, by which no user may set them any more.
func renameCharacteristics(n *ast.SetStmt, text string) {
	if strings.Contains(strings.ToLower(text), "tx_") {
		return
	}
	for _, v := range n.Variables {
		switch v.Name {
		case "tx_isolation":
			v.Name = "transaction_isolation"
		case "tx_read_only":
			v.Name = "transaction_read_only"
		}
	}
}

// nearPattern takes apart what the parser says of a syntax error.
var nearPattern = regexp.MustCompile(`(?s)^line (\d+) column \d+ near "(.*)"`)

// syntaxError words a parser's error as MySQL does. The parser tells the text after the token that it could not use;
// MySQL's message begins with that token.
func (s *Session) syntaxError(text string, err error) error {
	var te *terror.Error
	if errors.As(err, &te) && te.Code() != mysql.ErrParse && te.Code() != mysql.ErrSyntax {
		e := terror.ToSQLError(te)
		if e.Code != mysql.ErrUnknown {
			return &mysqlerr.Error{Code: e.Code, State: e.State, Message: e.Message}
		}
	}
	m := nearPattern.FindStringSubmatch(err.Error())
	if m == nil {
		return mysqlerr.Syntax(strings.TrimSpace(text), 1)
	}
	line, _ := strconv.Atoi(m[1])
	near, ok := tokenBefore(text, m[2])
	if !ok {
		near = m[2]
	}
	return mysqlerr.Syntax(near, line)
}

// tokenBefore gives the end of text from the token that ends where rest begins.
func tokenBefore(text, rest string) (string, bool) {
	text = strings.TrimRight(text, " \t\r\n;")
	at := len(text) - len(strings.TrimRight(rest, " \t\r\n;"))
	if at < 0 || at > len(text) || rest == "" {
		return "", false
	}
	if strings.TrimSpace(rest) != "" && !isWord(rest[0]) && rest[0] > ' ' {
		// The rest begins with the offending token itself, or it follows without a space: both read well from here.
		return rest, true
	}
	start := at
	for start > 0 && text[start-1] <= ' ' {
		start--
	}
	for start > 0 && isWord(text[start-1]) {
		start--
	}
	return text[start:], true
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// markers collects the parameters of a statement.
type markers struct{ list []*driver.ParamMarkerExpr }

func (m *markers) Enter(n ast.Node) (ast.Node, bool) {
	if p, ok := n.(*driver.ParamMarkerExpr); ok {
		m.list = append(m.list, p)
	}
	return n, false
}

func (m *markers) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// numberParams gives each ? of a statement its place in the order of the text, and counts them.
func numberParams(n ast.StmtNode) int {
	if strings.IndexByte(n.Text(), '?') < 0 {
		return 0
	}
	var m markers
	n.Accept(&m)
	slices.SortFunc(m.list, func(a, b *driver.ParamMarkerExpr) int { return a.Offset - b.Offset })
	for i, p := range m.list {
		p.SetOrder(i)
	}
	return len(m.list)
}

// executionHint finds MAX_EXECUTION_TIME(n) among a query's hints.
func executionHint(n ast.StmtNode) int64 {
	sel, ok := n.(*ast.SelectStmt)
	if !ok {
		return 0
	}
	for _, h := range sel.TableHints {
		if h.HintName.L == "max_execution_time" {
			if ms, ok := h.HintData.(uint64); ok {
				return int64(ms) //nolint:gosec // milliseconds
			}
		}
	}
	return 0
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
