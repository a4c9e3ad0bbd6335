package peers

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/load"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
	"cloudsql/storage/version"
)

// Status is what a node tells the others about itself, several times a second. Nodes exchange theirs: the one with the
// smaller id calls, the other answers.
type Status struct {
	Node    schema.NodeID            `json:"n"`
	Addr    string                   `json:"addr,omitempty"` // where it is
	Others  map[schema.NodeID]string `json:"at,omitempty"`   // where those are that it hears from
	Version string                   `json:"v"`
	Catalog uint64                   `json:"c"`              // version that it has applied
	Using   uint64                   `json:"u"`              // oldest catalog version that a transaction of its clients may be using; nodes before this version of the program wait for it
	Oldest  mvcc.Timestamp           `json:"o,omitempty"`    // oldest snapshot that is being read
	Newest  mvcc.Timestamp           `json:"t,omitempty"`    // newest timestamp that it has seen; see txn.Client.Observe
	Drain   bool                     `json:"d,omitempty"`    // it is about to stop
	Full    bool                     `json:"f,omitempty"`    // its disk is
	Wall    int64                    `json:"wall,omitempty"` // its wall clock, in microseconds since 1970
	// ClockOff: its wall clock is off against the majority's.
	ClockOff bool            `json:"k,omitempty"`
	Locality string          `json:"z,omitempty"` // where it is, from the largest part to the smallest: region=eu,zone=b
	Left     []schema.NodeID `json:"l,omitempty"` // those that are no members any more: one that was away when it was removed hears of it
	Reps     []Replica       `json:"r,omitempty"`
	// Can is the newest cluster version that the node can serve, Bound the one that its data directory demands of any program.
	// A node that says nothing is at V1.
	Can   version.Version `json:"m,omitempty"`
	Bound version.Version `json:"w,omitempty"`
}

// Replica is what a node tells about one of its replicas.
type Replica struct {
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
	Bytes   uint64         `json:"y,omitempty"` // of its tablets, as package load has them
	Reads   uint64         `json:"e,omitempty"` // a second, served here
	Writes  uint64         `json:"w,omitempty"` // rows a second
}

// Load is how large and how busy a replica is.
func (r *Replica) Load() load.Load {
	return load.Load{Bytes: float64(r.Bytes), Reads: float64(r.Reads), Writes: float64(r.Writes)}
}

// Replica finds a node's replica of a shard.
func (s *Status) Replica(id schema.ShardID) *Replica {
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
	// AliveFor: a node that was heard from within is alive.
	AliveFor = 2 * time.Second
	// GoneAfter: the transactions of a gateway that was not heard from for so long are rolled back.
	GoneAfter = 6 * time.Second
)

// backCallsEvery heartbeats a node calls also those who call it, to learn of their clocks.
const backCallsEvery = 4

type peerState struct {
	status *Status
	heard  time.Time
	busy   bool // a call is on its way
}

// Config says what Peers work with.
type Config struct {
	Node      func() schema.NodeID // this one
	Known     func() []schema.NodeID
	Own       func() *Status // of this node
	Serving   func() bool    // this node has started
	Call      func(ctx context.Context, id schema.NodeID, req []byte) ([]byte, error)
	CallAddr  func(ctx context.Context, addr string, req []byte) ([]byte, error) // whoever answers there
	Mono      func() time.Duration
	Heartbeat time.Duration

	Answered func(s *Status, sent, received time.Duration) // a call, between two moments of Mono
	Heard    func(s *Status, news bool)                    // news: of a node, or of its replicas
	At       func(id schema.NodeID, addr string)           // a node tells where it is
	Beat     func()                                        // after each round
}

// Peers is what this node heard from the others.
type Peers struct {
	cfg     Config
	started time.Time

	mu sync.Mutex
	m  map[schema.NodeID]*peerState
}

// New makes Peers that have heard of nobody.
func New(c Config) *Peers {
	return &Peers{cfg: c, started: time.Now(), m: map[schema.NodeID]*peerState{}}
}

// Loop calls the nodes with larger ids, and the others now and then.
func (p *Peers) Loop(ctx context.Context) {
	tick := time.NewTicker(p.cfg.Heartbeat)
	defer tick.Stop()
	for beat := 0; ; beat++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var req []byte
		for _, id := range p.cfg.Known() {
			if id == p.cfg.Node() || id < p.cfg.Node() && beat%backCallsEvery != 0 || !p.begin(id) {
				continue
			}
			if req == nil {
				req, _ = json.Marshal(p.cfg.Own())
			}
			spawn.Go("heartbeats", func() { p.exchange(ctx, id, req) })
		}
		p.cfg.Beat()
	}
}

// Tell tells those at some addresses where this node is, and hears where they are, until ctx ends: when all nodes come back at new
// addresses, none is where the others know it to be.
func (p *Peers) Tell(ctx context.Context, addrs []string) {
	for len(addrs) > 0 {
		own := p.cfg.Own()
		req, _ := json.Marshal(own)
		for _, addr := range addrs {
			if addr == own.Addr {
				continue
			}
			attempt, cancel := context.WithTimeout(ctx, time.Second)
			resp, err := p.cfg.CallAddr(attempt, addr, req)
			cancel()
			if err == nil {
				p.Take(resp, 0)
			}
		}
		if clock.Sleep(ctx, 2*p.cfg.Heartbeat) != nil {
			return
		}
	}
}

