package moves

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/engine"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/version"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// world is two shards, a catalog, clients that write and read by it, and drivers that die at every step: a question is lost, or its answer
// is, and a driver that is taken for dead may go on a little.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	now     *catalog.Snapshot
	version uint64
	shards  map[schema.ShardID]*simShard
	ts      mvcc.Timestamp
	txn     uint64
	written map[int64]int64 // what clients have written, by primary key
	past    map[mvcc.Timestamp]string
	faults  int // in a hundred questions

	turn chan struct{} // holds one: who asks, or changes the catalog. (A mutex would keep the time of synctest from going on.)
}

func (w *world) take() (give func()) {
	w.turn <- struct{}{}
	return func() { <-w.turn }
}

// simShard is a shard whose only replica applies what is proposed at once.
type simShard struct {
	w          *world
	s          *shard.Shard
	index      uint64
	free, busy *lock.Table // in busy somebody has locked every tablet
}

var errLost = errors.New("lost")

const (
	simTable  schema.TableID  = 7
	simTablet schema.TabletID = 50
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: catalog.Empty(), shards: map[schema.ShardID]*simShard{}, ts: mvcc.At(time.Now()),
		written: map[int64]int64{}, past: map[mvcc.Timestamp]string{}, turn: make(chan struct{}, 1),
	}
	table := &schema.Table{
		ID: simTable, Database: 5, Name: "t", Version: 1, NextColumnID: 3, NextIndexID: 3,
		Columns: []schema.Column{{ID: 1, Name: "id", Type: types.TypeInt, NotNull: true}, {ID: 2, Name: "k", Type: types.TypeInt}},
		Indexes: []schema.Index{
			{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}},
			{ID: 2, Name: "k", Columns: []schema.IndexColumn{{Column: 1}}},
		},
		Tablets: []schema.Tablet{{ID: simTablet, Shard: 2}},
	}
	for id := schema.ShardID(2); id <= 3; id++ {
		e, err := engine.Open(engine.Options{Dir: "data", FS: vfs.NewMem(), MemTableBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		s, err := shard.Open(e, id)
		if err != nil {
			t.Fatal(err)
		}
		w.shards[id] = &simShard{w: w, s: s, free: newLocks(id), busy: newLocks(id)}
		for tablet := simTablet; tablet < 1500; tablet++ {
			k := lock.Key{Tablet: tablet, Index: schema.PrimaryIndex, Bytes: []byte{1}}
			if _, _, _, err := w.shards[id].busy.Acquire(t.Context(), new(lock.Owner), k, lock.Exclusive, lock.Policy{}); err != nil {
				t.Fatal(err)
			}
		}
		w.shards[id].apply(shard.EncodeLease(nil, &shard.LeaseCommand{Lease: shard.Lease{Epoch: 1, Holder: 1, Serial: 1}}))
	}
	w.change(func(tx *catalog.Tx) error {
		tx.PutDatabase(&schema.Database{ID: 5, Name: "d"})
		tx.PutShard(&catalog.Shard{ID: 2})
		tx.PutShard(&catalog.Shard{ID: 3})
		tx.PutTable(table)
		return nil
	})
	if err := w.InstallTable(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	return w
}

func newLocks(id schema.ShardID) *lock.Table {
	return lock.New(lock.Config{Shard: id, Clock: clock.System, Stats: new(lock.Stats)})
}

func (s *simShard) apply(cmd []byte) shard.Result {
	s.index++
	results, err := s.s.Apply([]shard.Entry{{Index: s.index, Cmd: cmd}})
	if err != nil {
		s.w.t.Fatal(err)
	}
	return results[0]
}

// Locks and Command make it a Leaseholder.
func (s *simShard) Locks(context.Context) (*lock.Table, uint64, error) {
	if s.w.rng.IntN(50) == 0 {
		return nil, 0, &leaseholder.NotLeaseholder{Shard: s.s.ID()}
	}
	if s.w.rng.IntN(3) == 0 {
		return s.busy, 1, nil
	}
	return s.free, 1, nil
}

func (s *simShard) Command(_ context.Context, _ shard.CommandKind, _ uint64, cmd []byte) (shard.Result, error) {
	return s.apply(cmd), nil
}

func (s *simShard) answer(ctx context.Context, q *Request) *Reply {
	a := Answerer{Leaseholder: s, State: s.s, Version: version.Max, Observed: func() mvcc.Timestamp {
		s.w.ts++
		return s.w.ts
	}}
	return a.Answer(ctx, q)
}

func (w *world) Catalog() *catalog.Snapshot { return w.now }
func (w *world) Leads() bool                { return true }

func (w *world) change(fn func(tx *catalog.Tx) error) error {
	tx := w.now.Begin()
	if err := fn(tx); err != nil {
		return err
	}
	w.version++
	next, err := w.now.Apply(w.version, tx.Command(1, w.version).Sets)
	if err != nil {
		w.t.Fatal(err)
	}
	w.now = next
	return nil
}

func (w *world) lost() bool { return w.rng.IntN(100) < w.faults }

func (w *world) ChangeAtOnce(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	return w.ChangeCatalog(ctx, fn)
}

func (w *world) ChangeCatalog(_ context.Context, fn func(tx *catalog.Tx) error) error {
	defer w.take()()
	w.clients()
	if w.lost() {
		return errLost
	}
	err := w.change(fn)
	if w.lost() {
		return errLost
	}
	return err
}

func (w *world) Ask(ctx context.Context, q *Request) (*Reply, error) {
	defer w.take()()
	for {
		w.clients()
		if w.lost() {
			return nil, errLost
		}
		// As it would travel.
		text, err := json.Marshal(q)
		if err != nil {
			w.t.Fatal(err)
		}
		var there Request
		if err := json.Unmarshal(text, &there); err != nil {
			w.t.Fatal(err)
		}
		s := w.shards[q.Shard]
		r := s.answer(ctx, &there)
		if w.rng.IntN(20) == 0 { // twice
			r = s.answer(ctx, &there)
		}
		if w.lost() {
			return nil, errLost
		}
		if !r.NotHere {
			return r, nil
		}
	}
}

func (w *world) InstallTable(_ context.Context, t *schema.Table) error {
	for i := range t.Tablets {
		w.tablet(&t.Tablets[i], t.ForTablet(&t.Tablets[i]))
	}
	return nil
}

func (w *world) DropTablets(_ context.Context, tablets []schema.Tablet) error {
	for i := range tablets {
		w.tablet(&tablets[i], nil)
	}
	return nil
}

func (w *world) tablet(tb *schema.Tablet, t *schema.Table) {
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: tb.ID, Table: t})
	if err != nil {
		w.t.Fatal(err)
	}
	w.shards[tb.Shard].apply(cmd)
}

