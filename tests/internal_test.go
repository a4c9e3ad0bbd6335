package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// internalErrors are the places that may give a client error 1105, by file, and how many each has: where a panic is told of,
// or what a mistake of ours alone brings about. Whatever a client, a network or a disk can do has a code of its own.
var internalErrors = map[string]int{
	"protocol/conn.go":         1, // a panic of a connection
	"storage/shard/failure.go": 1, // a panic of a proposal's evaluation
	// a value that the gateway has not converted to its column's type
	"storage/shard/write_insert.go": 1,
	"protocol/result.go":            1, // calls that are out of order
	"planner/algebra/subquery.go":   1, // no plan is there to evaluate in
	"planner/subquery/subquery.go":  1, // the same
	"planner/physical/plan.go":      1, // a kind of node that no case is for
	"planner/scalar/exprs.go":       1, // a column that its operator's input lacks
}

// likeMySQL are MySQL's own errors and warnings of code 1105.
var likeMySQL = map[string]int{
	"storage/conversion/cast.go": 2, // integers of the other sign
	"protocol/stmt.go":           1, // a parameter sent in pieces that is too long
	"sql/ddl/alter.go":           1, // ORDER BY of a table with a clustered index
	"storage/expr/xpath.go":      2, // what is wrong with an XPath
}

// TestInternalErrors: no new uses of error 1105.
func TestInternalErrors(t *testing.T) {
	made, named := map[string]int{}, map[string]int{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(path), "../")
		if strings.HasPrefix(rel, "storage/mysqlerr/") || strings.HasPrefix(rel, "tests/") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		compared := map[ast.Expr]bool{} // asking for the code is no use of it
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					compared[n.X], compared[n.Y] = true, true
				}
			case *ast.BasicLit:
				if n.Value == "1105" {
					named[rel]++
				}
			case *ast.SelectorExpr:
				x, _ := n.X.(*ast.Ident)
				switch {
				case x == nil:
				case x.Name == "mysqlerr" && n.Sel.Name == "Internal":
					made[rel]++
				case x.Name == "mysqlerr" && n.Sel.Name == "UnknownError" && !compared[n]:
					named[rel]++
				case x.Name == "mysql" && (n.Sel.Name == "ErrUnknown" || n.Sel.Name == "ER_UNKNOWN_ERROR") && !compared[n]:
					named[rel]++
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equalCounts(t, "mysqlerr.Internal", made, internalErrors)
	equalCounts(t, "code 1105", named, likeMySQL)
}

func equalCounts(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	for file, n := range got {
		if n > want[file] {
			t.Errorf("%s: %d uses of %s, %d known: give the error MySQL's code", file, n, what, want[file])
		}
	}
	for file, n := range want {
		if got[file] < n {
			t.Errorf("%s has %d uses of %s, not %d: take it off the list", file, got[file], what, n)
		}
	}
}
