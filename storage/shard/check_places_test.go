package shard

import (
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/version"
)

// What the leaseholder has decoded for many clients at once is what apply finds: hardly any is decoded twice.
func TestCheckedBodiesOfManyClients(t *testing.T) {
	_, s, _ := openTable(t)
	const clients = 256
	props := make([][]byte, clients)
	for i := range props {
		p := Proposal{Kind: ProposalCommit, Writes: []*fragment.Write{updateK(int64(i), 1)}}
		var err error
		if props[i], err = AppendProposal(nil, &p, version.Max); err != nil {
			t.Fatal(err)
		}
		if err := s.CheckProposal(props[i]); err != nil {
			t.Fatal(err)
		}
	}
	missing := 0
	for _, prop := range props {
		var p Proposal
		if err := p.readHead(prop); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.checked.take(&p); !ok {
			missing++
		}
	}
	if missing > clients/100 {
		t.Errorf("%d of %d have to be decoded again", missing, clients)
	}
}
