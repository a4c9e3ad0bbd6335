package syntax

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
)

// Names of columns behind a derived table, (SELECT …) AS dt (a, b). The parser reads them behind LATERAL only, so that word
// is put before such tables. A table that is LATERAL and does not look beyond itself is an ordinary one.

// parseOther tries what the parser could not read for a reason that is known: err is what it said.
func parseOther(text string, o Options, err error) (node, rest ast.StmtNode, _ error) {
	d := derivedFinder{newScanner(text, o.Mode)}
	other, tables := d.run()
	if tables {
		return nil, nil, mysqlerr.NotSupported("JSON_TABLE")
	}
	if other == text {
		return nil, nil, err
	}
	node, rest, e := parse(other, o)
	if e != nil {
		return nil, nil, err
	}
	if node != nil {
		node.SetText(nil, text)
		if !strings.Contains(strings.ToLower(text), "lateral") {
			node.Accept(ordinary{})
		}
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

// derivedFinder finds derived tables whose columns are named.
type derivedFinder struct{ scanner }

// run gives the text with LATERAL before derived tables whose columns are named. jsonTable tells of a JSON_TABLE.
func (d *derivedFinder) run() (other string, jsonTable bool) {
	var found []int
	var open []int // positions of open parentheses; -1 for those that no derived table begins with
	before := ""
	for i := d.space(0); i < len(d.text); {
		end := d.token(i)
		word := strings.ToLower(d.text[i:end])
		next := d.space(end)
		switch {
		case word == "(":
			at := -1
			if (before == "from" || before == "join" || before == ",") && d.beginsQuery(next) {
				at = i
			}
			open = append(open, at)
		case word == ")" && len(open) > 0:
			at := open[len(open)-1]
			if open = open[:len(open)-1]; at >= 0 && d.namesColumns(next) {
				found = append(found, at)
			}
		case word == "json_table" && next < len(d.text) && d.text[next] == '(' && (before == "from" || before == "join" || before == ","):
			return "", true
		}
		before, i = word, next
	}
	slices.Sort(found)
	for _, at := range found {
		d.replace(at, at, "LATERAL ")
	}
	return d.changed(), false
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

func isName(token string) bool { return token != "" && (token[0] == '`' || IsWord(token[0])) }
