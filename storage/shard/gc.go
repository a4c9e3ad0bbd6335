package shard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"

	"github.com/cockroachdb/pebble/v2"
)

// Versions that no read at or above the watermark can see are removed in the background, by each replica on its own.
// Apply notes what it superseded or deleted, and when the watermark has passed the change, it goes. What was noted
// before a restart, or did not fit into memory, is found by walking over everything once the watermark has passed the
// time of the loss.
//
// A row that was changed has been read by Apply, so its superseded version is known and goes without a look at the
// store. The deletion is an ordinary one. A single deletion, which vanishes with what it deletes, would save half a percent of what is
// flushed and of what scans step over (measured); but where a compaction drops one and cannot read what follows, Pebble ends the
// process, and a version that was written twice would come back.
//
// Of a deleted key the older versions are not known, and are looked up. A tombstone is removed only together with all
// versions that it hides, in one batch; and never while RecoverSnapshot puts another replica's versions under it.

// maxNoted bounds the keys that are remembered for collection.
const maxNoted = 256 << 10

// garbageKey is a key whose versions below ts are hidden from ts on: the one at hidden, if that is not 0, or those that
// a look at the store finds.
type garbageKey struct {
	key        string
	ts, hidden mvcc.Timestamp
}

// collector is a shard's garbage collection.
type collector struct {
	running sync.Mutex // one collection at a time, and none during RecoverSnapshot

	mu       sync.Mutex
	noted    []garbageKey   // in the order of the log
	sweep    bool           // a walk over everything is due or under way
	sweepAt  mvcc.Timestamp // the watermark from which on the walk may begin
	again    mvcc.Timestamp // a walk after it is due from this watermark on; 0: none
	position []byte         // where the walk is; nil: not begun
}

func (a *applying) noteGarbage(c *change) {
	if c.hides || c.deletes() {
		a.garbage = append(a.garbage, garbageKey{key: string(c.key), ts: c.ts, hidden: c.hidden})
	}
}

func (s *Shard) noteAllGarbage(keys []garbageKey) {
	if len(keys) == 0 {
		return
	}
	c := &s.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.noted)+len(keys) > maxNoted {
		c.requireSweep(keys[len(keys)-1].ts)
		return
	}
	c.noted = append(c.noted, keys...)
}

// requireSweep asks for a walk over everything once the watermark is at ts. One that is due already is not put off, or
// under lasting load it would never begin; another follows it.
func (c *collector) requireSweep(ts mvcc.Timestamp) {
	if c.sweep {
		c.again = max(c.again, ts)
		return
	}
	c.sweep, c.sweepAt, c.position = true, ts, nil
}

// due takes up to limit noted keys whose versions can be collected at a watermark.
func (c *collector) due(watermark mvcc.Timestamp, limit int) []garbageKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.noted) && n < limit && c.noted[n].ts <= watermark {
		n++
	}
	keys := c.noted[:n:n]
	if c.noted = c.noted[n:]; len(c.noted) == 0 {
		c.noted = nil
	}
	return keys
}

// walk tells where a walk over everything goes on; ok is false if none is due.
func (c *collector) walk(watermark mvcc.Timestamp) (from []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.position, c.sweep && watermark >= c.sweepAt
}

// walked notes how far a walk has come; nil: to the end.
func (c *collector) walked(position []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.position = position
	if position == nil {
		c.sweep, c.sweepAt, c.again = c.again != 0, c.again, 0
	}
}

// CollectGarbage removes hidden versions of up to limit keys. It reports how many versions went, and whether it had
// more to do.
func (s *Shard) CollectGarbage(ctx context.Context, limit int) (removed int, more bool, err error) {
	c := &s.collector
	watermark := s.Watermark()
	if watermark == 0 {
		return 0, false, nil
	}
	c.running.Lock()
	defer c.running.Unlock()
	noted := c.due(watermark, limit)
	from, walk := c.walk(watermark)
	if len(noted) == 0 && !walk {
		return 0, false, nil
	}
	g := &collection{s: s, batch: s.engine.NewBatch(), limit: limit, tablets: s.tablets.Load()}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.run(ctx, noted, watermark, from, walk && len(noted) < limit); err != nil {
		return 0, false, err
	}
	if g.removed == 0 {
		return 0, len(noted) == limit || g.more, nil
	}
	return g.removed, len(noted) == limit || g.more, s.engine.Commit(g.batch)
}

