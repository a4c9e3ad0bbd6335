package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bounds of a room: what is larger is two things.
const (
	maxPackageLines = 4000
	maxTypeMethods  = 40
)

// roomy are the floors whose packages and types are held to the bounds.
var roomy = []string{"sql", "planner", "distributed", "storage", "protocol", "cmd"}

// halls are packages that may be large, and why.
var halls = map[string]string{
	"storage/shard": "one state machine: whatever applies, reads and evaluates shares its batch, its caches and its invariants",
	"storage/expr":  "tables of functions, family by family; nothing in one family knows another",
}

// Packages stay small enough to know, and so do their types.
func TestRooms(t *testing.T) {
	lines, methods := map[string]int{}, map[string]int{}
	for _, floor := range roomy {
		if err := measure("../"+floor, lines, methods); err != nil {
			t.Fatal(err)
		}
	}
	for dir, n := range lines {
		if n > maxPackageLines && halls[dir] == "" {
			t.Errorf("%s has %d lines, of at most %d", dir, n, maxPackageLines)
		}
	}
	for name, n := range methods {
		if n > maxTypeMethods {
			t.Errorf("%s has %d methods, of at most %d", name, n, maxTypeMethods)
		}
	}
}

// measure counts the lines of packages, and the methods of types as "package type", below root.
func measure(root string, lines, methods map[string]int) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		lines[dir] += strings.Count(string(text), "\n")
		f, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv != nil {
				methods[dir+" "+receiver(fn.Recv.List[0].Type)]++
			}
		}
		return nil
	})
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
