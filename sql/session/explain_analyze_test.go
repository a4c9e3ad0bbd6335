package session

import (
	"regexp"
	"strings"
	"testing"
)

var timesOfAnalyze = regexp.MustCompile(`time=[0-9.e+-]+\.\.[0-9.e+-]+`)

// analysed is EXPLAIN ANALYZE's tree, with times and estimates left out.
func (c *client) analysed(query string) string {
	c.t.Helper()
	text := c.value("explain analyze " + query)
	if strings.Contains(text, "actual") && !timesOfAnalyze.MatchString(text) {
		c.t.Errorf("no times: %s", text)
	}
	text = timesOfAnalyze.ReplaceAllString(text, "time")
	return "\n" + regexp.MustCompile(`  \(cost=[0-9.e+]+ rows=[0-9.e+]+\)`).ReplaceAllString(text, "")
}

// TestExplainAnalyze: a query runs, and its plan tells what each operator did.
func TestExplainAnalyze(t *testing.T) {
	e := newTestEngine(t)
	c := shopper(t, e)
	fill(c, 1000)
	c.must("create table u (id int primary key, t_id int not null, name varchar(10), key (t_id))")
	c.must("insert into u values (1, 3, 'a'), (2, 6, 'b'), (3, 9, 'a')")
	c.must("analyze table t, u")
	for _, step := range []struct{ query, want string }{
		{"select * from t where id = 6", `
-> Single-row index lookup on t using PRIMARY (id=const) (actual time rows=1 loops=1)
`},
		{"format=tree select t.c from u join t on t.id = u.t_id order by t.c", `
-> Sort: t.c (actual time rows=3 loops=1)
    -> Nested loop inner join (actual time rows=3 loops=1)
        -> Covering index scan on u using t_id (actual time rows=3 loops=1)
        -> Single-row index lookup on t using PRIMARY (id=u.t_id) (actual time rows=3 loops=1)
`},
		{"select * from t where 1 = 0", "\n-> Zero rows (Impossible WHERE) (actual time rows=0 loops=1)\n"},
		{"select id from u union all select id from u", `
-> Union all (actual time rows=6 loops=1)
    -> Covering index scan on u using t_id (actual time rows=3 loops=1)
    -> Covering index scan on u using t_id (actual time rows=3 loops=1)
`},
		{"select id from u limit 1 offset 1", `
-> Limit/Offset: 1/1 row(s) (actual time rows=1 loops=1)
    -> Covering index scan on u using t_id (actual time rows=2 loops=1)
`},
		// What nobody asks for is never executed.
		{"select if(id > 0, 1, (select count(*) from t)) from u", `
-> Covering index scan on u using t_id (actual time rows=3 loops=1)
-> Subquery subquery 1, once (never executed)
    -> Aggregate: count(*) (never executed)
        -> Covering index scan on t using b (never executed)
`},
		{"table u", "\n-> Table scan on u (actual time rows=3 loops=1)\n"},
		{"select * from u where id = 7 for update", "\n-> Single-row index lookup on u using PRIMARY (id=const) (actual time rows=0 loops=1)\n"},
		// Changes of one table are not run by operators, as in MySQL; those of several find their rows, and change none.
		{"delete from u", "\n<not executable by iterator executor>\n"},
		{"insert into u values (4, 4, 'd')", "\n<not executable by iterator executor>\n"},
		{"update u, t set u.name = 'x', t.c = 'y' where t.id = u.t_id", ""},
	} {
		got := c.analysed(step.query)
		if step.want == "" {
			if !strings.Contains(got, "rows=3 loops=1") {
				t.Errorf("%s: %s", step.query, got)
			}
			continue
		}
		if got != step.want {
			t.Errorf("%s:%swant:%s", step.query, got, step.want)
		}
	}
	if got := c.must("select group_concat(name order by id) from u"); !strings.Contains(got, "\na,b,a\n") {
		t.Error(got)
	}
	// Correlated subqueries run for each different outer value.
	if got := c.analysed("select (select max(e) from t where t.id = u.t_id) from u"); !strings.Contains(got, "loops=3)") {
		t.Error(got)
	}
	// The next statement's plan tells nothing of it.
	if got := c.value("explain format=tree select * from u"); strings.Contains(got, "actual") {
		t.Error(got)
	}
}

// TestExplainAnalyzeFails: the query's errors are the statement's, at its beginning, in its middle, and by others' hands.
func TestExplainAnalyzeFails(t *testing.T) {
	e := newTestEngine(t)
	c := shopper(t, e)
	fill(c, 300)
	for text, want := range map[string]string{
		"explain analyze format=json select 1":                                             "ERROR 1235 (42000): This version of cloudsql doesn't yet support 'EXPLAIN ANALYZE with JSON format'",
		"explain analyze format=traditional select 1":                                      "ERROR 1235 (42000): This version of cloudsql doesn't yet support 'EXPLAIN ANALYZE with TRADITIONAL format'",
		"explain analyze format=dot select 1":                                              "ERROR 1791 (HY000)",
		"explain analyze select * from nowhere":                                            "ERROR 1146 (42S02)",
		"explain analyze select (select id from t)":                                        "ERROR 1242 (21000)",
		"explain analyze select c from t where if(id < 250, 1, (select id from t))":        "ERROR 1242 (21000)",
		"explain analyze select /*+ MAX_EXECUTION_TIME(20) */ count(*) from t a, t b, t c": "ERROR 3024 (HY000)",
	} {
		if got := c.query(text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := c.must("explain analyze select /*+ SET_VAR(sql_select_limit = 2) */ * from t"); !strings.Contains(got, "rows=2 loops=1") {
		t.Error(got)
	}
	// Prepared: planned and counted at each execution.
	c.must("prepare s from 'explain analyze select * from t where id <= ?'")
	for n, want := range map[string]string{"2": "rows=1 loops=1", "30": "rows=11 loops=1"} {
		c.must("set @n = " + n)
		if got := c.must("execute s using @n"); !strings.Contains(got, want) {
			t.Error(got)
		}
	}
	// In a transaction it reads what that sees.
	c.must("begin")
	c.must("delete from t where id > 6")
	if got := c.must("explain analyze select * from t"); !strings.Contains(got, "rows=3 loops=1") {
		t.Error(got)
	}
	c.must("rollback")
}
