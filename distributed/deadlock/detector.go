package deadlock

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// reportTTL is how long a report counts that no newer one of its node has replaced: a node that falls silent reports no
// end of its waits either. That they still stand is asked anyway.
const reportTTL = time.Second

// Detector keeps the newest report of each node and finds cycles in them. Not safe for concurrent use.
type Detector struct {
	reports  map[schema.NodeID]*report
	examined map[string]bool // cycles that have been handed out and not been Ended
	looks    uint
}

type report struct {
	at    time.Duration
	waits []Wait
}

// Edge is a wait in a cycle: its owner waits for the next edge's.
type Edge struct {
	Node    schema.NodeID // who reported it
	Ref     Ref
	Waiter  fragment.TxnID
	Blocker fragment.TxnID

	held int
	age  time.Duration
}

// Cycle is a suspected deadlock, the victim's wait first.
type Cycle []Edge

// NewDetector makes one that has heard of nothing.
func NewDetector() *Detector {
	return &Detector{reports: map[schema.NodeID]*report{}, examined: map[string]bool{}}
}

// Take replaces what node reported before; no waits means that it has none. It returns the cycles that this closes and
// that are not being examined yet; no transaction is in two of them.
func (d *Detector) Take(now time.Duration, node schema.NodeID, waits []Wait) []Cycle {
	if len(waits) == 0 {
		delete(d.reports, node)
		return nil
	}
	d.reports[node] = &report{now, waits}
	for id, r := range d.reports {
		if now-r.at > reportTTL {
			delete(d.reports, id)
		}
	}
	return d.search(node)
}

// End says that a cycle was broken, or was none. Its waits are forgotten until they are reported again.
func (d *Detector) End(c Cycle) {
	delete(d.examined, c.key())
	for _, e := range c {
		if r := d.reports[e.Node]; r != nil {
			r.waits = slices.DeleteFunc(r.waits, func(w Wait) bool { return w.Ref == e.Ref })
		}
	}
}

// Waiting is the number of waits that are known.
func (d *Detector) Waiting() (n int) {
	for _, r := range d.reports {
		n += len(r.waits)
	}
	return n
}

// vertex is a transaction that waits.
type vertex struct {
	id    fragment.TxnID
	waits []reported
	buf   [1]reported
	state uint8
	next  Edge // while it is on the path: the edge by which the search left it
}

const (
	unseen uint8 = iota
	onPath
	finished // in no cycle that has not been found, or in one that has
)

type reported struct {
	node schema.NodeID
	wait *Wait
}

// search walks from the waiters of a node's new report: a new cycle has an edge in it.
func (d *Detector) search(node schema.NodeID) []Cycle {
	if d.looks++; !d.severalPlaces() && d.looks%lazyLooks != 0 {
		return nil
	}
	n := d.Waiting()
	g := &graph{reports: d.reports, vertices: make(map[fragment.TxnID]*vertex, n), block: make([]vertex, 0, n)}
	for id, r := range d.reports {
		for i := range r.waits {
			g.add(id, &r.waits[i])
		}
	}
	var found []Cycle
	for i := range d.reports[node].waits {
		start := g.vertices[d.reports[node].waits[i].Waiter.ID]
		for start.state == unseen { // again after each cycle, which ended the search where it was found
			g.path = g.path[:0]
			if !g.walk(start) {
				break
			}
			c := g.cycle()
			if key := c.key(); !d.examined[key] {
				d.examined[key] = true
				found = append(found, c)
			}
		}
	}
	return found
}

// lazyLooks: while all waits are in one lock table, which finds its cycles itself, only one of so many reports is
// searched. A crowd around one hot row is not looked through again and again.
const lazyLooks = 16

// severalPlaces tells whether more than one lock table has waits.
func (d *Detector) severalPlaces() bool {
	var first *place
	for id, r := range d.reports {
		for i := range r.waits {
			w := &r.waits[i]
			p := place{node: id, kind: w.Ref.Kind, place: w.Ref.Place}
			if first == nil {
				first = &p
			} else if p != *first {
				return true
			}
		}
	}
	return first != nil && first.kind != RowLock
}

