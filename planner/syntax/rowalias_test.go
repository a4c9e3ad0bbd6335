package syntax

import (
	"slices"
	"testing"
)

func TestRowAlias(t *testing.T) {
	for _, c := range []struct {
		text, without, name string
		columns             []string
	}{
		{"INSERT INTO t VALUES (1, 2) AS new ON DUPLICATE KEY UPDATE a = new.a", "INSERT INTO t VALUES (1, 2)   ON DUPLICATE KEY UPDATE a = new.a", "new", nil},
		{"insert t set a=1, b=2 as n(x,y);", "insert t set a=1, b=2  ;", "n", []string{"x", "y"}},
		{"INSERT INTO t VALUES (CAST(1 AS CHAR), 2) AS `a b`(`x``y`, `z`)", "INSERT INTO t VALUES (CAST(1 AS CHAR), 2)  ", "a b", []string{"x`y", "z"}},
		{"INSERT INTO t SELECT a AS b FROM u AS v ON DUPLICATE KEY UPDATE c = 1", "", "", nil},
		{"INSERT INTO t VALUES (1) AS 'new'", "", "", nil},
		{"INSERT INTO t VALUES (1) AS new (a", "", "", nil},
		{"INSERT INTO t VALUES (1) AS new foo", "", "", nil},
		{"INSERT INTO t VALUES (1) AS", "", "", nil},
	} {
		without, a, ok := takeRowAlias(c.text, 0)
		if ok != (c.name != "") || ok && (without != c.without || a.name != c.name || !slices.Equal(a.columns, c.columns)) {
			t.Errorf("%s: %q, %+v, %t", c.text, without, a, ok)
		}
		if _, err := Parse(c.text, Options{}); ok && err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}
