package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/raft"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// memberRequest asks a node that has the shard to change the group's configuration.
type memberRequest struct {
	Shard   schema.ShardID `json:"shard"`
	Op      placement.Op   `json:"op"`
	Replica uint64         `json:"replica"`
}

// memberReply is the configuration afterwards. NotHere: this node has no replica of the shard.
type memberReply struct {
	Voters  int  `json:"voters"`
	NotHere bool `json:"notHere,omitempty"`
}

// reconciled is this node as the reconciler works with it.
type reconciled struct{ *Node }

func (r reconciled) Marks(s schema.ShardID) []shard.Mark { return r.marksOf(s) }

func (r reconciled) Leads() bool {
	ls := r.local(schema.SystemShard)
	if ls == nil || r.draining.Load() {
		return false
	}
	_, ok := ls.rep.Leaseholding()
	return ok
}

func (r reconciled) Start(ctx context.Context, node schema.NodeID, q placement.StartRequest) error {
	if node == r.NodeID() {
		return r.startAsked(ctx, q)
	}
	_, err := r.ask(ctx, node, methodStart, &q)
	return err
}

func (r reconciled) Retire(ctx context.Context, node schema.NodeID, q placement.StartRequest) error {
	if node == r.NodeID() {
		return r.retireAsked(ctx, q)
	}
	_, err := r.ask(ctx, node, methodRetire, &q)
	return err
}

func (r reconciled) Change(ctx context.Context, leader schema.NodeID, s schema.ShardID, op placement.Op, replica uint64) error {
	q := memberRequest{Shard: s, Op: op, Replica: replica}
	if leader == r.NodeID() {
		_, err := r.changeMember(ctx, q)
		return err
	}
	resp, err := r.ask(ctx, leader, methodMember, &q)
	if err != nil {
		return err
	}
	var reply memberReply
	if err := json.Unmarshal(resp, &reply); err != nil {
		return err
	}
	if reply.NotHere {
		return fmt.Errorf("node %d has no replica of shard %d", leader, s)
	}
	return nil
}

func (r reconciled) Transfer(ctx context.Context, s schema.ShardID, from, to schema.NodeID) error {
	return r.transfer(ctx, s, from, to)
}

func (n *leading) handleMember(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	var q memberRequest
	if err := json.Unmarshal(req, &q); err != nil {
		return nil, err
	}
	reply, err := n.changeMember(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(reply)
}

func (n *leading) changeMember(ctx context.Context, q memberRequest) (*memberReply, error) {
	if n.local(q.Shard) == nil {
		return &memberReply{NotHere: true}, nil
	}
	m, err := n.raft.Membership(ctx, q.Shard)
	if err != nil {
		return nil, err
	}
	if err := n.changeOnce(ctx, q, m); err != nil {
		return nil, err
	}
	return &memberReply{Voters: len(m.Voters)}, nil
}

func (n *leading) changeOnce(ctx context.Context, q memberRequest, m *raft.Membership) error {
	_, voter := m.Voters[q.Replica]
	_, nonVoting := m.NonVoting[q.Replica]
	switch q.Op {
	case placement.Add:
		if m.Removed[q.Replica] {
			return fmt.Errorf("replica %d was removed and cannot come back", q.Replica)
		}
		if voter || nonVoting {
			return nil
		}
		return n.raft.AddNonVoting(ctx, q.Shard, q.Replica, m.ChangeID)
	case placement.Promote:
		if voter {
			return nil
		}
		if !nonVoting {
			return errors.New("only a non-voting replica can be promoted")
		}
		return n.raft.Promote(ctx, q.Shard, q.Replica, m.ChangeID)
	case placement.Remove:
		if !voter && !nonVoting {
			return nil
		}
		return n.raft.Remove(ctx, q.Shard, q.Replica, m.ChangeID)
	}
	return fmt.Errorf("unknown change %q", q.Op)
}

// transferRequest asks a node to hand a shard's lease and leadership to another.
type transferRequest struct {
	Shard schema.ShardID `json:"shard"`
	To    schema.NodeID  `json:"to"`
}

// transfer has a node hand a shard over.
func (n *leading) transfer(ctx context.Context, s schema.ShardID, from, to schema.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q := transferRequest{Shard: s, To: to}
	if from == n.NodeID() {
		return n.transferHere(ctx, q)
	}
	_, err := n.ask(ctx, from, methodTransfer, &q)
	return err
}

func (n *leading) transferHere(ctx context.Context, q transferRequest) error {
	ls := n.local(q.Shard)
	if ls == nil {
		return fmt.Errorf("shard %d is not here", q.Shard)
	}
	return ls.rep.Transfer(ctx, q.To)
}

// Drain hands leases and leadership to other nodes, so that stopping this one is not felt. It ends when this node leads
// nothing that others could, or with ctx.
func (n *leading) Drain(ctx context.Context) {
	n.draining.Store(true)
	for n.leadElsewhere(ctx) && clock.Sleep(ctx, 20*time.Millisecond) == nil {
	}
}

// leadElsewhere hands over what other nodes can serve; false: there was nothing.
func (n *leading) leadElsewhere(ctx context.Context) (some bool) {
	for s, ls := range *n.shards.Load() {
		if to := n.successor(s); to != 0 && ls.leads() {
			some = true
			n.transferAway(ctx, ls, to)
		}
	}
	return some
}

// leads tells whether this replica has the lease or raft's leadership.
func (ls *localShard) leads() bool {
	_, holds := ls.rep.Leaseholding()
	return holds || ls.group.IsLeader()
}

func (n *leading) transferAway(ctx context.Context, ls *localShard, to schema.NodeID) {
	if err := ls.rep.Transfer(ctx, to); err != nil {
		n.log.Warn("transferring a shard failed", "shard", ls.id, "to", to, "err", err)
		return
	}
	n.log.Info("transferring a shard", "shard", ls.id, "to", to)
	limit, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for ls.group.IsLeader() && clock.Sleep(limit, 5*time.Millisecond) == nil {
	}
}

// successor is the alive voter of a shard that leads the fewest, 0 if there is none.
func (n *core) successor(s schema.ShardID) (best schema.NodeID) {
	info, ok := n.Catalog().Shard(s)
	if !ok {
		return 0
	}
	fewest := 0
	for id, st := range n.peers.All(peers.AliveFor) {
		rs := st.Replica(s)
		if _, voter := info.Replicas[id]; !voter || id == n.NodeID() || st.Drain || st.Full || rs == nil || rs.Broken != "" {
			continue
		}
		leads := 0
		if s == schema.SystemShard && st.ClockOff {
			leads = 1 << 20 // of those whose clocks are off only if there is nobody else
		}
		for i := range st.Reps {
			if st.Reps[i].Leader {
				leads++
			}
		}
		if best == 0 || leads < fewest {
			best, fewest = id, leads
		}
	}
	return best
}