// graph is who waits for whom.
type graph struct {
	reports  map[schema.NodeID]*report
	vertices map[fragment.TxnID]*vertex
	block    []vertex // where they are
	path     []*vertex
	close    *vertex // where the path has run into itself
}

type place struct {
	node  schema.NodeID
	kind  Kind
	place uint64
	id    fragment.TxnID
}

func (g *graph) add(node schema.NodeID, w *Wait) {
	v := g.vertices[w.Waiter.ID]
	if v == nil {
		g.block = append(g.block, vertex{id: w.Waiter.ID}) // within its capacity: vertices stay where they are
		v = &g.block[len(g.block)-1]
		v.waits = v.buf[:0]
		g.vertices[v.id] = v
	}
	v.waits = append(v.waits, reported{node, w})
}

// locks counts the locks of the members of a cycle, as far as they were reported, over all places.
func (g *graph) locks(members map[fragment.TxnID]int) {
	at := map[place]int{}
	see := func(node schema.NodeID, r Ref, o *Owner) {
		if _, ok := members[o.ID]; ok {
			p := place{node, r.Kind, r.Place, o.ID}
			at[p] = max(at[p], o.Held)
		}
	}
	for node, r := range g.reports {
		for i := range r.waits {
			w := &r.waits[i]
			see(node, w.Ref, &w.Waiter)
			for j := range w.For {
				see(node, w.Ref, &w.For[j])
			}
		}
	}
	for p, n := range at {
		members[p.id] += n
	}
}

// walk follows the waits from v until the path runs into itself, with what lies on it in g.path. Its depth is bounded
// by the number of waits.
func (g *graph) walk(v *vertex) bool {
	v.state = onPath
	g.path = append(g.path, v)
	for _, r := range v.waits {
		for i := range r.wait.For {
			b := g.vertices[r.wait.For[i].ID]
			if b == nil || b.state == finished {
				continue
			}
			v.next = Edge{Node: r.node, Ref: r.wait.Ref, Waiter: v.id, Blocker: b.id, age: r.wait.Age}
			if b.state == onPath {
				g.close = b
				return true
			}
			if g.walk(b) {
				return true
			}
		}
	}
	v.state = finished
	g.path = g.path[:len(g.path)-1]
	return false
}

// cycle takes the cycle off the path, and marks its members as dealt with and the rest as not visited.
func (g *graph) cycle() Cycle {
	from := slices.Index(g.path, g.close)
	var c Cycle
	for i, v := range g.path {
		v.state = unseen
		if i >= from {
			v.state = finished
			c = append(c, v.next)
		}
	}
	total := map[fragment.TxnID]int{}
	for i := range c {
		total[c[i].Waiter] = 0
	}
	g.locks(total)
	for i := range c {
		c[i].held = total[c[i].Waiter]
	}
	victim := 0
	for i := range c {
		if c[i].cheaper(&c[victim]) {
			victim = i
		}
	}
	return append(c[victim:len(c):len(c)], c[:victim]...)
}

// cheaper tells whether e's owner is the better victim: fewer locks, then the shorter wait, then the later id.
func (e *Edge) cheaper(than *Edge) bool {
	if e.held != than.held {
		return e.held < than.held
	}
	if e.age != than.age {
		return e.age < than.age
	}
	return bytes.Compare(e.Waiter[:], than.Waiter[:]) > 0
}

// key names the cycle by its waits, wherever it begins.
func (c Cycle) key() string {
	parts := make([]string, len(c))
	for i := range c {
		parts[i] = string(c[i].Ref.Append([]byte{byte(c[i].Node), byte(c[i].Node >> 8), byte(c[i].Node >> 16)})) + string(c[i].Blocker[:])
	}
	slices.Sort(parts)
	return strings.Join(parts, "")
}
