package shard

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestRetries: a transaction is executed once, whatever it ended with, and its first outcome is told.
func TestRetries(t *testing.T) {
	e, _, l := openTable(t)
	good, bad := l.proposal(insertRow(1, 1, "a")), l.proposal(insertRow(1, 2, "b"))
	for round, want := range []struct{ good, bad Status }{{Committed, Failed}, {Duplicate, Duplicate}, {Duplicate, Duplicate}} {
		if round == 2 {
			l.s = openShard(t, e)
		}
		good.TS, bad.TS = good.TS+100, bad.TS+100 // a retry comes with another timestamp
		rs := l.propose(good, bad)
		if rs[0].Status != want.good || rs[1].Status != want.bad {
			t.Fatalf("round %d: %+v", round, rs)
		}
		if rs[0].Writes[0].Affected != 1 || rs[1].Writes[0].Err.Code != 1062 {
			t.Errorf("round %d: results %+v", round, rs)
		}
		if round > 0 && (rs[0].Recorded != Committed || rs[1].Recorded != Failed || rs[0].TS >= good.TS) {
			t.Errorf("round %d: recorded %+v", round, rs)
		}
	}
	// The same transaction twice in one batch; and one that was refused for its timestamp may come again.
	p := l.proposal(insertRow(2, 2, "c"))
	p.TS += 1000
	old := l.proposal(updateK(2, 9))
	old.TS = 5
	rs := l.propose(p, p, old)
	if rs[0].Status != Committed || rs[1].Status != Duplicate || rs[2].Status != StaleTimestamp {
		t.Errorf("%+v", rs)
	}
	old.TS = p.TS + 1
	if r := l.propose(old)[0]; r.Status != Committed {
		t.Errorf("second try: %+v", r)
	}
}

// TestOutcomesAreForgotten by the log's own clock, in memory and in the engine, alike with and without restarts.
func TestOutcomesAreForgotten(t *testing.T) {
	e, _, l := openTable(t)
	first := l.proposal(insertRow(1, 0, "a"))
	l.propose(first)
	known := func() bool {
		p := first
		p.TS = l.next()
		return l.propose(p)[0].Status == Duplicate
	}
	turns := 0
	for minute := range 12 {
		l.ts += mvcc.Timestamp(time.Minute/time.Millisecond) << mvcc.LogicalBits
		if minute%2 == 0 {
			l.s = openShard(t, e)
		}
		l.write(updateK(1, int64(minute)))
		if minute < 2 && !known() {
			t.Fatalf("forgotten after %d minutes", minute+1)
		}
		if g := l.s.apply.state.outcomes; g.young > g.old && g.old > 0 {
			turns++
		}
	}
	if known() || turns == 0 {
		t.Error("remembered for ever")
	}
	o, err := l.s.loadOutcomes(&l.s.apply.state.outcomes)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.young) != len(l.s.apply.outcomes.young) || len(o.old) != len(l.s.apply.outcomes.old) || len(o.young)+len(o.old) > 8 {
		t.Errorf("%d and %d in the engine, %d and %d in memory", len(o.young), len(o.old),
			len(l.s.apply.outcomes.young), len(l.s.apply.outcomes.old))
	}
	if record, err := l.s.get(outcomeKey(testShard, 2)); record != nil || err != nil {
		t.Errorf("the first outcome is still there: %x %v", record, err)
	}
}