func (p *Peers) state(id schema.NodeID) *peerState {
	s := p.m[id]
	if s == nil {
		s = &peerState{}
		p.m[id] = s
	}
	return s
}

func (p *Peers) begin(id schema.NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state(id)
	if s.busy {
		return false
	}
	s.busy = true
	return true
}

func (p *Peers) exchange(ctx context.Context, id schema.NodeID, req []byte) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	defer func() {
		p.mu.Lock()
		p.state(id).busy = false
		p.mu.Unlock()
	}()
	sent := p.cfg.Mono()
	resp, err := p.cfg.Call(ctx, id, req)
	if err != nil {
		return
	}
	received := p.cfg.Mono()
	if s := p.Take(resp, id); s != nil {
		p.cfg.Answered(s, sent, received)
	}
}

// Handle answers a heartbeat with this node's own.
func (p *Peers) Handle(_ context.Context, from schema.NodeID, req []byte) ([]byte, error) {
	if !p.cfg.Serving() {
		return nil, errors.New("this node is starting")
	}
	p.Take(req, from)
	return json.Marshal(p.cfg.Own())
}

// Take takes in what a node tells; nil: it is no status. Whose connection it came by is from; 0: that of whoever answers at an
// address. Where a node is, it tells itself, or those tell who hear it to those who don't.
func (p *Peers) Take(data []byte, from schema.NodeID) *Status {
	s := &Status{}
	if err := json.Unmarshal(data, s); err != nil || s.Node == 0 {
		return nil
	}
	if s.Addr != "" && s.Node != p.cfg.Node() && (from == s.Node || from == 0) {
		p.cfg.At(s.Node, s.Addr)
	}
	for id, addr := range s.Others {
		if id != p.cfg.Node() && id != s.Node && !p.hears(id) {
			p.cfg.At(id, addr)
		}
	}
	p.mu.Lock()
	st := p.state(s.Node)
	news := st.status == nil || len(st.status.Reps) != len(s.Reps) || time.Since(st.heard) > AliveFor
	st.status, st.heard = s, time.Now()
	p.mu.Unlock()
	p.cfg.Heard(s, news)
	return s
}

// hears tells whether another node is alive.
func (p *Peers) hears(id schema.NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.m[id]
	return st != nil && time.Since(st.heard) < AliveFor
}

// Where tells where the nodes are that are alive, by their own words.
func (p *Peers) Where() map[schema.NodeID]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := make(map[schema.NodeID]string, len(p.m))
	for id, st := range p.m {
		if st.status != nil && st.status.Addr != "" && time.Since(st.heard) < AliveFor {
			m[id] = st.status.Addr
		}
	}
	return m
}

// Get gives a node's last status and whether it is alive; this node's own is always fresh.
func (p *Peers) Get(id schema.NodeID) (s *Status, alive bool) {
	if id == p.cfg.Node() {
		return p.cfg.Own(), true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.m[id]
	if st == nil || st.status == nil {
		return nil, false
	}
	return st.status, time.Since(st.heard) < AliveFor
}

// GatewayAlive tells whether a gateway's open transactions are still wanted.
func (p *Peers) GatewayAlive(id schema.NodeID) bool {
	if id == p.cfg.Node() {
		return true
	}
	if time.Since(p.started) < GoneAfter {
		return true // it had no chance yet
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.m[id]
	return st != nil && time.Since(st.heard) < GoneAfter
}

// Holder is which node has told that it holds a shard's lease (or leads it), 0 if none has.
func (p *Peers) Holder(s schema.ShardID) schema.NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	var leader schema.NodeID
	for id, st := range p.m {
		if st.status == nil || time.Since(st.heard) > AliveFor {
			continue
		}
		if r := st.status.Replica(s); r != nil && r.Holder {
			return id
		} else if r != nil && r.Leader {
			leader = id
		}
	}
	return leader
}

// Localities are where the living nodes are that run a replica of a shard, as far as they say.
func (p *Peers) Localities(s schema.ShardID) map[schema.NodeID]string {
	where := map[schema.NodeID]string{}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, st := range p.m {
		if st.status == nil || st.status.Locality == "" || time.Since(st.heard) > AliveFor {
			continue
		}
		if r := st.status.Replica(s); r != nil && r.Broken == "" {
			where[id] = st.status.Locality
		}
	}
	return where
}

// All gives every status that is fresh enough, this node's among them.
func (p *Peers) All(within time.Duration) map[schema.NodeID]*Status {
	out := map[schema.NodeID]*Status{p.cfg.Node(): p.cfg.Own()}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, st := range p.m {
		if st.status != nil && time.Since(st.heard) < within {
			out[id] = st.status
		}
	}
	return out
}
