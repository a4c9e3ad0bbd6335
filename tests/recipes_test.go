package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRecipesNameWhatIsThere: the files, folders and tests that CONTRIBUTING's recipes send one to exist.
func TestRecipesNameWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile("`((?:cmd|protocol|sql|planner|distributed|storage|tests|docs)/[^` ]+)`").FindAllStringSubmatch(string(text), -1) {
		found++
		if list, err := filepath.Glob("../" + m[1]); err != nil || len(list) == 0 {
			t.Errorf("%s is not there (%v)", m[1], err)
		}
	}
	if found < 30 {
		t.Errorf("only %d paths found", found)
	}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(text), -1) {
		if !hasTest(t, name[1]) {
			t.Errorf("there is no %s", name[1])
		}
	}
}

// hasTest looks for a test function below the repository's root.
func hasTest(t *testing.T, name string) (found bool) {
	err := filepath.WalkDir("..", func(path string, e os.DirEntry, err error) error {
		if err != nil || found || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		found = strings.Contains(string(text), "\nfunc "+name+"(")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