// TestLateAfterForgotten: a proposal that comes after its abort mark was forgotten is refused, although a prepared
// transaction has kept the closed timestamp below it all the time.
func TestLateAfterForgotten(t *testing.T) {
	e, s, l := openTable(t)
	l.write(insertRow(1, 0, "a"))
	l.write(insertRow(2, 0, "b"))
	holder, late := l.prepareCheck(1), l.prepareCheck(2)
	if r := l.propose(holder)[0]; r.Status != Prepared {
		t.Fatalf("%+v", r)
	}
	if r := l.propose(Proposal{Kind: ProposalAbort, Txn: late.Txn, TS: l.next()})[0]; r.Status != Aborted {
		t.Fatalf("%+v", r)
	}
	for range 4 {
		l.ts += mvcc.Timestamp(2*time.Minute/time.Millisecond) << mvcc.LogicalBits
		p := l.proposal(updateK(2, 0)) // changes nothing
		b := &Batch{Closed: p.TS - 1, Proposals: []Proposal{p}}
		cmd, err := EncodeBatch(nil, b, version.Max)
		if err != nil {
			t.Fatal(err)
		}
		l.apply(cmd)
	}
	if st, _, err := s.Outcome(late.Txn); st != 0 || err != nil || s.Closed() >= late.TS {
		t.Fatalf("the mark is not forgotten: %v %v, closed %v", st, err, s.Closed())
	}
	l.s = openShard(t, e)
	if r := l.propose(late)[0]; r.Status != StaleTimestamp {
		t.Errorf("the late proposal: %+v", r)
	}
	late.TS = l.next()
	if r := l.propose(late)[0]; r.Status != Prepared {
		t.Errorf("stamped again: %+v", r)
	}
}

// prepareCheck prepares a transaction over two shards that has locked a row here.
func (l *testLog) prepareCheck(id int64) Proposal {
	l.t.Helper()
	ws := NewWorkspace(0)
	page := &fragment.Page{}
	read := &fragment.Read{Tablet: testTablet, SchemaVersion: 1, Index: 1, Keys: [][]byte{intKey(id)}, Columns: []schema.ColumnID{2}}
	if err := l.s.Read(context.Background(), read, ReadOptions{Workspace: ws, Locker: &locks{}}, page); err != nil {
		l.t.Fatal(err)
	}
	p := l.proposal()
	p.Kind, p.Effects, p.Participants = ProposalPrepare, ws.Effects(), []schema.ShardID{testShard, 77}
	if len(p.Effects) != 1 {
		l.t.Fatalf("%+v", p.Effects)
	}
	return p
}

// TestDecidedPart: nothing is left of a part that is decided and not forgotten, whatever it once held.
func TestDecidedPart(t *testing.T) {
	e, _, l := openTable(t)
	l.write(insertRow(1, 0, "a"))
	p := l.prepareCheck(1)
	l.propose(p)
	if r := l.propose(Proposal{Kind: ProposalResolve, Txn: p.Txn, CommitTS: p.TS})[0]; r.Status != Committed {
		t.Fatalf("%+v", r)
	}
	for range 2 {
		if parts := l.s.Parts(); len(parts) != 1 || parts[0].Pieces != 0 || parts[0].CommitTS != p.TS || len(parts[0].Claims) != 0 {
			t.Errorf("%+v", parts)
		}
		l.s = openShard(t, e)
	}
}

// TestStateRecord: records of earlier versions are read, and written as long as the log has nothing newer.
func TestStateRecord(t *testing.T) {
	want := state{applied: 7, hash: 8, maxTS: 9, closed: 5, outcomes: withoutTops()}
	g := &want.outcomes
	g.young, g.old, g.since, g.count = 3, 2, 4, 1
	record := want.append(nil)
	var got state
	old := append([]byte{1}, record[1:len(record)-1]...) // forgotten 0 takes one byte
	if err := got.decode(old); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	want.forgotten = 6
	if record = want.append(nil); record[0] != 2 {
		t.Errorf("a record of version %d", record[0])
	}
	if err := got.decode(record); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	g.last, g.age, g.bytes, g.youngTop, g.oldTop = 11, 12, 13, 14, 15
	if err := got.decode(want.append(nil)); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
}

