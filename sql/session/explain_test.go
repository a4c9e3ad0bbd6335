package session

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// TestExplainFormats: MySQL's three shapes of a plan.
func TestExplainFormats(t *testing.T) {
	e := newTestEngine(t)
	c := shopper(t, e)
	fill(c, 1000)
	c.must("create table u (id int primary key, t_id int not null, name varchar(10), key (t_id))")
	c.must("insert into u values (1, 3, 'a'), (2, 6, 'b'), (3, 9, 'a')")
	c.must("analyze table t, u")
	for _, step := range []struct{ text, want string }{
		{"explain format=tree select t.c from u join t on t.id = u.t_id where u.name = 'a' order by t.c", `
-> Sort: t.c  (cost=13.9 rows=2)
    -> Nested loop inner join  (cost=12.7 rows=2)
        -> Filter: (u.name = 'a')  (cost=5.65 rows=2)
            -> Table scan on u  (cost=5.65 rows=3)
        -> Single-row index lookup on t using PRIMARY (id=u.t_id)  (cost=7 rows=1)
`},
		{"explain format=traditional select t.c from u join t on t.id = u.t_id where u.name = 'a' order by t.c", `
1|SIMPLE|u|NULL|ALL|NULL|NULL|NULL|NULL|3|66.67|Using where; Using filesort
1|SIMPLE|t|NULL|eq_ref|PRIMARY|PRIMARY|4|u.t_id|1|100|NULL
`},
		{"explain format=traditional select b, count(*) from t where b = 3 and e > 900000 or b = 4 group by b", `
1|SIMPLE|t|NULL|range|b|b|5|NULL|200|100|Using where; Using index; Using temporary
`},
		{"explain format=traditional select * from t where id = 5", "\n1|SIMPLE|t|NULL|const|PRIMARY|PRIMARY|4|const|1|100|NULL\n"},
		{"explain format=traditional select 1", "\n1|SIMPLE|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|No tables used\n"},
		{"explain format=traditional select id from u union select id from t where b = 1", `
1|PRIMARY|u|NULL|index|NULL|t_id|NULL|NULL|3|100|Using index
2|UNION|t|NULL|ref|b|b|5|const|100|100|Using index
3|UNION RESULT|<union1,2>|NULL|ALL|NULL|NULL|NULL|NULL|NULL|NULL|Using temporary
`},
		{"explain format=traditional select id from u union all select id from t where b = 1", `
1|PRIMARY|u|NULL|index|NULL|t_id|NULL|NULL|3|100|Using index
2|UNION|t|NULL|ref|b|b|5|const|100|100|Using index
`},
		{"explain format=traditional select id from u except all select id from t where b = 1", `
1|PRIMARY|u|NULL|index|NULL|t_id|NULL|NULL|3|100|Using index
2|EXCEPT|t|NULL|ref|b|b|5|const|100|100|Using index
3|EXCEPT RESULT|<except1,2>|NULL|ALL|NULL|NULL|NULL|NULL|NULL|NULL|Using temporary
`},
		{"explain format=traditional select id from u intersect select id from t where b = 1", `
1|PRIMARY|u|NULL|index|NULL|t_id|NULL|NULL|3|100|Using index
2|INTERSECT|t|NULL|ref|b|b|5|const|100|100|Using index
3|INTERSECT RESULT|<intersect1,2>|NULL|ALL|NULL|NULL|NULL|NULL|NULL|NULL|Using temporary
`},
	} {
		got := c.query(step.text)
		_, got, _ = strings.Cut(got, "\n")
		if got = "\n" + strings.TrimSuffix(got, "\n\n"); !strings.HasSuffix(got, "\n") {
			got += "\n"
		}
		if got != step.want {
			t.Errorf("%s:%swant:%s", step.text, got, step.want)
		}
	}
	text := c.value("explain format=json select count(*) from u join t on t.id = u.t_id where u.name = 'a'")
	var plan struct {
		Block struct {
			ID       int `json:"select_id"`
			Grouping struct {
				Loop []struct {
					Table struct {
						Name      string   `json:"table_name"`
						Access    string   `json:"access_type"`
						Key       string   `json:"key"`
						Ref       []string `json:"ref"`
						Rows      int      `json:"rows_examined_per_scan"`
						Condition string   `json:"attached_condition"`
					} `json:"table"`
				} `json:"nested_loop"`
			} `json:"grouping_operation"`
		} `json:"query_block"`
	}
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		t.Fatal(err, text)
	}
	loop := plan.Block.Grouping.Loop
	if plan.Block.ID != 1 || len(loop) != 2 || loop[0].Table.Name != "u" || loop[0].Table.Condition != "(u.name = 'a')" || loop[1].Table.Access != "eq_ref" ||
		loop[1].Table.Key != "PRIMARY" || loop[1].Table.Ref[0] != "u.t_id" || loop[0].Table.Rows != 3 {
		t.Errorf("%s", text)
	}
	if got := c.query("explain format=dot select 1"); !strings.HasPrefix(got, "ERROR 1791 (HY000): Unknown EXPLAIN format name: 'dot'") {
		t.Error(got)
	}
	for _, format := range []string{"", "format='row' "} { // clients read the columns of MySQL's table where they ask for no format
		if got := c.must("explain " + format + "select * from t where id = 5"); !strings.HasPrefix(got,
			"id|select_type|table|partitions|type|possible_keys|key|key_len|ref|rows|filtered|Extra\n1|SIMPLE|t|") {
			t.Error(got)
		}
	}
	if got := c.must("explain format=brief select * from t where id = 5"); !strings.HasPrefix(got, "operator|est_rows|where|object|info\n") {
		t.Error(got)
	}
	// Whatever is explained, each table is told of, and JSON is JSON.
	for _, q := range []string{
		"select * from t where b in (select t_id from u where name = 'b')", "select (select max(id) from u where u.t_id = t.id) from t",
		"select * from (select b, count(*) n from t group by b) x join u on u.id = x.n", "with recursive r (n) as (select 1 union all select n + 1 from r where n < 5) select * from r",
		"update t set e = 1 where b = 3", "delete from u where name = 'a'", "insert into u select id, b, c from t where b = 7", "insert into u values (9, 9, 'x')",
		"select row_number() over (order by b) from t", "select * from information_schema.tables", "select distinct b from t limit 3", "select * from t, u",
		"select * from t where 1 = 0", "select * from t left join u on u.id = t.b and u.name > t.c",
	} {
		if text := c.value("explain format=json " + q); !json.Valid([]byte(text)) {
			t.Errorf("%s: %s", q, text)
		}
		c.must("explain format=traditional " + q)
		if tree := c.value("explain format=tree " + q); !strings.HasPrefix(tree, "-> ") || !strings.Contains(tree, "rows=") {
			t.Errorf("%s: %s", q, tree)
		}
	}
}

