package session

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/node"
	"cloudsql/sql/planned"
	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// shopper is a client in a database of its own.
func shopper(t *testing.T, e *Engine) *client {
	t.Helper()
	c := connect(t, e, "root", "localhost")
	c.must("create database shop")
	c.must("use shop")
	return c
}

// fill makes table t of n rows: a primary key, b of ten values, c of as many as rows, d of one in five NULL, e of every value twice.
func fill(c *client, n int) {
	c.must("create table t (id int primary key, b int, c varchar(20), d datetime, e int, key (b, e))")
	for at := 0; at < n; at += 500 {
		var rows []string
		for i := at; i < min(at+500, n); i++ {
			d := "null"
			if i%5 > 0 {
				d = fmt.Sprintf("'2026-01-%02d'", 1+i%28)
			}
			rows = append(rows, fmt.Sprintf("(%d, %d, 'v%d', %s, %d)", i*3, i%10, i, d, i/2))
		}
		c.must("insert into t values " + strings.Join(rows, ","))
	}
}

func knownOf(t *testing.T, e *Engine) (*statistics.Table, *schema.Table) {
	t.Helper()
	tb, ok := e.db.Catalog().Table("shop", "t")
	if !ok {
		t.Fatal("no table")
	}
	return e.db.Catalog().Statistics(tb.ID), tb
}

func TestAnalyze(t *testing.T) {
	e := newTestEngine(t)
	c := shopper(t, e)
	fill(c, 1000)
	for _, step := range []struct{ text, want string }{
		{"analyze table t, nope", "Table|Op|Msg_type|Msg_text\nshop.t|analyze|status|OK\nshop.nope|analyze|Error|Table 'shop.nope' doesn't exist\n" +
			"shop.nope|analyze|status|Operation failed\n"},
		{"select index_name, seq_in_index, cardinality from information_schema.statistics where table_name = 't' order by 1, 2",
			"INDEX_NAME|SEQ_IN_INDEX|CARDINALITY\nb|1|10\nb|2|1000\nPRIMARY|1|1000\n"},
		{"select count(*) from information_schema.column_statistics", "count(*)\n0\n"},
		{"analyze table t update histogram on b, id, x, b with 20 buckets",
			"Table|Op|Msg_type|Msg_text\nshop.t|histogram|Error|The column 'id' is covered by a single-part unique index.\n" +
				"shop.t|histogram|Error|The column 'x' does not exist.\nshop.t|histogram|status|Histogram statistics created for column 'b'.\n" +
				"shop.t|histogram|status|Histogram statistics created for column 'b'.\n"},
		{"select column_name, json_extract(histogram, '$.\"histogram-type\"', '$.\"data-type\"', '$.\"number-of-buckets-specified\"', '$.buckets[0]', " +
			"'$.buckets[9][1]', '$.\"sampling-rate\"') h from information_schema.column_statistics where table_name = 't'",
			"COLUMN_NAME|h\nb|[\"singleton\", \"int\", 20, [0, 0.1], 1.0, 1.0]\n"},
		{"analyze table t update histogram on c, d with 4 buckets",
			"Table|Op|Msg_type|Msg_text\nshop.t|histogram|status|Histogram statistics created for column 'c'.\n" +
				"shop.t|histogram|status|Histogram statistics created for column 'd'.\n"},
		{"select column_name, json_length(histogram, '$.buckets') n, json_extract(histogram, '$.\"histogram-type\"', '$.\"data-type\"', '$.\"null-values\"', " +
			"'$.buckets[0][0]') h from information_schema.column_statistics where table_name = 't' and column_name <> 'b' order by 1",
			"COLUMN_NAME|n|h\nc|4|[\"equi-height\", \"string\", 0.0, \"base64:type254:djA=\"]\n" +
				"d|4|[\"equi-height\", \"datetime\", 0.2, \"2026-01-01 00:00:00.000000\"]\n"},
		{"analyze table t drop histogram on b, e",
			"Table|Op|Msg_type|Msg_text\nshop.t|histogram|Error|No histogram statistics found for column 'e'.\n" +
				"shop.t|histogram|status|Histogram statistics removed for column 'b'.\n"},
		{"alter table t rename to u, algorithm = inplace", "ok 0 (Records: 0  Duplicates: 0  Warnings: 0)\n"},
		{"select column_name from information_schema.column_statistics where table_name = 'u' order by 1", "COLUMN_NAME\nc\nd\n"},
		{"rename table u to t", "ok 0\n"},
		{"alter table t modify c int unsigned not null default 0, algorithm = copy", "ERROR"},
		{"select column_name from information_schema.column_statistics order by 1", "COLUMN_NAME\nc\nd\n"},
		{"analyze table t update histogram on b with 0 buckets", "ERROR 1690 (22003): Number of buckets value is out of range in 'ANALYZE TABLE'\n"},
		{"analyze table t with 4 topn", "ERROR 1064"},
	} {
		if got := c.query(step.text); got != step.want && (!strings.HasPrefix(step.want, "ERROR") || !strings.HasPrefix(got, step.want)) {
			t.Errorf("%s:\n%swant:\n%s", step.text, got, step.want)
		}
	}
	known, tb := knownOf(t, e)
	if b := known.Column(tb.Columns[1].ID); known.Rows != 1000 || known.Sampled != 1000 || b.Distinct != 10 || b.Specified != 0 || b.Histogram == nil {
		t.Errorf("%+v", known)
	}
	c.must("drop table t")
	if e.db.Catalog().Statistics(tb.ID) != nil {
		t.Error("what is known of rows outlives the table")
	}
}

