package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// hostPackages are those through which a program sees its machine; of time and runtime only what is named.
var hostPackages = map[string]map[string]bool{
	"os": nil, "os/user": nil, "os/exec": nil, "net": nil, "math/rand": nil, "math/rand/v2": nil, "crypto/rand": nil,
	"golang.org/x/sys/unix": nil, "hash/maphash": nil, "time/tzdata": nil,
	"time": {
		"Now": true, "Since": true, "Until": true, "Local": true, "LoadLocation": true, "Sleep": true, "After": true, "AfterFunc": true,
		"Tick": true, "NewTimer": true, "NewTicker": true,
	},
	"runtime": {"NumCPU": true, "GOMAXPROCS": true, "GOOS": true, "GOARCH": true, "NumGoroutine": true, "Version": true},
}

// hostUses are the uses below the floor distributed, and why none can reach what a log entry does.
var hostUses = map[string]string{
	"storage/engine/fullfs.go time.Sleep":            "how soon a full disk is tried again",
	"storage/engine/logger.go os.Exit":               "the engine's end",
	"storage/engine/logger.go time.Now":              "how often the engine's complaints are logged",
	"storage/memory/watch.go time.NewTicker":         "memory accounts belong to this process",
	"storage/expr/math.go rand.Uint64":               "RAND() and kin are Volatile: gateways evaluate them",
	"storage/expr/misc.go time.Now":                  "SYSDATE(), UUID(): Volatile",
	"storage/expr/misc.go time.NewTimer":             "SLEEP(): Volatile",
	"storage/memory/relief.go time.NewTimer":         "memory accounts belong to this process",
	"storage/memory/relief.go time.Now":              "as above",
	"storage/mutant/on.go os.Getenv":                 "faults on purpose, in programs built for it",
	"storage/mutant/on.go rand.IntN":                 "as above",
	"storage/mutant/on.go rand.N":                    "as above",
	"storage/mutant/on.go time.Sleep":                "as above",
	"storage/shard/stats.go time.Now":                "the age of figures that are shown",
	"storage/shard/stats.go time.Since":              "as above",
	"storage/spawn/spawn.go time.After":              "pauses between restarts of background work",
	"storage/spawn/spawn.go time.NewTicker":          "rounds of background work, of which the collection of garbage is one; apply does not depend on it (TestApplyIsDeterministic)",
	"storage/statistics/collect.go rand.New":         "which rows a gateway looks at; what it finds is a record, and nothing applies by it",
	"storage/statistics/collect.go rand.NewPCG":      "as above",
	"storage/statistics/sample.go maphash.MakeSeed":  "different values among rows that a gateway has looked at",
	"storage/statistics/sample.go maphash.Bytes":     "as above",
	"storage/types/valuetest/valuetest.go rand.Rand": "values for tests, of the test's own generator",
}

// TestStorageSeesNoHost: what a log entry does may not depend on where it is executed.
func TestStorageSeesNoHost(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("../storage", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() == "faultdisk" {
			return filepath.SkipDir // a false disk below a store, for tests: it is the host
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, use := range hostUsesOf(f) {
			at := strings.TrimPrefix(filepath.ToSlash(path), "../") + " " + use
			if seen[at] = true; hostUses[at] == "" {
				t.Errorf("%s: replicas on other machines would differ (or say in hostUses why not)", at)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for at := range hostUses {
		if !seen[at] {
			t.Errorf("%s is not there any more", at)
		}
	}
}

func hostUsesOf(f *ast.File) (uses []string) {
	names := map[string]map[string]bool{}
	for _, imp := range f.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		only, is := hostPackages[path]
		if !is {
			continue
		}
		name := strings.TrimSuffix(path, "/v2")
		name = name[strings.LastIndexByte(name, '/')+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = only
		if name == "_" || name == "." {
			uses = append(uses, "import of "+path)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, is := n.(*ast.SelectorExpr)
		if !is {
			return true
		}
		if x, is := sel.X.(*ast.Ident); is && x.Obj == nil {
			if only, host := names[x.Name]; host && (only == nil || only[sel.Sel.Name]) {
				uses = append(uses, x.Name+"."+sel.Sel.Name)
			}
		}
		return true
	})
	return uses
}