// TestExplainForConnection: the plan of what another session runs.
func TestExplainForConnection(t *testing.T) {
	e := newTestEngine(t)
	a, b, c := shopper(t, e), connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	fill(a, 10)
	b.must("use shop")
	a.must("do get_lock('gate', 0)")
	done := b.ask("select id, get_lock('gate', 60) from t limit 1")
	waiters(t, e, "gate", 1)
	id := strconv.FormatUint(b.s.ConnectionID(), 10)
	if got := c.query("explain for connection " + id); !strings.Contains(got, "|SIMPLE|t|") {
		t.Errorf("a query's plan is %s", got)
	}
	if got := c.query("explain format=tree for connection " + id); !strings.Contains(got, "-> ") {
		t.Errorf("as a tree it is %s", got)
	}
	a.must("do release_lock('gate')")
	<-done
	if got := c.query("explain for connection " + id); !strings.HasPrefix(got, "ok") {
		t.Errorf("of a session that runs nothing it is %s", got)
	}
	own := strconv.FormatUint(c.s.ConnectionID(), 10)
	if got := c.query("explain for connection " + own); !strings.Contains(got, "3012") {
		t.Errorf("of itself it is %s", got)
	}
	if got := c.query("explain for connection 4000000000"); !strings.Contains(got, "1094") {
		t.Errorf("of no session it is %s", got)
	}
}
