package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// edgeKind is why one transaction comes before another.
type edgeKind uint8

const (
	ww edgeKind = 1 << iota
	wr
	rw
	rt
)

func (k edgeKind) String() string {
	return map[edgeKind]string{ww: "ww", wr: "wr", rw: "rw", rt: "rt"}[k]
}

type edge struct {
	to   int
	kind edgeKind
	key  string
}

// graph builds the dependencies between committed transactions and looks for cycles, from what is forbidden at every
// level to what only an order of all forbids.
func (c *checker) graph() {
	c.edges = make([][]edge, len(c.txns))
	for key, list := range c.final {
		for n := 1; n < len(list); n++ {
			c.edge(list[n-1], list[n], ww, key)
		}
	}
	for i := range c.txns {
		if c.committed[i] {
			c.readEdges(i)
		}
	}
	c.realTime()
	for _, look := range []struct {
		kinds edgeKind
		name  string
	}{{ww, "G0"}, {ww | wr, "G1c"}, {ww | wr | rw, ""}, {ww | wr | rt, "G1c-realtime"}, {ww | wr | rw | rt, "-realtime"}} {
		components := c.components(look.kinds)
		for _, scc := range components {
			cycle := c.cycle(scc, look.kinds)
			name := look.name
			if look.kinds&rw != 0 {
				name = classify(cycle) + name
			}
			c.found(name, "%s", c.describe(cycle))
		}
		if len(components) > 0 {
			return // what is looked for next contains these
		}
	}
}

// edge is between the writers of two numbers.
func (c *checker) edge(from, to int, k edgeKind, key string) {
	a, okA := c.writers[from]
	b, okB := c.writers[to]
	if okA && okB {
		c.link(a.txn, b.txn, k, key)
	}
}

func (c *checker) link(a, b int, k edgeKind, key string) {
	if a != b && c.committed[a] && c.committed[b] {
		c.edges[a] = append(c.edges[a], edge{b, k, key})
	}
}

// readEdges links a transaction with the writers of what it read and of what it did not see yet.
func (c *checker) readEdges(i int) {
	t := &c.txns[i]
	own := map[string]int{}
	for _, o := range t.Ops {
		if o.Append {
			own[o.Key]++
			continue
		}
		n, final := len(o.List)-own[o.Key], c.final[o.Key]
		if n < 0 || n > len(final) || !slices.Equal(o.List[:n], final[:n]) {
			continue // reported
		}
		if n > 0 {
			if w, ok := c.writers[o.List[n-1]]; ok {
				c.link(w.txn, i, wr, o.Key)
			}
		}
		if n < len(final) && !t.Weak && !t.Unsteady {
			if w, ok := c.writers[final[n]]; ok {
				c.link(i, w.txn, rw, o.Key)
				c.stale(i, w.txn, o)
			}
		}
	}
}

// stale is what real time demands of a read of the newest state by itself: that it sees what was acknowledged before.
func (c *checker) stale(reader, writer int, o Op) {
	r, w := &c.txns[reader], &c.txns[writer]
	if r.Newest && c.committed[writer] && w.End < r.Begin {
		c.found("stale read", "%v, though there was %v", r, w)
	}
}

// realTime links each transaction with those that were acknowledged before it began, leaving out what follows from
// other such links.
func (c *checker) realTime() {
	type event struct {
		at    int64
		begin bool
		txn   int
	}
	var events []event
	for i := range c.txns {
		if t := &c.txns[i]; c.committed[i] {
			events = append(events, event{t.Begin, true, i})
			if t.End != math.MaxInt64 {
				events = append(events, event{t.End, false, i})
			}
		}
	}
	slices.SortFunc(events, func(a, b event) int {
		switch {
		case a.at != b.at:
			return int(min(max(a.at-b.at, -1), 1))
		case a.begin != b.begin && a.begin:
			return -1 // at the same time: not before
		case a.begin != b.begin:
			return 1
		}
		return a.txn - b.txn
	})
	var ended []int // of which none began after another had ended
	for _, e := range events {
		if e.begin {
			for _, from := range ended {
				if !c.txns[e.txn].Newest {
					c.link(from, e.txn, rt, "")
				}
			}
			continue
		}
		if began := c.txns[e.txn].Begin; !c.txns[e.txn].Newest {
			ended = slices.DeleteFunc(ended, func(x int) bool { return c.txns[x].End < began })
		}
		ended = append(ended, e.txn)
	}
}

