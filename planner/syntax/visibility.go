package syntax

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/driver"
)

// VISIBLE and INVISIBLE of columns, which the parser knows of indexes only. In a definition that it refuses they give way to a CHECK
// of a function that nobody has, and behind SET to a DEFAULT of that.

// visibilityCall is the function's name; its argument is 1 for VISIBLE.
const visibilityCall = "column visibility #"

// Visibility tells whether an expression in a definition stands for a column's visibility.
func Visibility(e ast.ExprNode) (visible, ok bool) {
	call, is := Unparen(e).(*ast.FuncCallExpr)
	if !is || call.FnName.O != visibilityCall || len(call.Args) != 1 {
		return false, false
	}
	v, is := call.Args[0].(*driver.ValueExpr)
	return is && v.Int64() == 1, is
}

// parseVisibility reads a definition that has columns with a visibility, after the parser has refused it; err otherwise.
func parseVisibility(text, without string, o Options, err error) (node, rest ast.StmtNode, _ error) {
	other, found := takeVisibility(without, o)
	if !found {
		return nil, nil, err
	}
	return parseInstead(other, text, o, err)
}

// takeVisibility gives a definition's text with columns' visibility in that form.
func takeVisibility(text string, o Options) (other string, ok bool) {
	i := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	if i == len(text) || text[i]|0x20 != 'c' && text[i]|0x20 != 'a' || !strings.Contains(strings.ToLower(text), "visible") {
		return text, false
	}
	f := visibilityFinder{scanner: newScanner(text, o.Mode)}
	f.run()
	return f.changed(), f.copied > 0
}

// visibilityFinder goes through the parts of a definition: what stands between commas and parentheses.
type visibilityFinder struct {
	scanner
	part  []string   // the first words of the part at hand, in lower case
	outer [][]string // of the parts around it
}

// ofIndexes are words that parts begin with which define no columns.
var ofIndexes = map[string]bool{
	"index": true, "key": true, "unique": true, "primary": true, "constraint": true, "fulltext": true, "spatial": true, "foreign": true,
	"check": true, "create": true,
}

func (f *visibilityFinder) run() {
	before := ""
	for i := f.space(0); i < len(f.text); {
		end := f.token(i)
		word := strings.ToLower(f.text[i:end])
		switch word {
		case "(":
			f.outer, f.part = append(f.outer, f.part), nil
		case ")":
			if n := len(f.outer); n > 0 {
				f.outer, f.part = f.outer[:n-1], f.outer[n-1]
			}
		case ",":
			f.part = nil
		case "visible", "invisible":
			f.found(i, end, before, word)
		}
		if len(f.part) < 3 && word != "(" && word != ")" && word != "," {
			f.part = append(f.part, word)
		}
		before, i = word, f.space(end)
	}
}

func (f *visibilityFinder) found(i, end int, before, word string) {
	number := 0
	if word == "visible" {
		number = 1
	}
	call := "(`" + visibilityCall + "`(" + strconv.Itoa(number) + "))"
	switch {
	case before == "set":
		f.replace(i, end, "DEFAULT "+call)
	case f.ofColumn():
		f.replace(i, end, "CHECK "+call)
	}
}

// ofColumn tells whether the part at hand defines a column.
func (f *visibilityFinder) ofColumn() bool {
	p := f.part
	if len(p) > 0 && p[0] == "alter" && len(f.outer) == 0 { // ALTER TABLE t ADD …: the first part of the statement, or ALTER INDEX
		return len(p) > 1 && p[1] == "table" && !f.addsIndex()
	}
	if len(p) > 0 && p[0] == "add" {
		p = p[1:]
	}
	return len(p) > 0 && !ofIndexes[p[0]]
}

// addsIndex tells whether the first clause of ALTER TABLE, which is one part with the table's name, is about an index.
func (f *visibilityFinder) addsIndex() bool {
	words := strings.Fields(strings.ToLower(f.text))
	for i, w := range words {
		if w == "add" || w == "alter" && i > 0 {
			return i+1 < len(words) && ofIndexes[words[i+1]]
		}
		if strings.Contains(w, ",") {
			break
		}
	}
	return false
}
