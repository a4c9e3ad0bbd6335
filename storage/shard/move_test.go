package shard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The tablet that a test moves its table to.
const (
	movedShard  schema.ShardID  = 3
	movedTablet schema.TabletID = 20
)

// mover moves testTablet to movedTablet step by step, as package moves does.
type mover struct {
	t        *testing.T
	from, to *testLog
	attempt  uint64
	page     []byte // of the copy; nil: not begun, or done
	copied   bool
	noted    NotePosition
	newest   mvcc.Timestamp
}

func newMover(t *testing.T, from *testLog) *mover {
	s, err := Open(openEngine(t, vfs.NewMem()), movedShard)
	if err != nil {
		t.Fatal(err)
	}
	to := newLog(t, s)
	to.apply(EncodeLease(nil, &LeaseCommand{Lease: Lease{Epoch: 1, Holder: 1, Serial: 1}}))
	from.apply(EncodeLease(nil, &LeaseCommand{Lease: Lease{Epoch: 1, Holder: 1, Serial: 1}}))
	return &mover{t: t, from: from, to: to, attempt: 1}
}

func (m *mover) step(l *testLog, c MoveCommand) error {
	m.t.Helper()
	c.Attempt, c.Epoch = m.attempt, l.s.Lease().Epoch
	if c.Tablet = testTablet; l == m.to {
		c.Tablet = movedTablet
	}
	cmd, err := EncodeMove(nil, &c)
	if err != nil {
		m.t.Fatal(err)
	}
	return l.apply(cmd).Err
}

func (m *mover) must(l *testLog, c MoveCommand) {
	m.t.Helper()
	if err := m.step(l, c); err != nil {
		m.t.Fatalf("step %d: %v", c.Op, err)
	}
}

// begin is what each attempt begins with.
func (m *mover) begin() {
	m.attempt++
	m.must(m.from, MoveCommand{Op: MoveTrack})
	table := testTable()
	table.Version++
	table.Tablets = []schema.Tablet{{ID: movedTablet, Shard: movedShard}}
	st, _ := m.from.s.MoveState(testTablet)
	m.must(m.to, MoveCommand{Op: MoveReceive, Table: table, Since: st.Since})
	m.noted.Index = max(m.noted.Index, st.Tracked)
}

func (m *mover) ingest(p VersionPage) {
	if m.newest = max(m.newest, p.Newest); p.Count > 0 {
		m.must(m.to, MoveCommand{Op: MoveIngest, Versions: p.Versions})
	}
}

// copyPage copies some versions.
func (m *mover) copyPage(bytes int) {
	if m.copied {
		return
	}
	p, err := m.from.s.ExportVersions(testTablet, m.attempt, m.page, bytes)
	if err != nil {
		m.t.Fatal(err)
	}
	m.ingest(p)
	m.page, m.copied = p.Next, p.Next == nil
}

// follow copies what was noted, through an index; 0: all.
func (m *mover) follow(through uint64, bytes int) {
	for more := true; more; {
		var p VersionPage
		var err error
		if p, m.noted, more, err = m.from.s.ExportNoted(testTablet, m.attempt, m.noted, through, bytes); err != nil {
			m.t.Fatal(err)
		}
		m.ingest(p)
	}
}

// open lets the copy serve.
func (m *mover) open() {
	st, _ := m.from.s.MoveState(testTablet)
	next, err := m.from.s.ReserveAutoInc(testTablet, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	m.must(m.to, MoveCommand{Op: MoveOpen, Rows: st.Rows, AutoInc: next - 1, Newest: max(m.newest, st.Frozen), Begins: max(st.Watermark, st.Begins)})
}

func (m *mover) digest(s *Shard, tablet schema.TabletID, at mvcc.Timestamp, from, until []byte) Digest {
	d, err := s.DigestTablet(context.Background(), tablet, m.attempt, DigestSpan{At: at, From: from, Until: until, Keys: 20})
	if err != nil {
		m.t.Fatal(err)
	}
	return d
}

// rowsAt shows a tablet's rows by an index; an error as its text.
func rowsAt(s *Shard, tablet schema.TabletID, version uint64, ix schema.IndexID, at mvcc.Timestamp) string {
	r := readAll(ix)
	r.Tablet, r.SchemaVersion = tablet, version
	page := &fragment.Page{}
	if err := s.Read(context.Background(), r, ReadOptions{At: at}, page); err != nil {
		return err.Error()
	}
	return showPage(page)
}

// TestMovedTablet moves a tablet while it is written to, with collections and restarts on both sides, attempts that end midway, and
// pages that come twice. Every state that the source still shows is the same at the target, and the counters go on.
func TestMovedTablet(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { moveTablet(t, rand.New(rand.NewPCG(seed, 44))) })
	}
}