func TestLease(t *testing.T) {
	_, s, l := openTable(t)
	for _, step := range []struct {
		name string
		c    LeaseCommand
		ok   bool
	}{
		{"take", LeaseCommand{Prev: 0, Lease: Lease{Epoch: 1, Holder: 1, Duration: time.Second, Serial: 1}}, true},
		{"take again by another", LeaseCommand{Prev: 0, Lease: Lease{Epoch: 1, Holder: 2, Serial: 2}}, false},
		{"renew", LeaseCommand{Prev: 1, Lease: Lease{Epoch: 1, Holder: 1, Duration: 2 * time.Second, Serial: 2}}, true},
		{"take over without having seen the renewal", LeaseCommand{Prev: 1, Lease: Lease{Epoch: 2, Holder: 2, Serial: 2}}, false},
		{"renew another's", LeaseCommand{Prev: 1, Lease: Lease{Epoch: 1, Holder: 2, Serial: 3}}, false},
		{"skip an epoch", LeaseCommand{Prev: 1, Lease: Lease{Epoch: 3, Holder: 2, Serial: 3}}, false},
		{"give up", LeaseCommand{Prev: 1, Lease: Lease{Epoch: 1, Serial: 3}}, true},
		{"take over", LeaseCommand{Prev: 1, Lease: Lease{Epoch: 2, Holder: 2, Duration: time.Second, Serial: 4}}, true},
	} {
		before := s.Lease()
		step.c.Nonce = 77
		r := l.apply(EncodeLease(nil, &step.c))
		want := before
		if step.ok {
			want = step.c.Lease
		}
		if r.OK != step.ok || r.Lease != want || s.Lease() != want || r.Batch != 77 {
			t.Errorf("%s: %+v, lease %+v", step.name, r, s.Lease())
		}
	}
	cmd, err := EncodeBatch(nil, &Batch{Epoch: 1, Proposals: []Proposal{l.proposal(insertRow(1, 1, "a"))}}, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	if r := l.apply(cmd); r.Results[0].Status != StaleEpoch {
		t.Errorf("a batch of an older lease: %+v", r.Results)
	}
}

func TestSystemRecords(t *testing.T) {
	e := openEngine(t, vfs.NewMem())
	s := openShard(t, e)
	l := newLog(t, s)
	var changes []uint64
	s.OnSystemChange(func(version uint64, sets []SystemSet) { changes = append(changes, version, uint64(len(sets))) })
	set := func(expect []SystemExpect, sets ...SystemSet) Result {
		return l.apply(EncodeSystem(nil, &SystemCommand{ID: 5, Expect: expect, Sets: sets}))
	}
	if r := set([]SystemExpect{{"a", 0}}, SystemSet{"a", []byte("1")}, SystemSet{"b", []byte("2")}); !r.OK || r.Batch != 5 {
		t.Fatalf("%+v", r)
	}
	if r := set([]SystemExpect{{"a", 0}}, SystemSet{"a", []byte("x")}); r.OK || r.Err == nil {
		t.Errorf("expectation of absence: %+v", r)
	}
	if r := set([]SystemExpect{{"a", 1}, {"", 1}}, SystemSet{"a", nil}, SystemSet{"c", []byte{}}); !r.OK {
		t.Errorf("%+v", r)
	}
	for range 2 {
		got := ""
		s.SystemScan("", func(key string, value []byte, version uint64) bool {
			got += key + "=" + string(value) + "@" + string(rune('0'+version)) + " "
			return true
		})
		if got != "b=2@1 c=@3 " || s.SystemVersion() != 3 {
			t.Errorf("records %q at %d", got, s.SystemVersion())
		}
		if v, version := s.SystemGet("a"); v != nil || version != 0 {
			t.Errorf("deleted record: %q at %d", v, version)
		}
		s = openShard(t, e)
	}
	if len(changes) != 4 || changes[0] != 1 || changes[1] != 2 || changes[2] != 3 {
		t.Errorf("changes told: %v", changes)
	}
}

// TestSweeper collects by itself until it is stopped.
func TestSweeper(t *testing.T) {
	e, s, l := openTable(t)
	l.write(insertRow(1, 0, "a"))
	for i := range int64(50) {
		move := updateK(i+1, i)
		move.Set = append(move.Set, fragment.Assignment{Column: 1, Expr: expr.NewInt(i + 2)})
		l.write(move)
	}
	l.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: l.ts}))
	s.collector.sweep = false // what was noted must do
	ctx, cancel := context.WithCancel(context.Background())
	rounds := 0
	w := Sweeper{Every: time.Millisecond, Failed: func(err error) { t.Error(err) }, Shards: func() []*Shard {
		if rounds++; rounds > 2 {
			cancel()
		}
		return []*Shard{s}
	}}
	w.Run(ctx)
	if got := dumpShard(t, e, testTable()); strings.Count(got, "\n") != 3 { // the row and its two entries
		t.Errorf("left:\n%s", got)
	}
}

