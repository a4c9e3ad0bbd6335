package syntax

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/lexer"
	"cloudsql/storage/mysqlerr"
)

// Texts that the parser can't read, and others in their place that it can: JSON_TABLE (jsontable.go), the clauses of JSON_VALUE
// (jsonvalue.go), several locking clauses (locks.go), and names of columns behind a derived table, (SELECT …) AS dt (a, b). The parser reads them behind LATERAL only, so that word
// is put before such tables. A table that is LATERAL and does not look beyond itself is an ordinary one.

// parseOther tries what the parser could not read for a reason that is known: err is what it said.
func parseOther(text string, o Options, err error) (node, rest ast.StmtNode, _ error) {
	d := derivedFinder{scanner: newScanner(text, o.Mode)}
	other, refused := d.run()
	if refused != nil {
		return nil, nil, refused
	}
	if other == text {
		return nil, nil, err
	}
	node, rest, e := parseInstead(other, text, o, err)
	if e != nil {
		if node, rest, e = parseSpelled(other, o, err); e != nil {
			return nil, nil, err
		}
		node.SetText(nil, text)
	}
	if node != nil && !strings.Contains(strings.ToLower(text), "lateral") {
		node.Accept(ordinary{})
	}
	return node, rest, nil
}

// parseInstead reads another text in the place of one that the parser has refused with err. The tree has the text that was written.
func parseInstead(other, text string, o Options, err error) (node, rest ast.StmtNode, _ error) {
	node, rest, e := parse(other, o)
	if e != nil {
		return nil, nil, err
	}
	if node != nil {
		node.SetText(nil, text)
	}
	return node, rest, nil
}

// ordinary takes LATERAL from derived tables.
type ordinary struct{}

func (ordinary) Enter(n ast.Node) (ast.Node, bool) {
	if t, ok := n.(*ast.TableSource); ok {
		t.Lateral = false
	}
	return n, false
}

func (ordinary) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// derivedFinder finds derived tables whose columns are named, and JSON_TABLEs.
type derivedFinder struct {
	scanner
	edits  []edit
	locked *lockingClause // the last one, with those that follow it
	skip   map[int]int    // what needs no look: from where to where
}

// edit is a piece of text that gives way to another.
type edit struct {
	from, to int
	by       string
}

// run gives the text with LATERAL before derived tables whose columns are named, and derived tables for JSON_TABLEs; an error
// for what is known and refused.
func (d *derivedFinder) run() (other string, refused error) {
	var open []int // positions of open parentheses; -1 for those that no derived table begins with
	before := ""
	for i := d.space(0); i < len(d.text); {
		if to := d.skip[i]; to > 0 {
			before, i = ")", d.space(to)
			continue
		}
		end := d.token(i)
		word := strings.ToLower(d.text[i:end])
		next := d.space(end)
		begins := before == "from" || before == "join" || before == "straight_join" || before == ","
		switch {
		case word == "(":
			at := -1
			if begins && d.beginsQuery(next) {
				at = i
			}
			open = append(open, at)
		case word == ")" && len(open) > 0:
			at := open[len(open)-1]
			if open = open[:len(open)-1]; at >= 0 && d.namesColumns(next) {
				d.edits = append(d.edits, edit{at, at, "LATERAL "})
			}
		case word == "json_table" && next < len(d.text) && d.text[next] == '(' && (begins || before == "("):
			var named bool
			if next, named = d.takeJSONTable(i, d.space(next+1), next); !named {
				return "", mysqlerr.New(mysqlerr.TFMustHaveAlias)
			}
		case word == "json_value" && next < len(d.text) && d.text[next] == '(':
			next = d.takeJSONValue(i, end, d.space(next+1), next)
		case word == "for":
			next = d.takeLocks(i, next)
		case word == "exclude" && d.excludes(next):
			return "", mysqlerr.NotSupported("EXCLUDE")
		}
		before, i = word, next
	}
	sortEdits(d.edits)
	for _, e := range d.edits {
		d.replace(e.from, e.to, e.by)
	}
	return d.changed(), nil
}

// takeJSONTable notes what is put for the JSON_TABLE at i, whose document begins at doc, and gives where to look on. named tells
// that a name may follow it.
func (d *derivedFinder) takeJSONTable(i, doc, otherwise int) (on int, named bool) {
	comma, end := d.jsonTable(doc)
	if end == 0 {
		return otherwise, true
	}
	if at := d.space(end); at >= len(d.text) || !isName(d.text[at:d.token(at)]) {
		return 0, false
	}
	d.edits = append(d.edits, edit{i, doc, beforeDocument(d.text[i:doc])},
		edit{comma, end, insteadOfJSONTable(d.text[comma+1 : end-1])})
	if d.skip == nil {
		d.skip = map[int]int{}
	}
	d.skip[comma] = end
	return doc, true
}

// excludes tells whether what a window's frame excludes stands at i.
func (d *derivedFinder) excludes(i int) bool {
	if i >= len(d.text) {
		return false
	}
	switch strings.ToLower(d.text[i:d.token(i)]) {
	case "current", "group", "ties", "no":
		return true
	}
	return false
}

// beginsQuery tells whether the token at i is the first of a query.
func (d *derivedFinder) beginsQuery(i int) bool {
	if i >= len(d.text) {
		return false
	}
	switch strings.ToLower(d.text[i:d.token(i)]) {
	case "select", "with", "(", "values", "table":
		return true
	}
	return false
}

// namesColumns tells whether [AS] name (name, …) stands at i.
func (d *derivedFinder) namesColumns(i int) bool {
	word := func() string {
		if i >= len(d.text) {
			return ""
		}
		end := d.token(i)
		w := d.text[i:end]
		i = d.space(end)
		return w
	}
	name := word()
	if strings.EqualFold(name, "as") {
		name = word()
	}
	if !isName(name) || word() != "(" {
		return false
	}
	for {
		if !isName(word()) {
			return false
		}
		switch word() {
		case ")":
			return true
		case ",":
		default:
			return false
		}
	}
}

func isName(token string) bool { return token != "" && (token[0] == '`' || lexer.IsWord(token[0])) }
