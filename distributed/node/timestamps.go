package node

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"cloudsql/distributed/tso"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// keyLimit is the system shard's record of the limit up to which timestamps may have been handed out.
const keyLimit = "tso/limit"

// limits keeps the limit in the system shard's log.
type limits struct{ n *Node }

func (l limits) Limit() (mvcc.Timestamp, uint64) {
	ls := l.n.local(schema.SystemShard)
	if ls == nil {
		return 0, 0
	}
	value, version := ls.state.SystemGet(keyLimit)
	limit, _ := strconv.ParseUint(string(value), 10, 64)
	return mvcc.Timestamp(limit), version
}

func (l limits) Reserve(ctx context.Context, version uint64, next mvcc.Timestamp) (bool, error) {
	ls := l.n.local(schema.SystemShard)
	if ls == nil {
		return false, tso.ErrNotOwner
	}
	id := l.n.commandID.Add(1)
	res, err := ls.rep.Command(ctx, shard.CommandSystem, id, shard.EncodeSystem(nil, &shard.SystemCommand{
		ID:     id,
		Expect: []shard.SystemExpect{{Key: keyLimit, Version: version}},
		Sets:   []shard.SystemSet{{Key: keyLimit, Value: strconv.AppendUint(nil, uint64(next), 10)}},
	}))
	return res.OK, err
}

// holdsSystem tells whether this node serves the system shard under epoch now.
func (n *routes) holdsSystem(epoch uint64) bool {
	ls := n.local(schema.SystemShard)
	if ls == nil {
		return false
	}
	e, ok := ls.rep.Leaseholding()
	return ok && e == epoch
}

func (n *routes) onSystemLease(epoch uint64, held bool) {
	if held {
		n.owner.Begin(epoch)
		n.recon.Poke()
	} else {
		n.owner.End(epoch)
	}
}

// The answer to a request for timestamps: a status, and the first timestamp or the node to ask.
const (
	stampsGiven    = 0
	stampsElse     = 1
	stampsReplyLen = 9
)

// askTimestamps asks the system shard's leaseholder.
func (n *routes) askTimestamps(ctx context.Context, count int) (first mvcc.Timestamp, err error) {
	req := binary.LittleEndian.AppendUint32(nil, uint32(count))
	err = n.atHolder(ctx, schema.SystemShard, func(ctx context.Context, node schema.NodeID) (schema.NodeID, bool, error) {
		if node == n.NodeID() {
			first, err = n.owner.Next(ctx, count)
			if !errors.Is(err, tso.ErrNotOwner) {
				return 0, err == nil, err
			}
			return n.wakeSystemLease(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		resp, err := n.client.Call(ctx, node, methodTimestamps, req)
		if err != nil {
			return 0, false, err
		}
		if len(resp) != stampsReplyLen {
			return 0, false, errors.New("a malformed answer to a request for timestamps")
		}
		v := binary.LittleEndian.Uint64(resp[1:])
		if resp[0] == stampsElse {
			return schema.NodeID(v), false, nil
		}
		first = mvcc.Timestamp(v)
		return 0, true, nil
	})
	return first, err
}

// wakeSystemLease takes the system shard's lease if it is this node's to take, and says who has it otherwise.
func (n *routes) wakeSystemLease(ctx context.Context) (holder schema.NodeID, here bool, err error) {
	ls := n.local(schema.SystemShard)
	if ls == nil {
		return 0, false, nil
	}
	_, _ = ls.rep.Acquire(ctx)
	return ls.rep.Holder(), false, nil
}

func (n *routes) handleTimestamps(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	if len(req) != 4 {
		return nil, errors.New("a malformed request for timestamps")
	}
	resp := make([]byte, stampsReplyLen)
	first, err := n.owner.Next(ctx, int(binary.LittleEndian.Uint32(req)))
	if errors.Is(err, tso.ErrNotOwner) {
		holder, _, _ := n.wakeSystemLease(ctx)
		resp[0] = stampsElse
		binary.LittleEndian.PutUint64(resp[1:], uint64(holder))
		return resp, nil
	}
	binary.LittleEndian.PutUint64(resp[1:], uint64(first))
	return resp, err
}
