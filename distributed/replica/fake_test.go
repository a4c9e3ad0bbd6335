package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
)

const (
	testShard  schema.ShardID  = 7
	testTablet schema.TabletID = 70
)

// manualClock moves when it is told to.
type manualClock struct {
	mu     sync.Mutex
	now    time.Duration
	timers map[*manualTimer]struct{}
}

type manualTimer struct {
	clock *manualClock
	at    time.Duration
	c     chan time.Time
}

func newManualClock() *manualClock {
	return &manualClock{now: time.Hour, timers: map[*manualTimer]struct{}{}}
}

func (c *manualClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) NewTimer(d time.Duration) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{c, c.now + d, make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- time.Time{}
		return t
	}
	c.timers[t] = struct{}{}
	return t
}

func (c *manualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
	for t := range c.timers {
		if t.at <= c.now {
			delete(c.timers, t)
			t.c <- time.Time{}
		}
	}
}

func (t *manualTimer) C() <-chan time.Time { return t.c }

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, ok := t.clock.timers[t]
	delete(t.clock.timers, t)
	return ok
}

// fakeSource hands out timestamps from a counter.
type fakeSource struct {
	next atomic.Uint64
	gate func() // called before a timestamp is drawn
}

func (s *fakeSource) Next(_ context.Context, n int) (mvcc.Timestamp, error) {
	if s.gate != nil {
		s.gate()
	}
	return mvcc.Timestamp(s.next.Add(uint64(n)) - uint64(n) + 1), nil
}

// fakeShard is a shard whose rows are counters: Put sets, Update adds one, Insert fails on a key that is there, Delete
// removes. It keeps what replicas rely on: epochs, outcomes, versions, timestamps that rise key by key.
type fakeShard struct {
	shard.API // what is not used here

	mu       sync.Mutex
	index    uint64
	lease    shard.Lease
	rows     map[string][]fakeVersion
	outcomes map[fragment.TxnID]shard.ProposalResult
	applies  int
	delay    func() // runs during reads, outside mu
}

type fakeVersion struct {
	ts      mvcc.Timestamp
	value   int64
	deleted bool
}

func newFakeShard() *fakeShard {
	return &fakeShard{rows: map[string][]fakeVersion{}, outcomes: map[fragment.TxnID]shard.ProposalResult{}}
}

func (s *fakeShard) AppliedIndex() uint64 { s.mu.Lock(); defer s.mu.Unlock(); return s.index }
func (s *fakeShard) Lease() shard.Lease   { s.mu.Lock(); defer s.mu.Unlock(); return s.lease }
func (s *fakeShard) ResetAutoInc()        {}

func (s *fakeShard) FillAutoInc(*fragment.Write) error { return nil }

func (s *fakeShard) WriteKeys(dst []shard.LockKey, w *fragment.Write) ([]shard.LockKey, error) {
	if w.Tablet != testTablet {
		return nil, shard.ErrNoTablet
	}
	for _, k := range w.Keys {
		dst = append(dst, shard.LockKey{Index: schema.PrimaryIndex, Key: k})
	}
	return dst, nil
}

func (s *fakeShard) Apply(entries []shard.Entry) ([]shard.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := make([]shard.Result, len(entries))
	for i, e := range entries {
		kind, c, err := shard.Decode(bytes.Clone(e.Cmd))
		if err != nil {
			return nil, err
		}
		s.index = e.Index
		switch c := c.(type) {
		case *shard.LeaseCommand:
			ok := c.Prev == s.lease.Epoch
			if ok {
				s.lease = c.Lease
			}
			results[i] = shard.Result{Kind: kind, Batch: c.Nonce, OK: ok, Lease: s.lease}
		case *shard.Batch:
			results[i] = shard.Result{Kind: kind, Batch: c.ID}
			for j := range c.Proposals {
				results[i].Results = append(results[i].Results, s.apply(c, &c.Proposals[j]))
			}
		default:
			results[i] = shard.Result{Kind: kind, OK: true}
		}
	}
	return results, nil
}

