package mysqlerr

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestOneVocabulary: the numbers of errors have their names here, and nowhere else are they written.
func TestOneVocabulary(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if top == "tests" || filepath.Dir(rel) == filepath.Join("storage", "mysqlerr") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		numbers(file, func(n ast.Node, what string) {
			t.Errorf("%s: %s: give it a name in storage/mysqlerr/codes.go, and use that", fset.Position(n.Pos()), what)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var otherNames = regexp.MustCompile(`^(Err|ER_)[A-Z]`)

// numbers finds where a file takes the number of an error from elsewhere, or writes one.
func numbers(file *ast.File, found func(n ast.Node, what string)) {
	literal := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.INT {
			if n, err := strconv.Atoi(lit.Value); err == nil && (n >= 1000 && n < 2000 || n >= 3000 && n < 5000) {
				found(lit, lit.Value)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "mysql" && otherNames.MatchString(n.Sel.Name) {
				found(n, "mysql."+n.Sel.Name)
			}
		case *ast.CallExpr:
			if isOf(n.Fun, "mysqlerr") || isWarning(n.Fun) {
				for _, a := range n.Args[:min(len(n.Args), 2)] {
					literal(a)
				}
			}
		case *ast.BinaryExpr:
			if asksCode(n.X) || asksCode(n.Y) {
				literal(n.X)
				literal(n.Y)
			}
		case *ast.SwitchStmt:
			if asksCode(n.Tag) {
				for _, s := range n.Body.List {
					for _, e := range s.(*ast.CaseClause).List {
						literal(e)
					}
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) && strings.HasPrefix(strings.ToLower(name.Name), "err") {
					literal(n.Values[i])
				}
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(k.Name, "code") {
				literal(n.Value)
			}
		}
		return true
	})
}

func isOf(e ast.Expr, pkg string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// isWarning tells of the functions that warnings go through: Warn, warnf, note …
func isWarning(e ast.Expr) bool {
	name := ""
	switch e := e.(type) {
	case *ast.SelectorExpr:
		name = e.Sel.Name
	case *ast.Ident:
		name = e.Name
	}
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "warn") || name == "note" || name == "isany"
}

// asksCode tells of mysqlerr.Code(err), e.Code and code.
func asksCode(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		return asksCode(e.Fun)
	case *ast.SelectorExpr:
		return e.Sel.Name == "Code"
	case *ast.Ident:
		return e.Name == "code"
	}
	return false
}
