package model

import (
	"errors"
	"flag"
	"testing"

	"cloudsql/distributed/explore"
)

var full = flag.Bool("full", false, "walk through the large models too (make model)")

// Every state that the protocol can reach keeps the rules, and every entry that a shard's log has on the way there does
// the same to a real shard.
func TestProtocol(t *testing.T) {
	configs := Small
	if *full {
		configs = append(configs[:len(configs):len(configs)], Large...)
	}
	m := newMachines(t)
	for i := range configs {
		t.Run(configs[i].Name, func(t *testing.T) {
			entries := logSteps{}
			r := explore.Watch[state, action](&configs[i], 0, entries.note)
			if r.Err != nil || r.Capped {
				t.Fatal(r)
			}
			t.Log(r)
			entries.tryAll(t, configs[i], m)
		})
	}
}

// The model finds each rule that is left out. -v shows the shortest way to the damage.
func TestPlantedBugs(t *testing.T) {
	var tried Bug
	for i := range planted {
		p := &planted[i]
		tried |= p.config.Planted
		t.Run(p.name, func(t *testing.T) {
			r := explore.Run[state, action](&p.config, 0)
			if !errors.Is(r.Err, p.finds) {
				t.Fatalf("wanted to see that %v; got %v", p.finds, r)
			}
			t.Log(r)
			right := p.config
			right.Planted = 0
			if r := explore.Run[state, action](&right, 0); r.Err != nil {
				t.Errorf("and without the bug: %v", r)
			}
		})
	}
	if all := BugChecksFree<<1 - 1; tried != all {
		t.Errorf("bugs %b are not tried", all&^tried)
	}
}

// States that differ only in which timestamps were used are the same.
func TestCanonical(t *testing.T) {
	s := Small[0].Start()
	s.now = 40
	s.shards[0].closed, s.shards[1].legs[0].prepared, s.shards[1].legs[0].ts = 7, 12, 7
	s.canonical()
	l := &s.shards[1].legs[0]
	if s.shards[0].closed != 1 || l.ts != 1 || l.prepared != 2 || s.now != 3 || l.floor != 0 {
		t.Fatalf("got %+v", s)
	}
}
