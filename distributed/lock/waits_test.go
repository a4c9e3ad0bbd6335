package lock

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/clock/clocktest"
	"cloudsql/distributed/deadlock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// waitsTest is a lock table and its owners.
type waitsTest struct {
	t      *testing.T
	clock  *clocktest.Manual
	stats  Stats
	lastID atomic.Uint64
	locks  *Table
	owners map[byte]*Owner
	told   chan *distributed.Deadlock
	began  atomic.Int64
}

func newWaitsTest(t *testing.T) *waitsTest {
	w := &waitsTest{t: t, clock: clocktest.NewManual(), owners: map[byte]*Owner{}, told: make(chan *distributed.Deadlock, 1)}
	w.locks = New(Config{
		Shard: 7, Clock: w.clock, Stats: &w.stats, LastID: &w.lastID,
		OnWait: func() { w.began.Add(1) }, OnDeadlock: func(d *distributed.Deadlock) { w.told <- d },
	})
	return w
}

func waitsTxn(n byte) fragment.TxnID { return fragment.TxnID{15: n} }

func (w *waitsTest) owner(n byte) *Owner {
	o := w.owners[n]
	if o == nil {
		o = &Owner{ID: waitsTxn(n), Interactive: true}
		o.Session.Store(uint64(n) * 10)
		w.owners[n] = o
	}
	return o
}

// want has a transaction ask for a key; what it waits for comes later, through the channel.
func (w *waitsTest) want(n byte, key string, mode Mode) chan error {
	w.t.Helper()
	before := w.locks.waiters.Load()
	done := make(chan error, 1)
	go func() {
		_, _, _, err := w.locks.Acquire(context.Background(), w.owner(n), Key{5, schema.PrimaryIndex, []byte(key)}, mode,
			Policy{Wait: time.Hour})
		done <- err
	}()
	for len(done) == 0 && w.locks.waiters.Load() == before {
		time.Sleep(10 * time.Microsecond)
	}
	return done
}

func (w *waitsTest) lock(n byte, key string, mode Mode) {
	w.t.Helper()
	if err := <-w.want(n, key, mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *waitsTest) scan(n byte, start, end string, mode Mode) {
	w.t.Helper()
	span := fragment.Span{Start: []byte(start), End: []byte(end)}
	_, err := w.locks.AcquireRange(context.Background(), w.owner(n), 5, schema.PrimaryIndex, span, mode, Policy{Wait: time.Hour})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *waitsTest) report(minAge time.Duration) (out []string) {
	for _, x := range w.locks.AppendWaits(nil, minAge, deadlock.MaxWaits) {
		s := fmt.Sprintf("%d holds %d, waits for", x.Waiter.ID[15], x.Waiter.Held)
		for _, b := range x.For {
			s += fmt.Sprintf(" %d/%d", b.ID[15], b.Held)
		}
		out = append(out, s)
	}
	return out
}

func (w *waitsTest) expect(what string, got []string, want ...string) {
	w.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: %q, not %q", what, got, want)
	}
}

func TestWaitsAreReported(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "a", Exclusive)
	w.lock(1, "b", Exclusive)
	w.lock(3, "x", Exclusive)
	w.expect("nobody waits", w.report(0))
	two := w.want(2, "a", Exclusive)
	three := w.want(3, "a", Exclusive)
	w.clock.Advance(10 * time.Millisecond)
	four := w.want(4, "a", Shared)
	w.expect("a queue", w.report(0), "2 holds 0, waits for 1/2", "3 holds 1, waits for 1/2 2/0", "4 holds 0, waits for 1/2 3/1")
	w.expect("those that have waited", w.report(10*time.Millisecond), "2 holds 0, waits for 1/2", "3 holds 1, waits for 1/2 2/0")
	if !w.locks.HasWaits(10*time.Millisecond) || w.locks.HasWaits(11*time.Millisecond) {
		t.Error("the oldest wait is 10 ms old")
	}

	w.locks.Release(w.owner(1))
	w.expect("the first has it", w.report(0), "3 holds 1, waits for 2/1", "4 holds 0, waits for 2/1 3/1")
	for i, c := range []chan error{two, three, four} {
		if err := <-c; err != nil {
			t.Error(err)
		}
		w.locks.Release(w.owner(byte(i + 2)))
	}
	w.expect("all have gone on", w.report(0))
	if s := w.stats.Sum(); s.Waits != 3 || s.Time != 20*time.Millisecond || s.MaxTime != 10*time.Millisecond || w.began.Load() != 3 {
		t.Errorf("%+v, %d announced", s, w.began.Load())
	}
}

