package shard

import (
	"bytes"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/version"
)

// TestEncodeStamped checks that proposals encoded ahead of their timestamps give the entry that EncodeBatch gives.
func TestEncodeStamped(t *testing.T) {
	const ts = mvcc.Timestamp(1<<62 - 1)
	b := Batch{ID: 1 << 60, Proposer: 3, Epoch: 7, Closed: ts - 1}
	b.Proposals = []Proposal{
		{Kind: ProposalCommit, Txn: fragment.TxnID{1, 2}, Writes: []*fragment.Write{insertRow(1, 2, "x")}},
		{Kind: ProposalCommit, Txn: fragment.TxnID{3}, Effects: []fragment.Effect{{Op: fragment.EffectCheck, Tablet: 10, Key: []byte("k"), Expect: 5}}},
	}
	var encoded [][]byte
	for i := range b.Proposals {
		e, err := AppendProposal(nil, &b.Proposals[i], version.Max)
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, e)
		b.Proposals[i].TS = ts
	}
	want, err := EncodeBatch(nil, &b, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	if got := EncodeStamped(nil, &b, encoded, ts); !bytes.Equal(got, want) {
		t.Fatalf("%x\n%x", got, want)
	}
}
