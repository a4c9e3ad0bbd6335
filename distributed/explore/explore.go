package explore

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// Model is what is explored: S is its state, A names a step from one to another.
type Model[S comparable, A fmt.Stringer] interface {
	// Start is where everything begins.
	Start() S
	// Next calls emit with every step that s allows; emit copies the state.
	Next(s *S, emit func(A, *S))
	// Check says what is wrong with a state; nil: nothing.
	Check(s *S) error
	// End says what is wrong with s as a state from which nothing else is reached; nil: nothing.
	End(s *S) error
}

// Result is what an exploration found.
type Result struct {
	States int   // different ones
	Steps  int   // between them
	Depth  int   // steps to the farthest state
	Capped bool  // the limit was reached: there are more
	Err    error // what the first violation breaks, one with the fewest steps; nil: none
	Trace  []string
}

// String sums the exploration up.
func (r *Result) String() string {
	out := fmt.Sprintf("%d states, %d steps, depth %d", r.States, r.Steps, r.Depth)
	if r.Capped {
		out += ", not all"
	}
	if r.Err != nil {
		out += ": " + r.Err.Error() + "\n    " + strings.Join(r.Trace, "\n    ")
	}
	return out
}

// search is an exploration under way.
type search[S comparable, A fmt.Stringer] struct {
	m        Model[S, A]
	seed     maphash.Seed
	seen     hashSet
	from     []origin // of each state, by its number
	frontier []S
	next     []S
	r        Result
	watch    func(from *S, a A, way func() []A) // nil: nobody watches
}

// origin is how a state was first reached.
type origin struct {
	state uint32 // the number of the one before
	step  uint32 // which of its steps
}

// Run visits the states of m, up to a number of them (0: all).
func Run[S comparable, A fmt.Stringer](m Model[S, A], limit int) *Result {
	return Watch(m, limit, nil)
}

// Watch is Run, and calls fn with each step and the state before it, which is fn's until it returns. way gives the steps
// that lead there, with the step itself as the last; it takes as long as so many calls of Next.
func Watch[S comparable, A fmt.Stringer](m Model[S, A], limit int, fn func(from *S, a A, way func() []A)) *Result {
	x := &search[S, A]{m: m, seed: maphash.MakeSeed(), watch: fn}
	start := m.Start()
	x.visit(&start, origin{})
	for first := 0; len(x.next) > 0 && x.r.Err == nil && !x.r.Capped; x.r.Depth++ {
		x.frontier, x.next = x.next, x.frontier[:0]
		for i := range x.frontier {
			x.expand(&x.frontier[i], uint32(first+i))
			if x.r.Err != nil {
				break
			}
			if limit > 0 && len(x.from) >= limit {
				x.r.Capped = true
				break
			}
		}
		first += len(x.frontier)
	}
	x.r.States = len(x.from)
	return &x.r
}

// expand takes all steps from a state.
func (x *search[S, A]) expand(s *S, number uint32) {
	step, moved := uint32(0), false
	x.m.Next(s, func(a A, n *S) {
		if *n != *s {
			moved = true
			x.r.Steps++
			if x.watch != nil {
				x.watch(s, a, func() []A { return append(x.way(number), a) })
			}
			x.visit(n, origin{number, step})
		}
		step++
	})
	if !moved && x.r.Err == nil {
		if err := x.m.End(s); err != nil {
			x.fail(err, number)
		}
	}
}

// visit notes a state if it is new.
func (x *search[S, A]) visit(s *S, o origin) {
	if x.r.Err != nil || !x.seen.add(maphash.Comparable(x.seed, *s)) {
		return
	}
	x.from = append(x.from, o)
	x.next = append(x.next, *s)
	if err := x.m.Check(s); err != nil {
		x.fail(err, uint32(len(x.from)-1))
	}
}

// fail notes a violation and the way to it.
func (x *search[S, A]) fail(err error, number uint32) {
	x.r.Err = err
	for _, a := range x.way(number) {
		x.r.Trace = append(x.r.Trace, a.String())
	}
}

// way is how a state was reached.
func (x *search[S, A]) way(number uint32) (way []A) {
	var steps []uint32
	for n := number; n != 0; n = x.from[n].state {
		steps = append(steps, x.from[n].step)
	}
	at := x.m.Start()
	for i := len(steps) - 1; i >= 0; i-- {
		step, here := uint32(0), at
		x.m.Next(&here, func(a A, n *S) {
			if step == steps[i] {
				way = append(way, a)
				at = *n
			}
			step++
		})
	}
	return way
}

// hashSet is an open table of hashes.
type hashSet struct {
	slots []uint64
	n     int
	zero  bool
}

// add tells whether h is new.
func (t *hashSet) add(h uint64) bool {
	if h == 0 {
		fresh := !t.zero
		t.zero = true
		return fresh
	}
	if t.n*4 >= len(t.slots)*3 {
		t.grow()
	}
	for i := h & uint64(len(t.slots)-1); ; i = (i + 1) & uint64(len(t.slots)-1) {
		switch t.slots[i] {
		case h:
			return false
		case 0:
			t.slots[i] = h
			t.n++
			return true
		}
	}
}

func (t *hashSet) grow() {
	old := t.slots
	*t = hashSet{slots: make([]uint64, max(1<<12, 2*len(old))), zero: t.zero}
	for _, h := range old {
		if h != 0 {
			t.add(h)
		}
	}
}
