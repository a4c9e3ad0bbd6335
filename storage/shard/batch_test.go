package shard

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"cloudsql/storage/mvcc"
)

// TestBatch: the transactions of an entry take effect in their order at one timestamp; each key that they touch gets one
// version, and nothing but the newest live versions is left once the watermark has passed.
func TestBatch(t *testing.T) {
	for seed := range rounds(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			e, s, l := openTable(t)
			m := model{}
			history := map[mvcc.Timestamp]model{}
			for step := range 60 {
				m = checkBatch(t, rng, l, m)
				history[l.ts] = maps.Clone(m)
				for at, past := range history {
					checkReads(t, rng, s, past, ReadOptions{At: at})
				}
				if step%6 != 5 {
					continue
				}
				l.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: l.ts}))
				clear(history)
				l.collect(func() int { return 50 })
				if got, want := strings.Count(dumpShard(t, e, testTable()), "\n"), 3*len(m); got != want {
					t.Fatalf("%d versions for %d rows with two index entries each", got, len(m))
				}
			}
		})
	}
}

// checkBatch applies some statements as transactions of one entry.
func checkBatch(t *testing.T, rng *rand.Rand, l *testLog, m model) model {
	t.Helper()
	var ps []Proposal
	var wrong []bool
	for range 1 + rng.IntN(30) {
		next := maps.Clone(m)
		w, fails := next.change(rng)
		if !fails {
			m = next
		}
		ps, wrong = append(ps, l.proposal(w)), append(wrong, fails)
	}
	for i := range ps {
		ps[i].TS = l.ts
	}
	for i, r := range l.propose(ps...) {
		if wrong[i] && (r.Status != Failed || r.Writes[0].Err.Code != 1062) || !wrong[i] && (r.Status != Committed || r.TS != l.ts) {
			t.Fatalf("transaction %d of %d: %+v, should fail: %v", i, len(ps), r, wrong[i])
		}
	}
	return m
}