// clients write some rows, where the catalog says that they are, remember a state, and have old versions collected.
func (w *world) clients() {
	t, ok := w.now.TableByID(simTable)
	if !ok { // nobody writes any more, and time goes on
		for _, s := range w.shards {
			s.apply(shard.EncodeWatermark(nil, &shard.WatermarkCommand{Watermark: s.s.Newest()}))
		}
		return
	}
	for range w.rng.IntN(3) {
		id, k := int64(w.rng.IntN(60)), int64(w.rng.IntN(1000))
		tb := t.TabletFor(intKey(id))
		s := w.shards[tb.Shard]
		row := &fragment.Write{
			Kind: fragment.Replace, Tablet: tb.ID, SchemaVersion: t.Version, Columns: []schema.ColumnID{1, 2},
			Rows: types.Batch{Width: 2, Vals: []types.Value{types.Int(id), types.Int(k)}}, FirstRow: 1,
		}
		if w.rng.IntN(4) == 0 {
			row = &fragment.Write{Kind: fragment.Delete, Tablet: tb.ID, SchemaVersion: t.Version, Keys: [][]byte{intKey(id)}, FirstRow: 1}
		}
		w.ts++
		w.txn++
		p := shard.Proposal{Kind: shard.ProposalCommit, TS: w.ts, First: w.ts - 1, Writes: []*fragment.Write{row}}
		p.Txn[0], p.Txn[8], p.Txn[9], p.Txn[10] = 1, byte(w.txn), byte(w.txn>>8), byte(w.txn>>16)
		cmd, err := shard.EncodeBatch(nil, &shard.Batch{ID: w.txn, Epoch: 1, Proposals: []shard.Proposal{p}}, version.Max)
		if err != nil {
			w.t.Fatal(err)
		}
		switch r := s.apply(cmd).Results[0]; {
		case r.Status == shard.NoTablet, r.Status == shard.SchemaChanged: // frozen, or of a table that is about to change: it waits
		case r.Status != shard.Committed:
			w.t.Fatalf("a write: %+v", r)
		case row.Kind == fragment.Delete:
			delete(w.written, id)
		default:
			w.written[id] = k
		}
	}
	w.ts++
	if w.rng.IntN(4) == 0 {
		w.past[w.ts] = w.model()
	}
	if len(w.past) > 20 {
		delete(w.past, slices.Min(slices.Collect(maps.Keys(w.past))))
	}
	w.ts++
	if w.rng.IntN(10) == 0 {
		mark := w.ts - mvcc.Timestamp(w.rng.IntN(40))
		for _, s := range w.shards {
			s.apply(shard.EncodeWatermark(nil, &shard.WatermarkCommand{Watermark: min(mark, s.s.Newest())}))
			for more := true; more; {
				var err error
				if _, more, err = s.s.CollectGarbage(w.t.Context(), 10); err != nil {
					w.t.Fatal(err)
				}
			}
		}
	}
}

