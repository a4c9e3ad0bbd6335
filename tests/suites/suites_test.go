package suites_test

import (
	"bufio"
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudsql/tests/harness"
	"cloudsql/tests/suites"

	_ "github.com/go-sql-driver/mysql"
)

// TestSuites runs SUITE's files on a node of its own and on REFERENCE, and writes what differs to REPORT, and all results to REPORT.json.
func TestSuites(t *testing.T) {
	dir, reference := harness.Setting("SUITE", ""), harness.Setting("REFERENCE", "")
	if dir == "" || reference == "" {
		t.Skip("SUITE and REFERENCE name the files and the server to compare with")
	}
	paths, err := filepath.Glob(filepath.Join(dir, harness.Setting("FILES", "*")+".test"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	name := harness.Setting("REPORT", filepath.Join(t.TempDir(), "report"))
	results, err := os.Create(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	node := harness.NewNode(t).Start()
	ref, err := sql.Open("mysql", reference)
	if err != nil {
		t.Fatal(err)
	}
	ref.SetMaxIdleConns(0)
	own := node.DB("", "")
	own.SetMaxIdleConns(0)
	sum, out := newSummary(t, name), json.NewEncoder(results)
	for _, path := range paths {
		list, err := suites.Run(ref, own, filepath.Dir(dir), path)
		for _, r := range list {
			if err := out.Encode(r); err != nil {
				t.Fatal(err)
			}
		}
		sum.file(filepath.Base(path), list, err)
	}
	sum.close()
}

// TestClasses counts again what TestSuites kept in RESULTS (a pattern of files): its classes are refined without another run.
func TestClasses(t *testing.T) {
	paths, err := filepath.Glob(harness.Setting("RESULTS", ""))
	if err != nil || len(paths) == 0 {
		t.Skip("RESULTS names results that are kept")
	}
	sum := newSummary(t, harness.Setting("REPORT", filepath.Join(t.TempDir(), "report")))
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []suites.Result
		for in := json.NewDecoder(bufio.NewReader(f)); in.More(); {
			var r suites.Result
			if err := in.Decode(&r); err != nil {
				t.Fatal(err)
			}
			if len(list) > 0 && list[0].File != r.File {
				sum.file(list[0].File, list, nil)
				list = nil
			}
			list = append(list, r)
		}
		if len(list) > 0 {
			sum.file(list[0].File, list, nil)
		}
		_ = f.Close()
	}
	sum.close()
}

// summary counts results and writes down what differs.
type summary struct {
	t       *testing.T
	report  *os.File
	classes map[suites.Class]int
	roots   map[string]int
}

func newSummary(t *testing.T, name string) *summary {
	report, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return &summary{t, report, map[suites.Class]int{}, map[string]int{}}
}

func (s *summary) file(name string, list []suites.Result, err error) {
	good := 0
	for i, b := range suites.Classify(list) {
		r := list[i]
		s.classes[b.Class]++
		if r.Reason == "" {
			good++
			continue
		}
		s.roots[string(b.Class)+": "+b.Root]++
		fmt.Fprintf(s.report, "%s:%d: %s\n\t%.300s\n\t%s: %s\n", r.File, r.Line, r.Reason, strings.Join(strings.Fields(r.Statement), " "), b.Class, b.Root)
	}
	s.t.Logf("%-40s %5d of %5d (%v)", name, good, len(list), err)
	fmt.Fprintf(s.report, "== %s %d of %d (%v)\n", name, good, len(list), err)
}

func (s *summary) close() {
	_ = s.report.Close()
	keys := slices.SortedFunc(maps.Keys(s.roots), func(a, b string) int { return cmp.Compare(s.roots[b], s.roots[a]) })
	for _, k := range keys[:min(len(keys), 150)] {
		s.t.Logf("%6d %s", s.roots[k], k)
	}
	good, ours := s.classes[""], s.classes[suites.Ours]
	share := func(what string, all int) {
		s.t.Logf("%d of %d statements agree (%.1f %%): %s", good, all, 100*float64(good)/float64(max(all, 1)), what)
	}
	share("all", good+ours+s.classes[suites.MariaDB]+s.classes[suites.Later])
	share("without what only MariaDB has", good+ours+s.classes[suites.Later])
	share("and without what later issues bring", good+ours)
}