func moveTablet(t *testing.T, rng *rand.Rand) {
	_, _, l := openTable(t)
	l.commits = map[fragment.TxnID]mvcc.Timestamp{}
	m := newMover(t, l)
	write := func() {
		for range 1 + rng.IntN(6) {
			l.propose(l.randomProposal(rng, 1))
		}
		if rng.IntN(4) == 0 {
			l.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: min(l.ts-mvcc.Timestamp(rng.IntN(30)), l.s.Newest())}))
			l.collect(func() int { return 1 + rng.IntN(50) })
		}
		if rng.IntN(6) == 0 {
			m.to.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: min(l.ts-mvcc.Timestamp(rng.IntN(30)), l.s.Newest())}))
			m.to.collect(func() int { return 1 + rng.IntN(50) })
		}
	}
	for range 30 {
		write()
	}
	m.begin()
	for range 12 {
		write()
		switch rng.IntN(7) {
		case 0:
			m.follow(0, 1+rng.IntN(300))
		case 1:
			m.begin() // another driver
		case 2:
			if m.step(l, MoveCommand{Op: MoveFreeze}) == nil {
				m.begin()
			}
		case 3:
			l.s, m.to.s = openShard(t, l.s.engine), reopen(t, m.to.s)
		default:
			before := m.page
			m.copyPage(1 + rng.IntN(400))
			if rng.IntN(3) == 0 { // the driver has forgotten it
				m.page, m.copied = before, false
			}
		}
	}
	for !m.copied {
		m.copyPage(500)
		write()
	}
	for next := []byte(nil); ; {
		st, _ := l.s.MoveState(testTablet)
		if st.Settled < st.Watermark {
			write()
			continue
		}
		d := m.digest(l.s, testTablet, st.Settled, next, nil)
		write()
		m.follow(st.Applied, 200)
		got := m.digest(m.to.s, movedTablet, st.Settled, next, d.Next)
		if got.Hash != d.Hash || got.Keys != d.Keys {
			t.Fatalf("the copy's digest is %+v, not %+v", got, d)
		}
		if next = d.Next; next == nil {
			break
		}
	}
	m.freeze(rng)
	m.follow(0, 1<<20)
	m.open()
	if rng.IntN(2) == 0 { // the driver dies before the catalog is changed
		m.begin()
		write()
		m.freeze(rng)
		m.follow(0, 1<<20)
		m.open()
	}
	m.compare(rng)
}

