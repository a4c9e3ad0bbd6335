package shard

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// Helpers of this package's tests: an engine in memory, a table, and a log that is written entry by entry.

const (
	testShard  schema.ShardID  = 2
	testTablet schema.TabletID = 10
)

func openEngine(t testing.TB, fs vfs.FS) *engine.Engine {
	t.Helper()
	e, err := engine.Open(engine.Options{Dir: "data", FS: fs, MemTableBytes: 4 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func openShard(t testing.TB, e *engine.Engine) *Shard {
	t.Helper()
	s, err := Open(e, testShard)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testTable is t(id BIGINT PRIMARY KEY AUTO_INCREMENT, k INT, name VARCHAR(20), UNIQUE u(name), KEY k(k)).
func testTable() *schema.Table {
	str := types.TypeString
	str.ID, str.Length = mysql.TypeVarchar, 20
	num := types.TypeInt
	num.ID, num.Length = mysql.TypeLong, 11
	return &schema.Table{
		ID: 5, Name: "t", Version: 1, NextColumnID: 4, NextIndexID: 4, Collation: collation.Default,
		Columns: []schema.Column{
			{ID: 1, Name: "id", Type: types.TypeInt, NotNull: true, AutoIncrement: true},
			{ID: 2, Name: "k", Type: num},
			{ID: 3, Name: "name", Type: str},
		},
		Indexes: []schema.Index{
			{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}},
			{ID: 2, Name: "u", Unique: true, Columns: []schema.IndexColumn{{Column: 2}}},
			{ID: 3, Name: "k", Columns: []schema.IndexColumn{{Column: 1}}},
		},
		Tablets: []schema.Tablet{{ID: testTablet, Shard: testShard}},
	}
}

// testLog feeds a shard with entries of rising index and timestamp.
type testLog struct {
	t        testing.TB
	s        *Shard
	index    uint64
	ts       mvcc.Timestamp
	txn      uint64
	prepared []fragment.TxnID // transactions that randomProposal has prepared
	commits  map[fragment.TxnID]mvcc.Timestamp
	checks   bool // randomProposal makes fragments with checks, too
}

var baseTime = time.Unix(1_700_000_000, 0)

// openTable opens a shard of its own that has the table of testTable.
func openTable(t testing.TB) (*engine.Engine, *Shard, *testLog) {
	t.Helper()
	e := openEngine(t, vfs.NewMem())
	l := newLog(t, openShard(t, e))
	l.install(testTable())
	return e, l.s, l
}

func newLog(t testing.TB, s *Shard) *testLog {
	return &testLog{t: t, s: s, index: s.AppliedIndex(), ts: mvcc.At(baseTime)}
}

func (l *testLog) next() mvcc.Timestamp {
	l.ts++
	return l.ts
}

func (l *testLog) entry(cmd []byte) Entry {
	l.index++
	return Entry{Index: l.index, Cmd: cmd}
}

func (l *testLog) apply(cmd []byte) Result {
	l.t.Helper()
	results, err := l.s.Apply([]Entry{l.entry(cmd)})
	if err != nil {
		l.t.Fatal(err)
	}
	return results[0]
}

func (l *testLog) install(table *schema.Table) Result {
	l.t.Helper()
	return l.apply(l.encodeTablet(testTablet, table))
}

func (l *testLog) encodeTablet(id schema.TabletID, table *schema.Table) []byte {
	l.t.Helper()
	cmd, err := EncodeTablet(nil, &TabletCommand{Tablet: id, Table: table})
	if err != nil {
		l.t.Fatal(err)
	}
	return cmd
}

func (l *testLog) proposal(writes ...*fragment.Write) Proposal {
	p := Proposal{Kind: ProposalCommit, TS: l.next(), Writes: writes}
	l.txn++
	p.Txn[0], p.Txn[8] = 1, byte(l.txn)
	p.Txn[9], p.Txn[10], p.Txn[11] = byte(l.txn>>8), byte(l.txn>>16), byte(l.txn>>24)
	return p
}

func (l *testLog) encodeBatch(ps ...Proposal) []byte {
	l.t.Helper()
	cmd, err := EncodeBatch(nil, &Batch{ID: l.index, Epoch: l.s.Lease().Epoch, Proposals: ps}, version.Max)
	if err != nil {
		l.t.Fatal(err)
	}
	return cmd
}

func (l *testLog) propose(ps ...Proposal) []ProposalResult {
	l.t.Helper()
	return l.apply(l.encodeBatch(ps...)).Results
}

// collect removes all garbage, so much at a time.
func (l *testLog) collect(limit func() int) {
	l.t.Helper()
	for more := true; more; {
		var err error
		if _, more, err = l.s.CollectGarbage(context.Background(), limit()); err != nil {
			l.t.Fatal(err)
		}
	}
}

// write runs one autocommit statement.
func (l *testLog) write(w *fragment.Write) ProposalResult {
	l.t.Helper()
	return l.propose(l.proposal(w))[0]
}

func rowsOf(width int, vals ...types.Value) types.Batch { return types.Batch{Width: width, Vals: vals} }

func insertRow(id, k int64, name string) *fragment.Write {
	return &fragment.Write{
		Kind: fragment.Insert, Tablet: testTablet, SchemaVersion: 1, Columns: []schema.ColumnID{1, 2, 3},
		Rows: rowsOf(3, types.Int(id), types.Int(k), types.Str(name)), FirstRow: 1,
	}
}

func intKey(id int64) []byte { return keys.AppendValue(nil, types.Int(id), &types.TypeInt, 0, false) }

func updateK(id, k int64) *fragment.Write {
	return &fragment.Write{
		Kind: fragment.Update, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(id)},
		Set: []fragment.Assignment{{Column: 2, Expr: expr.NewInt(k)}}, FirstRow: 1,
	}
}

func readAll(index schema.IndexID) *fragment.Read {
	return &fragment.Read{Tablet: testTablet, SchemaVersion: 1, Index: index, Columns: []schema.ColumnID{1, 2, 3}}
}

func mustRead(t testing.TB, s *Shard, r *fragment.Read, o ReadOptions) *fragment.Page {
	t.Helper()
	page := &fragment.Page{}
	if err := s.Read(context.Background(), r, o, page); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestInsertAndRead(t *testing.T) {
	e := openEngine(t, vfs.NewMem())
	s := openShard(t, e)
	l := newLog(t, s)
	if r := l.install(testTable()); !r.OK {
		t.Fatal(r.Err)
	}
	for i := int64(1); i <= 3; i++ {
		if r := l.write(insertRow(i, 10*i, string(rune('a'+i)))); r.Status != Committed {
			t.Fatalf("insert: %+v", r)
		}
	}
	if r := l.write(insertRow(9, 1, "B")); r.Status != Failed || r.Writes[0].Err.Message != "Duplicate entry 'B' for key 't.u'" {
		t.Fatalf("duplicate: %+v", r)
	}
	p := mustRead(t, s, &fragment.Read{Tablet: testTablet, SchemaVersion: 1, Index: 1, Keys: [][]byte{intKey(3), intKey(7), intKey(1)},
		Columns: []schema.ColumnID{3, 1}}, ReadOptions{})
	if p.Batch.Len() != 2 || p.Batch.Row(0)[0].Text() != "d" || p.Batch.Row(1)[1].Int() != 1 {
		t.Fatalf("point gets: %v", p.Batch)
	}
	if rows, _ := s.TabletStats(testTablet); rows != 3 {
		t.Errorf("%d rows", rows)
	}
	if reads, writes := s.TabletWork(testTablet); reads != 1 || writes != 3 { // what failed has written nothing
		t.Errorf("%d reads and %d writes were counted", reads, writes)
	}
}

func BenchmarkPointGet(b *testing.B) {
	s := benchShard(b, 10000)
	r := &fragment.Read{Tablet: testTablet, SchemaVersion: 1, Index: 1, Keys: [][]byte{intKey(77)}, Columns: []schema.ColumnID{2, 3}}
	page := &fragment.Page{}
	ctx := context.Background()
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		r.Keys[0] = intKey(int64(i%10000) + 1)
		if err := s.Read(ctx, r, ReadOptions{}, page); err != nil || page.Batch.Len() != 1 {
			b.Fatal(err, page.Batch.Len())
		}
	}
}

func BenchmarkScan100(b *testing.B) {
	s := benchShard(b, 10000)
	r := readAll(1)
	r.Spans = []fragment.Span{{Start: intKey(500), End: intKey(600)}}
	page := &fragment.Page{}
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if err := s.Read(context.Background(), r, ReadOptions{}, page); err != nil || page.Batch.Len() != 100 {
			b.Fatal(err, page.Batch.Len())
		}
	}
}

// reportCPU adds the process's CPU time an operation, which is steadier than the wall's on a busy machine.
func reportCPU(b *testing.B) (done func()) {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

func benchShard(b *testing.B, rows int64) *Shard {
	s := openShard(b, openEngine(b, vfs.NewMem()))
	l := newLog(b, s)
	l.install(testTable())
	for i := int64(1); i <= rows; {
		w := insertRow(i, i, "name")
		w.Rows.Vals = nil
		for k := 0; k < 100; k++ {
			w.Rows.Vals = append(w.Rows.Vals, types.Int(i), types.Int(i*7), types.Str("name of "+types.Int(i).Text()))
			i++
		}
		if r := l.write(w); r.Status != Committed {
			b.Fatal(r)
		}
	}
	return s
}

// benchApply measures one-row proposals, perEntry to an entry.
func benchApply(b *testing.B, perEntry int, write func(i int64) *fragment.Write) {
	s := benchShard(b, 10000)
	l := newLog(b, s)
	l.ts, l.txn = s.apply.state.maxTS, 1<<16
	entries := make([]Entry, 0, b.N/perEntry+1)
	for i := 0; i < b.N; {
		var ps []Proposal
		for k := 0; k < perEntry; k++ {
			ps = append(ps, l.proposal(write(int64(i))))
			i++
		}
		entries = append(entries, l.entry(l.encodeBatch(ps...)))
	}
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	for i := range entries {
		if _, err := s.Apply(entries[i : i+1]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyInsert(b *testing.B) {
	benchApply(b, 16, func(i int64) *fragment.Write { return insertRow(1_000_000+i, i, "n"+types.Int(i).Text()) })
}

func BenchmarkApplyInsertAlone(b *testing.B) {
	benchApply(b, 1, func(i int64) *fragment.Write { return insertRow(1_000_000+i, i, "n"+types.Int(i).Text()) })
}

func BenchmarkApplyUpdate(b *testing.B) {
	benchApply(b, 16, func(i int64) *fragment.Write { return updateK(i*7919%10000+1, i) })
}

// BenchmarkTransaction is an interactive transaction: one update, one delete and one insert, and its commit.
func BenchmarkTransaction(b *testing.B) {
	s := benchShard(b, 10000)
	l := newLog(b, s)
	l.ts, l.txn = s.apply.state.maxTS, 1<<16
	lk := &locks{}
	ctx := context.Background()
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		id := int64(i*7919%10000 + 1)
		ws := NewWorkspace(0)
		lk.taken = lk.taken[:0]
		del := &fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(id)}}
		for _, w := range []*fragment.Write{updateK(id, int64(i)), del, insertRow(id, int64(i), "name of "+types.Int(id).Text())} {
			if r, err := s.Evaluate(ctx, w, ws, lk); err != nil || r.Err != nil {
				b.Fatal(r, err)
			}
		}
		p := l.proposal()
		p.Effects = ws.Effects()
		if r := l.propose(p)[0]; r.Status != Committed {
			b.Fatal(r)
		}
	}
}

// BenchmarkIndexLookup100 reads 100 rows by a secondary index that does not cover them.
func BenchmarkIndexLookup100(b *testing.B) {
	s := benchShard(b, 10000)
	r := readAll(3)
	r.Spans = []fragment.Span{{Start: intKey(3500), End: intKey(4200)}}
	page := &fragment.Page{}
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if err := s.Read(context.Background(), r, ReadOptions{}, page); err != nil || page.Batch.Len() != 100 {
			b.Fatal(err, page.Batch.Len())
		}
	}
}
