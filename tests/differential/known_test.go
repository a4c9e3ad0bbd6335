package differential

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the table of docs/mariadb.md anew")

// TestDifferencesAreListed: docs/mariadb.md has every known difference and no others, and the patterns are such.
func TestDifferencesAreListed(t *testing.T) {
	const path, head = "../../docs/mariadb.md", "| in | what |\n| --- | --- |\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(page), head)
	want := text + head + strings.Join(listed(), "")
	if *rewrite {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a page that all may read
			t.Fatal(err)
		}
	} else if string(page) != want {
		t.Error("docs/mariadb.md has another list: go test ./tests/differential -run Listed -rewrite")
	}
	for _, k := range Differences {
		k.patterns() // which must be such
	}
}

// listed are the lines of the differences, those of one reason together.
func listed() (lines []string) {
	in := map[string][]string{}
	var reasons []string
	for _, k := range Differences {
		if in[k.Reason] == nil {
			reasons = append(reasons, k.Reason)
		}
		in[k.Reason] = unique(append(in[k.Reason], strings.Fields(k.In)...))
	}
	for _, r := range reasons {
		lines = append(lines, "| "+strings.Join(in[r], ", ")+" | "+r+" |\n")
	}
	return lines
}

// A seed makes the same statements always, whatever servers say of them.
func TestGeneratorGoesByItsSeed(t *testing.T) {
	a, b := New(5, 0), New(5, 0)
	a.Begin()
	b.Begin()
	for i := range 500 {
		x, y := a.Next(), b.Next()
		if x.SQL != y.SQL {
			t.Fatalf("%s\n%s", x.SQL, y.SQL)
		}
		if x.Done != nil && i%3 > 0 {
			x.Done()
			y.Done()
		}
	}
}
