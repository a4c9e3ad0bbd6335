package shard

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/storage/columnar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

var columnRounds = flag.Uint64("column-rounds", 4, "how many tables TestColumnsAreRows reads")

// columnFile is a file of a columnar copy whose bytes tests may change.
type columnFile struct {
	mu sync.Mutex
	b  []byte
}

func (f *columnFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.b = append(f.b, b...)
	return len(b), nil
}

func (f *columnFile) ReadAt(b []byte, at int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at+int64(len(b)) > int64(len(f.b)) {
		return 0, io.ErrUnexpectedEOF
	}
	return copy(b, f.b[at:]), nil
}

// columnTest is a shard with a table, and a space for its copies with small blocks.
type columnTest struct {
	*testLog
	rng   *rand.Rand
	table *schema.Table
	space *columnar.Space
	files []*columnFile
	begun mvcc.Timestamp // older states are not read
	next  int
	tight bool // the statement that reads may hold little: groups leave before the walk is at its end
}

// tightBytes is what a statement may hold that must let its groups go, but never fails.
const tightBytes = 256 << 10

func (c *columnTest) statement() context.Context {
	if !c.tight {
		return context.Background()
	}
	a := &memory.Account{}
	a.Open(memory.NewProcess(0), memory.Statement, "test", tightBytes)
	return memory.NewContext(context.Background(), a)
}

const columnTable = `CREATE TABLE t (id BIGINT PRIMARY KEY, k INT, m DECIMAL(12,2), big DECIMAL(40,10), s VARCHAR(20), long_s VARCHAR(100), d DATE, dt DATETIME(3),
	ts TIMESTAMP NULL, f DOUBLE, u BIGINT UNSIGNED, b VARBINARY(20), j JSON, tm TIME(2), e ENUM('z','a','10'), st SET('x','b','c'), bt BIT(9), y YEAR, fl FLOAT,
	huge DECIMAL(65,30), t6 TIME(6), d6 DATETIME(6), txt TEXT)`

func newColumnTest(t *testing.T, seed uint64) *columnTest {
	_, s, l := openTable(t)
	c := &columnTest{testLog: l, rng: rand.New(rand.NewPCG(seed, 50)), table: tableOf(t, columnTable, 2)}
	l.s = s
	c.table.ID, c.table.Options = 5, map[string]string{schema.ColumnarReplica: "1"}
	c.table.Tablets = []schema.Tablet{{ID: testTablet, Shard: testShard}}
	if r := l.install(c.table); !r.OK {
		t.Fatal(r.Err)
	}
	c.space = &columnar.Space{BlockRows: 100, CacheBytes: 20_000, Open: func() (columnar.File, error) {
		f := &columnFile{}
		c.files = append(c.files, f)
		return f, nil
	}}
	for c.next < 1500 {
		var rows []string
		for range 100 {
			rows = append(rows, c.values(2*c.next))
			c.next++
		}
		c.run("INSERT INTO t VALUES "+strings.Join(rows, ", "), 0)
	}
	c.begun = c.s.Newest()
	return c
}