func intKey(id int64) []byte { return keys.AppendValue(nil, types.Int(id), &types.TypeInt, 0, false) }

func (w *world) model() string {
	out := ""
	for _, id := range slices.Sorted(maps.Keys(w.written)) {
		out += fmt.Sprintf("%d=%d ", id, w.written[id])
	}
	return out
}

// rows are the table's as of a timestamp, 0: now, by an index.
func (w *world) rows(at mvcc.Timestamp, index schema.IndexID) (string, error) {
	t, _ := w.now.TableByID(simTable)
	found := map[int64]int64{}
	for _, tb := range t.Tablets {
		r := &fragment.Read{Tablet: tb.ID, SchemaVersion: t.Version, Index: index, Columns: []schema.ColumnID{1, 2}}
		var page fragment.Page
		if err := w.shards[tb.Shard].s.Read(w.t.Context(), r, shard.ReadOptions{At: at}, &page); err != nil {
			return "", err
		}
		for i := range page.Batch.Len() {
			row := page.Batch.Row(i)
			id := row[0].Int()
			if _, twice := found[id]; twice || !tb.Holds(intKey(id)) {
				w.t.Fatalf("row %d is there twice, or in tablet %d, where it does not belong", id, tb.ID)
			}
			found[id] = row[1].Int()
		}
	}
	out := ""
	for _, id := range slices.Sorted(maps.Keys(found)) {
		out += fmt.Sprintf("%d=%d ", id, found[id])
	}
	return out, nil
}

// check compares what the table shows, now and as of remembered states, with what clients wrote. Frozen tablets show the past only.
func (w *world) check() {
	w.t.Helper()
	for ix := schema.IndexID(1); ix <= 2; ix++ {
		if got, err := w.rows(0, ix); err != nil && !errors.Is(err, shard.ErrFrozen) || err == nil && got != w.model() {
			w.t.Fatalf("index %d shows %s, %v, not %s", ix, got, err, w.model())
		}
		for at, want := range w.past {
			got, err := w.rows(at, ix)
			if errors.Is(err, shard.ErrTooOld) || errors.Is(err, shard.ErrFrozen) {
				continue
			}
			if err != nil || got != want {
				w.t.Fatalf("index %d at %s shows %s, %v, not %s", ix, at, got, err, want)
			}
		}
	}
}

