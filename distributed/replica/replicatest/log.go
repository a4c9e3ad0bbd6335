// Package replicatest has a raft log in memory, for tests of what is built on package raft: everybody agrees at once, and
// what goes wrong is said by the test.
package replicatest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cloudsql/distributed/raft"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Log is a raft log that everybody agrees on at once. Its switches may be changed under Do.
type Log struct {
	Lose    int  // of the next proposals: drop so many
	Doubt   int  // of the next proposals: append so many, but say that they were lost
	Hold    int  // of the next proposals: keep so many back until Release
	Stopped bool // no quorum: proposals are refused

	shard   schema.ShardID
	mu      sync.Mutex
	cond    *sync.Cond
	entries [][]byte
	held    [][]byte
	leader  schema.NodeID
	term    uint64
	groups  []*Group
	closed  bool
}

// Group is one node's replica of a Log.
type Group struct {
	Paused bool // applies nothing
	Cut    bool // can propose nothing
	Late   int  // of the next answers of Leader: not even that there is one, as of a moment before the last event

	log     *Log
	node    schema.NodeID
	state   shard.API
	next    int // entry to apply
	applied func([]shard.Result)
	leader  func(schema.NodeID, uint64)
	running bool
	done    chan struct{}
}

var _ raft.Group = (*Group)(nil)

// NewLog makes an empty log without a leader.
func NewLog(s schema.ShardID) *Log {
	l := &Log{shard: s}
	l.cond = sync.NewCond(&l.mu)
	return l
}

// Add makes a node's replica, which applies to state.
func (l *Log) Add(node schema.NodeID, state shard.API) *Group {
	g := &Group{log: l, node: node, state: state, done: make(chan struct{})}
	l.Do(func() { l.groups = append(l.groups, g) })
	return g
}

func (g *Group) run() {
	defer close(g.done)
	l := g.log
	for {
		l.mu.Lock()
		for !l.closed && (g.Paused || g.next >= len(l.entries)) {
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
			batch[i] = shard.Entry{Index: uint64(first + i + 1), Cmd: slices.Clone(cmd)}
		}
		results, err := g.state.Apply(batch)
		if err != nil {
			panic(err)
		}
		g.applied(results)
	}
}

// Close ends the groups' goroutines.
func (l *Log) Close() {
	l.Do(func() { l.closed = true })
	for _, g := range l.groups {
		if g.running {
			<-g.done
		}
	}
}

// Do changes the switches of the log and its groups.
func (l *Log) Do(fn func()) {
	l.mu.Lock()
	fn()
	l.cond.Broadcast()
	l.mu.Unlock()
}

// Append puts an entry into the log, as if from elsewhere.
func (l *Log) Append(cmd []byte) { l.Do(func() { l.entries = append(l.entries, cmd) }) }

// Held is how many proposals are kept back.
func (l *Log) Held() (n int) {
	l.Do(func() { n = len(l.held) })
	return n
}

// Release appends what was kept back, behind what has come since.
func (l *Log) Release() {
	l.Do(func() { l.entries, l.held = append(l.entries, l.held...), nil })
}

// Elect makes a node the leader and tells everybody.
func (l *Log) Elect(node schema.NodeID) {
	var tell []func(schema.NodeID, uint64)
	var term uint64
	l.Do(func() {
		l.leader = node
		l.term++
		term = l.term
		for _, g := range l.groups {
			if g.leader != nil {
				tell = append(tell, g.leader)
			}
		}
	})
	for _, fn := range tell {
		fn(node, term)
	}
}

// Node is the group's node. The rest implements raft.Group.
func (g *Group) Node() schema.NodeID   { return g.node }
func (g *Group) Shard() schema.ShardID { return g.log.shard }
func (g *Group) State() shard.API      { return g.state }
func (g *Group) IsLeader() bool        { n, _ := g.Leader(); return n == g.node }

func (g *Group) Leader() (schema.NodeID, uint64) {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	if g.Late > 0 {
		g.Late--
		return 0, g.log.term
	}
	return g.log.leader, g.log.term
}

func (g *Group) Propose(_ context.Context, cmd []byte, dropped func(error)) error {
	l := g.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader == 0 || g.Cut || l.Stopped {
		return errors.New("replicatest: no leader")
	}
	if l.Lose > 0 {
		l.Lose--
		go dropped(errors.New("replicatest: dropped"))
		return nil
	}
	if l.Hold > 0 {
		l.Hold--
		l.held = append(l.held, cmd)
		return nil
	}
	l.entries = append(l.entries, cmd)
	l.cond.Broadcast()
	if l.Doubt > 0 {
		l.Doubt--
		go dropped(errors.New("replicatest: presumed lost"))
	}
	return nil
}

func (g *Group) ReadIndex(ctx context.Context) error {
	var end int
	g.log.Do(func() { end = len(g.log.entries) })
	for g.state.AppliedIndex() < uint64(end) && ctx.Err() == nil {
		time.Sleep(100 * time.Microsecond)
	}
	return ctx.Err()
}

func (g *Group) Transfer(to schema.NodeID) error { go g.log.Elect(to); return nil }

// OnApplied also begins to apply.
func (g *Group) OnApplied(fn func([]shard.Result)) {
	g.log.Do(func() { g.applied, g.running = fn, true })
	go g.run()
}

func (g *Group) OnLeader(fn func(schema.NodeID, uint64)) { g.log.Do(func() { g.leader = fn }) }

// OnRecovered is never called: a Log has no snapshots.
func (g *Group) OnRecovered(func()) {}