// collection is one call's work.
type collection struct {
	s       *Shard
	batch   *pebble.Batch
	it      *pebble.Iterator
	mvcc    mvcc.Collector
	limit   int
	tablets *tabletSet // from before the state that is looked at
	removed int
	more    bool
}

func (g *collection) run(ctx context.Context, noted []garbageKey, watermark mvcc.Timestamp, from []byte, walk bool) error {
	unknown, err := g.known(noted)
	if err != nil || len(unknown) == 0 && !walk {
		return err
	}
	if err := g.open(watermark); err != nil {
		return err
	}
	if err := g.keys(ctx, unknown); err != nil || !walk {
		return err
	}
	return g.walk(ctx, from)
}

// known removes the versions that are known, and gives the keys that have to be looked at.
func (g *collection) known(noted []garbageKey) (unknown []garbageKey, err error) {
	for i := range noted {
		n := &noted[i]
		if n.hidden == 0 {
			unknown = append(unknown, *n)
			continue
		}
		op := g.batch.DeleteDeferred(len(n.key) + mvcc.SuffixLen)
		mvcc.AppendVersion(append(op.Key[:0], n.key...), n.hidden)
		if err := op.Finish(); err != nil {
			return nil, err
		}
		g.removed++
	}
	return unknown, nil
}

func (g *collection) open(watermark mvcc.Timestamp) (err error) {
	start, end := dataRange(g.s.id)
	if g.it, err = g.s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end}); err != nil {
		return err
	}
	g.mvcc = mvcc.Collector{It: g.it, Watermark: watermark, Remove: func(key []byte) error { return g.batch.Delete(key, nil) }}
	return nil
}

func (g *collection) close() error {
	err := g.batch.Close()
	if g.it != nil {
		err = errors.Join(err, g.it.Close())
	}
	return err
}

// keys looks at keys, in their order; one may come many times.
func (g *collection) keys(ctx context.Context, noted []garbageKey) error {
	slices.SortFunc(noted, func(a, b garbageKey) int { return strings.Compare(a.key, b.key) })
	for i := range noted {
		if i%contextEvery == 0 && ctx.Err() != nil {
			g.s.collector.lose(noted[i:])
			return nil
		}
		if i > 0 && noted[i].key == noted[i-1].key {
			continue
		}
		n, err := g.mvcc.Collect([]byte(noted[i].key))
		g.removed += n
		if err != nil {
			return err
		}
	}
	return nil
}

// lose gives keys back that were taken and not collected.
func (c *collector) lose(keys []garbageKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted = append(append([]garbageKey(nil), keys...), c.noted...)
}

// walk goes over the next keys of everything.
func (g *collection) walk(ctx context.Context, from []byte) error {
	live, last, mine := false, schema.TabletID(0), false
	if from == nil {
		live = g.it.First()
	} else {
		live = g.it.SeekGE(from)
	}
	for n := 0; live && n < g.limit && ctx.Err() == nil; n++ {
		if id := tabletOfKey(g.it.Key()); id != last {
			t, _ := g.tablets.Get(id)
			last, mine = id, t != nil && (t.move == nil || t.move.Phase != incoming)
		}
		if !mine { // what a deletion hides may be still to come
			_, end := tabletRange(g.s.id, last)
			live = g.it.SeekGE(end)
			continue
		}
		removed, next, err := g.mvcc.CollectHere()
		if err != nil {
			return err
		}
		g.removed, live = g.removed+removed, next
	}
	if err := g.it.Error(); err != nil {
		return err
	}
	var position []byte
	if live {
		position = append([]byte{}, g.it.Key()...)
	}
	g.more = live
	g.s.collector.walked(position)
	return nil
}

// Sweeper collects the garbage of a node's shards in the background, at a bounded rate.
type Sweeper struct {
	Shards func() []*Shard // the node's shards at present
	Every  time.Duration   // between two rounds; 0: 250 ms
	Keys   int             // looked at in one shard in one round at most; 0: 20,000
	Failed func(error)     // told of an engine's error, after which it goes on; may be nil
}

// Run works until ctx ends.
func (w *Sweeper) Run(ctx context.Context) {
	every, keys := w.Every, w.Keys
	if every == 0 {
		every = 250 * time.Millisecond
	}
	if keys == 0 {
		keys = 20_000
	}
	for range spawn.Ticks(ctx.Done(), every) {
		for _, s := range w.Shards() {
			if _, _, err := s.CollectGarbage(ctx, keys); err != nil && w.Failed != nil {
				w.Failed(err)
			}
		}
	}
}
