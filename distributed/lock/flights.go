package lock

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/metric"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// Flights are the writes of a tenure that are in flight: their timestamps have been fetched, or may be at any moment, and
// their outcomes are not known here. The keys that their owners hold tell what they change.
type Flights struct {
	t *Table

	// count mirrors len(list): a snapshot read that finds zero needs no mutex.
	count atomic.Int64
	// prepared is how many of them are prepared.
	prepared atomic.Int64
	// seen is the newest timestamp that is known to have been handed out: what is launched later gets a higher one.
	seen atomic.Uint64

	list []*Owner // guarded by Table.mu
}

// Saw notes that a timestamp has been handed out.
func (f *Flights) Saw(ts mvcc.Timestamp) { metric.Raise(&f.seen, uint64(ts)) }

// Launch marks o's write as in flight: from here on it may get a timestamp, and snapshot reads of its keys wait for it.
func (f *Flights) Launch(o *Owner) error {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if f.t.closed != nil {
		return f.t.closed
	}
	if o.failed != nil {
		return o.failed
	}
	f.launch(o)
	return nil
}

func (f *Flights) launch(o *Owner) {
	f.list = append(f.list, o)
	o.flight, o.floor = len(f.list), mvcc.Timestamp(f.seen.Load())
	f.count.Add(1)
}

// land ends o's write in flight.
func (f *Flights) land(o *Owner) {
	if o.flight == 0 {
		return
	}
	last := len(f.list) - 1
	moved := f.list[last]
	f.list[o.flight-1], moved.flight = moved, o.flight
	f.list[last] = nil
	f.list = f.list[:last]
	o.flight = 0
	f.count.Add(-1)
	if o.prepared {
		o.prepared = false
		f.prepared.Add(-1)
	}
	if o.landed != nil {
		close(o.landed)
		o.landed = nil
	}
}

// Prepared notes that o's transaction may be committed, though its effects cannot be read yet.
func (f *Flights) Prepared(o *Owner) {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if o.flight != 0 && !o.prepared {
		o.prepared = true
		f.prepared.Add(1)
	}
}

// Landing is closed when o's write in flight has ended; it is now if there is none.
func (f *Flights) Landing(o *Owner) <-chan struct{} {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if o.flight == 0 {
		c := make(chan struct{})
		close(c)
		return c
	}
	return o.landing()
}

func (o *Owner) landing() chan struct{} {
	if o.landed == nil {
		o.landed = make(chan struct{})
	}
	return o.landed
}

// AwaitBelow returns when no write is in flight on what r reads that could commit at or below a timestamp. Writes that
// register later get higher ones: at was handed out before this call.
func (f *Flights) AwaitBelow(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) error {
	f.Saw(at)
	if f.count.Load() == 0 || mutant.SkipInflight {
		return nil
	}
	return f.await(ctx, f.find(func(o *Owner) bool {
		return o.floor < at && mvcc.Timestamp(o.TS.Load()) <= at && o.touches(r)
	}))
}

// AwaitPrepared returns when no transaction is prepared, and perhaps committed, that changes what r reads: the newest
// state must show what is acknowledged.
func (f *Flights) AwaitPrepared(ctx context.Context, r *fragment.Read) error {
	if f.prepared.Load() == 0 || mutant.SkipPrepared {
		return nil
	}
	return f.await(ctx, f.find(func(o *Owner) bool { return o.prepared && o.touches(r) }))
}

// find lists the ends of the writes in flight for which is is true.
func (f *Flights) find(is func(o *Owner) bool) (landings []chan struct{}) {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	for _, o := range f.list {
		if is(o) {
			landings = append(landings, o.landing())
		}
	}
	return landings
}

func (f *Flights) await(ctx context.Context, landings []chan struct{}) error {
	if len(landings) > 0 {
		f.t.cfg.Stats.InFlightWaits.Add(1)
	}
	for _, c := range landings {
		select {
		case <-c:
		case <-f.t.gone:
			return f.t.closed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// awaitAutocommit waits for the autocommit writes in flight on a tablet: they have not told which entries of secondary
// indexes they add. (What comes now that somebody has locked a range there will: AcquireAuto's ErrInDoubt.)
func (f *Flights) awaitAutocommit(ctx context.Context, tablet schema.TabletID, wait time.Duration) error {
	landings := f.find(func(o *Owner) bool { return !o.Interactive && o.isIn(tablet) })
	if len(landings) == 0 {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := f.await(limit, landings)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		f.t.cfg.Stats.Timeouts.Add(1)
		return errLockTimeout()
	}
	return err
}

func (o *Owner) isIn(tablet schema.TabletID) bool {
	for _, e := range o.held {
		if e.tablet == tablet {
			return true
		}
	}
	return false
}

// Closable is the newest timestamp, of those known to have been handed out, at or below which no write of the tenure
// can commit any more.
func (f *Flights) Closable(want mvcc.Timestamp) mvcc.Timestamp {
	f.Saw(want)
	ts := mvcc.Timestamp(f.seen.Load())
	if f.count.Load() == 0 {
		return ts
	}
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	for _, o := range f.list {
		above := o.floor
		if fetched := mvcc.Timestamp(o.TS.Load()); fetched > 0 {
			above = max(above, fetched-1)
		}
		ts = min(ts, above)
	}
	return ts
}

// bigOwner is the number of locks above which a write in flight is taken to touch everything.
const bigOwner = 128

// touches tells whether o's write may change what r reads. A read through a secondary index may meet any row of its
// tablet, because where a row's index entries will be is only known when the write is applied.
func (o *Owner) touches(r *fragment.Read) bool {
	if len(o.held) > bigOwner || len(o.bulk) > 0 {
		return true
	}
	for _, e := range o.held {
		if e.tablet != r.Tablet {
			continue
		}
		if r.Index != schema.PrimaryIndex || e.index == TabletWide {
			return true
		}
		if e.index == schema.PrimaryIndex && readsKey(r, e.key) {
			return true
		}
	}
	return false
}

func readsKey(r *fragment.Read, key []byte) bool {
	if r.Keys != nil {
		for _, k := range r.Keys {
			if bytes.Equal(k, key) {
				return true
			}
		}
		return false
	}
	for i := range r.Spans {
		s := &r.Spans[i]
		if bytes.Compare(key, s.Start) >= 0 && (s.End == nil || bytes.Compare(key, s.End) < 0) {
			return true
		}
	}
	return len(r.Spans) == 0
}
