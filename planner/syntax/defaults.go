package syntax

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/driver"
	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

// DEFAULT (expression). The parser reads a function or a literal there and nothing else, and forgets the parentheses that
// tell one from the other. So in a definition's text each such expression gives way to a function call that the parser
// reads, with its number; the expressions are read by themselves and put in the calls' places, in parentheses again.

// defaultCall is the function's name, which is no name that a user would choose.
const defaultCall = "default expression #"

// defaults are the expressions that stood behind DEFAULT.
type defaults []string

// takeDefaults gives the text of a definition without expressions behind DEFAULT, and these. ok is false where there are
// none, which is for nearly all texts.
func takeDefaults(text string, mode mysql.SQLMode) (without string, list defaults, ok bool) {
	if !mayDefine(text) {
		return text, nil, false
	}
	d := defaultFinder{scanner: newScanner(text, mode)}
	d.run()
	if len(d.list) == 0 {
		return text, nil, false
	}
	return d.changed(), d.list, true
}

// mayDefine tells whether a text may be a CREATE or ALTER with a DEFAULT in it.
func mayDefine(text string) bool {
	i := 0
	for i < len(text) && text[i] <= ' ' {
		i++
	}
	if i == len(text) {
		return false
	}
	switch text[i] | 0x20 {
	case 'c', 'a', '/' | 0x20, '-' | 0x20, '#' | 0x20: // comments may come first
		return strings.Contains(strings.ToLower(text), "default")
	}
	return false
}

// defaultFinder finds expressions behind DEFAULT.
type defaultFinder struct {
	scanner
	list     defaults
	unclosed bool // a parenthesis was: the parser has the error for it, and nobody looks for another's end
}

// parenthesis gives the position behind the parenthesis that belongs to that at i; 0 for none.
func (s *scanner) parenthesis(i int) int {
	for depth := 0; i < len(s.text); i = s.space(s.token(i)) {
		switch s.text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

func (d *defaultFinder) run() {
	before := "(" // the token before, words in lower case
	first := d.space(0)
	for i := first; i < len(d.text) && !d.unclosed; {
		end := d.token(i)
		word := strings.ToLower(d.text[i:end])
		if before == "(" && i == first && word != "create" && word != "alter" || word == "select" {
			return // no definition of columns, or the end of them
		}
		if word == "default" && endsType(before) {
			if next := d.expression(d.space(end)); next > 0 {
				before, i = ")", d.space(next)
				continue
			}
		}
		before, i = word, d.space(end)
	}
}

// endsType tells whether a column's DEFAULT may follow a token: what DEFAULT(c) is part of ends otherwise.
func endsType(token string) bool {
	switch token {
	case "and", "or", "not", "xor", "in", "is", "like", "between", "when", "then", "else", "case", "by", "where", "check":
		return false
	}
	switch c := token[0]; c {
	case ')', '\'', '"', '`':
		return true
	default:
		return lexer.IsWord(c)
	}
}

// expression takes the expression at i out, if there is one, and gives where it ends; 0 for none.
func (d *defaultFinder) expression(i int) int {
	if i >= len(d.text) {
		return 0
	}
	end := 0
	if d.text[i] == '(' {
		end = d.closing(i)
	} else {
		switch strings.ToLower(d.text[i:d.token(i)]) { // DATE '2020-01-01' and kin
		case "date", "time", "timestamp":
			if q := d.space(d.token(i)); q < len(d.text) && d.text[q] == '\'' {
				end = d.token(q)
			}
		}
	}
	if end == 0 {
		return 0
	}
	d.list = append(d.list, d.text[i:end])
	d.replace(i, end, d.list.call(len(d.list)-1))
	return end
}

// call is what an expression gives way to.
func (l defaults) call(i int) string {
	return "(`" + defaultCall + "`(" + strconv.Itoa(i) + ")" + strings.Repeat("\n", strings.Count(l[i], "\n")) + ")"
}

// written is text with the expressions in it again.
func (l defaults) written(text string) string {
	for i := range l {
		text = strings.Replace(text, l.call(i), l[i], 1)
	}
	return text
}

// closing gives the position behind the parenthesis that belongs to that at i; 0 for none.
func (d *defaultFinder) closing(i int) int {
	end := d.parenthesis(i)
	d.unclosed = end == 0
	return end
}

// put reads the expressions and puts them into the definition.
func (l defaults) put(n ast.StmtNode, o Options) error {
	switch n := n.(type) {
	case *ast.CreateTableStmt:
		return l.intoColumns(n.Cols, o)
	case *ast.AlterTableStmt:
		for _, s := range n.Specs {
			if err := l.intoColumns(s.NewColumns, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l defaults) intoColumns(cols []*ast.ColumnDef, o Options) error {
	for _, c := range cols {
		for _, opt := range c.Options {
			call, ok := opt.Expr.(*ast.FuncCallExpr)
			if !ok || call.FnName.O != defaultCall || len(call.Args) != 1 {
				continue
			}
			v, ok := call.Args[0].(*driver.ValueExpr)
			if !ok || v.Kind() != driver.KindInt64 || v.Int64() < 0 || int(v.Int64()) >= len(l) {
				return mysqlerr.New(mysqlerr.SpDoesNotExist, "FUNCTION", defaultCall)
			}
			var err error
			if opt.Expr, err = expression(l[v.Int64()], o); err != nil {
				return err
			}
		}
	}
	return nil
}
