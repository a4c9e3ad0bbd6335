package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// The methods between nodes. Numbers are part of the protocol: never reuse one.
const (
	methodJoin       = rpc.MethodsNode + 1
	methodStart      = rpc.MethodsNode + 2
	methodCommand    = rpc.MethodsNode + 3
	methodTimestamps = rpc.MethodsNode + 4
	methodHeartbeat  = rpc.MethodsNode + 5
	methodMember     = rpc.MethodsNode + 6
	methodTransfer   = rpc.MethodsNode + 7
	methodCall       = rpc.MethodsNode + 8
	methodStats      = rpc.MethodsNode + 9
	methodReport     = rpc.MethodsNode + 10
	methodRetire     = rpc.MethodsNode + 28 // up to 27: package lockwatch
	methodMove       = rpc.MethodsNode + 29
	methodLoads      = rpc.MethodsNode + 30
)

func (n *Node) registerHandlers() {
	n.server.HandleAnyone(methodJoin, n.handleJoin)
	n.server.Handle(methodStart, asked(n.startAsked))
	n.server.Handle(methodCommand, n.handleCommand)
	n.server.Handle(methodTimestamps, n.handleTimestamps)
	n.server.Handle(methodHeartbeat, n.peers.Handle)
	n.server.Handle(methodMember, n.handleMember)
	n.server.Handle(methodRetire, asked(n.retireAsked))
	n.server.Handle(methodTransfer, asked(n.transferHere))
	n.server.Handle(methodCall, n.calls.Handle)
	n.server.Handle(methodStats, n.stats.Handle)
	n.server.Handle(methodReport, n.handleReport)
	n.server.Handle(methodMove, n.handleMove)
	n.server.Handle(methodLoads, n.handleLoads)
	n.locks.Register(n.server)
}

// asked answers a question as JSON whose answer is that it was done.
func asked[Q any](fn func(ctx context.Context, q Q) error) rpc.Handler {
	return func(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
		var q Q
		if err := json.Unmarshal(req, &q); err != nil {
			return nil, err
		}
		return nil, fn(ctx, q)
	}
}

// commandRequest asks a shard's leaseholder to put a command of another kind than rows' into the log.
type commandRequest struct {
	Shard   schema.ShardID    `json:"shard"`
	Kind    shard.CommandKind `json:"kind"`
	ID      uint64            `json:"id"`
	Command []byte            `json:"command"`
	// Tablet and Version, of tablet commands, say what must be so afterwards. Version 0: the tablet is gone.
	Tablet  schema.TabletID `json:"tablet,omitempty"`
	Version uint64          `json:"version,omitempty"`
	// Catalog tells of a change of the catalog, for which nodes race.
	Catalog bool `json:"catalog,omitempty"`
}

// commandReply is its answer. NotHere: another node must be asked, Holder if that is known.
type commandReply struct {
	OK      bool          `json:"ok,omitempty"`
	Err     string        `json:"err,omitempty"`
	NotHere bool          `json:"notHere,omitempty"`
	Holder  schema.NodeID `json:"holder,omitempty"`
	// Late: the time for the attempt was over before the command was applied. It may be yet.
	Late bool `json:"late,omitempty"`
}

// errLate is what an attempt ends with that was Late.
var errLate = errors.New("node: a command was not applied in time")

// command has a command of the given kind put into a shard's log, wherever its leaseholder is. An error leaves the
// outcome unknown.
func (n *routes) command(ctx context.Context, s schema.ShardID, kind shard.CommandKind, id uint64, cmd []byte) (*commandReply, error) {
	return n.request(ctx, &commandRequest{Shard: s, Kind: kind, ID: id, Command: cmd})
}

// request is where all commands begin; the cluster's version must allow them.
func (n *routes) request(ctx context.Context, q *commandRequest) (reply *commandReply, err error) {
	if err := shard.CheckEntry(q.Command, n.version.Active()); err != nil {
		return nil, err
	}
	var encoded []byte
	err = n.atHolder(ctx, q.Shard, func(ctx context.Context, node schema.NodeID) (holder schema.NodeID, here bool, err error) {
		if node == n.NodeID() {
			reply = n.executeInTurn(ctx, node, q)
		} else {
			if encoded == nil {
				if encoded, err = json.Marshal(q); err != nil {
					return 0, false, err
				}
			}
			resp, err := n.client.Call(ctx, node, methodCommand, encoded)
			if err != nil {
				return 0, false, err
			}
			reply = &commandReply{}
			if err := json.Unmarshal(resp, reply); err != nil {
				return 0, false, err
			}
		}
		if reply.Late {
			return 0, false, errLate
		}
		return reply.Holder, !reply.NotHere, nil
	})
	return reply, err
}

