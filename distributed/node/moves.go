package node

import (
	"context"
	"encoding/json"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/moves"
	"cloudsql/storage/schema"
)

// Ask asks a shard's leaseholder about a tablet that moves.
func (r reconciled) Ask(ctx context.Context, q *moves.Request) (reply *moves.Reply, err error) {
	err = r.atHolder(ctx, q.Shard, func(ctx context.Context, node schema.NodeID) (schema.NodeID, bool, error) {
		reply = &moves.Reply{}
		if node == r.NodeID() {
			reply = r.answerMove(ctx, q)
		} else if resp, err := r.ask(ctx, node, methodMove, q); err != nil {
			return 0, false, err
		} else if err := json.Unmarshal(resp, reply); err != nil {
			return 0, false, err
		}
		return reply.Holder, !reply.NotHere, nil
	})
	return reply, err
}

// ChangeAtOnce is ChangeCatalog that waits for nobody's turn.
func (r reconciled) ChangeAtOnce(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	return r.catalog.AtOnce(ctx, fn)
}

// tabletGone tells whether a tablet has been handed over, or dropped, by the catalog.
func (n *replicas) tabletGone(id schema.TabletID) bool {
	c := n.Catalog()
	if m := catalog.MoveFrom(c, id); m != nil {
		return m.State == catalog.MoveLeaving
	}
	_, ok := c.ShardOf(id)
	return !ok
}

func (n *replicas) handleMove(ctx context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	q := &moves.Request{}
	if err := json.Unmarshal(req, q); err != nil {
		return nil, err
	}
	return json.Marshal(n.answerMove(ctx, q))
}

func (n *replicas) answerMove(ctx context.Context, q *moves.Request) *moves.Reply {
	ls := n.local(q.Shard)
	if ls == nil || ls.quarantined.Load() {
		return &moves.Reply{NotHere: true}
	}
	a := moves.Answerer{Leaseholder: ls.rep, State: ls.state, Version: n.version.Active(), Observed: n.db.txns.Observed}
	return a.Answer(ctx, q)
}