func (w *world) begin(to schema.ShardID) (tablet schema.TabletID) {
	if err := w.change(func(tx *catalog.Tx) error {
		t, _ := tx.Snapshot.TableByID(simTable)
		tablet = t.Tablets[0].ID
		begun, err := tx.BeginMove(t, tablet, to)
		if err == nil && !begun {
			err = errors.New("it is there already")
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return tablet
}

// TestMovesSurviveCrashes has drivers die anywhere, and a tablet move to and fro meanwhile. No row is lost, none comes back, and
// past states stay as they were.
func TestMovesSurviveCrashes(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				w.faults = int(seed % 6)
				for range 30 {
					w.clients()
				}
				for move := range 4 {
					tablet := w.begin(schema.ShardID(3 - move%2))
					w.drive(tablet)
					w.check()
					if got, _ := w.now.TableByID(simTable); got.Tablets[0].ID == tablet {
						t.Fatal("it has not moved")
					}
				}
				w.clear()
			})
		})
	}
}

// drive has drivers, one after the other, carry a move out up to its end, or to its flip.
func (w *world) drive(tablet schema.TabletID) {
	for range 2000 {
		if m := catalog.MoveOf(w.now, tablet); m == nil || m.State == catalog.MoveLeaving && w.rng.IntN(3) == 0 {
			return
		}
		if m := catalog.MoveOf(w.now, tablet); m.State == catalog.MoveFailed {
			if m.Error != errFew.Error() {
				w.t.Fatalf("it fails: %+v", m)
			}
			_ = w.change(func(tx *catalog.Tx) error { tx.DeleteMove(tablet); return nil })
			return
		}
		d := w.driver()
		if others := catalog.Moves(w.now); w.rng.IntN(3) == 0 {
			_ = d.attempt(w.t.Context(), others[w.rng.IntN(len(others))].Tablet)
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(w.rng.IntN(20))*time.Second)
		if err := d.attempt(ctx, tablet); err != nil {
			w.t.Logf("an attempt: %v", err)
		}
		cancel()
		if w.rng.IntN(3) == 0 {
			w.check()
		}
	}
	w.t.Fatalf("it does not end: %+v", catalog.MoveOf(w.now, tablet))
}

func (w *world) driver() *Driver {
	d := New(w, slog.New(slog.DiscardHandler))
	d.pageBytes, d.digestKeys = 500+w.rng.IntN(1500), 10+uint64(w.rng.IntN(60))
	d.noteEvery = 0
	return d
}

// clear has what is left of moves cleared, and looks whether anything remains.
func (w *world) clear() {
	w.faults = 0
	for len(catalog.Moves(w.now)) > 0 {
		for _, m := range catalog.Moves(w.now) {
			w.drive(m.Tablet)
		}
	}
	w.check()
	held := 0
	for id, s := range w.shards {
		for _, tablet := range s.s.Tablets() {
			held++
			if st, _ := s.s.MoveState(tablet); st.Phase != "" {
				w.t.Errorf("tablet %d of shard %d is still %s", tablet, id, st.Phase)
			}
		}
	}
	if t, _ := w.now.TableByID(simTable); held != len(t.Tablets) {
		w.t.Errorf("%d tablets are left of %d", held, len(t.Tablets))
	}
}

// beginAny begins to cut, move or merge some tablets.
func (w *world) beginAny() (tablet schema.TabletID) {
	if err := w.change(func(tx *catalog.Tx) error {
		t, _ := tx.Snapshot.TableByID(simTable)
		i := w.rng.IntN(len(t.Tablets))
		tb := t.Tablets[i]
		tablet = tb.ID
		switch k := w.rng.IntN(4); {
		case k == 0:
			_, err := tx.BeginMove(t, tablet, 5-tb.Shard)
			return err
		case k <= 2 && i > 0:
			var err error
			tablet, err = tx.BeginMerge(t, []schema.TabletID{tb.ID, t.Tablets[i-1].ID}, schema.ShardID(2*w.rng.IntN(2)))
			return err
		}
		return tx.BeginSplit(t, tablet, w.split(&tb))
	}); err != nil {
		w.t.Fatal(err)
	}
	return tablet
}

