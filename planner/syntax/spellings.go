package syntax

import (
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"
)

// Other spellings of what the parser reads: NATURAL INNER JOIN; CREATE TABLE t (SELECT …); SET v = ROW, ALL, BINARY, SYSTEM;
// a SOUNDS LIKE b; x MEMBER (y); GROUP BY and HAVING without FROM; KILL with any expression; names that are words of the parser's only.

// lexeme is a token in lower case, and where it stands.
type lexeme struct {
	word     string
	from, to int
	depth    int // parentheses that are open behind it
}

// lexemes are the tokens of the text.
func (s *scanner) lexemes() (list []lexeme) {
	depth := 0
	for i := s.space(0); i < len(s.text); {
		end := s.token(i)
		switch s.text[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		list = append(list, lexeme{strings.ToLower(s.text[i:end]), i, end, depth})
		i = s.space(end)
	}
	return list
}

// parseSpelled tries a text that the parser has refused with err once more in the parser's spelling.
func parseSpelled(text string, o Options, err error) (node, rest ast.StmtNode, _ error) {
	s := newScanner(text, o.Mode)
	list := s.lexemes()
	if len(list) == 0 {
		return nil, nil, err
	}
	other := false
	switch list[0].word {
	case "kill":
		return parseKill(text, list[1:], o, err)
	case "set":
		s.quoteValues(list)
	case "create":
		s.sayAs(list)
		other = s.spellOperators(list)
	default:
		other = s.spellOperators(list)
	}
	if s.copied == 0 {
		return nil, nil, err
	}
	node, rest, err = parseInstead(s.changed(), text, o, err)
	if node != nil && other {
		node.Accept(meant{})
	}
	return node, rest, err
}

// blocks follows a text's query blocks: the innermost one last.
type blocks []struct {
	depth   int // of parentheses
	hasFrom bool
}

// lacksFrom takes the next token, and tells whether it is GROUP or HAVING of a block without FROM.
func (b *blocks) lacksFrom(word string, depth int) bool {
	for n := len(*b); n > 0 && (*b)[n-1].depth > depth; n-- {
		*b = (*b)[:n-1]
	}
	n := len(*b)
	switch here := n > 0 && (*b)[n-1].depth == depth; word {
	case "select":
		if here {
			*b = (*b)[:n-1]
		}
		*b = append(*b, blocks{{depth: depth}}...)
	case "from":
		if here {
			(*b)[n-1].hasFrom = true
		}
	case "group", "having":
		if here && !(*b)[n-1].hasFrom {
			(*b)[n-1].hasFrom = true
			return true
		}
	}
	return false
}

// noTable stands in FROM where there is none. No table can have the name.
const noTable = "no table "

// sounding stands for LIKE in SOUNDS LIKE, which is written as BETWEEN sounding AND: both have a bit_expr on their left, and one on their
// right, which LIKE of the parser's lacks. No column can have the name.
const sounding = "sounds like "

// spellSounds writes SOUNDS LIKE as a BETWEEN.
func spellSounds(text string, mode mysql.SQLMode) (other string, ok bool) {
	s := newScanner(text, mode)
	list := s.lexemes()
	for i, l := range list {
		if i > 0 && l.word == "like" && list[i-1].word == "sounds" {
			s.replace(list[i-1].from, l.to, "BETWEEN `"+sounding+"` AND")
		}
	}
	return s.changed(), s.copied > 0
}

// soundsMeant gives BETWEEN sounding AND the meaning of SOUNDS LIKE; false where it has a predicate on its right, where MySQL's has none.
func soundsMeant(n ast.Node) bool {
	m := sounds{}
	n.Accept(&m)
	return !m.wrong
}

// spellOperators writes NATURAL INNER JOIN without INNER, and a FROM where only the parser wants one: it tells whether the parser's tree says
// something else now.
func (s *scanner) spellOperators(list []lexeme) (other bool) {
	var open blocks
	for i, l := range list {
		switch {
		case open.lacksFrom(l.word, l.depth):
			s.replace(l.from, l.from, "FROM `"+noTable+"` ")
			other = true
		case i > 1 && l.word == "join" && list[i-1].word == "inner" && list[i-2].word == "natural":
			s.replace(list[i-1].from, l.from, "")
		case l.word == "weight_string" && ofNumbers(list[i+1:]):
			s.replace(l.from, l.to, "`"+s.text[l.from:l.to]+"`")
			other = true
		case l.word == "member" && i+1 < len(list) && list[i+1].word == "(":
			s.replace(l.to, l.to, " OF")
		case l.word == "array" && (i+1 == len(list) || list[i+1].word != ")") || i > 0 && strings.Contains(ownWords[l.word], " "+list[i-1].word+" "):
			s.replace(l.from, l.to, "`"+s.text[l.from:l.to]+"`")
		}
	}
	return other
}

// ofNumbers tells of what follows WEIGHT_STRING that it is (e, n, n, n), where the parser knows AS and nothing else.
func ofNumbers(list []lexeme) bool {
	if len(list) == 0 || list[0].word != "(" {
		return false
	}
	numbers := 0
	for i, l := range list[:len(list)-1] {
		switch {
		case l.depth < list[0].depth:
			return numbers == 3
		case l.depth == list[0].depth && l.word == ",":
			if c := list[i+1].word[0]; c < '0' || c > '9' {
				return false
			}
			numbers++
		}
	}
	return numbers == 3
}

// weights is the name of WEIGHT_STRING as ofNumbers has the parser read it.
var weights = regexp.MustCompile("(?i)`(weight_string)`")

// ownWords are names that the parser takes for something of its own, as in CAST(… AS … ARRAY) and ADD VECTOR INDEX, behind these words.
var ownWords = map[string]string{"array": " ( , . by = < > + - * / and or not ", "vector": " add ", "columnar": " add "}

// meant takes the FROM of noTable off.
type meant struct{}

func (meant) Enter(n ast.Node) (ast.Node, bool) {
	if f, ok := n.(*ast.SelectField); ok { // whose text may be a heading
		f.SetText(nil, weights.ReplaceAllString(f.Text(), "$1"))
	}
	if s, ok := n.(*ast.SelectStmt); ok && s.From != nil && s.From.TableRefs != nil {
		if t, ok := s.From.TableRefs.Left.(*ast.TableSource); ok && s.From.TableRefs.Right == nil {
			if name, ok := t.Source.(*ast.TableName); ok && name.Name.O == noTable {
				s.From = nil
			}
		}
	}
	return n, false
}

func (meant) Leave(n ast.Node) (ast.Node, bool) { return n, true }

type sounds struct{ wrong bool }

func (*sounds) Enter(n ast.Node) (ast.Node, bool) { return n, false }

func (m *sounds) Leave(n ast.Node) (ast.Node, bool) {
	x, ok := n.(*ast.BetweenExpr)
	if !ok {
		return n, true
	}
	if c, ok := x.Left.(*ast.ColumnNameExpr); !ok || c.Name.Name.O != sounding {
		return n, true
	}
	m.wrong = m.wrong || x.Not || isPredicate(x.Right)
	sound := func(e ast.ExprNode) ast.ExprNode {
		return &ast.FuncCallExpr{FnName: ast.NewCIStr("soundex"), Args: []ast.ExprNode{e}}
	}
	return &ast.BinaryOperationExpr{Op: opcode.EQ, L: sound(x.Expr), R: sound(x.Right)}, true
}

// isPredicate tells of an operator that is no part of another's operand without parentheses: IN, BETWEEN, LIKE, REGEXP, SOUNDS LIKE.
func isPredicate(e ast.ExprNode) bool {
	switch x := e.(type) {
	case *ast.PatternInExpr, *ast.BetweenExpr, *ast.PatternLikeOrIlikeExpr, *ast.PatternRegexpExpr:
		return true
	case *ast.BinaryOperationExpr:
		return x.Op == opcode.EQ // SOUNDS LIKE, or it would stand in parentheses
	}
	return false
}

// sayAs puts AS before the query of CREATE TABLE t (SELECT …).
func (s *scanner) sayAs(list []lexeme) {
	i := 1
	skip := func(words ...string) bool {
		for j, w := range words {
			if i+j >= len(list) || list[i+j].word != w {
				return false
			}
		}
		i += len(words)
		return true
	}
	skip("temporary")
	if !skip("table") {
		return
	}
	skip("if", "not", "exists")
	if i++; skip(".") {
		i++
	}
	for at := i; skip("("); {
		if i < len(list) && (list[i].word == "select" || list[i].word == "with") {
			s.replace(list[at].from, list[at].from, "AS ")
			return
		}
	}
}

// quoteValues puts the words that SET takes as values into quotes.
func (s *scanner) quoteValues(list []lexeme) {
	for i, l := range list {
		value := l.word == "row" || l.word == "all" || l.word == "binary" || l.word == "system"
		if value && list[i-1].word == "=" && (i+1 == len(list) || list[i+1].word == "," || list[i+1].word == ";") {
			s.replace(l.from, l.to, "'"+l.word+"'")
		}
	}
}

// parseKill reads KILL [CONNECTION | QUERY] expression.
func parseKill(text string, list []lexeme, o Options, err error) (node, rest ast.StmtNode, _ error) {
	kill := &ast.KillStmt{}
	if len(list) > 0 && (list[0].word == "query" || list[0].word == "connection") {
		kill.Query = list[0].word == "query"
		list = list[1:]
	}
	if len(list) == 0 {
		return nil, nil, err
	}
	n, rest, e := parse("SELECT "+text[list[0].from:], o)
	sel, ok := n.(*ast.SelectStmt)
	if e != nil || !ok || sel.From != nil || len(sel.Fields.Fields) != 1 || sel.Fields.Fields[0].Expr == nil || sel.Fields.Fields[0].AsName.O != "" {
		return nil, nil, err
	}
	kill.Expr = sel.Fields.Fields[0].Expr
	kill.SetText(nil, text)
	return kill, rest, nil
}
