package txn

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/replica"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// moment ties a timestamp to this process's monotonic clock: ts was handed out after asked. So everything that was
// acknowledged to anybody before asked has a timestamp below ts, however wrong the machines' wall clocks are: this is
// what staleness is measured by.
type moment struct {
	asked time.Time
	ts    mvcc.Timestamp
}

// moments are those of the recent past, rising in both.
type moments struct {
	mu   sync.Mutex
	list []moment
}

const (
	maxMoments    = 256
	momentSpacing = 10 * time.Millisecond // nearer ones replace each other, so that the list reaches back 2.5 s or more
)

func (m *moments) add(x moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.list)
	if n > 0 && (x.ts <= m.list[n-1].ts || x.asked.Before(m.list[n-1].asked)) {
		return // another one was faster
	}
	if n > 1 && x.asked.Sub(m.list[n-2].asked) < momentSpacing {
		m.list[n-1] = x
		return
	}
	if n == maxMoments {
		m.list = append(m.list[:0], m.list[maxMoments/4:]...)
	}
	m.list = append(m.list, x)
}

// since is the lowest timestamp known to have been handed out after t.
func (m *moments) since(t time.Time) (mvcc.Timestamp, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := sort.Search(len(m.list), func(i int) bool { return !m.list[i].asked.Before(t) })
	if i == len(m.list) {
		return 0, false
	}
	return m.list[i].ts, true
}

// upTo is the newest timestamp that is not above limit; 0: none.
func (m *moments) upTo(limit mvcc.Timestamp) mvcc.Timestamp {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range slices.Backward(m.list) {
		if x.ts <= limit {
			return x.ts
		}
	}
	return 0
}

// newest is the highest timestamp known to have been handed out.
func (m *moments) newest() mvcc.Timestamp { return m.upTo(mvcc.MaxTimestamp) }

// freshener keeps the followers that are read up to date, so that reads with a bound do not have to wait: while there
// are such reads, it draws a moment now and then and asks for promises where the log brings none.
type freshener struct {
	mu      sync.Mutex
	used    map[schema.ShardID]time.Time // when last read
	asks    map[schema.ShardID]*asking
	nudged  map[schema.ShardID]time.Time // when a promise was last asked for beside a forwarded read
	last    time.Time                    // the last round
	running bool
}

// asking is a request for a promise on its way. promise and err are valid when done is closed.
type asking struct {
	want    mvcc.Timestamp
	promise leaseholder.Promise
	err     error
	done    chan struct{}
}

// How often followers are refreshed: several times within the bound.
const (
	freshenPart = 4
	freshenMin  = 20 * time.Millisecond
	freshenMax  = 500 * time.Millisecond
	freshenFor  = time.Second // after the last read of a shard
	nudgeEvery  = 2 * time.Millisecond
)

// want notes a read of s with a bound, and starts a round if one is due.
func (f *freshener) want(c *Client, s schema.ShardID, bound time.Duration) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used == nil {
		f.used = make(map[schema.ShardID]time.Time)
	}
	f.used[s] = now
	every := min(max(bound/freshenPart, freshenMin), freshenMax)
	if f.running || now.Sub(f.last) < every || c.ctx.Err() != nil {
		return
	}
	f.running, f.last = true, now
	spawn.Go("moments", func() { f.round(c) })
}

// round draws a moment and asks for promises at it.
func (f *freshener) round(c *Client) {
	defer func() {
		f.mu.Lock()
		f.running = false
		f.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(c.ctx, askWait)
	defer cancel()
	before := c.moments.newest()
	now, err := c.draw(ctx)
	if err != nil {
		return // the reads will tell
	}
	var wg spawn.Group
	for _, s := range f.inUse() {
		near := c.near(s)
		if near == nil || before != 0 && near.Closed() >= before {
			continue // the shard's writes close timestamps often enough
		}
		wg.Go("moments", func() { _, _ = c.ask(ctx, near, s, now) })
	}
	wg.Wait()
}

// nudge asks for a promise in the background, unless somebody has done so just now.
func (f *freshener) nudge(c *Client, near *replica.Replica, s schema.ShardID, want mvcc.Timestamp) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asks[s] != nil || now.Sub(f.nudged[s]) < nudgeEvery || c.ctx.Err() != nil {
		return
	}
	if f.nudged == nil {
		f.nudged = make(map[schema.ShardID]time.Time)
	}
	f.nudged[s] = now
	spawn.Go("moments", func() { _, _ = c.ask(c.ctx, near, s, want) })
}

// inUse gives the shards that were read lately, and forgets the others.
func (f *freshener) inUse() (list []schema.ShardID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s, at := range f.used {
		if time.Since(at) > freshenFor {
			delete(f.used, s)
		} else {
			list = append(list, s)
		}
	}
	return list
}

// join gives the request on its way that covers want, or makes one, which is the caller's to send.
func (f *freshener) join(s schema.ShardID, want mvcc.Timestamp) (a *asking, mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.asks[s]; a != nil && a.want >= want {
		return a, false
	}
	if f.asks == nil {
		f.asks = make(map[schema.ShardID]*asking)
	}
	a = &asking{want: want, done: make(chan struct{})}
	f.asks[s] = a
	return a, true
}

// leave takes an answered request out.
func (f *freshener) leave(s schema.ShardID, a *asking) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asks[s] == a {
		delete(f.asks, s)
	}
}
