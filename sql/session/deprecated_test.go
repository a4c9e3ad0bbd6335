package session

import (
	"strings"
	"testing"
)

// Queries and changes of rows that name character sets which MySQL gives up warn, as often as their text is read.
func TestQueriesWarnOfCharsets(t *testing.T) {
	c := connect(t, newTestEngine(t), "root", "localhost")
	c.query("CREATE DATABASE d")
	c.query("USE d")
	c.query("CREATE TABLE t (a INT PRIMARY KEY, charset VARCHAR(10))")
	for _, q := range []struct{ text, code string }{
		{"SELECT _utf8'a'", "3719"},
		{"SELECT N'a'", "3720"},
		{"SELECT 'a' COLLATE utf8mb3_bin", "3778"},
		{"INSERT INTO t VALUES (1, CONVERT('x' USING utf8mb3))", "1287"},
		{"SELECT CONVERT(charset USING utf8) FROM t WHERE a = 1", "3719"},
		{"SELECT CONVERT(charset USING utf8) FROM t WHERE a = 1", "3719"},
		{"SELECT a FROM t WHERE charset = 'utf8' AND a = 1", ""},
	} {
		c.query(q.text)
		if got := c.query("SHOW WARNINGS"); !strings.Contains(got, q.code) || q.code == "" && strings.Contains(got, "Warning") {
			t.Errorf("%s: %s", q.text, got)
		}
	}
}