// values are those of a row, with NULLs here and there.
func (c *columnTest) values(id int) string {
	n := c.rng.IntN
	list := []string{
		fmt.Sprint(n(2000) - 1000), fmt.Sprintf("'%d.%02d'", n(100)-50, n(100)), fmt.Sprintf("'%d%d.%d'", n(1e9), n(1e9), n(1e9)), fmt.Sprintf("'%c%c'", "aAbc"[n(4)], "ABb"[n(3)]),
		fmt.Sprintf("'text %d of %d'", n(1e6), id), fmt.Sprintf("'2024-%02d-%02d'", 1+n(12), 1+n(28)),
		fmt.Sprintf("'2024-%02d-%02d %02d:00:00.%03d'", 1+n(12), 1+n(28), n(24), n(1000)), fmt.Sprintf("'2024-%02d-%02d %02d:30:00'", 1+n(12), 1+n(28), n(24)),
		fmt.Sprintf("'%d.5e%d'", n(100), n(5)), fmt.Sprint(n(5) * 2_000_000_000_000_000_000), fmt.Sprintf("'\\0%d'", n(50)), fmt.Sprintf("'{\"a\": %d}'", n(9)), fmt.Sprintf("'%02d:00:00.5'", n(40)),
		[]string{"'z'", "'a'", "'10'"}[n(3)], fmt.Sprint(n(8)), fmt.Sprint(n(512)), fmt.Sprint(1970 + n(60)), []string{"'-0'", "'0'", "'1.5'", "'-3.25e10'"}[n(4)],
		fmt.Sprintf("'-%d%d%d.%030d'", n(1e9), n(1e9), n(1e9), n(1e9)), fmt.Sprintf("'-%d:%02d:%02d.%06d'", n(839), n(60), n(59), n(1e6)),
		fmt.Sprintf("'2024-%02d-%02d 00:00:00.%06d'", 1+n(12), 1+n(28), n(1e6)), fmt.Sprintf("'%s'", strings.Repeat("long ", n(300))),
	}
	for i := range list {
		if n(12) == 0 {
			list[i] = "NULL"
		}
	}
	return fmt.Sprintf("(%d, %s)", id, strings.Join(list, ", "))
}

func (c *columnTest) run(sql string, id int64) {
	c.t.Helper()
	var keys [][]byte
	if !strings.HasPrefix(sql, "INSERT") && !strings.HasPrefix(sql, "REPLACE") {
		keys = [][]byte{intKey(id)}
	}
	if r := c.write(writeOf(c.t, c.table, sql, keys)); r.Status != Committed {
		c.t.Fatalf("%s: %+v", sql, r)
	}
}

// change changes some rows.
func (c *columnTest) change(n int) {
	c.t.Helper()
	for range n {
		id := int64(c.rng.IntN(2*c.next + 20))
		switch c.rng.IntN(4) {
		case 0:
			c.run("REPLACE INTO t VALUES "+c.values(int(id)), id)
		case 1:
			c.run("DELETE FROM t", id)
		case 2:
			c.run(fmt.Sprintf("UPDATE t SET k = %d, s = 'zz'", c.rng.IntN(100)), id)
		default:
			c.next++
			c.run("REPLACE INTO t VALUES "+c.values(2*c.next), 0)
		}
	}
}

