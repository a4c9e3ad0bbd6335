package node

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
	"cloudsql/storage/version"
)

// status is what a node tells the others about itself, several times a second. Nodes exchange theirs: the one with the
// smaller id calls, the other answers.
type status struct {
	Node    schema.NodeID  `json:"n"`
	Version string         `json:"v"`
	Catalog uint64         `json:"c"`              // version that it has applied
	Using   uint64         `json:"u"`              // oldest catalog version that a transaction of its clients may be using
	Oldest  mvcc.Timestamp `json:"o,omitempty"`    // oldest snapshot that is being read
	Newest  mvcc.Timestamp `json:"t,omitempty"`    // newest timestamp that it has seen; see txn.Client.Observe
	Drain   bool           `json:"d,omitempty"`    // it is about to stop
	Full    bool           `json:"f,omitempty"`    // its disk is
	Wall    int64          `json:"wall,omitempty"` // its wall clock, in microseconds since 1970
	// ClockOff: its wall clock is off against the majority's.
	ClockOff bool            `json:"k,omitempty"`
	Reps     []replicaStatus `json:"r,omitempty"`
	// Can is the newest cluster version that the node can serve, Bound the one that its data directory demands of any program.
	// A node that says nothing is at V1.
	Can   version.Version `json:"m,omitempty"`
	Bound version.Version `json:"w,omitempty"`
}

// replicaStatus is what a node tells about one of its replicas.
type replicaStatus struct {
	Shard   schema.ShardID `json:"s"`
	Replica uint64         `json:"r"`
	Applied uint64         `json:"a,omitempty"`
	Broken  string         `json:"b,omitempty"` // it cannot be used and wants a successor
	Held    bool           `json:"q,omitempty"` // told by programs before version.V2: Broken, but no successor is wanted
	Leader  bool           `json:"l,omitempty"` // it is raft's leader
	Holder  bool           `json:"h,omitempty"` // it has the lease
	HashAt  uint64         `json:"i,omitempty"` // a log index and the hash of all that was applied up to it
	Hash    uint64         `json:"x,omitempty"`
	Marks   []shard.Mark   `json:"k,omitempty"` // entries that it leaves out
}

// replica finds a node's replica of a shard.
func (s *status) replica(id schema.ShardID) *replicaStatus {
	if s == nil {
		return nil
	}
	for i := range s.Reps {
		if s.Reps[i].Shard == id {
			return &s.Reps[i]
		}
	}
	return nil
}

const (
	// aliveFor: a node that was heard from within is alive.
	aliveFor = 2 * time.Second
	// goneAfter: the transactions of a gateway that was not heard from for so long are rolled back.
	goneAfter = 6 * time.Second
)

// peers is what this node heard from the others.
type peers struct {
	n  *Node
	mu sync.Mutex
	m  map[schema.NodeID]*peerState
}

type peerState struct {
	status *status
	heard  time.Time
	busy   bool // a call is on its way
}

func newPeers(n *Node) *peers { return &peers{n: n, m: map[schema.NodeID]*peerState{}} }

// loop calls the nodes with larger ids, and the others now and then.
func (p *peers) loop(ctx context.Context) {
	tick := time.NewTicker(p.n.cfg.Heartbeat)
	defer tick.Stop()
	for beat := 0; ; beat++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var req []byte
		for _, id := range p.n.book.nodes() {
			if id == p.n.NodeID() || id < p.n.NodeID() && beat%backCallsEvery != 0 || !p.begin(id) {
				continue
			}
			if req == nil {
				req, _ = json.Marshal(p.n.status())
			}
			spawn.Go("heartbeats", func() { p.exchange(ctx, id, req) })
		}
		p.n.checkHashes()
		p.n.clocks.check()
	}
}

func (p *peers) state(id schema.NodeID) *peerState {
	s := p.m[id]
	if s == nil {
		s = &peerState{}
		p.m[id] = s
	}
	return s
}

func (p *peers) begin(id schema.NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state(id)
	if s.busy {
		return false
	}
	s.busy = true
	return true
}

