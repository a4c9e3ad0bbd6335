// Package sqllogic holds what statements answer, arranged as the chapters of MySQL's manual: a file for each behaviour, a
// dialogue (tests/dialogue). Each runs as text and as prepared statements against one node, and against three, where the
// connections of a file are at different nodes.
//
//	go test ./tests/sqllogic -run TestSQL/text/select/joins             one file; the chapter without the last name
//	go test ./tests/sqllogic -run TestSQL/text -rewrite                 put what the server answers into the files
//	SQLLOGIC_DSN='root@tcp(127.0.0.1:3306)/' go test ./tests/sqllogic   ask another server
//
// The second line of a file says whose answers it has: "MariaDB" where a MariaDB 10.11 gives the same, to the letter;
// "MySQL's manual", "MySQL's source", "MySQL's tests"; or "ours", where they were held against MySQL's manual by reading and nothing else.
package sqllogic

import (
	"bufio"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cloudsql/tests/dialogue"
	"cloudsql/tests/harness"
)

const dir = "testdata"

func TestSQL(t *testing.T) {
	if dsn := os.Getenv("SQLLOGIC_DSN"); dsn != "" {
		t.Run("text", func(t *testing.T) { dialogue.Walk(t, dir, &dialogue.Server{DSNs: []string{dsn}}) })
		return
	}
	one := []string{harness.NewNode(t).Start().DSN("", "")}
	t.Run("text", func(t *testing.T) { dialogue.Walk(t, dir, &dialogue.Server{DSNs: one, Parallel: true}) })
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		return // once is enough
	}
	t.Run("prepared", func(t *testing.T) { dialogue.Walk(t, dir, &dialogue.Server{DSNs: one, Prepared: true, Parallel: true}) })
	t.Run("cluster", func(t *testing.T) {
		var all []string
		for _, n := range harness.Cluster(t, 3) {
			all = append(all, n.DSN("", ""))
		}
		dialogue.Walk(t, dir, &dialogue.Server{DSNs: all, Parallel: true})
	})
}

// TestFilesSayWhatTheyShow: each stands in a chapter, and begins with what it shows and whose answers it has.
func TestFilesSayWhatTheyShow(t *testing.T) {
	chapters := "|administration|applications|data-types|functions|information-schema|language-structure|partitioning|select|statements/conditions|statements/ddl|statements/dml|statements/prepared|transactions|"
	sources := "|ours|MariaDB|MySQL's manual|MySQL's source|MySQL's tests|"
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		chapter, _ := filepath.Rel(dir, filepath.Dir(path))
		if !strings.Contains(chapters, "|"+filepath.ToSlash(chapter)+"|") || filepath.Ext(path) != ".txt" {
			t.Errorf("%s is in none of the chapters %s", path, chapters)
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for i := range 2 {
			lines.Scan()
			text, comment := strings.CutPrefix(lines.Text(), "# ")
			source, says := strings.CutPrefix(text, "Answers: ")
			if i == 0 && (!comment || says) || i == 1 && (!says || !strings.Contains(sources, "|"+source+"|")) {
				t.Errorf("%s: line %d is %q", path, i+1, lines.Text())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFilesAskForTheirOwnTables: files run at once, each in its own database, and others may have tables of the same name.
func TestFilesAskForTheirOwnTables(t *testing.T) {
	named := regexp.MustCompile(`(?is)information_schema\.\w+.*\btable_name\s*(=|in\b|like\b)`)
	own := regexp.MustCompile(`(?i)_schema\s*(=|in\b|like\b)|database\(\)`)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, block := range strings.Split(string(text), "\n\n") {
			query, _, _ := strings.Cut(block, "\n----")
			if named.MatchString(query) && !own.MatchString(query) {
				t.Errorf("%s: tables of any database: %s", path, query)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