func (c *columnTest) build(pause func()) {
	c.t.Helper()
	err := c.s.BuildColumns(context.Background(), testTablet, c.space, func(context.Context) error {
		pause()
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

var columnConditions = []string{
	"k > 100", "k BETWEEN -50 AND 300", "k = 7 OR k = 8", "m < 10", "m * 2 > k", "s = 'aa'", "s IN ('AB', 'bC', NULL)", "s LIKE 'd%'", "long_s LIKE '%7%'", "d >= '2024-06-01'",
	"d < dt", "dt > '2024-03-04 05:06:07'", "ts > '2024-10-01'", "f > 100", "u > 5000000000000000000", "k IS NULL", "s IS NOT NULL", "id > 700", "id < 300", "id > 100000",
	"m > 1000", "d > '2030-01-01'", "b > '3'", "k / 0 IS NULL", "10 / k > 1", "NOT (k > 5)", "k", "tm > '10:00:00'", "1 = 1", "k + s > 0", "big > 5",
	"s", "txt", "e = 'a'", "e > 1", "st = 'x,b'", "st", "bt > 100", "bt = 7", "y > 2000", "y < 70", "fl = 0", "huge < '-5'", "t6 < '-100:00:00'", "d6 > '2024-06-01'", "txt > 'long'",
	"s = 'AB'", "e", "fl", "t6", "huge * 2 < k",
}

var columnOutputs = []string{
	"id, k, s", "id, ts, dt, d", "s", "*", "k + 1, m * 2, UPPER(s)", "COUNT(*)", "COUNT(k), SUM(k), AVG(m), MIN(d), MAX(dt)", "SUM(m * (1 - m) * (1 + k))", "SUM(f), AVG(f), MIN(s), MAX(ts)",
	"MIN(k), MAX(u), MIN(m), MAX(tm)", "SUM(u), SUM(big), COUNT(long_s)", "MIN(big), COUNT(j), SUM(k + m)",
	"COUNT(*), SUM(m), MIN(k) GROUP BY s", "COUNT(*), AVG(k) GROUP BY s, k", "MAX(m) GROUP BY d", "COUNT(*) GROUP BY ts", "SUM(id) GROUP BY b, s", "COUNT(*) GROUP BY UPPER(s)", "id, m ORDER BY 2 DESC, 1 LIMIT 7",
	"COUNT(*) GROUP BY id", "COUNT(*), SUM(m), MIN(k), MAX(big) GROUP BY y, st, e", "SUM(k), MIN(s) GROUP BY e, y, bt", "COUNT(*) GROUP BY s, st, y", "MIN(e), MAX(e), MIN(st), MAX(y), MIN(bt), SUM(y)",
	"MIN(fl), MAX(t6), MIN(d6), SUM(huge), MAX(huge), SUM(bt)", "COUNT(*), SUM(fl) GROUP BY fl", "MAX(txt), COUNT(*) GROUP BY st", "SUM(e), SUM(st), AVG(t6)",
}

// query is a random read, at the newest state or an older one.
func (c *columnTest) query() (sql string, r *fragment.Read, o ReadOptions) {
	output, tail, _ := strings.Cut(columnOutputs[c.rng.IntN(len(columnOutputs))], " GROUP")
	if tail != "" {
		tail = " GROUP" + tail
	}
	if i := strings.Index(output, " ORDER"); i >= 0 {
		output, tail = output[:i], output[i:]
	}
	var conds []string
	for range c.rng.IntN(4) {
		conds = append(conds, columnConditions[c.rng.IntN(len(columnConditions))])
	}
	where := ""
	if len(conds) > 0 {
		where = " WHERE " + strings.Join(conds, " AND ")
	}
	sql = "SELECT " + output + " FROM t" + where + tail
	r = readOf(c.t, c.table, sql)
	r.Report = true
	if c.rng.IntN(2) == 0 {
		r.Env = &expr.Env{Mode: *types.DefaultMode()}
		r.Env.Mode.Loc = time.FixedZone("east", 5400)
	}
	switch c.rng.IntN(3) {
	case 0:
		from := int64(c.rng.IntN(c.next))
		r.Spans = []fragment.Span{{Start: intKey(from), End: intKey(from + int64(c.next)/2)}, {Start: intKey(from + int64(c.next)), End: nil}}
	case 1:
		r.Spans = []fragment.Span{{End: intKey(int64(2 * c.next / 3))}}
	}
	if r.WithKeys = r.Agg == nil && len(r.Order) == 0 && c.rng.IntN(3) == 0; r.Agg == nil && len(r.Order) == 0 && c.rng.IntN(5) == 0 {
		r.Limit = uint64(c.rng.IntN(900))
	}
	if c.rng.IntN(2) == 0 {
		o.At = c.begun + mvcc.Timestamp(c.rng.IntN(int(c.s.Newest()-c.begun)+1))
	}
	c.tight = r.Agg != nil && c.rng.IntN(2) == 0 && !strings.Contains(output, "(f") // sums of DOUBLEs depend on where pages end
	if c.rng.IntN(2) == 0 {
		o.MaxBytes = 1 + c.rng.IntN(30_000)
	}
	return sql, r, o
}

// answer is all of a read's pages, its groups in whatever order, and its warnings.
func (c *columnTest) answer(r *fragment.Read, o ReadOptions) (text string, columnar uint64) {
	var out strings.Builder
	var warned fragment.Report
	var groups pageGroups
	ctx := c.statement()
	for o.From = nil; ; {
		page := &fragment.Page{}
		if err := c.s.Read(ctx, r, o, page); err != nil {
			return out.String() + err.Error(), columnar
		}
		columnar += page.Columnar
		groups.add(r, page)
		out.WriteString(showPage(page))
		page.Each(warned.Warn)
		if o.From = page.Next; o.From == nil {
			break
		}
	}
	text = out.String()
	if c.tight {
		text = groups.show()
	}
	if r.Agg != nil {
		lines := strings.Split(text, "\n")
		slices.Sort(lines)
		text = strings.Join(lines, "\n")
	}
	return text + fmt.Sprint(warned.Warnings, warned.More), columnar
}

// pageGroups are the groups of pages that may bring the same ones again, merged as the gateway does it.
type pageGroups struct {
	states map[string][]expr.State
	values map[string]string // of the group, as the first page has them
}

func (g *pageGroups) add(r *fragment.Read, p *fragment.Page) {
	if r.Agg == nil {
		return
	}
	if g.states == nil {
		g.states, g.values = map[string][]expr.State{}, map[string]string{}
	}
	by := len(r.Agg.GroupBy)
	for i := range p.Batch.Len() {
		row := p.Batch.Row(i)
		var key, shown []byte
		for k, e := range r.Agg.GroupBy {
			key = types.HashKey(key, row[k], e.Type().Collation)
			shown = fmt.Appendf(shown, "%q ", row[k].Text())
		}
		if g.states[string(key)] == nil {
			g.values[string(key)] = string(shown)
			for _, a := range r.Agg.Aggs {
				g.states[string(key)] = append(g.states[string(key)], a.NewState())
			}
		}
		at := by
		for k, a := range r.Agg.Aggs {
			n := len(a.PartialTypes())
			if err := g.states[string(key)][k].Merge(row[at : at+n]); err != nil {
				panic(err)
			}
			at += n
		}
	}
}

func (g *pageGroups) show() string {
	var out strings.Builder
	for key, states := range g.states {
		out.WriteString(g.values[key])
		for _, s := range states {
			v, err := s.Result(&expr.Env{Mode: *types.DefaultMode()})
			fmt.Fprintf(&out, "%s %v ", v.Text(), err)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// onlyIn are the lines of a text that another one has not.
func onlyIn(text, other string) (list []string) {
	has := strings.Split(other, "\n")
	for _, line := range strings.Split(text, "\n") {
		if at := slices.Index(has, line); at >= 0 {
			has = slices.Delete(has, at, at+1)
		} else if len(list) < 10 {
			list = append(list, line)
		}
	}
	return list
}

// compare reads with the copy and without.
func (c *columnTest) compare() (columnar uint64) {
	c.t.Helper()
	sql, r, o := c.query()
	columnar, why := c.differs(sql, r, o)
	if why != "" {
		c.t.Fatal(why)
	}
	return columnar
}

// differs tells what a read with the copy and one without give differently.
func (c *columnTest) differs(sql string, r *fragment.Read, o ReadOptions) (columnar uint64, why string) {
	got, columnar := c.answer(r, o)
	plain := *r
	plain.RowsOnly = true
	if want, _ := c.answer(&plain, o); got != want {
		why = fmt.Sprintf("%s (%+v, limit %d, spans %x)\ncopy: %s\nrows: %s\n%+v", sql, o, r.Limit, r.Spans, onlyIn(got, want), onlyIn(want, got), c.s.ColumnCopies())
	}
	return columnar, why
}

// TestColumnsAreRows: whatever was changed, and while a copy is made, reads give the same with it and without.
func TestColumnsAreRows(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing happens at once here: TestColumnsBeside is for the race detector")
	}
	for seed := range *columnRounds {
		c := newColumnTest(t, seed)
		used := uint64(0)
		look := func(n int) {
			t.Helper()
			for range n {
				used += c.compare()
			}
		}
		c.build(func() {})
		look(60)
		for range 12 {
			c.change(c.rng.IntN(60))
			look(8)
			switch c.rng.IntN(4) {
			case 0:
				c.build(func() {})
			case 1:
				c.build(func() { c.change(2); look(1) })
			case 2:
				c.collect(func() int { return 1000 })
			}
			look(5)
		}
		f := c.s.ColumnCopies()[0]
		if used == 0 || f.Blocks < 10 || !f.Made {
			t.Errorf("seed %d: %d rows were read in the copy, which comes to %+v", seed, used, f)
		}
	}
}

// TestColumnsDamaged: a copy whose bytes have changed is given up, and the rows are right all the same.
func TestColumnsDamaged(t *testing.T) {
	c := newColumnTest(t, 9)
	for range 5 {
		c.build(func() {})
		f := c.files[len(c.files)-1]
		for range 40 {
			f.b[c.rng.IntN(len(f.b))] ^= 1 << c.rng.IntN(8)
		}
		for range 30 {
			c.compare()
		}
		got := c.s.ColumnCopies()[0]
		if got.Made || got.Why == nil || len(c.s.ColumnsDue()) != 1 {
			t.Fatalf("it is still used: %+v", got)
		}
	}
}

// TestColumnsPrepared: what is prepared when a copy is made, and committed later at a timestamp from before, is a change.
func TestColumnsPrepared(t *testing.T) {
	c := newColumnTest(t, 10)
	before := c.s.ColumnCopies()[0]
	if before.Made || len(c.s.ColumnsDue()) != 1 {
		t.Fatal(before)
	}
	ws := NewWorkspace(0)
	del := &fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: c.table.Version, Keys: [][]byte{intKey(4), intKey(6)}}
	if r, err := c.s.Evaluate(context.Background(), del, ws, &locks{}); err != nil || r.Err != nil {
		t.Fatal(r, err)
	}
	p := c.proposal()
	p.Kind, p.Effects, p.Participants = ProposalPrepare, ws.Effects(), []schema.ShardID{testShard, 77}
	if r := c.propose(p)[0]; r.Status != Prepared {
		t.Fatal(r)
	}
	c.change(20)
	c.build(func() {})
	commit := c.proposal()
	commit.Kind, commit.Txn, commit.CommitTS = ProposalResolve, p.Txn, p.TS+1
	if r := c.propose(commit)[0]; r.Status != Committed {
		t.Fatal(r)
	}
	used := uint64(0)
	for range 60 {
		used += c.compare()
	}
	if used == 0 {
		t.Error("the copy was not read")
	}
}

// TestColumnsIncremental: of a copy that is made anew, blocks that nobody has touched are taken over.
func TestColumnsIncremental(t *testing.T) {
	c := newColumnTest(t, 11)
	c.build(func() {})
	c.run("UPDATE t SET k = 5", 400)
	made := 0
	c.build(func() { made++ })
	if blocks := c.s.ColumnCopies()[0].Blocks; made > 2 || blocks < 14 {
		t.Errorf("%d of %d blocks were made", made, blocks)
	}
	for range 60 {
		c.compare()
	}
	c.table = c.table.Clone()
	c.table.Version++
	delete(c.table.Options, schema.ColumnarReplica)
	c.install(c.table)
	if due := c.s.ColumnsDue(); len(due) != 0 || len(c.s.ColumnCopies()) != 0 {
		t.Error("the copy is still there")
	}
}

// TestColumnsBeside: reads of one state give the same with the copy and without while others write and copies are made anew.
func TestColumnsBeside(t *testing.T) {
	c := newColumnTest(t, 12)
	c.build(func() {})
	reader := *c
	reader.rng = rand.New(rand.NewPCG(12, 51))
	done := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			err := c.s.BuildColumns(context.Background(), testTablet, c.space, func(context.Context) error { return nil })
			if err != nil && !errors.Is(err, errColumnsOvertaken) {
				t.Error(err)
				return
			}
		}
	})
	both.Go(func() {
		defer close(done)
		used := uint64(0)
		for range 80 {
			sql, r, o := reader.query()
			if o.At == 0 {
				o.At = reader.s.Newest()
			}
			n, why := reader.differs(sql, r, o)
			if used += n; why != "" {
				t.Error(why)
				return
			}
		}
		if used == 0 {
			t.Error("no copy was read")
		}
	})
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
			c.change(3)
		}
	}
	both.Wait()
}
