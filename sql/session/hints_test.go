package session

import (
	"strings"
	"testing"

	"cloudsql/storage/types"
)

// TestSetVarHint: SET_VAR gives a variable its value for one statement, however that comes, and what can't be is a warning.
func TestSetVarHint(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, v int); insert into t values (1, 10), (2, 20), (3, 30)")
	rows := func(r *recorder) string {
		var lines []string
		for _, row := range r.rows {
			lines = append(lines, strings.Join(row, "|"))
		}
		return strings.Join(lines, " ")
	}
	for _, tc := range []struct{ text, want string }{
		{"select /*+ SET_VAR(sql_select_limit = 1) */ id from t order by id", "1"},
		{"select /*+ SET_VAR(div_precision_increment = 2) */ 1 / 3 q", "0.33"},
		{"select /*+ SET_VAR(time_zone = '+05:00') SET_VAR(sql_mode = '') */ @@time_zone z, @@sql_mode m, timestampdiff(hour, utc_timestamp(), now()) h", "+05:00||5"},
		{"select /*+ SET_VAR(group_concat_max_len = 4) */ group_concat(v order by id) g from t", "10,2"},
		{"select 1 / 3 q", "0.3333"},
	} {
		r := &recorder{}
		if err := c.s.Query(t.Context(), tc.text, r); err != nil {
			t.Fatalf("%s: %v", tc.text, err)
		}
		if got := rows(r); got != tc.want {
			t.Errorf("%s: %q, not %q", tc.text, got, tc.want)
		}
	}
	if c.query("update t set v = 0"); c.value("select sum(v) from t") != "0" {
		t.Error("an update without a hint")
	}
	if out := c.query("update /*+ SET_VAR(sql_safe_updates = 1) */ t set v = 1"); !strings.Contains(out, "ERROR 1175") {
		t.Errorf("a hint of an update: %s", out)
	}
	c.must("update t set v = 2")

	// A prepared statement has its hint at each execution, and a plan of its own for it.
	p, err := c.s.Prepare(t.Context(), "select /*+ SET_VAR(sql_select_limit = 2) */ id from t where id > ? order by id")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := &recorder{}
		if err := c.s.Execute(t.Context(), p, []types.Value{types.Int(0)}, r); err != nil {
			t.Fatal(err)
		}
		if got := rows(r); got != "1 2" {
			t.Errorf("prepared: %q", got)
		}
	}
	if got := c.value("select @@sql_select_limit > 1000"); got != "1" {
		t.Error("a hint is left behind")
	}

	for hint, code := range map[string]string{
		"SET_VAR(nothing = 1)": "3128", "SET_VAR(autocommit = 0)": "3637", "SET_VAR(sql_mode = 'NONE_SUCH')": "1231",
		"SET_VAR(sql_select_limit = 1) SET_VAR(sql_select_limit = 2)": "3126",
	} {
		c.must("select /*+ " + hint + " */ 1")
		if out := c.must("show warnings"); !strings.Contains(out, code) {
			t.Errorf("%s: %s", hint, out)
		}
	}
}
