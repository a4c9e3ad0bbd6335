package replica

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/replica/replicatest"
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

	recorded shard.ProposalResult // of every transaction

	mu       sync.Mutex
	index    uint64
	lease    shard.Lease
	rows     map[string][]fakeVersion
	outcomes map[fragment.TxnID]shard.ProposalResult
	closed   mvcc.Timestamp
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

func (s *fakeShard) Closed() mvcc.Timestamp            { s.mu.Lock(); defer s.mu.Unlock(); return s.closed }
func (s *fakeShard) PreparedFloor() mvcc.Timestamp     { return mvcc.MaxTimestamp }
func (s *fakeShard) ResetAutoInc()                     {}
func (s *fakeShard) KeepAutoInc(*shard.Workspace)      {}
func (s *fakeShard) OnPrepared(func([]fragment.TxnID)) {}
func (s *fakeShard) Parts() []shard.Part               { return nil }

func (s *fakeShard) Table(schema.TabletID) (*schema.Table, bool) {
	return &schema.Table{
		Columns: []schema.Column{{ID: 1}}, Indexes: []schema.Index{{ID: schema.PrimaryIndex, Columns: []schema.IndexColumn{{}}}},
	}, true
}

func (s *fakeShard) FillAutoInc(*fragment.Write) error { return nil }

func (s *fakeShard) CheckProposal([]byte) *mysqlerr.Error { return nil }

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
			ok := c.Prev == s.lease.Epoch && c.Serial == s.lease.Serial+1
			if ok {
				s.lease = c.Lease
			}
			results[i] = shard.Result{Kind: kind, Batch: c.Nonce, OK: ok, Lease: s.lease}
		case *shard.Batch:
			results[i] = shard.Result{Kind: kind, Batch: c.ID}
			for j := range c.Proposals {
				results[i].Results = append(results[i].Results, s.apply(c, &c.Proposals[j]))
			}
			if c.Epoch == s.lease.Epoch {
				s.closed = max(s.closed, c.Closed)
			}
		case *shard.WatermarkCommand:
			s.closed = max(s.closed, c.Closed)
			results[i] = shard.Result{Kind: kind, OK: true}
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
	if p.Kind == shard.ProposalAbort {
		r.Status = shard.Aborted
		s.outcomes[p.Txn] = r
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

// fakeCluster is some replicas of one shard.
type fakeCluster struct {
	log      *replicatest.Log
	source   *fakeSource
	groups   []*replicatest.Group
	states   []*fakeShard
	replicas []*Replica
}

func newFakeCluster(t testing.TB, n int, change func(*Config)) *fakeCluster {
	c := &fakeCluster{log: replicatest.NewLog(testShard), source: &fakeSource{}}
	c.source.next.Store(100)
	for i := range n {
		c.states = append(c.states, newFakeShard())
		g := c.log.Add(schema.NodeID(i+1), c.states[i])
		cfg := Config{Node: g.Node(), Group: g, Timestamps: c.source, Logger: slog.New(slog.DiscardHandler)}
		if change != nil {
			change(&cfg)
		}
		r := New(cfg)
		c.groups, c.replicas = append(c.groups, g), append(c.replicas, r)
	}
	c.log.Elect(1)
	for _, r := range c.replicas {
		r.Start()
	}
	t.Cleanup(func() {
		for _, r := range c.replicas {
			r.Close()
		}
		c.log.Close()
	})
	return c
}

var lastTestTxn atomic.Uint64

func newTestTxn() fragment.TxnID { return leaseholder.NewTxnID(9, 1000, lastTestTxn.Add(1)) }

func putWrite(key string, value int64) *fragment.Write {
	w := &fragment.Write{Kind: fragment.Put, Tablet: testTablet, Keys: [][]byte{[]byte(key)}}
	w.Rows.Width = 1
	w.Rows.Append([]types.Value{types.Int(value)})
	return w
}

func bumpWrite(key string) *fragment.Write {
	return &fragment.Write{Kind: fragment.Update, Tablet: testTablet, Keys: [][]byte{[]byte(key)}}
}

func autocommit(w ...*fragment.Write) *leaseholder.WriteRequest {
	return &leaseholder.WriteRequest{Shard: testShard, Txn: newTestTxn(), Writes: w, LockWait: time.Minute}
}

func pointRead(key string, at mvcc.Timestamp) *leaseholder.ReadRequest {
	return &leaseholder.ReadRequest{Shard: testShard, At: at,
		Read: &fragment.Read{Tablet: testTablet, Index: schema.PrimaryIndex, Keys: [][]byte{[]byte(key)}}}
}

// readValue reads a counter; "none" if it is absent.
func readValue(ctx context.Context, s leaseholder.Service, key string, at mvcc.Timestamp) (string, error) {
	var page fragment.Page
	if err := s.Read(ctx, pointRead(key, at), &page); err != nil {
		return "", err
	}
	if page.Batch.Len() == 0 {
		return "none", nil
	}
	return fmt.Sprint(page.Batch.Row(0)[0].Int()), nil
}

func (s *fakeShard) Frozen(schema.TabletID) bool { return false }

func (s *fakeShard) Recorded(fragment.TxnID, mvcc.Timestamp) (shard.ProposalResult, error) {
	return s.recorded, nil
}