// A large table's statistics are those of blocks all over it, whether equal values lie side by side or not.
func TestSampledStatistics(t *testing.T) {
	e := newTestEngine(t)
	c := shopper(t, e)
	fill(c, 6000)
	_, tb := knownOf(t, e)
	found, err := distributed.CollectStatistics(context.Background(), e.db, tb, time.Now(), statistics.Options{Rows: 1000, Seed: 7, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if found.Sampled < 800 || found.Sampled > 1200 || found.Rows != 6000 {
		t.Errorf("%d of %d rows", found.Sampled, found.Rows)
	}
	for pos, want := range []float64{6000, 10, 6000, 28, 3000} {
		got := found.Column(tb.Columns[pos].ID)
		if got.Distinct < want*0.7 || got.Distinct > want*1.3 {
			t.Errorf("column %s: %v different values, not %v", tb.Columns[pos].Name, got.Distinct, want)
		}
	}
	if d := found.Column(tb.Columns[3].ID); d.Nulls < 0.15 || d.Nulls > 0.25 {
		t.Errorf("share of NULLs %v", d.Nulls)
	}
	below, _, ok := found.Column(tb.Columns[0].ID).Histogram.Below(types.Int(9000), collation.Binary)
	if !ok || below < 0.4 || below > 0.6 {
		t.Errorf("half of the keys are below the middle, not %v (%v)", below, ok)
	}
}

func TestStatisticsFollowTheRows(t *testing.T) {
	n, err := node.Open(context.Background(), node.Config{Dir: t.TempDir(), NodeAddr: "127.0.0.1:0", StatisticsEvery: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	e := NewEngine(n, Config{Hostname: "test", Port: 3306, DataDir: "/data"})
	c := shopper(t, e)
	c.must("set global innodb_stats_auto_recalc = off")
	c.must("create table seen (id int primary key)")
	fill(c, 1000)
	c.must("set global innodb_stats_auto_recalc = on")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		known, _ := knownOf(t, e)
		if known != nil && known.Rows == 1000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", known)
		}
	}
	seen, _ := e.db.Catalog().Table("shop", "seen")
	if e.db.Catalog().Statistics(seen.ID) != nil {
		t.Error("a table without rows was looked at")
	}
}

// Plans of a table are made again when more is known of its rows; those of others are not.
func TestStatisticsRenewPlans(t *testing.T) {
	e := newTestEngine(t)
	c := shopper(t, e)
	fill(c, 100)
	c.must("create table u (id int primary key, x int)")
	plan := func(text string) *planned.Plan {
		c.must(text)
		p, ok := e.plans.Get(c.s.textKey)
		if !ok {
			t.Fatalf("%s has no plan in the cache", text)
		}
		return p
	}
	scan, point, other := plan("select c from t where b = 3"), plan("select c from t where id = 3"), plan("select x from u where x = 3")
	c.must("analyze table t")
	if plan("select c from t where b = 4") == scan {
		t.Error("a plan outlives what was known when it was made")
	}
	if plan("select c from t where id = 4") != point || plan("select x from u where x = 4") != other {
		t.Error("plans that do not depend on it are made again")
	}
}

// Before the cluster is at version 2 there are no such records, and ANALYZE TABLE says so.
func TestAnalyzeBeforeItsVersion(t *testing.T) {
	n, err := node.Open(context.Background(), node.Config{Dir: t.TempDir(), NodeAddr: "127.0.0.1:0", MaxVersion: version.V1, StatisticsEvery: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	e := NewEngine(n, Config{Hostname: "test", Port: 3306, DataDir: "/data"})
	c := shopper(t, e)
	fill(c, 1000)
	got := c.must("analyze table t")
	if !strings.Contains(got, "shop.t|analyze|Error|This version of cloudsql doesn't yet support") || !strings.HasSuffix(got, "shop.t|analyze|status|Operation failed\n") {
		t.Error(got)
	}
	if known, _ := knownOf(t, e); known != nil {
		t.Errorf("%+v", known)
	}
}
