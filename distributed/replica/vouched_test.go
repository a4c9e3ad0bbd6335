package replica

import (
	"bytes"
	"context"
	"testing"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// TestOldGatewaysWritesStayOld: while a cluster is upgraded, an upgraded leaseholder logs what a gateway of the old program
// sends, and the followers are of the old program. (It was logged as of the newest version; the first UPDATE killed both old nodes
// of three.) Where the gateway knows that the version was raised and this node does not yet, what only later ones know is logged.
func TestOldGatewaysWritesStayOld(t *testing.T) {
	c := newFakeCluster(t, 1, func(c *Config) { c.Version = version.At(version.V1) })
	r := c.replicas[0]
	tenure, err := r.serving(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []version.Version{version.V1, version.V2} {
		q := autocommit(putWrite("a", 1))
		if v >= version.V2 {
			q.First = 1
		}
		q.Writes[0].Env = &expr.Env{Now: time.Unix(1_700_000_000, 0), Mode: *types.DefaultMode()}
		got := sentBy(t, q, v)
		w := r.newWrite(tenure, got.Txn)
		w.vouched = got.Vouched
		if err := r.encode(w, &shard.Proposal{Kind: shard.ProposalCommit, Writes: got.Writes}); err != nil {
			t.Fatal(err)
		}
		want, err := shard.AppendProposal(nil, &shard.Proposal{Kind: shard.ProposalCommit, Txn: q.Txn, Writes: []*fragment.Write{q.Writes[0]}}, v)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(w.prop, want) {
			t.Errorf("sent by a gateway of version %d and logged as\n%x\ninstead of\n%x", v, w.prop, want)
		}
		r.recycle(w)
	}
}

// sentBy is a request as it comes from a gateway of a version.
func sentBy(t *testing.T, q *leaseholder.WriteRequest, v version.Version) *leaseholder.WriteRequest {
	wires := handlersOf{}
	var got receiver
	leaseholder.Register(wires, func(schema.ShardID) leaseholder.Server { return &got })
	if _, err := leaseholder.NewRemote(wires, 2, version.At(v)).Write(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	return got.q
}

// handlersOf is a network of one node.
type handlersOf map[rpc.Method]rpc.Handler

func (h handlersOf) Handle(m rpc.Method, fn rpc.Handler) { h[m] = fn }

func (h handlersOf) Call(ctx context.Context, to schema.NodeID, m rpc.Method, req []byte) ([]byte, error) {
	return h[m](ctx, to, bytes.Clone(req))
}

// receiver keeps the write that it is sent.
type receiver struct {
	leaseholder.Server
	q *leaseholder.WriteRequest
}

func (r *receiver) Write(_ context.Context, q *leaseholder.WriteRequest) (*leaseholder.WriteReply, error) {
	r.q = q
	return &leaseholder.WriteReply{}, nil
}