// FuzzRecords decodes damaged records of the shard and positions from the network: an error, never a panic.
func FuzzRecords(f *testing.F) {
	st := state{applied: 5, lease: Lease{Epoch: 2, Holder: 1}, outcomes: generations{young: 4, old: 1}}
	f.Add(st.append(nil))
	st.outcomes.last = 7
	f.Add(st.append(nil))
	f.Add((&position{at: 7, emitted: 3, span: 1, after: []byte("key")}).encode(nil))
	f.Add(appendOutcome(nil, &ProposalResult{Status: Committed, TS: 9}))
	f.Add(intKey(5))
	part := preparedTxn{ts: 9, first: 8, participants: []schema.ShardID{2, 3}, ranges: []Range{{Tablet: testTablet, Index: 1, Start: intKey(1)}}}
	part.add(&piece{changes: keyListOf(intKey(5)), looked: keyListOf(intKey(6)), moved: []move{{intKey(7), intKey(8)}}, effects: []byte{0}})
	f.Add(part.append(nil))
	for _, p := range []Proposal{
		{Kind: ProposalPrepare, Participants: part.participants, Ranges: part.ranges, Piece: 1},
		{Kind: ProposalResolve, CommitTS: 7}, {Kind: ProposalForget, Forget: []fragment.TxnID{{1}, {2}}}, {Kind: ProposalAbort},
	} {
		b, err := EncodeBatch(nil, &Batch{Proposals: []Proposal{p}}, version.Max)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s state
		if err := s.decode(b); err == nil {
			var again state
			if err := again.decode(s.append(nil)); err != nil || again != s {
				t.Errorf("state %+v came back as %+v, %v", s, again, err)
			}
		}
		var p position
		_ = p.decode(b)
		if _, _, err := Decode(b); err == nil && len(b) < 2 {
			t.Error("an empty command")
		}
		_, _ = tabletOf(1, b)
		if x, err := decodePrepared(fragment.TxnID{}, b); err == nil && !slices.Contains(x.pieces, nil) {
			again, err := decodePrepared(fragment.TxnID{}, x.append(nil))
			if err != nil || !bytes.Equal(again.append(nil), x.append(nil)) {
				t.Errorf("part %+v came back as %+v, %v", x, again, err)
			}
		}
	})
}

// TestCollectionUnderPressure: keys that do not fit into memory are found by walks, although more are lost all the
// time.
func TestCollectionUnderPressure(t *testing.T) {
	e, s, l := openTable(t)
	l.write(insertRow(1, 0, "a"))
	c := &s.collector
	for i := range int64(200) {
		l.write(updateK(1, i))
		c.mu.Lock()
		c.noted = nil // as if there were no room
		c.requireSweep(l.ts)
		c.mu.Unlock()
		l.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: l.ts - 3}))
		if _, _, err := s.CollectGarbage(context.Background(), 5); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(dumpShard(t, e, testTable())); n > 2000 {
		t.Errorf("%d bytes of versions are left", n)
	}
}
