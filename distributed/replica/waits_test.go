package replica

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/deadlock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// waitsTest is a replica that is nothing but a tenure's lock table.
type waitsTest struct {
	t      *testing.T
	r      *Replica
	clock  *manualClock
	locks  *lockTable
	owners map[byte]*lockOwner
	told   chan *distributed.Deadlock
	began  atomic.Int64
}

func newWaitsTest(t *testing.T) *waitsTest {
	w := &waitsTest{t: t, clock: newManualClock(), owners: map[byte]*lockOwner{}, told: make(chan *distributed.Deadlock, 1)}
	w.r = &Replica{shard: 7, clock: w.clock, log: slog.New(slog.DiscardHandler)}
	w.r.cfg.OnWait = func() { w.began.Add(1) }
	w.r.cfg.OnDeadlock = func(d *distributed.Deadlock) { w.told <- d }
	tn := newTenure(1, w.clock, &w.r.stats)
	tn.locks.waiting.observe(w.r)
	w.r.tenure.Store(tn)
	w.locks = tn.locks
	return w
}

func waitsTxn(n byte) fragment.TxnID { return fragment.TxnID{15: n} }

func (w *waitsTest) owner(n byte) *lockOwner {
	o := w.owners[n]
	if o == nil {
		o = &lockOwner{id: waitsTxn(n), interactive: true}
		o.session.Store(uint64(n) * 10)
		w.owners[n] = o
	}
	return o
}

// want has a transaction ask for a key; what it waits for comes later, through the channel.
func (w *waitsTest) want(n byte, key string, mode LockMode) chan error {
	w.t.Helper()
	before := w.locks.waiters.Load()
	done := make(chan error, 1)
	go func() {
		_, _, _, err := w.locks.acquire(context.Background(), w.owner(n), 5, schema.PrimaryIndex, []byte(key), mode,
			lockPolicy{wait: time.Hour})
		done <- err
	}()
	for len(done) == 0 && w.locks.waiters.Load() == before {
		time.Sleep(10 * time.Microsecond)
	}
	return done
}

func (w *waitsTest) lock(n byte, key string, mode LockMode) {
	w.t.Helper()
	if err := <-w.want(n, key, mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *waitsTest) scan(n byte, start, end string, mode LockMode) {
	w.t.Helper()
	span := fragment.Span{Start: []byte(start), End: []byte(end)}
	_, err := w.locks.acquireRange(context.Background(), w.owner(n), 5, schema.PrimaryIndex, span, mode, lockPolicy{wait: time.Hour})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *waitsTest) report(minAge time.Duration) (out []string) {
	for _, x := range w.r.AppendWaits(nil, minAge, deadlock.MaxWaits) {
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
	w.lock(1, "a", LockExclusive)
	w.lock(1, "b", LockExclusive)
	w.lock(3, "x", LockExclusive)
	w.expect("nobody waits", w.report(0))
	two := w.want(2, "a", LockExclusive)
	three := w.want(3, "a", LockExclusive)
	w.clock.Advance(10 * time.Millisecond)
	four := w.want(4, "a", LockShared)
	w.expect("a queue", w.report(0), "2 holds 0, waits for 1/2", "3 holds 1, waits for 1/2 2/0", "4 holds 0, waits for 1/2 3/1")
	w.expect("those that have waited", w.report(10*time.Millisecond), "2 holds 0, waits for 1/2", "3 holds 1, waits for 1/2 2/0")
	if !w.r.HasWaits(10*time.Millisecond) || w.r.HasWaits(11*time.Millisecond) {
		t.Error("the oldest wait is 10 ms old")
	}

	w.locks.release(w.owner(1))
	w.expect("the first has it", w.report(0), "3 holds 1, waits for 2/1", "4 holds 0, waits for 2/1 3/1")
	for i, c := range []chan error{two, three, four} {
		if err := <-c; err != nil {
			t.Error(err)
		}
		w.locks.release(w.owner(byte(i + 2)))
	}
	w.expect("all have gone on", w.report(0))
	if s := w.r.LockStats(); s.Waits != 3 || s.Time != 20*time.Millisecond || s.MaxTime != 10*time.Millisecond || w.began.Load() != 3 {
		t.Errorf("%+v, %d announced", s, w.began.Load())
	}
}

func TestWaitIsConfirmedAndRefused(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "a", LockExclusive)
	done := w.want(2, "a", LockShared)
	id := w.r.AppendWaits(nil, 0, 1)[0].Ref.ID

	waits, way, ok := w.r.ConfirmWait(id, waitsTxn(1))
	if !ok || waits.Txn != waitsTxn(2) || waits.Session != 20 || !waits.Waiting || waits.Mode != distributed.LockShared ||
		way.Txn != waitsTxn(1) || way.Waiting || way.Mode != distributed.LockExclusive || string(way.Key) != "a" || way.Shard != 7 {
		t.Errorf("%v %+v %+v", ok, waits, way)
	}
	if _, _, ok := w.r.ConfirmWait(id, waitsTxn(3)); ok {
		t.Error("it waits for somebody who is not there")
	}
	if _, _, ok := w.r.ConfirmWait(id+1, waitsTxn(1)); ok || w.r.RefuseWait(id+1) {
		t.Error("a request that there is not")
	}
	if !w.r.RefuseWait(id) {
		t.Error("not refused")
	}
	if err := <-done; mysqlerr.Code(err) != 1213 {
		t.Errorf("the victim got %v", err)
	}
	if _, _, ok := w.r.ConfirmWait(id, waitsTxn(1)); ok || w.r.RefuseWait(id) {
		t.Error("it still waits")
	}
	if err := <-w.want(2, "b", LockShared); mysqlerr.Code(err) != 1213 {
		t.Errorf("a victim went on: %v", err)
	}
}

func TestLocksAreListed(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "c", LockExclusive)
	w.scan(2, "m", "p", LockShared)
	w.lock(3, "z", LockShared)
	insert := w.want(1, "n", LockExclusive)
	second := w.want(4, "c", LockShared)
	third := w.want(5, "c", LockExclusive)

	var got []string
	list := w.r.AppendLocks(nil, 100)
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
	if short := w.r.AppendLocks(nil, 3); len(short) != 3 {
		t.Errorf("%d of 3", len(short))
	}
	for _, l := range w.r.AppendLocks(nil, 2) {
		for _, j := range l.BlockedBy {
			if j >= 2 {
				t.Errorf("blocked by %d of 2", j)
			}
		}
	}
	for i, c := range []chan error{insert, second, third} {
		w.locks.release(w.owner([]byte{2, 1, 4}[i]))
		if err := <-c; err != nil {
			t.Error(err)
		}
	}
}

func TestDeadlockIsTold(t *testing.T) {
	w := newWaitsTest(t)
	w.lock(1, "a", LockExclusive)
	w.lock(1, "b", LockExclusive)
	w.scan(2, "m", "p", LockShared)
	first := w.want(1, "n", LockExclusive)
	if err := <-w.want(2, "a", LockExclusive); mysqlerr.Code(err) != 1213 {
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
	w.locks.release(w.owner(2))
	if err := <-first; err != nil {
		t.Error(err)
	}
}
