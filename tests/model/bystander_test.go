package model

import (
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// bystander is a transaction over several shards that the model knows nothing of. Prepared on a row of its own, it bars
// nobody, but holds the closed timestamp back, perhaps beside others.
type bystander struct {
	id    fragment.TxnID
	ts    mvcc.Timestamp
	after stamp // the newest of the model's timestamps that is below ts
	cmd   []byte
	epoch uint64
}

// bystanders are those of one shard. Their proposals come up in another order than they are stamped in.
type bystanders struct {
	count            int
	coming, prepared []bystander
	forgotten        mvcc.Timestamp // the shard has forgotten outcomes up to here
	shown            mvcc.Timestamp // the largest that one was committed at
}

const mostBystanders = 3

// bystand goes on with the bystanders of a shard: one is stamped, or comes up in the log, or ends.
func (p *pair) bystand(s int) error {
	b := &p.beside[s]
	switch p.rng.IntN(3) {
	case 0:
		if len(b.coming)+len(b.prepared) < mostBystanders {
			return p.stampBystander(s)
		}
	case 1:
		if len(b.coming) > 0 {
			return p.prepareBystander(s, p.rng.IntN(len(b.coming)))
		}
	case 2:
		if len(b.prepared) > 0 {
			return p.endBystander(s, p.rng.IntN(len(b.prepared)))
		}
	}
	return nil
}

func (p *pair) stampBystander(s int) error {
	b := &p.beside[s]
	b.count++
	x := bystander{id: fragment.TxnID{'B', byte(b.count)}, ts: p.tick(), after: p.m.now, epoch: p.shards[s].Lease().Epoch}
	e := rowEffect(p.rng.IntN(2) == 0, 0, 0)
	e.Key = rowKey(int64(100 + b.count))
	var err error
	x.cmd, err = p.shards[s].encode(0, shard.Proposal{
		Kind: shard.ProposalPrepare, Txn: x.id, TS: x.ts, First: x.ts, Effects: []fragment.Effect{e},
		Participants: []schema.ShardID{p.shards[s].ID(), 1},
	})
	b.coming = append(b.coming, x)
	return err
}

func (p *pair) prepareBystander(s, i int) error {
	b, r := &p.beside[s], p.shards[s]
	x := b.coming[i]
	b.coming = slices.Delete(b.coming, i, i+1)
	want := shard.ProposalResult{Txn: x.id, Status: shard.Prepared, TS: x.ts}
	switch {
	case x.epoch != r.Lease().Epoch:
		want.Status, want.TS = shard.StaleEpoch, 0
	case x.ts <= b.forgotten:
		want.Status = shard.Forgotten
	case x.ts <= max(r.Closed(), b.shown, p.real[p.m.shards[s].shown]):
		want.Status = shard.StaleTimestamp
	default:
		b.prepared = append(b.prepared, x)
	}
	got, err := r.repropose(x.cmd)
	if err != nil {
		return err
	}
	return sameResult("a bystander", got, want)
}

func (p *pair) endBystander(s, i int) error {
	b, r := &p.beside[s], p.shards[s]
	x := b.prepared[i]
	b.prepared = slices.Delete(b.prepared, i, i+1)
	q := shard.Proposal{Kind: shard.ProposalResolve, Txn: x.id, TS: p.tick(), First: 1}
	want := shard.ProposalResult{Txn: x.id, Status: shard.Aborted, TS: x.ts}
	if p.rng.IntN(2) == 0 {
		q.CommitTS = max(x.ts, q.TS-mvcc.Timestamp(p.rng.IntN(2*stampGap)))
		want.Status, want.TS = shard.Committed, q.CommitTS
		p.show(s, q.CommitTS)
	}
	got, _, err := r.propose(0, q)
	if err != nil {
		return err
	}
	if err := sameResult("a bystander's end", got, want); err != nil {
		return err
	}
	_, _, err = r.propose(0, shard.Proposal{Kind: shard.ProposalForget, TS: p.tick(), First: 1, Forget: []fragment.TxnID{x.id}})
	return err
}

// show notes that something was committed in s that the model knows nothing of.
func (p *pair) show(s int, at mvcc.Timestamp) {
	b, h := &p.beside[s], &p.m.shards[s]
	b.shown = max(b.shown, at)
	for h.shown < p.m.now && p.real[h.shown+1] <= at {
		h.shown++
	}
}

// closable is what the log of s closes when the model would close up to at.
func (p *pair) closable(s int, at stamp) stamp {
	for i := range p.beside[s].prepared {
		at = min(at, p.beside[s].prepared[i].after)
	}
	return at
}

// leastBeside is the least timestamp of the prepared bystanders.
func (p *pair) leastBeside(s int) mvcc.Timestamp {
	least := mvcc.MaxTimestamp
	for i := range p.beside[s].prepared {
		least = min(least, p.beside[s].prepared[i].ts)
	}
	return least
}

// withoutBystanders leaves out the parts of prepared bystanders, which must all be there.
func (p *pair) withoutBystanders(s int, parts []shard.Part) ([]shard.Part, error) {
	for i := range p.beside[s].prepared {
		x := &p.beside[s].prepared[i]
		at := slices.IndexFunc(parts, func(part shard.Part) bool { return part.Txn == x.id && part.TS == x.ts })
		if at < 0 {
			return nil, differs("a bystander's part is lost in shard %c", 'A'+s)
		}
		parts = slices.Delete(parts, at, at+1)
	}
	return parts, nil
}
