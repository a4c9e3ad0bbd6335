package raft

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

const testShard schema.ShardID = 7

// logState is a shard that remembers its commands, as a disk would.
type logState struct {
	shard.API
	mu      sync.Mutex
	index   uint64
	content []byte
	count   int
}

func (s *logState) Apply(es []shard.Entry) ([]shard.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rs := make([]shard.Result, len(es))
	for i, e := range es {
		s.index = e.Index
		s.content = append(append(s.content, e.Cmd...), '\n')
		s.count++
		rs[i] = shard.Result{Kind: shard.CommandSystem, Batch: binary.BigEndian.Uint64(e.Cmd), OK: true}
	}
	return rs, nil
}

func (s *logState) AppliedIndex() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index
}

func (s *logState) dump() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.content)
}

func (s *logState) PrepareSnapshot() (any, error) {
	return append(binary.BigEndian.AppendUint64(nil, s.AppliedIndex()), s.dump()...), nil
}

func (s *logState) SaveSnapshot(p any, w io.Writer, _ <-chan struct{}) error {
	b := p.([]byte)
	_, err := w.Write(append(binary.BigEndian.AppendUint64(nil, uint64(len(b))), b...))
	return err
}

func (s *logState) RecoverSnapshot(r io.Reader, _ <-chan struct{}) error {
	var n [8]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return err
	}
	b := make([]byte, binary.BigEndian.Uint64(n[:]))
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.content = binary.BigEndian.Uint64(b), b[8:]
	return nil
}

// member is a node with a raft host.
type member struct {
	id     schema.NodeID
	dir    string
	state  *logState
	server *rpc.Server
	client *rpc.Client
	host   *Host
	group  Group

	mu      sync.Mutex
	applied map[uint64]bool
}

type ring struct {
	t    testing.TB
	mu   sync.Mutex
	book map[schema.NodeID]string
}

func (r *ring) open(m *member, tune func(*Config)) {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a new address at each start: members are known by id
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.book[m.id] = l.Addr().String()
	r.mu.Unlock()
	cluster := func() rpc.ClusterID { return rpc.ClusterID{1} }
	self := func() schema.NodeID { return m.id }
	m.server = rpc.NewServer(rpc.ServerOptions{Cluster: cluster, Node: self})
	m.client = rpc.NewClient(rpc.ClientOptions{Cluster: cluster, Node: self, Resolve: func(id schema.NodeID) (string, bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		a, ok := r.book[id]
		return a, ok
	}})
	cfg := Config{
		Dir: m.dir, Node: m.id, Cluster: 77, Server: m.server, Client: m.client,
		Tick: 10 * time.Millisecond, ElectionTicks: 10, HeartbeatTicks: 1, SnapshotEvery: 100, KeepEntries: 10,
	}
	if tune != nil {
		tune(&cfg)
	}
	if m.host, err = Open(cfg); err != nil {
		r.t.Fatal(err)
	}
	go func() { _ = m.server.Serve(l) }()
}

func (m *member) close() {
	m.host.Close()
	m.client.Close()
	m.server.Close()
}

func (m *member) start(t testing.TB, c StartConfig) {
	t.Helper()
	c.Shard, c.Replica, c.State = testShard, ReplicaID(m.id, 1), m.state
	c.Sync = func() error { return nil }
	g, err := m.host.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	m.group = g
	m.applied = map[uint64]bool{}
	g.OnApplied(func(rs []shard.Result) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, r := range rs {
			m.applied[r.Batch] = true
		}
	})
}

// propose proposes until the command with this number is applied here.
func (m *member) propose(t testing.TB, n uint64) {
	t.Helper()
	cmd := fmt.Appendf(binary.BigEndian.AppendUint64(nil, n), " command %d", n)
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		lost := make(chan error, 1)
		err := m.group.Propose(context.Background(), cmd, func(err error) { lost <- err })
		for err == nil {
			m.mu.Lock()
			done := m.applied[n]
			m.mu.Unlock()
			if done {
				return
			}
			select {
			case err = <-lost:
			case <-time.After(time.Millisecond):
			}
			if time.Now().After(deadline) {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("command %d was not applied", n)
}

func (m *member) waitEqual(t testing.TB, other *member) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if bytes.Equal(m.state.dump(), other.state.dump()) {
			return
		}
	}
	t.Fatalf("node %d has %d bytes at %d, node %d %d bytes at %d", m.id, len(m.state.dump()), m.state.AppliedIndex(),
		other.id, len(other.state.dump()), other.state.AppliedIndex())
}