func (p *peers) exchange(ctx context.Context, id schema.NodeID, req []byte) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	defer func() {
		p.mu.Lock()
		p.state(id).busy = false
		p.mu.Unlock()
	}()
	sent := p.n.cfg.Clock.Now()
	resp, err := p.n.client.Call(ctx, id, methodHeartbeat, req)
	if err != nil {
		return
	}
	received := p.n.cfg.Clock.Now()
	if s := p.take(resp); s != nil {
		p.n.clocks.observe(s.Node, sent, received, s.Wall)
	}
}

// handle answers a heartbeat with this node's own.
func (p *peers) handle(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	if !p.n.serving.Load() {
		return nil, errors.New("this node is starting")
	}
	p.take(req)
	return json.Marshal(p.n.status())
}

func (p *peers) take(data []byte) *status {
	s := &status{}
	if err := json.Unmarshal(data, s); err != nil || s.Node == 0 {
		return nil
	}
	p.n.db.observe(s.Newest)
	p.mu.Lock()
	st := p.state(s.Node)
	news := st.status == nil || len(st.status.Reps) != len(s.Reps) || time.Since(st.heard) > aliveFor
	st.status, st.heard = s, time.Now()
	p.mu.Unlock()
	if news {
		p.n.recon.poke()
	}
	return s
}

// get gives a node's last status and whether it is alive; this node's own is always fresh.
func (p *peers) get(id schema.NodeID) (s *status, alive bool) {
	if id == p.n.NodeID() {
		return p.n.status(), true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.m[id]
	if st == nil || st.status == nil {
		return nil, false
	}
	return st.status, time.Since(st.heard) < aliveFor
}

// gatewayAlive tells whether a gateway's open transactions are still wanted.
func (p *peers) gatewayAlive(id schema.NodeID) bool {
	if id == p.n.NodeID() {
		return true
	}
	if time.Since(p.n.started) < goneAfter {
		return true // it had no chance yet
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.m[id]
	return st != nil && time.Since(st.heard) < goneAfter
}

// holder is which node has told that it holds a shard's lease (or leads it), 0 if none has.
func (p *peers) holder(s schema.ShardID) schema.NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	var leader schema.NodeID
	for id, st := range p.m {
		if st.status == nil || time.Since(st.heard) > aliveFor {
			continue
		}
		if r := st.status.replica(s); r != nil && r.Holder {
			return id
		} else if r != nil && r.Leader {
			leader = id
		}
	}
	return leader
}

// all gives every status that is fresh enough, this node's among them.
func (p *peers) all(within time.Duration) map[schema.NodeID]*status {
	out := map[schema.NodeID]*status{p.n.NodeID(): p.n.status()}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, st := range p.m {
		if st.status != nil && time.Since(st.heard) < within {
			out[id] = st.status
		}
	}
	return out
}

// status is this node's own.
func (n *Node) status() *status {
	c := n.Catalog()
	s := &status{
		Node: n.NodeID(), Version: Version, Catalog: c.Version(), Using: n.open.oldest(c.Version()),
		Oldest: n.db.oldestSnapshot(), Drain: n.draining.Load(), Full: n.diskFull.Load(), Can: n.cfg.MaxVersion,
		Wall: n.cfg.WallClock().UnixMicro(), ClockOff: n.clocks.off(),
	}
	for _, ls := range *n.shards.Load() {
		r := replicaStatus{Shard: ls.id, Replica: ls.replica, Applied: ls.state.AppliedIndex(), Leader: ls.group.IsLeader(), Marks: ls.state.Marks()}
		r.HashAt, r.Hash = ls.state.Hash()
		_, r.Holder = ls.rep.Leaseholding()
		s.Reps = append(s.Reps, r)
	}
	if n.dir != nil {
		s.Bound = n.dir.bound()
		for _, r := range n.dir.replicas() {
			// What does not run is told too, lest it be thought forgotten.
			if !r.Retired && n.local(r.Shard) == nil {
				s.Reps = append(s.Reps, replicaStatus{Shard: r.Shard, Replica: r.Replica, Broken: r.Broken})
			}
		}
	}
	return s
}
