package replica

import (
	"testing"

	"cloudsql/storage/shard"
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
		p := newProposer(&Replica{cfg: Config{Pipeline: 2}}, 0)
		p.queue = c.queue
		for i, ws := range c.flying {
			p.flying[uint64(i)] = &flight{writes: ws, idle: allIdle(ws)}
		}
		if got := p.full(); got != c.want {
			t.Errorf("%s: full is %v", c.name, got)
		}
	}
}
