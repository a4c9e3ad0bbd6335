package pairs

import "testing"

// The pairs of chains, stars and cliques are as many as Moerkotte and Neumann count, and each comes after those that it is made of.
func TestPairs(t *testing.T) {
	chain := func(n, i, k int) bool { return i+1 == k }
	star := func(n, i, k int) bool { return i == 0 }
	clique := func(n, i, k int) bool { return true }
	for _, tt := range []struct {
		name string
		edge func(n, i, k int) bool
		n    int
		want int
	}{
		{"chain", chain, 5, 20}, {"chain", chain, 10, 165}, {"star", star, 5, 32}, {"star", star, 10, 2304}, {"clique", clique, 5, 90},
		{"clique", clique, 7, 966},
	} {
		g := make(Graph, tt.n)
		for i := range tt.n {
			for k := i + 1; k < tt.n; k++ {
				if tt.edge(tt.n, i, k) {
					g[i] |= 1 << k
					g[k] |= 1 << i
				}
			}
		}
		list, ok := g.Pairs()
		if !ok || len(list) != tt.want {
			t.Errorf("%s of %d: %d pairs, not %d (%v)", tt.name, tt.n, len(list), tt.want, ok)
		}
		made := map[uint64]bool{}
		for i := range tt.n {
			made[1<<i] = true
		}
		seen := map[Pair]bool{}
		for _, x := range list {
			if x.A&x.B != 0 || !made[x.A] || !made[x.B] || seen[x] || seen[Pair{x.B, x.A}] {
				t.Fatalf("%s of %d: pair %b, %b", tt.name, tt.n, x.A, x.B)
			}
			seen[x], made[x.A|x.B] = true, true
		}
	}
	g := make(Graph, 10)
	for i := range g {
		g[i] = (1<<10 - 1) &^ (1 << i)
	}
	if _, ok := g.Pairs(); ok {
		t.Error("a clique of ten is enumerated")
	}
}
