package dialect

import (
	"strings"
	"testing"
)

func TestExtract(t *testing.T) {
	cases := []struct{ text, key, kinds, params string }{
		{"SELECT c FROM t WHERE id=17", "SELECT c FROM t WHERE id=?", "i", "17"},
		{"select  1, 'x' from t where a = 'it''s' and b=-1.5", "select 1, 'x' from t where a = ? and b=-?", "sd", "it's|1.5"},
		{`UPDATE t SET a='q\'\n\%' WHERE id IN (1, 2)`, "UPDATE t SET a=? WHERE id IN (?, ?)", "sii", "q'\n\\%|1|2"},
		{"SELECT a FROM t WHERE b>1e3 GROUP BY 1 ORDER BY 2 LIMIT 5", "SELECT a FROM t WHERE b>? GROUP BY 1 ORDER BY 2 LIMIT ?", "fi", "1000|5"},
		{"INSERT INTO t1 VALUES (1,'a',18446744073709551615);", "INSERT INTO t1 VALUES (?,?,?)", "isu", "1|a|18446744073709551615"},
		{"SELECT EXTRACT(YEAR FROM d), 7 FROM t WHERE x=.5", "SELECT EXTRACT(YEAR FROM d), 7 FROM t WHERE x=?", "d", "0.5"},
		{"SELECT a1 FROM `t 1` WHERE `b'1`=\"x\"", "SELECT a1 FROM `t 1` WHERE `b'1`=?", "s", "x"},
		{"DELETE FROM t WHERE s=''", "DELETE FROM t WHERE s=?", "s", ""},
	}
	var x Extractor
	for _, c := range cases {
		if !x.Extract(c.text) {
			t.Errorf("%s: refused", c.text)
			continue
		}
		var params []string
		for _, v := range x.Params {
			params = append(params, v.Text())
		}
		if string(x.Key) != c.key || string(x.Kinds) != c.kinds || strings.Join(params, "|") != c.params {
			t.Errorf("%s:\n got %s %s %q", c.text, x.Key, x.Kinds, params)
		}
	}
}

// What the extractor cannot be sure of has to go through the parser.
func TestExtractRefuses(t *testing.T) {
	for _, text := range []string{
		"SELECT a FROM t WHERE d = {d '2024-02-29'}",
		"", "SET a=1", "SELECT 1; SELECT 2", "SELECT a FROM t WHERE a=1 -- x", "SELECT a FROM t # x", "SELECT /*+ h */ a FROM t",
		"SELECT a FROM t WHERE a=0x41", "SELECT a FROM t WHERE a=x'41'", "SELECT a FROM t WHERE a=_latin1'x'", "SELECT a FROM t WHERE d=DATE '2020-01-01'",
		"SELECT a FROM t WHERE a IN (SELECT 1)", "SELECT 1 FROM t UNION SELECT 2", "SELECT a FROM t WHERE a=@x", "SELECT a FROM t WHERE j->'$.a'=1",
		"SELECT a FROM t WHERE a='x", "SELECT a FROM t WHERE a='x' 'y'", "SELECT a INTO @x FROM t", "SELECT a FROM t WHERE a LIKE 'x' ESCAPE '|'", "BEGIN",
		"SELECT a FROM t WHERE a=?", "INSERT INTO t SELECT 1", "SELECT a FROM t WHERE a=12abc", "WITH x AS (SELECT 1) SELECT * FROM x",
		"INSERT INTO t VALUES ('\xff')", `INSERT INTO t VALUES ('\'` + "\xff')",
		"SELECT a FROM t WHERE b = '" + strings.Repeat("x", MaxText) + "'",
	} {
		var x Extractor
		if x.Extract(text) {
			t.Errorf("%q: accepted as %s", text, x.Key)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("SELECT c FROM t WHERE id=17 and x='a\\'b'")
	f.Add("INSERT INTO t VALUES (1.5e3,\"x\")")
	f.Fuzz(func(t *testing.T, text string) {
		var x Extractor
		if x.Extract(text) && (len(x.Params) != len(x.Kinds) || strings.Count(string(x.Key), "?") < len(x.Params)) {
			t.Fatalf("%q: key %q, %d kinds, %d params", text, x.Key, len(x.Kinds), len(x.Params))
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	var x Extractor
	b.ReportAllocs()
	for b.Loop() {
		x.Extract("SELECT c FROM sbtest1 WHERE id=50123")
	}
}
