package shard

import (
	"math/rand/v2"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// A transaction over several shards that has inserted a row and deleted it again has an effect for a row that was never there. Who
// puts one under that key before it ends keeps it, and all replicas agree, whenever they were started.
func TestPreparedDeleteOfNothing(t *testing.T) {
	_, s, l := openTable(t)
	entries := []Entry{{Index: 1, Cmd: l.encodeTablet(testTablet, testTable())}}
	add := func(ps ...Proposal) Result {
		t.Helper()
		for i := range ps {
			ps[i].First = 1
		}
		entries = append(entries, l.entry(l.encodeBatch(ps...)))
		results, err := s.Apply(entries[len(entries)-1:])
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	p := l.proposal()
	p.Kind, p.Participants = ProposalPrepare, []schema.ShardID{testShard, 77}
	p.Effects = []fragment.Effect{{Op: fragment.EffectDelete, Tablet: testTablet, Key: intKey(5)}}
	if r := add(p); r.Results[0].Status != Prepared {
		t.Fatalf("%+v", r)
	}
	if r := add(l.proposal(insertRow(5, 1, "mine"))); r.Results[0].Status != Committed {
		t.Fatalf("%+v", r)
	}
	end := Proposal{Kind: ProposalResolve, Txn: p.Txn, TS: l.next(), CommitTS: p.TS}
	if r := add(end); r.Results[0].Status != Committed {
		t.Fatalf("%+v", r)
	}
	add(l.proposal(updateK(5, 9)))
	if rows := showPage(mustRead(t, s, readAll(schema.PrimaryIndex), ReadOptions{})); rows != "5 9 mine\n" {
		t.Errorf("rows %q", rows)
	}
	twins(t, rand.New(rand.NewPCG(1, 7)), entries)
}
