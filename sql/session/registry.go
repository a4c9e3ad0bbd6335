package session

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/metalock"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// The calls that the engines of the nodes make on each other. Payloads are JSON.
const (
	callProcesses = "sql.processes" // → []processRecord
	callKill      = "sql.kill"      // killRequest → killReply
	callAlive     = "sql.alive"     // Executor.Owner → "yes" or "no"
	callTimeout   = 2 * time.Second
)

// processRecord is a session as another node tells of it.
type processRecord struct {
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

	Txn   *show.Transaction `json:"txn,omitempty"`
	Uses  []show.TableUse   `json:"uses,omitempty"`
	Wants []show.TableUse   `json:"wants,omitempty"`
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

func (e *Engine) registerCalls() {
	e.db.RegisterCall(callProcesses, func(context.Context, []byte) ([]byte, error) { return json.Marshal(e.processes()) })
	e.db.RegisterCall(callKill, func(_ context.Context, payload []byte) ([]byte, error) {
		var r killRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return nil, fmt.Errorf("kill request: %w", err)
		}
		return json.Marshal(e.killHere(r))
	})
	e.db.RegisterCall(callAlive, func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == e.ddl.Owner {
			return []byte("yes"), nil
		}
		return []byte("no"), nil
	})
	e.deadlocks.registerCalls()
}

// ownerAlive asks the node of a schema change or a lock whether it still runs the engine that made it. A node that
// cannot be reached is given the benefit of the doubt until it has been silent for so long that its transactions are
// rolled back too.
func (e *Engine) ownerAlive(ctx context.Context, owner string) bool {
	if owner == e.ddl.Owner {
		return true
	}
	id, _, _ := strings.Cut(owner, "/")
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n == uint64(e.db.NodeID()) {
		return false // this node's engine before the last start
	}
	if node, ok := e.db.Catalog().Node(schema.NodeID(n)); !ok || node.Left {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := e.db.Call(ctx, schema.NodeID(n), callAlive, []byte(owner))
	if w, ok := e.db.(metalock.Watcher); ok && err != nil {
		return !w.GatewayGone(schema.NodeID(n))
	}
	return err == nil && string(reply) == "yes"
}

// processes lists the sessions of this node.
func (e *Engine) processes() []processRecord {
	var list []processRecord
	e.each(func(s *Session) {
		list = append(list, s.record())
	})
	return list
}

// record is the session as the process list shows it.
func (s *Session) record() processRecord {
	conn := s.shared.Load()
	r := processRecord{
		ID: uint64(conn.ID), Account: conn.Account.User, User: conn.Account.User, Host: conn.RemoteAddr,
		DB: *s.proc.db.Load(), Command: *s.proc.command.Load(), Since: time.Unix(0, s.proc.since.Load()),
		State: s.locks.State(), Info: *s.proc.info.Load(), Node: uint64(s.eng.db.NodeID()),
	}
	if t := s.tx.Shown(); t != nil {
		r.Uses = shownUses(s.locks.Held())
		r.Txn = &show.Transaction{Started: t.Started, Isolation: t.Isolation, ReadOnly: t.ReadOnly, Tables: len(r.Uses)}
	}
	if wants := s.locks.Wants(); wants != nil {
		r.Wants = shownUses(wants)
	}
	return r
}

// process is the record as SHOW and the information_schema take it.
func (r *processRecord) process() show.Process {
	return show.Process{
		ID: r.ID, User: r.User, Host: r.Host, DB: r.DB, Command: r.Command, Since: r.Since, State: r.State, Info: r.Info,
		Node: r.Node, Txn: r.Txn, Uses: r.Uses, Wants: r.Wants,
	}
}

func shownUses(uses []metalock.Use) []show.TableUse {
	list := make([]show.TableUse, len(uses))
	for i, u := range uses {
		list[i] = show.TableUse{DB: u.DB, Table: u.Name, Write: u.Write}
	}
	return list
}

// otherNodes lists the members beside this one.
func (e *Engine) otherNodes() []schema.NodeID {
	var ids []schema.NodeID
	for _, n := range e.db.Catalog().Nodes() {
		if n.ID != e.db.NodeID() && !n.Left {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// allProcesses lists the sessions of the nodes that answer, those of an account only or, with "", of all.
func (e *Engine) allProcesses(ctx context.Context, account string) []show.Process {
	lists := [][]processRecord{e.processes()}
	for _, reply := range e.callAll(ctx, callProcesses, nil) {
		var list []processRecord
		if json.Unmarshal(reply, &list) == nil {
			lists = append(lists, list)
		}
	}
	var all []show.Process
	for _, r := range slices.Concat(lists...) {
		if account != "" && r.Account != account {
			continue
		}
		all = append(all, r.process())
	}
	slices.SortFunc(all, func(a, b show.Process) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// callAll makes a call on all other nodes at once and gives the replies of those that answered in time.
func (e *Engine) callAll(ctx context.Context, method string, payload []byte) [][]byte {
	nodes := e.otherNodes()
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
				a.reply, err = e.db.Call(ctx, n, method, payload)
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

// kill ends a session or its statement, on whatever node it is. 1094 unknown, 1095 somebody else's.
func (e *Engine) kill(ctx context.Context, by *Session, id uint64, query bool) error {
	r := killRequest{ID: id, Query: query}
	if !by.account().Has(mysql.SuperPriv) {
		r.User = by.conn.Account.User
	}
	reply := e.killHere(r)
	if !reply.Found {
		payload, err := json.Marshal(r)
		if err != nil {
			return err
		}
		for _, raw := range e.callAll(ctx, callKill, payload) {
			var k killReply
			if json.Unmarshal(raw, &k) == nil && k.Found {
				reply = k
			}
		}
	}
	switch {
	case !reply.Found:
		return mysqlerr.New(mysql.ErrNoSuchThread, id)
	case reply.Denied:
		return mysqlerr.New(mysql.ErrKillDenied, id)
	}
	return nil
}

func (e *Engine) killHere(r killRequest) killReply {
	if r.ID > 1<<32-1 {
		return killReply{}
	}
	s := e.session(uint32(r.ID))
	if s == nil {
		return killReply{}
	}
	conn := s.shared.Load()
	if r.User != "" && conn.Account.User != r.User {
		return killReply{Found: true, Denied: true}
	}
	s.Cancel()
	if !r.Query && conn.Kill != nil {
		conn.Kill()
	}
	return killReply{Found: true}
}