func (s *fakeShard) apply(b *shard.Batch, p *shard.Proposal) shard.ProposalResult {
	if r, ok := s.outcomes[p.Txn]; ok {
		r.Recorded, r.Status = r.Status, shard.Duplicate
		return r
	}
	r := shard.ProposalResult{Txn: p.Txn, TS: p.TS, Status: shard.Committed}
	if b.Epoch != s.lease.Epoch {
		r.Status = shard.StaleEpoch
		return r
	}
	for _, e := range p.Effects {
		if e.Tablet != testTablet {
			r.Status = shard.NoTablet
			return r
		}
	}
	for _, w := range p.Writes {
		for _, k := range w.Keys {
			if v := s.rows[string(k)]; len(v) > 0 && v[len(v)-1].ts >= p.TS {
				r.Status = shard.StaleTimestamp
				return r
			}
		}
	}
	for _, w := range p.Writes {
		res := fragment.WriteResult{Affected: uint64(len(w.Keys))}
		for i, k := range w.Keys {
			old, live := s.newest(k)
			v := fakeVersion{ts: p.TS}
			switch w.Kind {
			case fragment.Insert:
				if live {
					res.Err = mysqlerr.New(1062, string(k), "t.PRIMARY")
					r.Status = shard.Failed
				}
				v.value = w.Rows.Row(i)[0].Int()
			case fragment.Put:
				v.value = w.Rows.Row(i)[0].Int()
			case fragment.Update:
				v.value = old + 1
			case fragment.Delete:
				v.deleted = true
			}
			if res.Err == nil {
				s.rows[string(k)] = append(s.rows[string(k)], v)
			}
		}
		r.Writes = append(r.Writes, res)
	}
	s.applies++
	s.outcomes[p.Txn] = r
	return r
}

func (s *fakeShard) newest(key []byte) (value int64, live bool) {
	v := s.rows[string(key)]
	if len(v) == 0 || v[len(v)-1].deleted {
		return 0, false
	}
	return v[len(v)-1].value, true
}

func (s *fakeShard) Read(_ context.Context, r *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	if r.Tablet != testTablet {
		return shard.ErrNoTablet
	}
	s.mu.Lock()
	*page = fragment.Page{}
	page.Batch.Width = 1
	for _, k := range r.Keys {
		for i := len(s.rows[string(k)]) - 1; i >= 0; i-- {
			if v := s.rows[string(k)][i]; o.At == 0 || v.ts <= o.At {
				if !v.deleted {
					page.Batch.Append([]types.Value{types.Int(v.value)})
				}
				break
			}
		}
	}
	delay := s.delay
	s.mu.Unlock()
	if delay != nil {
		delay()
	}
	return nil
}

// fakeLog is a raft log that everybody agrees on at once.
type fakeLog struct {
	mu      sync.Mutex
	cond    *sync.Cond
	entries [][]byte
	leader  schema.NodeID
	term    uint64
	groups  []*fakeGroup
	lose    int  // of the next proposals: drop these
	doubt   int  // of the next proposals: append these, but say that they were dropped
	stopped bool // no quorum: proposals go nowhere
	closed  bool
}

// fakeGroup is one node's replica of it.
type fakeGroup struct {
	log     *fakeLog
	node    schema.NodeID
	state   *fakeShard
	api     shard.API
	paused  bool // does not apply
	cut     bool // cannot propose
	next    int  // entry to apply
	applied func([]shard.Result)
	leader  func(schema.NodeID, uint64)
	done    chan struct{}
}

func newFakeLog() *fakeLog {
	l := &fakeLog{}
	l.cond = sync.NewCond(&l.mu)
	return l
}

func (l *fakeLog) add(node schema.NodeID) *fakeGroup {
	state := newFakeShard()
	g := &fakeGroup{log: l, node: node, state: state, api: state, done: make(chan struct{})}
	l.mu.Lock()
	l.groups = append(l.groups, g)
	l.mu.Unlock()
	return g
}

func (g *fakeGroup) run() {
	defer close(g.done)
	l := g.log
	for {
		l.mu.Lock()
		for !l.closed && (g.paused || g.next >= len(l.entries)) {
			l.cond.Wait()
		}
		if l.closed {
			l.mu.Unlock()
			return
		}
		first := g.next
		todo := slices.Clone(l.entries[first:])
		g.next = len(l.entries)
		l.mu.Unlock()
		batch := make([]shard.Entry, len(todo))
		for i, cmd := range todo {
			batch[i] = shard.Entry{Index: uint64(first + i + 1), Cmd: cmd}
		}
		results, err := g.api.Apply(batch)
		if err != nil {
			panic(err)
		}
		g.applied(results)
	}
}

func (l *fakeLog) close() {
	l.mu.Lock()
	l.closed = true
	l.cond.Broadcast()
	groups := l.groups
	l.mu.Unlock()
	for _, g := range groups {
		if g.applied != nil {
			<-g.done
		}
	}
}

func (l *fakeLog) do(fn func()) {
	l.mu.Lock()
	fn()
	l.cond.Broadcast()
	l.mu.Unlock()
}

