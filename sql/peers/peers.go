package peers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudsql/distributed"
	"cloudsql/sql/metalock"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// The calls that the engines of the nodes make on each other. Payloads are JSON.
const (
	cProcesses  = "sql.processes" // → []Record
	callKill    = "sql.kill"      // killRequest → killReply
	callAlive   = "sql.alive"     // Config.Engine → "yes" or "no"
	callTimeout = 2 * time.Second
)

// Record is a session as another node tells of it.
type Record struct {
	ID      uint64    `json:"id"`
	Account string    `json:"account"` // name of the account, for who may see it
	User    string    `json:"user"`
	Host    string    `json:"host"`
	DB      string    `json:"db"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	State   string    `json:"state"`
	Info    string    `json:"info"`
	Node    uint64    `json:"node"`

	Txn   *virtual.Transaction `json:"txn,omitempty"`
	Uses  []virtual.TableUse   `json:"uses,omitempty"`
	Wants []virtual.TableUse   `json:"wants,omitempty"`
}

type killRequest struct {
	ID    uint64 `json:"id"`
	Query bool   `json:"query"`
	// User is the account that asks, empty where it may end anybody's sessions.
	User string `json:"user"`
}

type killReply struct {
	Found  bool `json:"found"`
	Denied bool `json:"denied"`
}

// Member is a session of this node.
type Member interface {
	Record() Record
	// Account is the name of its account.
	Account() string
	// End stops its statement, and closes its connection too unless it is about the statement only.
	End(query bool)
}

// Config is what a node tells its Peers.
type Config struct {
	DB distributed.DB
	// Engine names this node's engine and its start.
	Engine string
	// Each calls fn for every open session of this node, Find finds one by its connection's id.
	Each func(fn func(Member))
	Find func(id uint32) (Member, bool)
}

// Peers is a node's engine among those of the others.
type Peers struct {
	cfg       Config
	db        distributed.DB
	deadlocks keeper
}

// New makes a node's Peers. It registers the calls by which the others reach it, so it must be made once for a DB.
func New(cfg Config) *Peers {
	p := &Peers{cfg: cfg, db: cfg.DB}
	p.deadlocks.init(p)
	p.registerCalls()
	return p
}

func (p *Peers) registerCalls() {
	p.db.RegisterCall(cProcesses, func(context.Context, []byte) ([]byte, error) { return json.Marshal(p.here()) })
	p.db.RegisterCall(callKill, func(_ context.Context, payload []byte) ([]byte, error) {
		var r killRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return nil, fmt.Errorf("kill request: %w", err)
		}
		return json.Marshal(p.killHere(r))
	})
	p.db.RegisterCall(callAlive, func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == p.cfg.Engine {
			return []byte("yes"), nil
		}
		return []byte("no"), nil
	})
	p.deadlocks.registerCalls()
}

// Alive asks the node of a schema change or a lock whether it still runs the engine that made it. A node that
// cannot be reached is given the benefit of the doubt until it has been silent for so long that its transactions are
// rolled back too.
func (p *Peers) Alive(ctx context.Context, owner string) bool {
	if owner == p.cfg.Engine {
		return true
	}
	id, _, _ := strings.Cut(owner, "/")
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n == uint64(p.db.NodeID()) {
		return false // this node's engine before the last start
	}
	if node, ok := p.db.Catalog().Node(schema.NodeID(n)); !ok || node.Left {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := p.db.Call(ctx, schema.NodeID(n), callAlive, []byte(owner))
	if w, ok := p.db.(metalock.Watcher); ok && err != nil {
		return !w.GatewayGone(schema.NodeID(n))
	}
	return err == nil && string(reply) == "yes"
}

// here lists the sessions of this node.
func (p *Peers) here() []Record {
	var list []Record
	p.cfg.Each(func(m Member) { list = append(list, m.Record()) })
	return list
}

// process is the record as SHOW and the information_schema take it.
func (r *Record) process() virtual.Process {
	return virtual.Process{
		ID: r.ID, User: r.User, Host: r.Host, DB: r.DB, Command: r.Command, Since: r.Since, State: r.State, Info: r.Info,
		Node: r.Node, Txn: r.Txn, Uses: r.Uses, Wants: r.Wants,
	}
}

// Others lists the members beside this one.
func (p *Peers) Others() []schema.NodeID {
	var ids []schema.NodeID
	for _, n := range p.db.Catalog().Nodes() {
		if n.ID != p.db.NodeID() && !n.Left {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// Processes lists the sessions of the nodes that answer, those of an account only or, with "", of all.
func (p *Peers) Processes(ctx context.Context, account string) []virtual.Process {
	lists := [][]Record{p.here()}
	for _, reply := range p.CallAll(ctx, cProcesses, nil) {
		var list []Record
		if json.Unmarshal(reply, &list) == nil {
			lists = append(lists, list)
		}
	}
	var all []virtual.Process
	for _, r := range slices.Concat(lists...) {
		if account != "" && r.Account != account {
			continue
		}
		all = append(all, r.process())
	}
	slices.SortFunc(all, func(a, b virtual.Process) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// CallAll makes a call on all other nodes at once and gives the replies of those that answered in time.
func (p *Peers) CallAll(ctx context.Context, method string, payload []byte) [][]byte {
	nodes := p.Others()
	if len(nodes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	type answer struct {
		reply []byte
		err   error
	}
	answers := make(chan answer, len(nodes))
	for _, n := range nodes {
		spawn.Go("calling a node", func() {
			var a answer
			a.err = spawn.Do("calling a node", func() (err error) {
				a.reply, err = p.db.Call(ctx, n, method, payload)
				return err
			})
			answers <- a
		})
	}
	var replies [][]byte
	for range nodes {
		if a := <-answers; a.err == nil {
			replies = append(replies, a.reply)
		}
	}
	return replies
}

// Kill ends a session or its statement, on whatever node it is, for an account or, with "", for who may end anybody's. 1094 unknown, 1095 somebody else's.
func (p *Peers) Kill(ctx context.Context, user string, id uint64, query bool) error {
	r := killRequest{ID: id, Query: query, User: user}
	reply := p.killHere(r)
	if !reply.Found {
		payload, err := json.Marshal(r)
		if err != nil {
			return err
		}
		for _, raw := range p.CallAll(ctx, callKill, payload) {
			var k killReply
			if json.Unmarshal(raw, &k) == nil && k.Found {
				reply = k
			}
		}
	}
	switch {
	case !reply.Found:
		return mysqlerr.New(mysqlerr.NoSuchThread, id)
	case reply.Denied:
		return mysqlerr.New(mysqlerr.KillDenied, id)
	}
	return nil
}

func (p *Peers) killHere(r killRequest) killReply {
	if r.ID > 1<<32-1 {
		return killReply{}
	}
	m, ok := p.cfg.Find(uint32(r.ID))
	if !ok {
		return killReply{}
	}
	if r.User != "" && m.Account() != r.User {
		return killReply{Found: true, Denied: true}
	}
	m.End(r.Query)
	return killReply{Found: true}
}
