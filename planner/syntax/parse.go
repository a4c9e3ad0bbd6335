package syntax

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/terror"

	_ "cloudsql/planner/driver" // literals
	"cloudsql/planner/hint"
	"cloudsql/storage/mysqlerr"
)

// Options are what a session's settings change about reading a text. The zero value reads in the parser's own mode and
// character set.
type Options struct {
	Mode               mysql.SQLMode
	Charset, Collation string // of literals
}

var parsers = sync.Pool{New: func() any { return parser.New() }}

// Parse reads one statement; comments alone are a DO of nothing. Errors: 1065 for an empty text, 1064 also where a second
// statement follows, 1436, and what the parser finds wrong with names and literals.
func Parse(text string, o Options) (ast.StmtNode, error) {
	hints := hint.Read(text, o.Mode)
	plainText, err := plain(hints.Plain, o.Mode)
	if err == nil {
		plainText, err = measure(plainText, o.Mode)
	}
	if err == nil {
		err = checkBraces(plainText, o.Mode)
	}
	if err == nil {
		err = checkParts(plainText, o.Mode)
	}
	if err != nil {
		return nil, err
	}
	measured := takeIntroducers(plainText, o.Mode)
	without, exprs, some := takeDefaults(signIntervals(measured, o.Mode), o.Mode)
	without = clampWidths(without, o)
	node, rest, err := readSounding(text, without, o)
	switch {
	case err != nil:
		return nil, wordError(text, exprs, err)
	case node == nil && strings.Trim(text, " \t\n\v\f\r;") != "":
		return &ast.DoStmt{}, nil // comments, which MySQL answers with OK
	case node == nil:
		return nil, mysqlerr.New(mysqlerr.EmptyQuery)
	case rest != nil:
		return nil, mysqlerr.Syntax(rest.Text(), 1)
	}
	if err := foreign(node, plainText, o); err != nil {
		return nil, err
	}
	if err := noteTernary(node, plainText, o); err != nil {
		return nil, err
	}
	if hints.Plain != text {
		node.SetText(nil, text)
		attach(&hints, node)
	}
	if some {
		node.SetText(nil, text)
		if err := exprs.put(node, o); err != nil {
			return nil, err
		}
	}
	return node, nil
}

// readSounding reads a text with SOUNDS LIKE in the parser's words, or as it stands.
func readSounding(text, without string, o Options) (node, rest ast.StmtNode, err error) {
	if mentions(without, "sounds") {
		if other, ok := spellSounds(without, o.Mode); ok {
			node, rest, err = readTypes(text, other, o)
			if err == nil && node != nil && soundsMeant(node) {
				node.SetText(nil, without)
				return node, rest, nil
			}
		}
	}
	return readTypes(text, without, o)
}

// readTypes reads a text with its types of strings in the parser's words, or as it stands.
func readTypes(text, without string, o Options) (node, rest ast.StmtNode, err error) {
	if other, ok := respellTypes(without, o.Mode); ok {
		if node, rest, err = read(text, other, o); err == nil && node != nil {
			if strings.Contains(other, binaryCast) {
				node.Accept(binaryCasts{})
			}
			node.SetText(nil, without)
			return node, rest, nil
		}
	}
	return read(text, without, o)
}

// read gives the first statement and the second, if there is one, with what the parser needs help with.
func read(text, without string, o Options) (node, rest ast.StmtNode, err error) {
	if node, rest, err = parse(without, o); err != nil {
		node, rest, err = parseAliased(without, o, err)
	}
	if err != nil {
		node, rest, err = parseVisibility(text, without, o, err)
	}
	if err != nil {
		node, rest, err = parseOther(without, o, err)
	}
	if err != nil {
		node, rest, err = parseSpelled(without, o, err)
	}
	if err != nil {
		err = checkManyUpdated(without, o.Mode, err)
	}
	return node, rest, err
}

// Unparen is an expression without the parentheses around it.
func Unparen(n ast.ExprNode) ast.ExprNode {
	for {
		p, ok := n.(*ast.ParenthesesExpr)
		if !ok {
			return n
		}
		n = p.Expr
	}
}

// Expr reads an expression as a descriptor keeps it.
func Expr(text string) (ast.ExprNode, error) {
	n, err := Kept("SELECT "+text, Options{})
	return selected(n, text, err)
}

// Kept reads a statement as a descriptor keeps it. Functions that went by two names once, one of them not MySQL's, are called by the other.
func Kept(text string, o Options) (ast.StmtNode, error) {
	n, err := Parse(text, o)
	if err == nil && mentions(text, "nvl", "json_append") {
		n.Accept(formerNames{})
	}
	return n, err
}

var formerly = map[string]string{"nvl": "ifnull", "json_append": "json_array_append"}

