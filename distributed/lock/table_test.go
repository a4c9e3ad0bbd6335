package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/clock/clocktest"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

const testTablet schema.TabletID = 70

// TestLocks runs the scripts of testdata. Commands (each prints what happened, then who was granted or refused in
// consequence):
//
//	lock txn=a key=k mode=x|s|insert|auto [nowait] [skip]   auto: registers the write in flight, too
//	lock txn=a key=k mode=absent                     k has no row; mode=entry: locks an index entry
//	range txn=a from=b to=f mode=x|s [nowait]        a scan of that range is about to begin
//	narrow txn=a [rows=b,d]                          it has met rows from b to d, or none
//	                                                 lock and range: [index=2] (default: the primary index)
//	release txn=a
//	launch txn=a [ts=5]                              the transaction's write is in flight
//	stamp txn=a ts=5
//	snapshot name=r ts=5 keys=k1,k2 [index=2]        a snapshot read waits for writes in flight
//	advance by=1s
//	bound escalate=4 most=8                          from then on
//	fail txn=a                                       what it waits for ends
//	close                                            the tenure ends
//	show
//	view                                             what views tell of requests that wait
func TestLocks(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &lockScript{clock: clocktest.NewManual(), owners: map[string]*Owner{}, events: make(chan string, 100)}
		s.table = New(Config{Clock: s.clock, Stats: &Stats{}})
		datadriven.RunTest(t, path, s.run)
	})
}

type lockScript struct {
	clock  *clocktest.Manual
	table  *Table
	owners map[string]*Owner
	events chan string
	busy   atomic.Int64
}