func TestGroupGrowsMovesAndRecovers(t *testing.T) {
	r := &ring{t: t, book: map[schema.NodeID]string{}}
	var ms []*member
	for id := schema.NodeID(1); id <= 3; id++ {
		m := &member{id: id, dir: t.TempDir(), state: &logState{}}
		r.open(m, nil)
		ms = append(ms, m)
	}
	defer func() {
		for _, m := range ms {
			m.close()
		}
	}()
	ms[0].start(t, StartConfig{Members: []uint64{ReplicaID(1, 1)}})
	next := uint64(0)
	write := func(m *member, n int) {
		for range n {
			next++
			m.propose(t, next)
		}
	}
	write(ms[0], 250) // beyond the snapshot: the others must be streamed to
	ctx := context.Background()
	for _, m := range ms[1:] {
		mb, err := ms[0].host.Membership(ctx, testShard)
		if err != nil {
			t.Fatal(err)
		}
		if err := ms[0].host.AddNonVoting(ctx, testShard, ReplicaID(m.id, 1), mb.ChangeID); err != nil {
			t.Fatal(err)
		}
		if err := ms[0].host.AddNonVoting(ctx, testShard, ReplicaID(9, 1), mb.ChangeID); err == nil {
			t.Error("a change of a configuration that is no longer was accepted")
		}
		m.start(t, StartConfig{Join: true, NonVoting: true})
		write(ms[0], 10)
		m.waitEqual(t, ms[0])
		if mb, err = ms[0].host.Membership(ctx, testShard); err != nil {
			t.Fatal(err)
		}
		if err := ms[0].host.Promote(ctx, testShard, ReplicaID(m.id, 1), mb.ChangeID); err != nil {
			t.Fatal(err)
		}
	}
	write(ms[0], 10)
	if err := ms[0].group.Transfer(2); err != nil {
		t.Fatal(err)
	}
	for !ms[1].group.IsLeader() {
		time.Sleep(time.Millisecond)
	}
	write(ms[1], 10)

	// The leader goes; another takes over, and it comes back at another address.
	ms[1].close()
	write(ms[0], 10)
	r.open(ms[1], nil)
	ms[1].start(t, StartConfig{NonVoting: true})
	write(ms[2], 10)
	for _, m := range ms {
		m.waitEqual(t, ms[0])
	}
	if err := ms[1].group.ReadIndex(ctx); err != nil {
		t.Error(err)
	}
	if ms[1].state.count == 0 {
		t.Error("node 2 has applied nothing itself")
	}

	// All at once.
	for _, m := range ms {
		m.close()
	}
	for _, m := range ms {
		r.open(m, nil)
		if !m.host.HasData(testShard, ReplicaID(m.id, 1)) || m.host.HasData(testShard, ReplicaID(m.id, 2)) {
			t.Error("HasData is wrong")
		}
		m.start(t, StartConfig{NonVoting: m.id != 1})
	}
	write(ms[1], 5)
	for _, m := range ms {
		m.waitEqual(t, ms[0])
	}
}

func TestNoLeaderIsToldAtOnce(t *testing.T) {
	r := &ring{t: t, book: map[schema.NodeID]string{}}
	m := &member{id: 1, dir: t.TempDir(), state: &logState{}}
	r.open(m, nil)
	defer m.close()
	m.start(t, StartConfig{Members: []uint64{ReplicaID(1, 1), ReplicaID(2, 1), ReplicaID(3, 1)}})
	if err := m.group.Propose(context.Background(), make([]byte, 8), nil); !errors.Is(err, ErrNoLeader) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := m.group.ReadIndex(ctx); !errors.Is(err, ErrNoLeader) {
		t.Errorf("got %v", err)
	}
}

func TestAdoptHostname(t *testing.T) {
	r := &ring{t: t, book: map[schema.NodeID]string{}}
	m := &member{id: 1, dir: filepath.Join(t.TempDir(), "raft"), state: &logState{}}
	r.open(m, nil)
	m.start(t, StartConfig{Members: []uint64{ReplicaID(1, 1)}})
	m.propose(t, 1)
	m.close()
	if err := adopt(m.dir, "another-machine"); err != nil { // as if it had been made there
		t.Fatal(err)
	}
	m.state = &logState{}
	r.open(m, func(c *Config) { c.ElectionTicks = 100_000 })
	defer m.close()
	if !m.host.HasData(testShard, ReplicaID(1, 1)) {
		t.Fatal("the log is lost")
	}
	m.start(t, StartConfig{})
	// Nobody else would stand for a quarter of an hour. A replica that has not applied the log's changes of members yet does not.
	for deadline := time.Now().Add(30 * time.Second); !m.group.IsLeader() && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		m.host.Campaign(testShard)
	}
	m.propose(t, 2)
	if m.state.count != 2 {
		t.Errorf("%d commands, want 2", m.state.count)
	}
}

func FuzzReadMessage(f *testing.F) {
	var w bytes.Buffer
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(w.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := readMessage(bytes.NewReader(data), nil)
		if err == nil && !bytes.Equal(p, data[messageHeader:messageHeader+len(p)]) {
			t.Fatal("not what was sent")
		}
	})
}

func FuzzDecodeFlag(f *testing.F) {
	f.Add(make([]byte, 40))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decodeFlag(data) })
}

// BenchmarkPropose measures proposals that are applied, from several goroutines, with fsync.
func BenchmarkPropose(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			r := &ring{t: b, book: map[schema.NodeID]string{}}
			m := &member{id: 1, dir: b.TempDir(), state: &logState{}}
			r.open(m, func(c *Config) { c.Tick, c.SnapshotEvery = DefaultTick, DefaultSnapshotEvery })
			defer m.close()
			m.start(b, StartConfig{Members: []uint64{ReplicaID(1, 1)}})
			m.propose(b, 1<<40)
			var mu sync.Mutex
			waiters := map[uint64]chan struct{}{}
			m.group.OnApplied(func(rs []shard.Result) {
				mu.Lock()
				for _, r := range rs {
					if c := waiters[r.Batch]; c != nil {
						close(c)
						delete(waiters, r.Batch)
					}
				}
				mu.Unlock()
			})
			var n uint64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range clients {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for {
						c := make(chan struct{})
						mu.Lock()
						if n++; n > uint64(b.N) {
							mu.Unlock()
							return
						}
						id := n
						waiters[id] = c
						mu.Unlock()
						cmd := make([]byte, 200)
						binary.BigEndian.PutUint64(cmd, id)
						if err := m.group.Propose(context.Background(), cmd, nil); err != nil {
							b.Error(err)
							return
						}
						<-c
					}
				}()
			}
			wg.Wait()
		})
	}
}