func TestWaitIsConfirmedAndRefused(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "a", Exclusive)
	done := w.want(2, "a", Shared)
	id := w.locks.AppendWaits(nil, 0, 1)[0].Ref.ID

	waits, way, ok := w.locks.ConfirmWait(id, waitsTxn(1))
	if !ok || waits.Txn != waitsTxn(2) || waits.Session != 20 || !waits.Waiting || waits.Mode != Shared ||
		way.Txn != waitsTxn(1) || way.Waiting || way.Mode != Exclusive || string(way.Key) != "a" || way.Shard != 7 {
		t.Errorf("%v %+v %+v", ok, waits, way)
	}
	if _, _, ok := w.locks.ConfirmWait(id, waitsTxn(3)); ok {
		t.Error("it waits for somebody who is not there")
	}
	if _, _, ok := w.locks.ConfirmWait(id+1, waitsTxn(1)); ok || w.locks.RefuseWait(id+1) {
		t.Error("a request that there is not")
	}
	if !w.locks.RefuseWait(id) {
		t.Error("not refused")
	}
	if err := <-done; mysqlerr.Code(err) != 1213 {
		t.Errorf("the victim got %v", err)
	}
	if _, _, ok := w.locks.ConfirmWait(id, waitsTxn(1)); ok || w.locks.RefuseWait(id) {
		t.Error("it still waits")
	}
	if err := <-w.want(2, "b", Shared); mysqlerr.Code(err) != 1213 {
		t.Errorf("a victim went on: %v", err)
	}
}

func TestLocksAreListed(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "c", Exclusive)
	w.scan(2, "m", "p", Shared)
	w.lock(3, "z", Shared)
	insert := w.want(1, "n", Exclusive)
	second := w.want(4, "c", Shared)
	third := w.want(5, "c", Exclusive)

	var got []string
	list := w.locks.AppendLocks(nil, 100)
	for i, l := range list {
		s := fmt.Sprintf("%d: %d %s mode %d", i, l.Txn[15], l.Key, l.Mode)
		if l.Range {
			s += " up to " + string(l.End)
		}
		if l.Waiting {
			s += fmt.Sprint(" waits for ", l.BlockedBy)
		}
		got = append(got, s)
	}
	w.expect("locks", got, "0: 1 n mode 3 waits for [1]", "1: 2 m mode 2 up to p", "2: 4 c mode 2 waits for [3]", "3: 1 c mode 3",
		"4: 5 c mode 3 waits for [3 2]", "5: 3 z mode 2")
	if short := w.locks.AppendLocks(nil, 3); len(short) != 3 {
		t.Errorf("%d of 3", len(short))
	}
	for _, l := range w.locks.AppendLocks(nil, 2) {
		for _, j := range l.BlockedBy {
			if j >= 2 {
				t.Errorf("blocked by %d of 2", j)
			}
		}
	}
	for i, c := range []chan error{insert, second, third} {
		w.locks.Release(w.owner([]byte{2, 1, 4}[i]))
		if err := <-c; err != nil {
			t.Error(err)
		}
	}
}

func TestDeadlockIsTold(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "a", Exclusive)
	w.lock(1, "b", Exclusive)
	w.scan(2, "m", "p", Shared)
	first := w.want(1, "n", Exclusive)
	if err := <-w.want(2, "a", Exclusive); mysqlerr.Code(err) != 1213 {
		t.Fatalf("the one with fewer locks got %v", err)
	}
	d := <-w.told
	if len(d.Members) != 2 || d.Members[d.Victim].Txn != waitsTxn(2) {
		t.Fatalf("%+v", d)
	}
	for _, m := range d.Members {
		if m.Holds.Txn != m.Txn || m.Waits.Txn != m.Txn || m.Session != uint64(m.Txn[15])*10 {
			t.Errorf("%+v", m)
		}
	}
	if v := d.Members[d.Victim]; string(v.Waits.Key) != "a" || !v.Holds.Range || string(v.Holds.Key) != "m" {
		t.Errorf("%+v", v)
	}
	w.locks.Release(w.owner(2))
	if err := <-first; err != nil {
		t.Error(err)
	}
}
