package shard

import (
	"bytes"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/version"
)

// TestEncodeStamped checks that proposals encoded ahead of their timestamps give the entry that EncodeBatch gives, in
// either format.
func TestEncodeStamped(t *testing.T) {
	const ts = mvcc.Timestamp(1<<62 - 1)
	for v := version.Min; v <= version.Max; v++ {
		b := Batch{ID: 1 << 60, Proposer: 3, Epoch: 7, Closed: ts - 1}
		b.Proposals = []Proposal{
			{Kind: ProposalCommit, Txn: fragment.TxnID{1, 2}, First: 1 << 40, Writes: []*fragment.Write{insertRow(1, 2, "x")}},
			{Kind: ProposalCommit, Txn: fragment.TxnID{3}, Effects: []fragment.Effect{{Op: fragment.EffectCheck, Tablet: 10, Key: []byte("k"), Expect: 5}}},
		}
		var encoded []Stamped
		for i := range b.Proposals {
			e, err := AppendProposal(nil, &b.Proposals[i], v)
			if err != nil {
				t.Fatal(err)
			}
			encoded = append(encoded, Stamped{e, b.Proposals[i].First})
			b.Proposals[i].TS = ts
		}
		want, err := EncodeBatch(nil, &b, v)
		if err != nil {
			t.Fatal(err)
		}
		if got := EncodeStamped(nil, &b, encoded, ts); !bytes.Equal(got, want) {
			t.Fatalf("%x\n%x", got, want)
		}
		_, c, err := Decode(want)
		if err != nil {
			t.Fatal(err)
		}
		got := c.(*Batch)
		if first := got.Proposals[0].First; (first == 1<<40) != (got.Format == FormatLengths) || got.Format != FormatOf(v) {
			t.Errorf("format %d, first %d", got.Format, first)
		}
		for i := range got.Proposals {
			if p := &got.Proposals[i]; p.Txn != b.Proposals[i].Txn || p.TS != ts || len(p.Writes)+len(p.Effects) != 1 {
				t.Errorf("%+v", p)
			}
		}
	}
}
