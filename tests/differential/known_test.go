package differential

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDifferencesAreListed: docs/mariadb.md has every known difference, and the patterns are such.
func TestDifferencesAreListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/mariadb.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Differences {
		if !strings.Contains(string(page), k.Reason+" |") {
			t.Errorf("docs/mariadb.md lacks %q", k.Reason)
		}
		if _, err := regexp.Compile(k.Names); err != nil {
			t.Error(err)
		}
	}
}

// A seed makes the same statements always, whatever servers say of them.
func TestGeneratorGoesByItsSeed(t *testing.T) {
	a, b := New(5), New(5)
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