func reopen(t *testing.T, s *Shard) *Shard {
	s, err := Open(s.engine, s.id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// freeze ends what is prepared, which is in the way, and freezes the source.
func (m *mover) freeze(rng *rand.Rand) {
	l := m.from
	for _, p := range l.s.Parts() {
		if p.CommitTS != 0 && p.Pieces == 0 {
			continue
		}
		if err := m.step(l, MoveCommand{Op: MoveFreeze}); !errors.Is(err, ErrMoveBusy) {
			m.t.Fatalf("frozen beside what is prepared: %v", err)
		}
		end := l.proposal()
		end.Txn, end.Kind, end.CommitTS = p.Txn, ProposalResolve, p.CommitTS
		if p.Staging {
			end.Kind = ProposalAbort
		} else if rng.IntN(2) == 0 || end.CommitTS != 0 {
			end.CommitTS = max(p.TS, p.CommitTS)
		}
		for range max(p.Pieces, 1) {
			end.TS = l.next()
			l.propose(end)
		}
	}
	c := MoveCommand{Op: MoveFreeze}
	if rng.IntN(2) == 0 {
		c.Newest = l.next() + mvcc.Timestamp(rng.IntN(3))
		l.ts = max(l.ts, c.Newest)
	}
	m.must(l, c)
	if st, _ := l.s.MoveState(testTablet); st.Frozen < c.Newest || st.Newest < c.Newest {
		m.t.Fatalf("frozen at %s, not %s", st.Frozen, c.Newest)
	}
	if r := l.write(insertRow(999, 1, "late")); r.Status != NoTablet {
		m.t.Fatalf("a write of a frozen tablet: %+v", r)
	}
	p := l.proposal()
	p.Effects = []fragment.Effect{{Op: fragment.EffectDelete, Tablet: testTablet, Key: intKey(5)}}
	if r := l.propose(p)[0]; r.Status != Conflict {
		m.t.Fatalf("a commit in a frozen tablet: %+v", r)
	}
	if got := rowsAt(l.s, testTablet, 1, 1, 0); got != ErrFrozen.Error() {
		m.t.Fatalf("a read of the newest state of a frozen tablet: %s", got)
	}
	if _, err := l.s.ReserveAutoInc(testTablet, 1); !errors.Is(err, ErrFrozen) {
		m.t.Fatal(err)
	}
}

// compare looks at every state that both show.
func (m *mover) compare(rng *rand.Rand) {
	t, l := m.t, m.from
	st, _ := l.s.MoveState(testTablet)
	there, _ := m.to.s.MoveState(movedTablet)
	for ix := schema.IndexID(1); ix <= 3; ix++ {
		for at := max(st.Watermark, there.Watermark, 1); at <= st.Frozen; at++ {
			if want, got := rowsAt(l.s, testTablet, 1, ix, at), rowsAt(m.to.s, movedTablet, 2, ix, at); got != want {
				t.Fatalf("index %d at %s\n%s\nnot\n%s", ix, at, got, want)
			}
		}
		if want, got := rowsAt(l.s, testTablet, 1, ix, st.Frozen), rowsAt(m.to.s, movedTablet, 2, ix, 0); got != want {
			t.Fatalf("index %d\n%s\nnot\n%s", ix, got, want)
		}
	}
	if st.Rows != there.Rows || m.to.s.Newest() < m.newest {
		t.Errorf("%d rows, not %d; newest %s", there.Rows, st.Rows, m.to.s.Newest())
	}
	if there.Watermark < st.Watermark {
		if got := rowsAt(m.to.s, movedTablet, 2, 1, st.Watermark-1); got != ErrTooOld.Error() {
			t.Errorf("a state that the source has not kept: %s", got)
		}
	}
	// It is written to, collected, and a late copy of a page does nothing.
	m.to.ts = max(l.ts, m.to.s.Newest())
	w := insertRow(5000, 1, "new")
	w.Tablet, w.SchemaVersion = movedTablet, 2
	if r := m.to.write(w); r.Status != Committed {
		t.Fatalf("a write at the target: %+v", r)
	}
	if err := m.step(m.to, MoveCommand{Op: MoveIngest, Versions: AppendVersion(nil, Version{append([]byte{0, 1}, intKey(5000)...), 9, []byte{1}})}); err == nil {
		t.Error("versions came into a tablet that serves")
	}
	want := rowsAt(m.to.s, movedTablet, 2, 1, 0)
	m.to.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: m.to.ts}))
	m.to.collect(func() int { return 1 + rng.IntN(20) })
	if got := rowsAt(m.to.s, movedTablet, 2, 1, 0); got != want {
		t.Errorf("after collection\n%s\nnot\n%s", got, want)
	}
	m.must(l, MoveCommand{Op: MoveLeave})
	m.must(m.to, MoveCommand{Op: MoveSettle})
	m.attempt-- // what an earlier driver has left on its way
	for _, op := range []MoveOp{MoveTrack, MoveUntrack, MoveFreeze} {
		if err := m.step(l, MoveCommand{Op: op}); !errors.Is(err, ErrMoveRefused) {
			t.Errorf("step %d of an earlier attempt: %v", op, err)
		}
	}
	if got := rowsAt(l.s, testTablet, 1, 1, 0); got != ErrNoTablet.Error() {
		t.Errorf("the newest state of a tablet that has left: %s", got)
	}
	l.apply(l.encodeTablet(testTablet, nil))
	start, end := notesRange(testShard, testTablet)
	if n := countKeys(t, l.s, start, end); n != 0 {
		t.Errorf("%d notes about a tablet that is gone", n)
	}
}