// split is some way to cut a tablet.
func (w *world) split(tb *schema.Tablet) (how catalog.Split) {
	how.Shards = [][]schema.ShardID{nil, {3}, {2, 3}}[w.rng.IntN(3)]
	for id := range int64(60) {
		if key := intKey(id); len(how.At) < 2 && tb.Holds(key) && string(key) != string(tb.Start) && w.rng.IntN(20) == 0 {
			how.At = append(how.At, key)
		}
	}
	if len(how.At) == 0 {
		how.Into = 2 + w.rng.IntN(2)
	}
	return how
}

// TestSplitsAndMergesSurviveCrashes has drivers die anywhere while tablets are cut, merged and moved. No row is lost, none comes back, none is in two
// tablets, and past states stay as they were.
func TestSplitsAndMergesSurviveCrashes(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				w.faults = int(seed % 3) // an attempt asks more than one of a plain move
				for range 30 {
					w.clients()
				}
				for range 6 {
					w.drive(w.beginAny())
					w.check()
				}
				w.clear()
			})
		})
	}
}

// TestCancelledMoves: a move that is cancelled anywhere, or whose table is dropped, leaves nothing.
func TestCancelledMoves(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				w.faults = int(seed / 2 % 3)
				for range 20 {
					w.clients()
				}
				if seed%3 == 2 {
					w.drive(w.beginAny())
				}
				var tablet schema.TabletID
				if seed%3 == 0 {
					tablet = w.begin(3)
				} else {
					tablet = w.beginAny()
				}
				for range w.rng.IntN(4) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(w.rng.IntN(1000))*time.Millisecond)
					_ = w.driver().attempt(ctx, tablet)
					cancel()
				}
				if seed%2 == 0 {
					_ = w.change(func(tx *catalog.Tx) error {
						if m := catalog.MoveOf(tx.Snapshot, tablet); m != nil && m.State == catalog.MoveCopying {
							c := *m
							c.Cancel = true
							tx.PutMove(&c)
						}
						return nil
					})
				} else {
					dropped, _ := w.now.TableByID(simTable)
					_ = w.change(func(tx *catalog.Tx) error { tx.DeleteTable(simTable); return nil })
					_ = w.DropTablets(t.Context(), dropped.Tablets)
				}
				for len(catalog.Moves(w.now)) > 0 {
					for _, m := range catalog.Moves(w.now) {
						if m.State == catalog.MoveFailed {
							_ = w.change(func(tx *catalog.Tx) error { tx.DeleteMove(m.Tablet); return nil })
							continue
						}
						_ = w.driver().attempt(t.Context(), m.Tablet)
					}
				}
				if seed%2 == 0 {
					w.clear()
				} else if n := len(w.shards[2].s.Tablets()) + len(w.shards[3].s.Tablets()); n != 0 {
					t.Errorf("%d tablets are left", n)
				}
			})
		})
	}
}

// A copy that differs is never shown.
func TestDifferingCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		for range 20 {
			w.clients()
		}
		tablet := w.begin(3)
		m := catalog.MoveOf(w.now, tablet)
		_ = w.change(func(tx *catalog.Tx) error { // as if all had been copied
			c := *m
			c.Copied = true
			tx.PutMove(&c)
			return nil
		})
		table, _ := w.now.TableByID(simTable)
		s := w.shards[3]
		receive := &shard.MoveCommand{Op: shard.MoveReceive, Tablet: m.Copy, Table: table}
		for r := (&Reply{NotHere: true}); r.NotHere; {
			r = s.answer(t.Context(), &Request{Shard: 3, Op: OpStep, Step: receive})
		}
		for catalog.MoveOf(w.now, tablet).State == catalog.MoveCopying {
			_ = w.driver().attempt(t.Context(), tablet)
		}
		if m := catalog.MoveOf(w.now, tablet); m.State != catalog.MoveFailed || m.Error == "" {
			t.Errorf("%+v", m)
		}
		w.check()
		if n := len(s.s.Tablets()); n != 0 {
			t.Errorf("%d tablets are left", n)
		}
	})
}