// elect makes a node the leader and tells everybody.
func (l *fakeLog) elect(node schema.NodeID) {
	l.mu.Lock()
	l.leader = node
	l.term++
	term, groups := l.term, slices.Clone(l.groups)
	l.mu.Unlock()
	for _, g := range groups {
		if g.leader != nil {
			g.leader(node, term)
		}
	}
}

func (g *fakeGroup) Shard() schema.ShardID { return testShard }
func (g *fakeGroup) State() shard.API      { return g.api }
func (g *fakeGroup) IsLeader() bool        { n, _ := g.Leader(); return n == g.node }

func (g *fakeGroup) Leader() (schema.NodeID, uint64) {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	return g.log.leader, g.log.term
}

func (g *fakeGroup) Propose(_ context.Context, cmd []byte, dropped func(error)) error {
	l := g.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader == 0 || g.cut || l.stopped {
		return errors.New("fake: no leader")
	}
	if l.lose > 0 {
		l.lose--
		go dropped(errors.New("fake: dropped"))
		return nil
	}
	l.entries = append(l.entries, cmd)
	l.cond.Broadcast()
	if l.doubt > 0 {
		l.doubt--
		dropped := dropped
		go dropped(errors.New("fake: presumed lost"))
	}
	return nil
}

func (g *fakeGroup) ReadIndex(context.Context) error {
	l := g.log
	l.mu.Lock()
	end := len(l.entries)
	l.mu.Unlock()
	for g.state.AppliedIndex() < uint64(end) {
		time.Sleep(100 * time.Microsecond)
	}
	return nil
}

func (g *fakeGroup) Transfer(to schema.NodeID) error { go g.log.elect(to); return nil }

func (g *fakeGroup) OnApplied(fn func([]shard.Result)) {
	g.applied = fn
	go g.run()
}

func (g *fakeGroup) OnLeader(fn func(schema.NodeID, uint64)) {
	g.log.mu.Lock()
	g.leader = fn
	g.log.mu.Unlock()
}

func (g *fakeGroup) OnRecovered(func()) {}

// fakeCluster is some replicas of one shard.
type fakeCluster struct {
	log      *fakeLog
	source   *fakeSource
	groups   []*fakeGroup
	replicas []*Replica
}

func newFakeCluster(t testing.TB, n int, change func(*Config)) *fakeCluster {
	c := &fakeCluster{log: newFakeLog(), source: &fakeSource{}}
	c.source.next.Store(100)
	for i := range n {
		g := c.log.add(schema.NodeID(i + 1))
		cfg := Config{Node: g.node, Group: g, Timestamps: c.source, Logger: slog.New(slog.DiscardHandler)}
		if change != nil {
			change(&cfg)
		}
		r := New(cfg)
		c.groups, c.replicas = append(c.groups, g), append(c.replicas, r)
	}
	c.log.elect(1)
	for _, r := range c.replicas {
		r.Start()
	}
	t.Cleanup(func() {
		for _, r := range c.replicas {
			r.Close()
		}
		c.log.close()
	})
	return c
}

var lastTestTxn atomic.Uint64

func newTestTxn() fragment.TxnID { return NewTxnID(9, 1000, lastTestTxn.Add(1)) }

func putWrite(key string, value int64) *fragment.Write {
	w := &fragment.Write{Kind: fragment.Put, Tablet: testTablet, Keys: [][]byte{[]byte(key)}}
	w.Rows.Width = 1
	w.Rows.Append([]types.Value{types.Int(value)})
	return w
}

func bumpWrite(key string) *fragment.Write {
	return &fragment.Write{Kind: fragment.Update, Tablet: testTablet, Keys: [][]byte{[]byte(key)}}
}

func autocommit(w ...*fragment.Write) *WriteRequest {
	return &WriteRequest{Shard: testShard, Txn: newTestTxn(), Writes: w, LockWait: time.Minute}
}

func pointRead(key string, at mvcc.Timestamp) *ReadRequest {
	return &ReadRequest{Shard: testShard, At: at,
		Read: &fragment.Read{Tablet: testTablet, Index: schema.PrimaryIndex, Keys: [][]byte{[]byte(key)}}}
}

// readValue reads a counter; "none" if it is absent.
func readValue(ctx context.Context, s Service, key string, at mvcc.Timestamp) (string, error) {
	var page fragment.Page
	if err := s.Read(ctx, pointRead(key, at), &page); err != nil {
		return "", err
	}
	if page.Batch.Len() == 0 {
		return "none", nil
	}
	return fmt.Sprint(page.Batch.Row(0)[0].Int()), nil
}
