package shard

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// A transaction over several shards that has inserted a row and deleted it again has an effect for a row that was never there. Who
// puts one under that key before it ends keeps it, and all replicas agree, whenever they were started.
//
// In entries of version 1 the row goes away as of the transaction's timestamp, as it did in programs of commit 8630d07. Where that is
// below the row's own, the row stays the newest version: those programs differed about it, by what they remembered of the row.
func TestPreparedDeleteOfNothing(t *testing.T) {
	for v := version.Min; v <= version.Max; v++ {
		for _, above := range []bool{false, true} {
			want := "5 9 mine\n"
			if v == version.V1 && !above {
				want = ""
			}
			t.Run(fmt.Sprintf("version %d, the row above it %v", v, above), func(t *testing.T) {
				preparedDeleteOfNothing(t, v, above, want)
			})
		}
	}
}

func preparedDeleteOfNothing(t *testing.T, v version.Version, above bool, want string) {
	_, s, l := openTable(t)
	entries := []Entry{{Index: 1, Cmd: l.encodeTablet(testTablet, testTable())}}
	add := func(p Proposal) Status {
		t.Helper()
		if v >= version.V2 {
			p.First = 1
		}
		cmd, err := EncodeBatch(nil, &Batch{ID: l.index, Epoch: l.s.Lease().Epoch, Proposals: []Proposal{p}}, v)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, l.entry(cmd))
		results, err := s.Apply(entries[len(entries)-1:])
		if err != nil {
			t.Fatal(err)
		}
		return results[0].Results[0].Status
	}
	p := l.proposal()
	p.Kind, p.Participants = ProposalPrepare, []schema.ShardID{testShard, 77}
	p.Effects = []fragment.Effect{{Op: fragment.EffectDelete, Tablet: testTablet, Key: intKey(5)}}
	if st := add(p); st != Prepared {
		t.Fatal(st)
	}
	if st := add(l.proposal(insertRow(5, 1, "mine"))); st != Committed {
		t.Fatal(st)
	}
	end := Proposal{Kind: ProposalResolve, Txn: p.Txn, TS: l.next(), CommitTS: p.TS}
	if !above {
		end.CommitTS = end.TS
	}
	if st := add(end); st != Committed {
		t.Fatal(st)
	}
	add(l.proposal(updateK(5, 9)))
	if rows := showPage(mustRead(t, s, readAll(schema.PrimaryIndex), ReadOptions{})); rows != want {
		t.Errorf("rows %q", rows)
	}
	for seed := range uint64(8) {
		twins(t, rand.New(rand.NewPCG(seed, 7)), entries)
	}
}