// components are the strongly connected sets of more than one transaction (Tarjan's algorithm, without recursion).
func (c *checker) components(kinds edgeKind) (out [][]int) {
	n := len(c.txns)
	order, low := make([]int, n), make([]int, n) // order: 1 + number of the visit
	onStack := make([]bool, n)
	var stack []int
	type frame struct{ v, next int }
	visits := 0
	for root := range n {
		if order[root] != 0 {
			continue
		}
		work := []frame{{root, 0}}
		for len(work) > 0 {
			f := &work[len(work)-1]
			v := f.v
			if f.next == 0 {
				visits++
				order[v], low[v], onStack[v] = visits, visits, true
				stack = append(stack, v)
			}
			descended := false
			for f.next < len(c.edges[v]) {
				e := c.edges[v][f.next]
				f.next++
				if e.kind&kinds == 0 {
					continue
				}
				if order[e.to] == 0 {
					work = append(work, frame{e.to, 0})
					descended = true
					break
				}
				if onStack[e.to] {
					low[v] = min(low[v], order[e.to])
				}
			}
			if descended {
				continue
			}
			if f.next == 0 {
				f.next = 1 // visited, without edges
			}
			work = work[:len(work)-1]
			if len(work) > 0 {
				p := work[len(work)-1].v
				low[p] = min(low[p], low[v])
			}
			if low[v] == order[v] {
				at := slices.Index(stack, v)
				scc := slices.Clone(stack[at:])
				stack = stack[:at]
				for _, x := range scc {
					onStack[x] = false
				}
				if len(scc) > 1 {
					out = append(out, scc)
				}
			}
		}
	}
	return out
}

// step is one edge of a cycle.
type step struct {
	from int
	edge
}

// cycle finds the cycle in a component with the fewest rw edges, and of those the shortest found.
func (c *checker) cycle(scc []int, kinds edgeKind) (best []step) {
	const mostStarts = 400 // of a huge component
	inside := map[int]bool{}
	for _, v := range scc {
		inside[v] = true
	}
	for n, start := range scc {
		if n == mostStarts {
			break
		}
		if found := c.shortest(start, inside, kinds); found != nil && (best == nil || better(found, best)) {
			best = found
		}
	}
	return best
}

func better(a, b []step) bool {
	if x, y := count(a, rw), count(b, rw); x != y {
		return x < y
	}
	return len(a) < len(b)
}

func count(cycle []step, k edgeKind) (n int) {
	for _, s := range cycle {
		if s.kind == k {
			n++
		}
	}
	return n
}

// shortest is the way from start back to itself that costs least; an rw edge costs more than any number of others.
func (c *checker) shortest(start int, inside map[int]bool, kinds edgeKind) []step {
	const rwCost = 1 << 20
	cost := map[int]int{start: 0}
	from := map[int]step{}
	buckets := map[int][]int{0: {start}}
	var costs []int
	costs = append(costs, 0)
	bestCost, bestEnd := math.MaxInt, step{}
	for len(costs) > 0 {
		d := slices.Min(costs)
		costs = slices.DeleteFunc(costs, func(x int) bool { return x == d })
		if d >= bestCost {
			break
		}
		for _, v := range buckets[d] {
			if cost[v] != d {
				continue
			}
			for _, e := range c.edges[v] {
				if e.kind&kinds == 0 || !inside[e.to] {
					continue
				}
				nd := d + 1
				if e.kind == rw {
					nd += rwCost
				}
				if e.to == start {
					if nd < bestCost {
						bestCost, bestEnd = nd, step{v, e}
					}
					continue
				}
				if old, ok := cost[e.to]; !ok || nd < old {
					cost[e.to] = nd
					from[e.to] = step{v, e}
					if !slices.Contains(costs, nd) {
						costs = append(costs, nd)
					}
					buckets[nd] = append(buckets[nd], e.to)
				}
			}
		}
		delete(buckets, d)
	}
	if bestCost == math.MaxInt {
		return nil
	}
	out := []step{bestEnd}
	for v := bestEnd.from; v != start; {
		s := from[v]
		out = append(out, s)
		v = s.from
	}
	slices.Reverse(out)
	return out
}

// classify names a cycle with rw edges.
func classify(cycle []step) string {
	switch count(cycle, rw) {
	case 0:
		return "G1c"
	case 1:
		return "G-single"
	}
	return "G2"
}

func (c *checker) describe(cycle []step) string {
	var b strings.Builder
	b.WriteString("a cycle of\n")
	for n, s := range cycle {
		fmt.Fprintf(&b, "  T%d %v\n", n+1, &c.txns[s.from])
	}
	for n, s := range cycle {
		on := ""
		if s.key != "" {
			on = " on " + s.key
		}
		fmt.Fprintf(&b, "  T%d before T%d: %v%s\n", n+1, (n+1)%len(cycle)+1, s.kind, on)
	}
	return strings.TrimRight(b.String(), "\n")
}
