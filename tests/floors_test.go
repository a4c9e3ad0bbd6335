// Package tests holds what is tested from outside: the structure of the tree, SQL logic files, and whole clusters.
package tests

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors lists the top-level folders from the roof down: a package imports its own floor and those below it.
var floors = []string{"cmd", "protocol", "sql", "planner", "distributed", "storage"}

// What only some floors, or packages of one, may know (docs/architecture.md, "Floors"): packets, SQL text, raft, the
// engine.
var reserved = map[string][]string{
	"github.com/go-mysql-org/go-mysql/mysql":  {"protocol", "sql/auth"},
	"github.com/go-mysql-org/go-mysql/server": {"protocol"},
	"github.com/lni/dragonboat/v4":            {"distributed"},
	"github.com/cockroachdb/pebble/v2":        {"storage"},
	"github.com/pingcap/tidb/pkg/parser/ast":  {"sql", "planner"},
	"vitess.io/vitess/go/vt":                  {}, // an oracle for tests only
}

// plannerRooms lists the planner's packages from the roof down, in the same manner. What is not in it (bind, exec, spill, …) is a
// library to all of them, and imports none.
var plannerRooms = []string{"planner", "planner/physical", "planner/rewrite", "planner/logical", "planner/block", "planner/windowing", "planner/dml", "planner/dependence", "planner/subquery", "planner/algebra", "planner/access", "planner/scalar"}

// valueRooms lists storage's packages about values in the same manner.
var valueRooms = []string{"storage/conversion", "storage/types", "storage/collation", "storage/temporal", "storage/numeral"}

func TestRoomsKnowThoseBelow(t *testing.T) {
	for _, rooms := range [][]string{plannerRooms, valueRooms} {
		for at := range rooms {
			checkRoom(t, rooms, at, rooms[at])
		}
	}
	for _, library := range []string{"bind", "exec", "spill", "syntax", "canonical", "explain", "driver", "plancache", "jsontable"} {
		checkRoom(t, plannerRooms, len(plannerRooms), "planner/"+library)
	}
}

// checkRoom looks at the imports of a package that is at a place among rooms.
func checkRoom(t *testing.T, rooms []string, at int, dir string) {
	files, err := filepath.Glob("../" + dir + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			if to := slices.Index(rooms, strings.TrimPrefix(p, "cloudsql/")); to >= 0 && to < at {
				t.Errorf("%s imports %s: packages know those below them", path, p)
			}
		}
	}
}

func TestImportsGoDownTheFloors(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		rel := strings.Split(filepath.ToSlash(path), "/")[1:]
		floor := slices.Index(floors, rel[0])
		if floor < 0 || len(rel) < 2 {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			checkImport(t, path, floor, p)
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

func checkImport(t *testing.T, path string, floor int, imp string) {
	if rest, ours := strings.CutPrefix(imp, "cloudsql/"); ours {
		top, _, _ := strings.Cut(rest, "/")
		if to := slices.Index(floors, top); to < floor {
			t.Errorf("%s (floor %s) imports %s: imports go down, never up", path, floors[floor], imp)
		}
		return
	}
	if strings.HasSuffix(path, "_test.go") {
		return
	}
	for lib, allowed := range reserved {
		here := func(place string) bool { return strings.HasPrefix(filepath.ToSlash(path), "../"+place+"/") }
		if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.ContainsFunc(allowed, here) {
			t.Errorf("%s imports %s, which belongs to %v", path, imp, allowed)
		}
	}
}

// Every package says what it is for.
func TestPackagesHaveDocs(t *testing.T) {
	dirs := map[string]bool{}
	docs := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		dirs[dir] = true
		docs[dir] = docs[dir] || f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range dirs {
		if !docs[dir] {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
