package replica

import (
	"bytes"
	"testing"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
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
		sent, err := appendWriteRequest(nil, q, v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeWriteRequest(sent)
		if err != nil {
			t.Fatal(err)
		}
		w := r.newWrite(tenure, got.Txn)
		w.vouched = got.vouched
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
