package exec

import (
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// sortRollup orders the groups by their values, each super-aggregate behind the groups that it sums up.
func (h *HashAgg) sortRollup() {
	perm := make([]int, len(h.groups))
	for i := range perm {
		perm[i] = i
	}
	slices.SortStableFunc(perm, h.compareRollup)
	groups := make([][]types.Value, len(perm))
	states := make([][]expr.State, len(perm))
	level := make([]int, len(perm))
	for i, p := range perm {
		groups[i], states[i], level[i] = h.groups[p], h.states[p], h.level[p]
	}
	h.groups, h.states, h.level = groups, states, level
}

func (h *HashAgg) compareRollup(a, b int) int {
	la, lb := h.level[a], h.level[b]
	for i := 0; i < la && i < lb; i++ {
		if c := types.CompareSame(h.groups[a][i], h.groups[b][i], h.colls[i]); c != 0 {
			return c
		}
	}
	return lb - la
}
