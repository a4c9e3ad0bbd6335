package session

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"cloudsql/sql/running"
	"cloudsql/storage/types"
)

// logLines keeps what is logged, as JSON.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// slow gives the slow statements since the last call.
func (l *logLines) slow(t *testing.T) (list []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m["msg"] == "slow statement" {
			list = append(list, m)
		}
	}
	l.b.Reset()
	return list
}

// TestSlowLog: what long_query_time, min_examined_row_limit, slow_query_log and log_output let into the log, and no passwords.
func TestSlowLog(t *testing.T) {
	lines := &logLines{}
	e := newTestEngine(t, func(c *Config) { c.Log = slog.New(slog.NewJSONHandler(lines, nil)) })
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, v int); insert into t values (1, 10), (2, 20), (3, 30)")
	c.must("set global slow_query_log = on")
	lines.slow(t)
	c.must("select v from t where id = 1")
	if l := lines.slow(t); len(l) != 0 {
		t.Errorf("nothing takes ten seconds: %v", l)
	}

	c.must("set long_query_time = 0")
	lines.slow(t)
	c.must("select v from t where v > 15 order by v")
	c.query("select nothing from t")
	c.must("create user u identified by 'the-secret'")
	l := lines.slow(t)
	if len(l) != 3 {
		t.Fatalf("%d of 3 statements: %v", len(l), l)
	}
	for key, want := range map[string]any{
		"statement": "select v from t where v > 15 order by v", "rowsSent": 2.0, "rowsExamined": 2.0, "shards": 1.0, "failed": false, "user": "root", "db": "d",
	} {
		if l[0][key] != want {
			t.Errorf("%s is %v, not %v", key, l[0][key], want)
		}
	}
	if l[1]["failed"] != true {
		t.Errorf("a failed statement: %v", l[1])
	}
	if text, _ := json.Marshal(l[2]); strings.Contains(string(text), "the-secret") || !strings.Contains(string(text), "CREATE USER") {
		t.Errorf("a password in the log: %s", text)
	}

	c.must("set min_examined_row_limit = 3")
	lines.slow(t)
	c.must("select v from t where id = 1")
	c.must("select v from t order by v")
	if l := lines.slow(t); len(l) != 1 || l[0]["rowsExamined"] != 3.0 {
		t.Errorf("of three rows and more: %v", l)
	}
	c.must("set min_examined_row_limit = 0")
	before := c.value("select variable_value + 0 from performance_schema.global_status where variable_name = 'Questions'")
	for _, off := range []string{"set global log_output = 'NONE'", "set global slow_query_log = off"} {
		c.must(off)
		lines.slow(t)
		c.must("select v from t where id = 1")
		if l := lines.slow(t); len(l) != 0 {
			t.Errorf("%s: %v", off, l)
		}
		c.must("set global log_output = 'FILE'")
	}
	if out := c.query("set global log_output = 'TABLE'"); !strings.Contains(out, "ERROR 1235") {
		t.Errorf("log_output = TABLE: %s", out)
	}
	if before == "0" || e.Digests.Stats.Slow.Load() < 10 {
		t.Errorf("%s questions, %d slow ones", before, e.Digests.Stats.Slow.Load())
	}
}

