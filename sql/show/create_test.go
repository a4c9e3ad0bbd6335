package show

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
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
				roundTrip(t, s, object{d.Name, table, nil})
				n++
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d tables", n)
	}
}

func roundTrip(t *testing.T, s *server, o object) {
	t.Helper()
	text, err := createTable(context.Background(), s, &o)
	if err != nil {
		t.Fatal(err)
	}
	again := newServer()
	if err := again.define("CREATE DATABASE d DEFAULT CHARACTER SET ascii; " + text); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	table, ok := again.snapshot.Table("d", o.desc.Name)
	if !ok {
		t.Fatalf("%s made another table", text)
	}
	second, err := createTable(context.Background(), again, &object{"d", table, nil})
	if err != nil || second != text {
		t.Errorf("%v\n%s\nbecame\n%s", err, text, second)
	}
}
