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

// mayGo are the places outside of storage/spawn that may start goroutines by themselves, with the reason.
var mayGo = map[string]string{
	"../distributed/replica/replicatest/": "a log for tests of package replica: a panic shall end the test",
}

// A panic in a goroutine ends the process unless it is recovered there, so all of ours begin in package spawn.
func TestGoroutinesRecover(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		path = filepath.ToSlash(path)
		floor := strings.Split(path, "/")[1]
		if !slices.Contains(floors, floor) || strings.HasPrefix(path, "../storage/spawn/") {
			return nil
		}
		for dir := range mayGo {
			if strings.HasPrefix(path, dir) {
				return nil
			}
		}
		files++
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, pos := range bareGoroutines(f) {
			t.Errorf("%s: a goroutine that does not recover: use package storage/spawn", fset.Position(pos))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Fatalf("only %d files were looked at", files)
	}
}

// bareGoroutines finds go statements, and calls of the Go method of sync.WaitGroup or errgroup.Group, which take one function
// (those of package spawn take a name first).
func bareGoroutines(f *ast.File) (found []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, n.Pos())
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(n.Args) == 1 {
				found = append(found, n.Pos())
			}
		}
		return true
	})
	return found
}

func TestBareGoroutinesAreFound(t *testing.T) {
	const src = `package p
func f() {
	go f()
	var wg sync.WaitGroup
	wg.Go(f)
	spawn.Go("a name", func() { go func() {}() })
}`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(bareGoroutines(f)); n != 3 {
		t.Errorf("%d found", n)
	}
}
