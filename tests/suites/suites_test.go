package suites_test

import (
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudsql/tests/harness"
	"cloudsql/tests/suites"

	_ "github.com/go-sql-driver/mysql"
)

// TestSuites runs SUITE's files on a node of its own and on REFERENCE, and writes what differs to REPORT.
func TestSuites(t *testing.T) {
	dir, reference := harness.Setting("SUITE", ""), harness.Setting("REFERENCE", "")
	if dir == "" || reference == "" {
		t.Skip("SUITE and REFERENCE name the files and the server to compare with")
	}
	paths, err := filepath.Glob(filepath.Join(dir, harness.Setting("FILES", "*")+".test"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	report, err := os.Create(harness.Setting("REPORT", filepath.Join(t.TempDir(), "report")))
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	node := harness.NewNode(t).Start()
	ref, err := sql.Open("mysql", reference)
	if err != nil {
		t.Fatal(err)
	}
	ref.SetMaxIdleConns(0)
	own := node.DB("", "")
	own.SetMaxIdleConns(0)
	var all, agreed int
	reasons := map[string]int{}
	for _, path := range paths {
		results, err := suites.Run(ref, own, filepath.Dir(dir), path)
		good := 0
		for _, r := range results {
			if r.Reason == "" {
				good++
				continue
			}
			reasons[kind(r.Reason)]++
			fmt.Fprintf(report, "%s:%d: %s\n\t%.300s\n", r.File, r.Line, r.Reason, strings.Join(strings.Fields(r.Statement), " "))
		}
		all, agreed = all+len(results), agreed+good
		t.Logf("%-40s %5d of %5d (%v)", filepath.Base(path), good, len(results), err)
		fmt.Fprintf(report, "== %s %d of %d (%v)\n", filepath.Base(path), good, len(results), err)
	}
	keys := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int { return cmp.Compare(reasons[b], reasons[a]) })
	for _, k := range keys[:min(len(keys), 150)] {
		t.Logf("%6d %s", reasons[k], k)
	}
	t.Logf("%d of %d statements agree", agreed, all)
}

var digits = regexp.MustCompile(`'[^']*'|\d{5,}`)

// kind is a reason without what is particular to a statement.
func kind(reason string) string {
	k, _, _ := strings.Cut(reason, " | ")
	if strings.HasPrefix(k, "value") || strings.HasPrefix(k, "heading") || strings.HasPrefix(k, "rows") || strings.HasPrefix(k, "columns") {
		k, _, _ = strings.Cut(k, " ")
	}
	if !strings.Contains(k, "1235") {
		k = digits.ReplaceAllString(k, "…")
	}
	return fmt.Sprintf("%.110s", k)
}
