package replica

import (
	"sync/atomic"
	"testing"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

func TestProposerFull(t *testing.T) {
	batch := func(n int, kind shard.ProposalKind) []*write {
		ws := make([]*write, n)
		for i := range ws {
			ws[i] = &write{kind: kind}
		}
		return ws
	}
	const commit, resolve = shard.ProposalCommit, shard.ProposalResolve
	for _, c := range []struct {
		name   string
		queue  []*write
		flying [][]*write
		want   bool
	}{
		{"nothing waits", nil, nil, true},
		{"one waits, nothing flies", batch(1, commit), nil, false},
		{"one waits, one flies", batch(1, commit), [][]*write{batch(1, commit)}, false},
		{"fewer wait than fly", batch(9, commit), [][]*write{batch(10, commit)}, true},
		{"as many wait as fly", batch(10, commit), [][]*write{batch(10, commit)}, false},
		{"two entries fly", batch(99, commit), [][]*write{batch(1, commit), batch(1, commit)}, true},
		{"only clean-up flies", batch(1, commit), [][]*write{batch(10, resolve), batch(10, resolve)}, false},
		{"clean-up after clean-up", batch(99, resolve), [][]*write{batch(1, resolve), batch(1, resolve)}, true},
	} {
		w := new(writes)
		w.cfg.Pipeline = 2
		p := newProposer(w, 0)
		p.queue = c.queue
		for i, ws := range c.flying {
			p.flying[uint64(i)] = &flight{writes: ws, idle: allIdle(ws)}
		}
		if got := p.full(); got != c.want {
			t.Errorf("%s: full is %v", c.name, got)
		}
	}
}

// TestRoundPanics: a bug in a round fails the writes of that round, in whoever's goroutine it runs; those that come later
// are served, also on the same rows.
func TestRoundPanics(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r, ctx := c.replicas[0], t.Context()
	if _, err := r.Write(ctx, autocommit(putWrite("a", 1))); err != nil {
		t.Fatal(err)
	}
	before := spawn.Panics()["a proposer"]
	var rounds atomic.Int32
	c.source.gate = func() {
		if rounds.Add(1) == 1 {
			panic("planted")
		}
	}
	if _, err := r.Write(ctx, autocommit(putWrite("a", 2))); !leaseholder.OutcomeUnknown(err) {
		t.Fatalf("the write of a round that panicked: %v", err)
	}
	if n := spawn.Panics()["a proposer"] - before; n != 1 {
		t.Errorf("%d panics counted", n)
	}
	if _, err := r.Write(ctx, autocommit(putWrite("a", 3))); err != nil {
		t.Fatal(err)
	}
	if v, err := readValue(ctx, r, "a", 0); v != "3" || err != nil {
		t.Error(v, err)
	}
}