// formerNames gives functions their present names.
type formerNames struct{}

func (formerNames) Enter(n ast.Node) (ast.Node, bool) {
	if call, ok := n.(*ast.FuncCallExpr); ok && formerly[call.FnName.L] != "" {
		call.FnName = ast.NewCIStr(formerly[call.FnName.L])
	}
	return n, false
}

func (formerNames) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func expression(text string, o Options) (ast.ExprNode, error) {
	n, err := Parse("SELECT "+text, o)
	return selected(n, text, err)
}

// selected is the expression of text behind SELECT.
func selected(n ast.StmtNode, text string, err error) (ast.ExprNode, error) {
	if err != nil {
		return nil, err
	}
	if sel, ok := n.(*ast.SelectStmt); ok && sel.Fields != nil && len(sel.Fields.Fields) == 1 && sel.Fields.Fields[0].Expr != nil {
		return sel.Fields.Fields[0].Expr, nil
	}
	return nil, mysqlerr.Syntax(text, 1)
}

// takeRows makes INSERT … VALUES ROW(…), … what it is in MySQL, an INSERT of values: with DEFAULT, empty rows and a name of the new row. The parser has it
// as one of a query.
func takeRows(node ast.StmtNode) {
	if e, ok := node.(*ast.ExplainStmt); ok {
		node = e.Stmt
	}
	s, ok := node.(*ast.InsertStmt)
	if !ok {
		return
	}
	rows, ok := s.Select.(*ast.SelectStmt)
	if !ok || rows.Kind != ast.SelectStmtKindValues || rows.With != nil || rows.OrderBy != nil || rows.Limit != nil || rows.LockInfo != nil || rows.SelectIntoOpt != nil {
		return
	}
	for _, r := range rows.Lists {
		s.Lists = append(s.Lists, r.Values)
	}
	s.Select = nil
}

// parse gives the first statement and the second, if there is one.
func parse(text string, o Options) (node, rest ast.StmtNode, err error) {
	p := parsers.Get().(*parser.Parser)
	defer func() {
		// The parser has no known text that makes it panic, and many that nobody has tried. One that stopped midway is not
		// worth a second thought.
		if r := recover(); r != nil {
			err = errPanic
		} else if err == nil {
			parsers.Put(p)
		}
	}()
	p.SetSQLMode(o.Mode)
	nodes, _, err := p.ParseSQL(text, parser.CharsetConnection(o.Charset), parser.CollationConnection(o.Collation))
	if len(nodes) > 0 {
		node = nodes[0]
		takeRows(node)
	}
	if len(nodes) > 1 {
		rest = nodes[1]
	}
	return node, rest, err
}

var errPanic = errors.New("the parser panicked")

// nearPattern takes apart what the parser says of a syntax error: the text from the token that it could not use, or from the space before
// that.
var nearPattern = regexp.MustCompile(`(?s)^line (\d+) column \d+ near "(.*)"`)

// wordError words a parser's error as MySQL does, whose message begins with the token.
func wordError(text string, exprs defaults, err error) error {
	if known := (*mysqlerr.Error)(nil); errors.As(err, &known) {
		return known
	}
	var te *terror.Error
	if errors.As(err, &te) && te.Code() != mysqlerr.Parse && te.Code() != mysqlerr.SyntaxError {
		e := terror.ToSQLError(te)
		if e.Code != mysqlerr.UnknownError {
			return &mysqlerr.Error{Code: e.Code, State: e.State, Message: e.Message}
		}
	}
	m := nearPattern.FindStringSubmatch(err.Error())
	if m == nil {
		return mysqlerr.Syntax(strings.TrimSpace(text), 1)
	}
	line, _ := strconv.Atoi(m[1])
	scan := newScanner(exprs.written(writtenIntroducers(m[2])), 0)
	near := scan.text[scan.space(0):]
	if what := later(text, near); what != "" {
		return mysqlerr.NotSupported(what)
	}
	return mysqlerr.Syntax(near, line)
}

// spatial are MySQL's types that the parser doesn't know, as the type of a column.
var spatial = regexp.MustCompile(`(?i)^(\S+)?\s*\b(geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon|geometrycollection|geomcollection)\b`)

// bareMatch is a search in full text as the parser can't read it, behind MATCH.
var bareMatch = regexp.MustCompile(`(?i)^[^\s(][^()]*\sagainst\b`)

// later tells what MySQL has and the parser has not, where it stumbled over that.
func later(text, near string) string {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), " ")
	switch {
	case (word == "create" || word == "alter") && spatial.MatchString(near):
		return "spatial types"
	case bareMatch.MatchString(near):
		return "full-text search"
	}
	return ""
}