func (n *routes) handleCommand(ctx context.Context, from schema.NodeID, req []byte) ([]byte, error) {
	var q commandRequest
	if err := json.Unmarshal(req, &q); err != nil {
		return nil, err
	}
	return json.Marshal(n.executeInTurn(ctx, from, &q))
}

// execute puts a command into the log if this node holds the shard's lease.
func (n *routes) execute(ctx context.Context, q *commandRequest) *commandReply {
	ls := n.local(q.Shard)
	if ls == nil || ls.quarantined.Load() {
		return &commandReply{NotHere: true}
	}
	if _, err := ls.rep.Acquire(ctx); err != nil {
		if elsewhere := (*leaseholder.NotLeaseholder)(nil); errors.As(err, &elsewhere) {
			return &commandReply{NotHere: true, Holder: elsewhere.Holder}
		}
		return &commandReply{Err: err.Error()}
	}
	if q.Kind == shard.CommandTablet {
		return ls.executeTablet(ctx, q)
	}
	res, err := ls.rep.Command(ctx, q.Kind, q.ID, q.Command)
	return replyOf(ctx, res, err)
}

func replyOf(ctx context.Context, res shard.Result, err error) *commandReply {
	r := &commandReply{Late: err != nil && ctx.Err() != nil}
	if err == nil {
		err = res.Err
	}
	r.OK = err == nil && res.OK
	if err != nil {
		r.Err = err.Error()
	}
	return r
}

// executeTablet runs one tablet command at a time, because their results carry no id, and judges by what is so after.
func (ls *localShard) executeTablet(ctx context.Context, q *commandRequest) *commandReply {
	ls.tablets.Lock()
	defer ls.tablets.Unlock()
	if ls.tabletIs(q) {
		return &commandReply{OK: true}
	}
	res, err := ls.rep.Command(ctx, q.Kind, 0, q.Command)
	if ls.tabletIs(q) {
		return &commandReply{OK: true}
	}
	reply := replyOf(ctx, res, err)
	if reply.OK { // the result of somebody else's, from before this node took the lease
		return &commandReply{NotHere: true, Holder: ls.rep.Holder()}
	}
	return reply
}

func (ls *localShard) tabletIs(q *commandRequest) bool {
	t, ok := ls.state.Table(q.Tablet)
	if q.Version == 0 {
		return !ok
	}
	return ok && t.Version >= q.Version
}

// atHolder runs try at a shard's leaseholder. try tells whether the node that it was given is it (here), and otherwise
// who is, if that is known. Errors are tried again until ctx ends: try must be harmless when it is executed twice.
func (n *routes) atHolder(ctx context.Context, s schema.ShardID,
	try func(ctx context.Context, node schema.NodeID) (holder schema.NodeID, here bool, err error)) error {
	next := n.Leaseholder(s)
	var last error
	for i := 0; ; i++ {
		node := next
		if node == 0 {
			node = n.anyReplica(s, i)
		}
		if node != 0 {
			attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
			holder, here, err := try(attempt, node)
			cancel()
			if err == nil && here {
				return nil
			}
			if err != nil {
				last = err
			}
			if next = holder; next == node {
				next = 0
			}
			if next != 0 && i%4 != 3 {
				continue
			}
		}
		if err := clock.Sleep(ctx, min(time.Duration(i+1)*5*time.Millisecond, 100*time.Millisecond)); err != nil {
			if last != nil {
				return fmt.Errorf("shard %d: %w (%w)", s, last, err)
			}
			return fmt.Errorf("nobody serves shard %d: %w", s, err)
		}
		if n.ctx.Err() != nil {
			return n.ctx.Err()
		}
	}
}

// anyReplica gives the nodes that have a replica of a shard, in turn.
func (n *routes) anyReplica(s schema.ShardID, i int) schema.NodeID {
	nodes := n.replicaNodes(s)
	if len(nodes) == 0 {
		return 0
	}
	return nodes[i%len(nodes)]
}
