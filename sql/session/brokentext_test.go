package session

import (
	"strings"
	"testing"
)

// Bytes that are no characters of the client's set, in a literal of text, are refused by columns of text, whatever their set; columns of bytes take them.
func TestBrokenText(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d")
	for _, set := range []string{"latin1", "latin2", "cp1251", "ascii", "gbk", "ucs2", "utf8mb3", "utf8mb4"} {
		c.must("create table " + set + " (id int primary key, a varchar(20) character set " + set + ", b varbinary(20))")
		c.must("insert into " + set + " values (1, 'x', 'x')")
		for _, refused := range []string{
			"insert into " + set + " (id, a) values (2, 'M\xfcller')", "replace into " + set + " (id, a) values (2, 'M\xfcller')",
			"update " + set + " set a = 'M\xfcller'", "insert into " + set + " (id, a) select 2, 'M\xfcller'",
			"insert into " + set + " (id) values (1) on duplicate key update a = 'M\xfcller'",
		} {
			if out := c.query(refused); !strings.Contains(out, "ERROR 1366") || !strings.Contains(out, `'\xFCller' for column 'a' at row 1`) {
				t.Errorf("%q: %s", refused, out)
			}
		}
		c.must("insert ignore into " + set + " (id, a, b) values (3, 'M\xfcller', 'M\xfcller')")
		want := "M?ller|4DFC6C6C6572"
		if set == "utf8mb4" {
			want = "M|4DFC6C6C6572" // of the same set only what is whole is taken
		}
		if got := c.value("select concat(a, '|', hex(b)) from " + set + " where id = 3"); got != want {
			t.Errorf("%s: %q, want %q", set, got, want)
		}
	}
}
