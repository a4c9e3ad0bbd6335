package pairs

import (
	"slices"
	"testing"
)

// TestPrecedence: what hints of orders leave, and that one which contradicts those before it is left out.
func TestPrecedence(t *testing.T) {
	orders := func(p Precedence) (list [][]int) {
		for _, o := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			done := make([]bool, 3)
			ok := true
			for _, i := range o {
				ok = ok && p.Ready(i, done)
				done[i] = true
			}
			if ok != (p.Allows(1<<o[0], 1<<o[1]) && p.Allows(1<<o[0]|1<<o[1], 1<<o[2])) {
				t.Errorf("%v: Ready and Allows differ of %v", p, o)
			}
			if ok {
				list = append(list, o)
			}
		}
		return list
	}
	var none Precedence
	last := none.With(3, []int{0}, false, true)
	for _, c := range []struct {
		p    Precedence
		want [][]int
	}{
		{none.With(3, nil, true, false), [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}},
		{none.With(3, []int{2, 0}, false, false), [][]int{{1, 2, 0}, {2, 0, 1}, {2, 1, 0}}},
		{none.With(3, []int{2, 0}, true, false), [][]int{{2, 0, 1}}},
		{last, [][]int{{1, 2, 0}, {2, 1, 0}}},
		{last.With(3, []int{0, 1}, false, false), [][]int{{1, 2, 0}, {2, 1, 0}}},
		{last.With(3, []int{2, 1}, false, false), [][]int{{2, 1, 0}}},
		{none.With(3, []int{1, 2, 1}, false, false), [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}},
	} {
		if got := orders(c.p); !slices.EqualFunc(got, c.want, slices.Equal[[]int]) {
			t.Errorf("%v: %v, not %v", c.p, got, c.want)
		}
	}
}