func (s *lockScript) run(t *testing.T, d *datadriven.TestData) string {
	var name, key, mode, keys, by, from, to, rows string
	var ts, index uint64
	d.MaybeScanArgs(t, "txn", &name)
	d.MaybeScanArgs(t, "name", &name)
	d.MaybeScanArgs(t, "key", &key)
	d.MaybeScanArgs(t, "mode", &mode)
	d.MaybeScanArgs(t, "ts", &ts)
	d.MaybeScanArgs(t, "keys", &keys)
	d.MaybeScanArgs(t, "index", &index)
	d.MaybeScanArgs(t, "by", &by)
	d.MaybeScanArgs(t, "from", &from)
	d.MaybeScanArgs(t, "to", &to)
	d.MaybeScanArgs(t, "rows", &rows)
	ix := schema.IndexID(max(index, uint64(schema.PrimaryIndex)))
	switch d.Cmd {
	case "lock":
		p := Policy{Wait: 10 * time.Second, NoWait: d.HasArg("nowait"), Skip: d.HasArg("skip")}
		s.start(name+" "+mode+" "+key, func() string { return s.lock(name, ix, key, mode, p) })
	case "range":
		p := Policy{Wait: 10 * time.Second, NoWait: d.HasArg("nowait")}
		span := fragment.Span{Start: []byte(from)}
		if to != "" {
			span.End = []byte(to)
		}
		s.start(fmt.Sprintf("%s %s %s-%s", name, mode, from, to), func() string { return s.lockRange(name, ix, span, mode, p) })
	case "narrow":
		o, list := s.owner(name), strings.Split(rows, ",")
		if g := o.ranges[len(o.ranges)-1]; rows == "" {
			s.table.Narrow(g, nil, nil)
		} else {
			s.table.Narrow(g, []byte(list[0]), []byte(list[len(list)-1]))
		}
	case "release":
		s.table.Release(s.owner(name))
		delete(s.owners, name)
	case "launch":
		s.owner(name).TS.Store(ts)
		if err := s.table.Flights.Launch(s.owner(name)); err != nil {
			return err.Error()
		}
	case "stamp":
		s.owner(name).TS.Store(ts)
	case "snapshot":
		r := &fragment.Read{Tablet: testTablet, Index: schema.PrimaryIndex}
		if index != 0 {
			r.Index = schema.IndexID(index)
		}
		for k := range strings.SplitSeq(keys, ",") {
			r.Keys = append(r.Keys, []byte(k))
		}
		s.start("snapshot "+name, func() string {
			return result(s.table.Flights.AwaitBelow(context.Background(), r, mvcc.Timestamp(ts)))
		})
	case "advance":
		dur, err := time.ParseDuration(by)
		if err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(dur)
	case "bound":
		d.ScanArgs(t, "escalate", &s.table.cfg.EscalateFrom)
		d.ScanArgs(t, "most", &s.table.cfg.MaxHeld)
	case "fail":
		s.table.Fail(s.owner(name), ErrDeadlock())
	case "close":
		s.table.Close(errors.New("replica: shard 7 is served by node 2 (epoch 5), not here"))
	case "show":
		return s.show()
	case "view":
		return s.view()
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	return s.collect()
}

func (s *lockScript) owner(name string) *Owner {
	o := s.owners[name]
	if o == nil {
		o = &Owner{ID: fragment.TxnID{byte(len(s.owners) + 1)}, Interactive: true}
		s.owners[name] = o
	}
	return o
}

// start runs a request that may wait.
func (s *lockScript) start(what string, fn func() string) {
	s.busy.Add(1)
	go func() {
		out := fn()
		s.events <- what + ": " + out
		s.busy.Add(-1)
	}()
}

func (s *lockScript) lock(name string, ix schema.IndexID, key, mode string, p Policy) string {
	o := s.owner(name)
	if mode == "auto" {
		o.Interactive = false
		return result(s.table.AcquireAuto(context.Background(), o, []Key{{testTablet, ix, []byte(key)}}, p.Wait))
	}
	m := Exclusive
	switch mode {
	case "s":
		m = Shared
	case "absent":
		m, p.Absent = Shared, true
	case "entry":
		m = Auto
	case "insert":
		m = Insert
	}
	_, waited, skip, err := s.table.Acquire(context.Background(), o, Key{testTablet, ix, []byte(key)}, m, p)
	switch {
	case err != nil:
		return result(err)
	case skip:
		return "skipped"
	case waited:
		return "granted after waiting"
	}
	return "granted"
}

func (s *lockScript) lockRange(name string, ix schema.IndexID, span fragment.Span, mode string, p Policy) string {
	m := Exclusive
	if mode == "s" {
		m = Shared
	}
	g, err := s.table.AcquireRange(context.Background(), s.owner(name), testTablet, ix, span, m, p)
	switch {
	case err != nil:
		return result(err)
	case g == nil:
		return "has it"
	}
	return "granted"
}

func result(err error) string {
	if err == nil {
		return "ok"
	}
	if e, ok := err.(*mysqlerr.Error); ok {
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	return err.Error()
}

// collect gathers what happened until nothing more can: every request has ended or waits in a queue.
func (s *lockScript) collect() string {
	var lines []string
	for {
		select {
		case e := <-s.events:
			lines = append(lines, e)
			continue
		default:
		}
		if s.idle() && len(s.events) == 0 {
			break
		}
		time.Sleep(50 * time.Microsecond) // the condition, not the time, decides
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// idle tells whether all running requests are known to wait.
func (s *lockScript) idle() bool {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	waiting := int(s.table.waiters.Load())
	snapshots := map[chan struct{}]bool{}
	for _, o := range s.table.Flights.list {
		if o.landed != nil {
			snapshots[o.landed] = true
		}
	}
	if s.clock.Pending() != waiting {
		return false // a waiter has not gone to sleep, or has not noticed its end
	}
	busy := int(s.busy.Load())
	if s.table.closed != nil {
		return busy == 0
	}
	return busy == waiting || len(snapshots) > 0 && busy == waiting+1
}

func (s *lockScript) show() string {
	names := map[*Owner]string{}
	for n, o := range s.owners {
		names[o] = n
	}
	modes := map[Mode]string{Auto: "auto", Shared: "s", Exclusive: "x", Insert: "insert"}
	var b strings.Builder
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.tree.Scan(func(e place) bool {
		fmt.Fprintf(&b, "%s:", e.key)
		var held []string
		for _, h := range e.holds {
			held = append(held, fmt.Sprintf(" %s(%s)", names[h.owner], modes[h.mode]))
		}
		slices.Sort(held)
		b.WriteString(strings.Join(held, ""))
		if len(e.queue) > 0 {
			b.WriteString(" <-")
		}
		for _, w := range e.queue {
			fmt.Fprintf(&b, " %s(%s)", names[w.owner], modes[w.mode])
		}
		b.WriteString("\n")
		return true
	})
	s.showRanges(&b, names)
	if b.Len() == 0 {
		return "nothing is locked"
	}
	return b.String()
}

// view lists the requests that wait, in the modes that clients are shown.
func (s *lockScript) view() string {
	modes := map[Mode]string{Auto: "auto", Shared: "s", Exclusive: "x", Insert: "insert"}
	var lines []string
	for _, l := range s.table.AppendLocks(nil, 100) {
		if l.Waiting {
			lines = append(lines, fmt.Sprintf("%s: %s", l.Key, modes[l.Mode]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (s *lockScript) showRanges(b *strings.Builder, names map[*Owner]string) {
	modes := map[Mode]string{Auto: "auto", Shared: "s", Exclusive: "x"}
	for _, ix := range []schema.IndexID{schema.PrimaryIndex, 2} {
		set := s.table.ranges.sets[space{testTablet, ix}]
		if set == nil {
			continue
		}
		for _, g := range set.list {
			fmt.Fprintf(b, "%s-%s: %s(%s)", g.entry.key, g.end, names[g.owner], modes[g.mode])
			if g.wait != nil {
				b.WriteString(" waits")
			}
			if g.bulk {
				fmt.Fprintf(b, " for %d keys", g.absorbed)
			}
			b.WriteString("\n")
		}
	}
}

// TestLocksExclude hammers a few keys and checks that nobody shares what must not be shared, that nothing is left over,
// and that nobody waits for ever.
func TestLocksExclude(t *testing.T) {
	table := New(Config{Clock: clock.System, Stats: &Stats{}})
	const keys = 5
	var readers, writers, autos [keys]atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(1, uint64(g)))
			for range 400 {
				hammer(t, table, rng, &readers, &writers, &autos)
			}
		}()
	}
	wg.Wait()
	if n := table.tree.Len(); n != 0 || table.Flights.count.Load() != 0 || table.interactive.Load() != 0 {
		t.Fatalf("left over: %d entries, %d in flight, %d locks", n, table.Flights.count.Load(), table.interactive.Load())
	}
}

func hammer(t *testing.T, table *Table, rng *rand.Rand, readers, writers, autos *[5]atomic.Int64) {
	o := &Owner{Interactive: rng.IntN(2) == 0}
	defer table.Release(o)
	if !o.Interactive {
		k := rng.IntN(len(autos))
		if table.AcquireAuto(context.Background(), o, []Key{{testTablet, 1, []byte{byte(k)}}}, time.Minute) == nil {
			autos[k].Add(1)
			if readers[k].Load() != 0 || writers[k].Load() != 0 {
				t.Error("an autocommit write ran beside a lock")
			}
			autos[k].Add(-1)
		}
		return
	}
	var undo []func()
	defer func() {
		for _, fn := range undo {
			fn()
		}
	}()
	modes := map[int]Mode{}
	for range 1 + rng.IntN(3) {
		k, mode := rng.IntN(len(readers)), Shared+Mode(rng.IntN(2))
		_, _, _, err := table.Acquire(context.Background(), o, Key{testTablet, 1, []byte{byte(k)}}, mode, Policy{Wait: time.Minute})
		if err != nil {
			if mysqlerr.Code(err) != 1213 {
				t.Error(err)
			}
			return
		}
		if modes[k] >= mode {
			continue
		}
		if modes[k] == Shared {
			readers[k].Add(-1) // upgraded
			undo = append(undo, func() { readers[k].Add(1) })
		}
		modes[k] = mode
		if mode == Exclusive {
			if n := writers[k].Add(1); n != 1 || readers[k].Load() != 0 || autos[k].Load() != 0 {
				t.Errorf("%d writers, %d readers, %d autocommit writes", n, readers[k].Load(), autos[k].Load())
			}
			undo = append(undo, func() { writers[k].Add(-1) })
		} else {
			readers[k].Add(1)
			undo = append(undo, func() { readers[k].Add(-1) })
			if writers[k].Load() != 0 || autos[k].Load() != 0 {
				t.Error("a shared lock beside a writer")
			}
		}
	}
}

// TestRangesExclude hammers a few keys with scans and writes, and checks that no write is in a range that another has
// locked, that exclusive scans don't meet, and that nothing is left over.
func TestRangesExclude(t *testing.T) {
	table := New(Config{Clock: clock.System, Stats: &Stats{}})
	var k rangeCheck
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(2, uint64(g)))
			for range 300 {
				o := &Owner{Interactive: true}
				if !k.step(t, table, rng, o) || rng.IntN(2) == 0 {
					k.undo(o)
					table.Release(o)
					continue
				}
				k.step(t, table, rng, o) // deadlocks
				k.undo(o)
				table.Release(o)
			}
		}()
	}
	wg.Wait()
	if n := table.tree.Len(); n != 0 || len(table.ranges.sets) != 0 || len(table.ranges.entries) != 0 || len(table.rowsHeld) != 0 ||
		table.interactive.Load() != 0 || table.waiters.Load() != 0 {
		t.Fatalf("left over: %d entries, %d ranges, %d locks, %d waiters", n, len(table.ranges.sets), table.interactive.Load(), table.waiters.Load())
	}
}

// rangeCheck knows who has read and who writes each key.
type rangeCheck struct {
	mu   sync.Mutex
	keys [10]struct{ readers, scanners, writers map[*Owner]bool }
}

func (c *rangeCheck) undo(o *Owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.keys {
		delete(c.keys[i].readers, o)
		delete(c.keys[i].scanners, o)
		delete(c.keys[i].writers, o)
	}
}

func (c *rangeCheck) step(t *testing.T, table *Table, rng *rand.Rand, o *Owner) bool {
	from := rng.IntN(len(c.keys))
	to := from + 1
	scan := rng.IntN(2) == 0
	p := Policy{Wait: time.Minute}
	var err error
	mode := Exclusive
	if scan {
		to += rng.IntN(len(c.keys) - from)
		mode = Shared + Mode(rng.IntN(2))
		span := fragment.Span{Start: []byte{byte(from)}, End: []byte{byte(to)}}
		_, err = table.AcquireRange(context.Background(), o, testTablet, schema.PrimaryIndex, span, mode, p)
	} else {
		_, _, _, err = table.Acquire(context.Background(), o, Key{testTablet, schema.PrimaryIndex, []byte{byte(from)}}, mode, p)
	}
	if err != nil {
		if mysqlerr.Code(err) != 1213 {
			t.Error(err)
		}
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := from; i < to; i++ {
		c.note(t, i, o, scan, mode)
	}
	return true
}

func (c *rangeCheck) note(t *testing.T, i int, o *Owner, scan bool, mode Mode) {
	k := &c.keys[i]
	others := func(m map[*Owner]bool) bool { return len(m) > 1 || len(m) == 1 && !m[o] }
	add := func(m *map[*Owner]bool) {
		if *m == nil {
			*m = map[*Owner]bool{}
		}
		(*m)[o] = true
	}
	if others(k.writers) || !scan && (others(k.readers) || others(k.scanners)) ||
		scan && others(k.scanners) || scan && mode == Exclusive && others(k.readers) {
		t.Errorf("key %d is not %p's alone", i, o)
	}
	switch {
	case !scan:
		add(&k.writers)
	case mode == Exclusive:
		add(&k.scanners)
	default:
		add(&k.readers)
	}
}

// TestEscalationExcludes hammers keys with transactions of many locks, and checks that nobody else has what one has locked, whether key by
// key or by a range, and that nothing is left over.
func TestEscalationExcludes(t *testing.T) {
	table := New(Config{Clock: clock.System, Stats: &Stats{}, EscalateFrom: 4, MaxHeld: 16})
	const keys = 40
	var holders [keys]atomic.Pointer[Owner]
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(4, uint64(g)))
			for range 150 {
				o := &Owner{Interactive: rng.IntN(4) > 0}
				lockMany(t, table, rng, o, holders[:])
				for k := range holders {
					holders[k].CompareAndSwap(o, nil)
				}
				table.Release(o)
			}
		}()
	}
	wg.Wait()
	if n := table.tree.Len(); n != 0 || len(table.ranges.sets) != 0 || len(table.ranges.entries) != 0 || len(table.rowsHeld) != 0 ||
		table.interactive.Load() != 0 || table.waiters.Load() != 0 {
		t.Fatalf("left over: %d entries, %d ranges, %d locks, %d waiters", n, len(table.ranges.sets), table.interactive.Load(), table.waiters.Load())
	}
	if table.cfg.Stats.Escalations.Load() == 0 {
		t.Fatal("nothing was escalated")
	}
}

// lockMany locks some keys in the order in which they come, from somewhere on.
func lockMany(t *testing.T, table *Table, rng *rand.Rand, o *Owner, holders []atomic.Pointer[Owner]) {
	from, n := rng.IntN(len(holders)), 1+rng.IntN(len(holders))
	if !o.Interactive {
		n = min(n, 3)
	}
	for i := from; i < min(from+n, len(holders)); i++ {
		_, _, _, err := table.Acquire(context.Background(), o, Key{testTablet, 1, []byte{byte(i)}}, Exclusive, Policy{Wait: time.Minute})
		if err != nil {
			if mysqlerr.Code(err) != 1213 {
				t.Error(err)
			}
			return
		}
		if !holders[i].CompareAndSwap(nil, o) && holders[i].Load() != o {
			t.Errorf("key %d is somebody else's", i)
		}
	}
}

// TestEscalationTravels: locks that were escalated go to the next leaseholder as they are.
func TestEscalationTravels(t *testing.T) {
	cfg := Config{Clock: clock.System, Stats: &Stats{}, EscalateFrom: 8}
	was, is := New(cfg), New(cfg)
	o, next, other := &Owner{Interactive: true}, &Owner{Interactive: true}, &Owner{Interactive: true}
	for i := range 20 {
		for ix, mode := range map[schema.IndexID]Mode{schema.PrimaryIndex: Exclusive, 2: Auto, 3: Shared} {
			if _, _, _, err := was.Acquire(t.Context(), o, Key{testTablet, ix, []byte{byte(i)}}, mode, Policy{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	sent := was.AppendHeld(nil, o)
	d := wire.NewReader(sent)
	h := ReadHeld(d)
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	is.Restore(next, &h)
	if !bytes.Equal(is.AppendHeld(nil, next), sent) || next.weight() != o.weight() || len(next.bulk) != 3 {
		t.Fatalf("%d locks, %d ranges, not %d, %d", next.weight(), len(next.bulk), o.weight(), len(o.bulk))
	}
	_, _, _, err := is.Acquire(t.Context(), other, Key{testTablet, schema.PrimaryIndex, []byte{99}}, Exclusive, Policy{NoWait: true})
	if mysqlerr.Code(err) != 3572 {
		t.Error("the whole index is not locked any more:", err)
	}
	if _, _, _, err := is.Acquire(t.Context(), other, Key{testTablet, 2, []byte{99}}, Auto, Policy{NoWait: true}); err != nil {
		t.Error("entries exclude each other:", err)
	}
	is.Release(next)
	if is.interactive.Load() != 1 || !is.HoldsRows(testTablet) {
		t.Error("what is left is not the other's lock")
	}
}

// TestRangeSet compares the set with a list.
func TestRangeSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var s rangeSet
	for range 3000 {
		if len(s.list) > 30 || len(s.list) > 0 && rng.IntN(3) == 0 {
			s.remove(s.list[rng.IntN(len(s.list))])
		} else {
			g := &Range{}
			start := rng.IntN(100)
			g.entry.key = []byte{byte(start)}
			if rng.IntN(20) > 0 {
				g.end = []byte{byte(start + 1 + rng.IntN(20))}
			}
			s.insert(g)
		}
		from := rng.IntN(110)
		start, end := []byte{byte(from)}, []byte{byte(from + 1 + rng.IntN(9))}
		want, covering := 0, 0
		for _, g := range s.list {
			if isBefore(start, g.end) && bytes.Compare(g.entry.key, end) < 0 {
				want++
			}
			if isBefore(start, g.end) && bytes.Compare(g.entry.key, start) <= 0 {
				covering++
			}
		}
		s.overlapping(start, end, func(*Range) bool { want--; return false })
		s.covering(start, func(*Range) bool { covering--; return false })
		if want != 0 || covering != 0 {
			t.Fatalf("%d overlapping and %d covering ranges were not found", want, covering)
		}
	}
}

func BenchmarkAutoLock(b *testing.B) {
	for _, locked := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("others=%d", locked), func(b *testing.B) {
			table := New(Config{Clock: clock.System, Stats: &Stats{}})
			other := &Owner{Interactive: true}
			for i := range locked {
				_, _, _, _ = table.Acquire(context.Background(), other, Key{testTablet, 1, fmt.Appendf(nil, "%08d", i*2)}, Exclusive, Policy{})
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				o := &Owner{}
				keys := []Key{{testTablet, 1, fmt.Appendf(nil, "%08d", rand.IntN(20000)*2+1)}}
				for pb.Next() {
					if err := table.AcquireAuto(context.Background(), o, keys, time.Minute); err != nil {
						b.Fatal(err)
					}
					table.Release(o)
				}
			})
		})
	}
}