func countKeys(t *testing.T, s *Shard, start, end []byte) (n int) {
	it := &mvcc.Iterator{}
	if err := it.Open(s.engine.DB(), start, end, 0); err != nil {
		t.Fatal(err)
	}
	for live := it.SeekGE(start); live; live = it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// A write that is repeated finds its outcome though its tablet has gone, or hears that it may be forgotten.
func TestRecordedOutlivesTheTablet(t *testing.T) {
	_, s, l := openTable(t)
	p := l.proposal(insertRow(1, 1, "a"))
	p.First = p.TS - 1
	l.propose(p)
	l.apply(l.encodeTablet(testTablet, nil))
	r, err := s.Recorded(p.Txn, p.First)
	if err != nil || r.Status != Duplicate || r.Recorded != Committed || len(r.Writes) != 1 || r.Writes[0].Affected != 1 {
		t.Errorf("%+v %v", r, err)
	}
	other := l.proposal()
	if r, err := s.Recorded(other.Txn, other.TS); err != nil || r.Status != 0 {
		t.Errorf("%+v %v", r, err)
	}
	l.s.apply.state.forgotten = other.TS
	if r, err := s.Recorded(other.Txn, other.TS); err != nil || r.Status != Forgotten {
		t.Errorf("%+v %v", r, err)
	}
}

// TestOpenWithTheRest: the step that opens a copy brings the last versions. What tells one such step from another is when its source was frozen, so that one
// of an earlier freeze does not stand for one of a later.
func TestOpenWithTheRest(t *testing.T) {
	_, _, l := openTable(t)
	m := newMover(t, l)
	m.begin()
	for !m.copied {
		m.copyPage(1 << 20)
	}
	rest := func(id int64) MoveCommand {
		if r := l.write(insertRow(id, 1, fmt.Sprint("rest ", id))); r.Status != Committed {
			t.Fatalf("%+v", r)
		}
		m.must(l, MoveCommand{Op: MoveFreeze, Newest: l.next()})
		p, _, more, err := l.s.ExportNoted(testTablet, m.attempt, m.noted, 0, 1<<20)
		if err != nil || more || p.Count == 0 {
			t.Fatalf("%+v %v %v", p, more, err)
		}
		st, _ := l.s.MoveState(testTablet)
		return MoveCommand{Op: MoveOpen, Rows: st.Rows, Newest: st.Frozen, Versions: p.Versions}
	}
	first := rest(1)
	if err := m.step(m.to, MoveCommand{Op: MoveOpen, Newest: 1, Versions: []byte{1}}); err == nil {
		t.Error("opened with versions that are none")
	}
	m.must(m.to, first)
	m.must(m.to, first) // asked twice
	m.must(l, MoveCommand{Op: MoveTrack})
	second := rest(2)
	if err := m.step(m.to, second); !errors.Is(err, ErrMoveRefused) {
		t.Errorf("opened for an earlier freeze: %v", err)
	}
	m.begin()
	m.must(l, MoveCommand{Op: MoveFreeze})
	second.Newest, second.Rows = l.s.Newest(), 2
	m.must(m.to, second)
	if got, want := rowsAt(m.to.s, movedTablet, 2, 1, 0), rowsAt(l.s, testTablet, 1, 1, l.s.Newest()); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// Steps under another epoch than the lease's, or of a tablet that is not where they begin, do nothing; nor does damage.
func TestMoveIsRefused(t *testing.T) {
	_, _, l := openTable(t)
	m := newMover(t, l)
	apply := func(c MoveCommand) Result {
		cmd, err := EncodeMove(nil, &c)
		if err != nil {
			t.Fatal(err)
		}
		return l.apply(cmd)
	}
	if r := apply(MoveCommand{Op: MoveTrack, Tablet: testTablet, Epoch: 7, ID: 12}); !errors.Is(r.Err, ErrMoveEpoch) || r.Batch != 12 || r.OK {
		t.Errorf("%+v", r)
	}
	for _, op := range []MoveOp{MoveFreeze, MoveLeave, MoveIngest, MoveOpen} {
		if err := m.step(l, MoveCommand{Op: op}); !errors.Is(err, ErrMoveRefused) {
			t.Errorf("step %d of a tablet that serves: %v", op, err)
		}
		if err := m.step(m.to, MoveCommand{Op: op}); !errors.Is(err, ErrMoveRefused) {
			t.Errorf("step %d of no tablet: %v", op, err)
		}
	}
	m.begin()
	for _, versions := range [][]byte{{1}, AppendVersion(nil, Version{[]byte{1}, 5, []byte{1}}), AppendVersion(nil, Version{[]byte{0, 1, 2}, 5, nil}),
		AppendVersion(nil, Version{[]byte{0, 1, 2}, mvcc.MaxTimestamp, []byte{1}})} {
		if err := m.step(m.to, MoveCommand{Op: MoveIngest, Versions: versions}); err == nil {
			t.Errorf("versions %x", versions)
		}
	}
	if r := m.to.apply([]byte{commandVersion, byte(CommandMove), byte(MoveReceive), 0, 1, 1, 9, 2, '{', '}'}); r.Err == nil {
		t.Error("a descriptor that is none")
	}
	if _, err := l.s.ExportVersions(testTablet, m.attempt+1, nil, 9); !errors.Is(err, ErrMoveRefused) {
		t.Error(err)
	}
}

// TestGivenValuesAreCounted: AUTO_INCREMENT values that were given to a gateway are given by no later leaseholder, once the log knows of them.
func TestGivenValuesAreCounted(t *testing.T) {
	_, _, l := openTable(t)
	m := newMover(t, l)
	first, err := l.s.ReserveAutoInc(testTablet, 10)
	if err != nil {
		t.Fatal(err)
	}
	given := first + 9
	m.must(l, MoveCommand{Op: MoveCount, AutoInc: given})
	m.must(l, MoveCommand{Op: MoveCount, AutoInc: given - 5}) // one that comes late
	l.s.ResetAutoInc()
	if next, err := l.s.ReserveAutoInc(testTablet, 0); next != given+1 || err != nil {
		t.Errorf("%d was given, and the next one is %d (%v)", given, next, err)
	}
}