// TestDigests: statements are summed up by their digests, however they come: by text, again by the plan of their like, or prepared.
func TestDigests(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, v int); insert into t values (1, 10), (2, 20), (3, 30)")
	for _, text := range []string{
		"select v from t where id = 1", "SELECT v FROM t WHERE id = 2", "select  v from t where id=3",
		"update t set v = v + 1 where id = 1", "update t set v = v + 2 where id = 2",
		"select v from t where v in (11, 22, 30) /* long way */",
	} {
		c.must(text)
	}
	p, err := c.s.Prepare(t.Context(), "select v from t where id = ?")
	if err != nil {
		t.Fatal(err)
	}
	for id := range 2 {
		if err := c.s.Execute(t.Context(), p, []types.Value{types.Int(int64(id + 1))}, &recorder{}); err != nil {
			t.Fatal(err)
		}
	}
	c.query("select missing from t")
	c.must("create user w identified by 'the-secret'")

	const from = " from performance_schema.events_statements_summary_by_digest where "
	ask := func(what, text string) string {
		return strings.TrimSpace(strings.SplitN(c.must("select "+what+from+"digest_text = '"+text+"'"), "\n", 2)[1])
	}
	const figures = "schema_name, count_star, sum_errors, sum_rows_affected, sum_rows_sent, sum_rows_examined, sum_shards, max_shards"
	for text, want := range map[string]string{
		"SELECT `v` FROM `t` WHERE `id` = ?":          "d|5|0|0|5|5|5|1",
		"UPDATE `t` SET `v` = `v` + ? WHERE `id` = ?": "d|2|0|2|0|2|2|1",
		"SELECT `v` FROM `t` WHERE `v` IN (...)":      "d|1|0|0|3|3|1|1",
		"SELECT `missing` FROM `t`":                   "d|1|1|0|0|0|0|0",
		"INSERT INTO `t` VALUES (...) /* , ... */":    "d|1|0|3|0|3|1|1",
	} {
		if got := ask(figures, text); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	sound := "min_timer_wait <= avg_timer_wait and avg_timer_wait <= max_timer_wait and quantile_95 <= quantile_999 and first_seen <= last_seen " +
		"and length(digest) = 64 and query_sample_text like '%where%id%' and query_sample_timer_wait = max_timer_wait"
	if got := ask(sound, "SELECT `v` FROM `t` WHERE `id` = ?"); got != "1" {
		t.Errorf("%s: %s", sound, got)
	}
	if all := c.must("select *" + from + "true"); strings.Contains(all, "the-secret") {
		t.Errorf("a password is shown: %s", all)
	}
	c.must("create user u; grant select on d.* to u")
	if out := connect(t, e, "u", "localhost").query("select *" + from + "true"); !strings.Contains(out, "ERROR ") {
		t.Errorf("without PROCESS: %s", out)
	}
}

// TestMeasuringAllocatesNothing: the record of a statement that is known.
func TestMeasuringAllocatesNothing(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, v int); insert into t values (1, 10)")
	text := "select v from t where id = 1"
	c.must(text)
	c.must(text)
	d := c.s.measured.digest
	if d == nil {
		t.Fatal("a plan of the cache has no digest")
	}
	c.s.proc.Info.Store(&text)
	n := testing.AllocsPerRun(100, func() {
		c.s.measured.begin(c.s.eng.cfg.Now())
		c.s.measured.digest = d
		c.s.measured.end(&running.Query)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestTruncateDigests: TRUNCATE begins the summary anew, for plans that are kept as well, and takes DROP; scans of whole tables and
// temporary files are counted.
func TestTruncateDigests(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, v int, key (v)); insert into t values (1, 10), (2, 20), (3, 30)")
	run := func() {
		for _, text := range []string{
			"select id from t where id = 1", "select id from t where id = 2", "select id from t where v > 15", "select sum(id) from t where id + 0 > 1",
		} {
			c.must(text)
		}
	}
	run()
	const table = "performance_schema.events_statements_summary_by_digest"
	c.must("create user u; grant all on d.* to u")
	if out := connect(t, e, "u", "localhost").query("truncate " + table); !strings.Contains(out, "ERROR 1142") {
		t.Errorf("without DROP: %s", out)
	}
	if out := c.query("truncate performance_schema.global_status"); !strings.Contains(out, "ERROR ") {
		t.Errorf("of another table: %s", out)
	}
	if n := c.value("select count(*) from " + table + " where schema_name = 'd'"); n < "5" {
		t.Errorf("%s statements", n)
	}
	c.must("truncate " + table)
	run()
	for text, want := range map[string]string{
		"SELECT `id` FROM `t` WHERE `id` = ?":             "2|0|0",
		"SELECT `id` FROM `t` WHERE `v` > ?":              "1|0|0",
		"SELECT SUM ( `id` ) FROM `t` WHERE `id` + ? > ?": "1|1|1",
	} {
		out := c.must("select count_star, sum_no_index_used, sum_select_scan from " + table + " where digest_text = '" + text + "'")
		if got := strings.TrimSpace(strings.SplitN(out, "\n", 2)[1]); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	if n := c.value("select count(*) from " + table + " where schema_name = 'd' and digest_text like 'INSERT%'"); n != "0" {
		t.Errorf("what was before is there: %s", n)
	}
}
