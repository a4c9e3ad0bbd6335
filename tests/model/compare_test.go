package model

import (
	"errors"
	"fmt"
	"slices"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// errDiffers: a real shard does otherwise than the model.
var errDiffers = errors.New("the real shard differs from the model")

func differs(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errDiffers}, args...)...)
}

// What the model says that a shard's log does, and comparing it with what can be seen of a real shard.

// repeated is what is said about a transaction that stands here already. got decides what the model does not: which kind
// of abort it was, and when it was proposed.
func (p *pair) repeated(t, s int, got shard.ProposalResult) shard.ProposalResult {
	want := p.standing(t, s)
	r := shard.ProposalResult{Txn: txnID(t), Status: shard.Duplicate, Recorded: want.Status, TS: want.TS}
	if want.Status == shard.Aborted {
		r.TS = got.TS
		if got.Recorded == shard.Conflict {
			r.Recorded = shard.Conflict
		}
	}
	return r
}

// standing is how t stands in s by the model.
func (p *pair) standing(t, s int) leaseholder.Standing {
	l := &p.m.shards[s].legs[t]
	switch {
	case l.prepared != 0:
		return leaseholder.Standing{Status: shard.Prepared, TS: p.real[l.prepared]}
	case l.outcome == committed:
		return leaseholder.Standing{Status: shard.Committed, TS: p.real[l.at]}
	case l.outcome == aborted:
		return leaseholder.Standing{Status: shard.Aborted}
	}
	return leaseholder.Standing{}
}

// blocker is who is prepared in s beside t.
func (p *pair) blocker(t, s int) (id fragment.TxnID) {
	for i := range p.c.Txns {
		if i != t && p.m.shards[s].legs[i].prepared != 0 {
			return txnID(i)
		}
	}
	return id
}

func sameResult(what string, got, want shard.ProposalResult) error {
	got.Writes = nil
	if got, want := show(&got), show(&want); got != want {
		return differs("%s gave %s instead of %s", what, got, want)
	}
	return nil
}

func show(r *shard.ProposalResult) string {
	return fmt.Sprintf("status %d of %x (recorded %d) at %v, blocked by %x", r.Status, r.Txn[:2], r.Recorded, r.TS, r.Blocker[:2])
}

func (p *pair) compareAll() error {
	for s := range p.shards {
		if err := p.compare(s); err != nil {
			return err
		}
	}
	return nil
}

// compare looks for differences in all that can be seen of a shard.
func (p *pair) compare(s int) error {
	r, h := p.shards[s], &p.m.shards[s]
	if got := r.Lease().Epoch; got != uint64(h.epoch) {
		return differs("epoch %d instead of %d", got, h.epoch)
	}
	if err := p.compareClosed(s); err != nil {
		return err
	}
	for t := range p.c.Txns {
		status, ts, err := r.Outcome(txnID(t))
		if err != nil {
			return err
		}
		if status == shard.Conflict {
			status = shard.Aborted
		}
		if status == shard.Aborted {
			ts = 0
		}
		if got, want := (leaseholder.Standing{Status: status, TS: ts}), p.standing(t, s); got != want {
			return differs("T%d stands %v instead of %v in shard %c", t+1, got, want, 'A'+s)
		}
	}
	return errors.Join(p.compareParts(s), p.compareRow(s))
}

func (p *pair) compareClosed(s int) error {
	r, h := p.shards[s], &p.m.shards[s]
	got, least := stamp(0), p.leastBeside(s)
	for at := stamp(1); at <= p.m.now && p.real[at] <= r.Closed(); at++ {
		got = at
	}
	if got != h.closed {
		return differs("timestamps are closed up to %d instead of %d in shard %c", got, h.closed, 'A'+s)
	}
	for t := range p.c.Txns {
		if at := h.legs[t].prepared; at != 0 {
			least = min(least, p.real[at])
		}
	}
	floor := r.PreparedFloor()
	if floor != mvcc.MaxTimestamp {
		floor++
	}
	if floor != least {
		return differs("the least that is prepared is %v instead of %v in shard %c", floor, least, 'A'+s)
	}
	return nil
}

// compareParts looks at the prepared and the decided transactions.
func (p *pair) compareParts(s int) error {
	parts, err := p.withoutBystanders(s, p.shards[s].Parts())
	if err != nil {
		return err
	}
	for t := range p.c.Txns {
		l := &p.m.shards[s].legs[t]
		i := slices.IndexFunc(parts, func(x shard.Part) bool { return x.Txn == txnID(t) })
		if wanted := l.prepared != 0 || l.kept == 1; wanted != (i >= 0) {
			return differs("T%d has a part in shard %c: %t instead of %t", t+1, 'A'+s, i >= 0, wanted)
		} else if !wanted {
			continue
		}
		x := parts[i]
		parts = slices.Delete(parts, i, i+1)
		if !slices.Equal(x.Participants, p.participants(t)) || x.Staging {
			return differs("T%d's part in shard %c is %+v", t+1, 'A'+s, x)
		}
		if l.kept == 1 {
			if x.CommitTS != p.real[l.at] || x.Pieces != 0 || len(x.Claims) != 0 {
				return differs("T%d is decided in shard %c as %+v", t+1, 'A'+s, x)
			}
			continue
		}
		if x.TS != p.real[l.prepared] || x.CommitTS != 0 || x.Pieces != 1 || !p.holdsRow(t, s, &x) {
			return differs("T%d is prepared in shard %c as %+v", t+1, 'A'+s, x)
		}
	}
	if len(parts) != 0 {
		return differs("parts of nobody in shard %c: %+v", 'A'+s, parts)
	}
	return nil
}

// holdsRow tells whether a part claims the row, as one that it will write or that must stay as it is.
func (p *pair) holdsRow(t, s int, x *shard.Part) bool {
	rows := 0
	for i := range x.Claims {
		if k := &x.Claims[i]; k.Index == schema.PrimaryIndex {
			if string(k.Key) != string(rowKey(modelRow)) || k.Shared == p.c.writes(t, s) {
				return false
			}
			rows++
		}
	}
	return rows == 1
}

// compareRow looks at all versions of the row.
func (p *pair) compareRow(s int) error {
	h := &p.m.shards[s]
	last := int64(0)
	check := func(at mvcc.Timestamp, want int64) error {
		got, err := p.shards[s].read(at)
		if err == nil && got != want {
			err = differs("the row of shard %c is T%d's instead of T%d's at %d", 'A'+s, got, want, at)
		}
		return err
	}
	for _, v := range h.rows[:h.count] {
		at := p.real[v.at]
		if err := errors.Join(check(at-1, last), check(at, int64(v.txn))); err != nil {
			return err
		}
		last = int64(v.txn)
	}
	return check(0, last)
}
