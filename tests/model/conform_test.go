package model

import (
	"cmp"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

var walkSeed = flag.Uint64("seed", 0, "of what runs beside real shards; 0: another one each time")

// seedOf is the test's seed, which it prints.
func seedOf(t *testing.T) uint64 {
	seed := *walkSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return seed
}

// logStep is what a shard's log has come to and what comes next in it: all that a shard may depend on.
type logStep struct {
	shard state // one shard, with everything left out that is not of its log
	a     action
}

// logSteps are those that an exploration has met, with the shortest way to each.
type logSteps map[logStep][]action

// logStepOf gives a step as the log sees it; ok is false for steps that are not in a log.
func logStepOf(from *state, a action) (x logStep, ok bool) {
	switch a.what {
	case stepApply, stepMark, stepCommit, stepAbort, stepForget, stepAge, stepFailOver, stepHandOver, stepClose:
	default:
		return x, false
	}
	h, seen := &from.shards[a.s], &x.shard.shards[0]
	*seen = *h
	seen.lock, seen.seen = 0, 0
	for t := range seen.legs {
		l := &h.legs[t]
		seen.legs[t] = leg{prepared: l.prepared, outcome: l.outcome, at: l.at, kept: l.kept}
	}
	switch a.what {
	case stepApply:
		l, seen := &h.legs[a.t], &seen.legs[a.t]
		seen.copies[0], seen.saw = l.copies[a.i], l.saw
	case stepCommit:
		x.shard.txns[a.t].commitAt = from.txns[a.t].commitAt
	case stepClose:
		x.shard.now = from.now
	}
	x.shard.canonical()
	x.a = a
	x.a.s, x.a.i = 0, -1
	return x, true
}

// note takes in a step of an exploration.
func (l logSteps) note(from *state, a action, way func() []action) {
	if x, ok := logStepOf(from, a); ok && l[x] == nil {
		l[x] = way()
	}
}

// tryAll tries each log step in real shards: whatever a log has come to and whatever comes next, a shard does what the
// model's does.
func (l logSteps) tryAll(t *testing.T, c Config, m *machines) {
	seed, runs, pairs := seedOf(t), uint64(0), len(l)
	order := slices.SortedFunc(maps.Keys(l), func(a, b logStep) int { // long ways meet others on them
		return cmp.Or(cmp.Compare(len(l[b]), len(l[a])), slices.CompareFunc(l[a], l[b], compareActions))
	})
	c.Exact = true
	passed := func(from *state, a action) {
		if x, ok := logStepOf(from, a); ok {
			delete(l, x)
		}
	}
	for _, x := range order {
		way := l[x]
		if way == nil {
			continue // was met on a longer way
		}
		p, err := newPair(&c, m, rand.New(rand.NewPCG(seed, runs)))
		if err == nil {
			err = p.tell(p.follow(way, passed))
		}
		if err != nil {
			t.Fatal(err)
		}
		runs++
	}
	t.Logf("%d log steps, tried in %d runs of real shards", pairs, runs)
	if len(l) > 0 {
		t.Errorf("%d log steps were not met", len(l))
	}
}

func compareActions(a, b action) int {
	return cmp.Or(cmp.Compare(a.what, b.what), cmp.Compare(a.t, b.t), cmp.Compare(a.s, b.s), cmp.Compare(a.i, b.i))
}

// Real shards do what the model's do: walks at random through models in which much goes wrong at once.
func TestConformWalks(t *testing.T) {
	m, seed := newMachines(t), seedOf(t)
	n, steps := 300, 0
	if *full {
		n = 5_000
	}
	for i := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		c := anyConfig(rng)
		p, err := newPair(&c, m, rng)
		if err == nil {
			err = p.tell(p.walk(true))
		}
		if err != nil {
			t.Fatalf("walk %d: %v", i, err)
		}
		steps += len(p.steps)
	}
	t.Logf("%d walks, %d steps", n, steps)
}

// elsewhere are bugs of gateways and leaseholders: with them, logs get entries in orders that they should never see, and
// must deal with them nevertheless.
const elsewhere = BugNoLocksAgain | BugMarkKeepsLeg | BugNoMark | BugLaterStamp | BugForgetEarly

// anyConfig is a model of up to three transactions.
func anyConfig(rng *rand.Rand) Config {
	c := Config{
		Exact: true, Shards: 1 + min(rng.IntN(maxShards), rng.IntN(maxShards)), Reader: Reader(rng.IntN(int(NewestReader) + 1)),
		Failovers: rng.IntN(5), HandOvers: rng.IntN(2), Reproposals: rng.IntN(4), Crashes: rng.IntN(1 << maxTxns),
		Closes: rng.IntN(4), Ages: rng.IntN(3),
	}
	if rng.IntN(2) == 0 {
		c.Planted = Bug(rng.Uint32()) & elsewhere
	}
	all := 1<<c.Shards - 1
	for range 1 + max(rng.IntN(maxTxns), rng.IntN(maxTxns)) {
		x := Txn{Locks: uint8(all)}
		if rng.IntN(3) > 0 {
			x.Locks = uint8(1 + rng.IntN(all))
		}
		x.Writes = x.Locks & uint8(1+rng.IntN(all))
		if one := x.Locks&(x.Locks-1) == 0; one {
			x.Writes, x.Kind = x.Locks, Kind(rng.IntN(int(AutoWide)+1))
		}
		c.Txns = append(c.Txns, x)
	}
	return c
}

// A rule that is taken out of the model's log makes a difference to real shards; one that is not the log's makes none.
func TestConformPlanted(t *testing.T) {
	m, seed := newMachines(t), seedOf(t)
	const most = 20_000 // walks, to find a rule that is left out; few need more than some hundred
	for i := range planted {
		x := &planted[i]
		t.Run(x.name, func(t *testing.T) {
			c, n := x.config, uint64(50)
			c.Exact = true
			if x.inLog {
				n = most
			}
			var err error
			for walk := uint64(0); walk < n && err == nil; walk++ {
				var p *pair
				if p, err = newPair(&c, m, rand.New(rand.NewPCG(seed, walk))); err == nil {
					err = p.walk(false)
				}
			}
			if err != nil && !errors.Is(err, errDiffers) || errors.Is(err, errDiffers) != x.inLog {
				t.Fatalf("a difference is to be seen: %t; got %v", x.inLog, err)
			}
			t.Log(err)
		})
	}
}
