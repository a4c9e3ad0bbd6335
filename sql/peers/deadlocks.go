package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"cloudsql/distributed"
	"cloudsql/sql/show/virtual"
)

// The calls about deadlocks. Payloads are JSON.
const (
	callDescribe       = "sql.describe" // describeRequest → []Record
	callLatestDeadlock = "sql.deadlock" // → virtual.DeadlockReport, or nothing
)

// keeper remembers the newest deadlock that this node broke, with what the sessions were doing.
type keeper struct {
	peers *Peers

	mu      sync.Mutex
	latest  *virtual.DeadlockReport
	pending *distributed.Deadlock // to be described next; of a crowd, only the newest is
	busy    bool
	victims []victim // the last ones of this node
}

// victim is a session as it was when its transaction was lost: soon afterwards it does something else.
type victim struct {
	at     time.Time
	record Record
}

const (
	maxVictims = 64
	// victimAge is how long a victim may have been told of its end before the description is made.
	victimAge = time.Second
)

type describeRequest struct {
	Sessions []uint64 `json:"sessions"`
	Victim   uint64   `json:"victim"`
}

func (k *keeper) init(e *Peers) {
	k.peers = e
	if v, ok := e.db.(distributed.LockViewer); ok {
		v.OnDeadlock(k.found)
	}
}

func (k *keeper) registerCalls() {
	k.peers.db.RegisterCall(callDescribe, func(_ context.Context, payload []byte) ([]byte, error) {
		var r describeRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return nil, fmt.Errorf("describe request: %w", err)
		}
		return json.Marshal(k.describeHere(&r))
	})
	k.peers.db.RegisterCall(callLatestDeadlock, func(context.Context, []byte) ([]byte, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.latest == nil {
			return nil, nil
		}
		return json.Marshal(k.latest)
	})
}

// NoteVictim keeps what a session was doing when it lost its transaction.
func (p *Peers) NoteVictim(r Record) {
	k := &p.deadlocks
	v := victim{time.Now(), r}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.victims) == maxVictims {
		k.victims = append(k.victims[:0], k.victims[1:]...)
	}
	k.victims = append(k.victims, v)
}

// found is told of a deadlock. Where they come faster than they can be described, the newest is.
func (k *keeper) found(d *distributed.Deadlock) {
	k.mu.Lock()
	k.pending = d
	if k.busy {
		k.mu.Unlock()
		return
	}
	k.busy = true
	for k.pending != nil {
		d, k.pending = k.pending, nil
		k.mu.Unlock()
		report := k.describe(d)
		k.mu.Lock()
		k.latest = report
	}
	k.busy = false
	k.mu.Unlock()
}

// describe asks the members' gateways what their sessions are doing.
func (k *keeper) describe(d *distributed.Deadlock) *virtual.DeadlockReport {
	q := &describeRequest{Victim: d.Members[d.Victim].Session}
	for i := range d.Members {
		q.Sessions = append(q.Sessions, d.Members[i].Session)
	}
	known := map[uint64]virtual.Process{}
	take := func(list []Record) {
		for i := range list {
			known[list[i].ID] = list[i].process()
		}
	}
	take(k.describeHere(q))
	if payload, err := json.Marshal(q); err == nil && len(known) < len(q.Sessions) {
		for _, reply := range k.peers.CallAll(context.Background(), callDescribe, payload) {
			var list []Record
			if json.Unmarshal(reply, &list) == nil {
				take(list)
			}
		}
	}
	report := &virtual.DeadlockReport{Deadlock: *d}
	for _, id := range q.Sessions {
		report.Sessions = append(report.Sessions, known[id])
	}
	return report
}

// describeHere describes the sessions that are this node's.
func (k *keeper) describeHere(q *describeRequest) (list []Record) {
	for _, id := range q.Sessions {
		if r, ok := k.victim(id); ok && id == q.Victim {
			list = append(list, r)
		} else if m, ok := k.peers.cfg.Find(uint32(id)); ok { //nolint:gosec // connection ids have 32 bits
			list = append(list, m.Record())
		}
	}
	return list
}

// victim finds a session that lost its transaction just now.
func (k *keeper) victim(session uint64) (Record, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.victims) - 1; i >= 0; i-- {
		if v := &k.victims[i]; v.record.ID == session && time.Since(v.at) < victimAge {
			return v.record, true
		}
	}
	return Record{}, false
}

// LatestDeadlock is the newest one of all nodes that answer.
func (p *Peers) LatestDeadlock(ctx context.Context) *virtual.DeadlockReport {
	k := &p.deadlocks
	k.mu.Lock()
	latest := k.latest
	k.mu.Unlock()
	for _, reply := range k.peers.CallAll(ctx, callLatestDeadlock, nil) {
		r := &virtual.DeadlockReport{}
		if len(reply) > 0 && json.Unmarshal(reply, r) == nil && (latest == nil || r.At.After(latest.At)) {
			latest = r
		}
	}
	return latest
}
