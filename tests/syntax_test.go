package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayParse are the files that ask for the tree of a text which is no client's: definitions that descriptors keep as text.
var mayParse = []string{"planner/bind/defaults.go", "planner/logical/view.go"}

// TestPlannerMakesNoSyntax: what the planner needs it makes of nodes. It fabricates no syntax trees, whose names would be looked up
// again, and parses no texts of its own. (planner/syntax and planner/driver are the parser.)
func TestPlannerMakesNoSyntax(t *testing.T) {
	fset := token.NewFileSet()
	err := filepath.WalkDir("../planner", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(path), "../")
		if strings.HasPrefix(rel, "planner/syntax/") || strings.HasPrefix(rel, "planner/driver/") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if pkg, name := selector(n.Type); pkg == "ast" || pkg == "driver" {
					t.Errorf("%s: a syntax node is made: %s.%s", fset.Position(n.Pos()), pkg, name)
				}
			case *ast.CallExpr:
				pkg, name := selector(n.Fun)
				if pkg == "ast" && strings.HasPrefix(name, "New") {
					t.Errorf("%s: a syntax node is made: %s.%s", fset.Position(n.Pos()), pkg, name)
				}
				if pkg == "syntax" && (name == "Parse" || name == "Expr") && !slices.Contains(mayParse, rel) {
					t.Errorf("%s: a text is parsed: %s.%s", fset.Position(n.Pos()), pkg, name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// selector takes pkg.Name apart.
func selector(e ast.Expr) (pkg, name string) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if x, ok := s.X.(*ast.Ident); ok {
		return x.Name, s.Sel.Name
	}
	return "", ""
}
