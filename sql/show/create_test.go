package show

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"cloudsql/sql/show/virtual"
)

// TestCreateTableRoundTrips: what SHOW CREATE TABLE prints makes the same table again.
func TestCreateTableRoundTrips(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	definition := regexp.MustCompile(`(?ms)^define\n(.*?)^----`)
	n := 0
	for _, path := range scripts {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer()
		for _, m := range definition.FindAllSubmatch(script, -1) {
			if err := s.define(string(m[1])); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		for _, d := range s.snapshot.Databases() {
			for _, table := range s.snapshot.Tables(d.Name) {
				roundTrip(t, s, virtual.Object{DB: d.Name, Desc: table})
				n++
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d tables", n)
	}
}

func roundTrip(t *testing.T, s *server, o virtual.Object) {
	t.Helper()
	text, err := createTable(context.Background(), s, &o)
	if err != nil {
		t.Fatal(err)
	}
	again := newServer()
	if err := again.define("CREATE DATABASE d DEFAULT CHARACTER SET ascii; " + text); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	table, ok := again.snapshot.Table("d", o.Desc.Name)
	if !ok {
		t.Fatalf("%s made another table", text)
	}
	second, err := createTable(context.Background(), again, &virtual.Object{DB: "d", Desc: table})
	if err != nil || second != text {
		t.Errorf("%v\n%s\nbecame\n%s", err, text, second)
	}
}
