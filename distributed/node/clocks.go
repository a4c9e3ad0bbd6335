package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"cloudsql/distributed/tso"
	"cloudsql/storage/mutant"
	"cloudsql/storage/schema"
)

// Nodes compare their wall clocks. Heartbeats carry them; whoever has called subtracts half of the round trip, and keeps
// the other's clock as a difference from its own monotonic one, so that a jump of its own wall clock is seen at once.
//
//	members' clocks   ──┬──┬─┬──────────────────────────┬──→
//	                    majority, within MaxClockOffset  off: says so, and does not own timestamps
//
// Nothing that clients are promised rests on wall clocks (package tso). They decide how near timestamps are to the time
// of day, for AS OF TIMESTAMP, and what NOW() shows.

const (
	// clockFresh: as long is a comparison of use.
	clockFresh = 5 * time.Second
	// backCallsEvery heartbeats a node calls also those who call it, to learn of their clocks.
	backCallsEvery = 4
	// relieveEvery bounds how often the timestamps are handed on because of the clock.
	relieveEvery = 3 * time.Second
)

// clocks is what a node knows of the others' wall clocks.
type clocks struct {
	n *Node

	mu       sync.Mutex
	m        map[schema.NodeID]clockSample
	standing ClockReport // as of the last check
	relieved time.Duration
}

// clockSample is another node's wall clock less this node's monotonic one, at a moment of that.
type clockSample struct{ base, at time.Duration }

// ClockReport is how this node's wall clock stands to the others'.
type ClockReport struct {
	Offset  time.Duration `json:"offset"`  // of this node's clock from the majority's; 0 if there is none
	Agreed  bool          `json:"agreed"`  // a majority of the members' clocks agrees
	Off     bool          `json:"off"`     // and this node's is not one of them
	Members int           `json:"members"` // whose clocks are known, this node's among them
	// Lead is how far timestamps are ahead of the wall clock, at the node that owns them.
	Lead time.Duration `json:"lead,omitempty"`
}

func (c *clocks) init(n *Node) { c.n, c.m = n, map[schema.NodeID]clockSample{} }

// observe takes in a clock that a node told between two moments of this node's monotonic clock.
func (c *clocks) observe(id schema.NodeID, sent, received time.Duration, wallMicros int64) {
	if wallMicros == 0 || received-sent > c.n.cfg.MaxClockOffset {
		return // of an older program; or too uncertain
	}
	mid := sent + (received-sent)/2
	c.mu.Lock()
	c.m[id] = clockSample{time.Duration(wallMicros)*time.Microsecond - mid, received}
	c.mu.Unlock()
}

// compare judges this node's clock now, and gives the time that a majority's clocks show.
func (c *clocks) compare() (ClockReport, tso.WallTime) {
	members := 0
	mono, wall := c.n.cfg.Clock.Now(), c.n.cfg.WallClock()
	own := time.Duration(wall.UnixNano()) - mono
	known := []time.Duration{0}
	c.mu.Lock()
	for _, m := range c.n.Catalog().Nodes() {
		if m.Left {
			continue
		}
		members++
		if s, ok := c.m[m.ID]; ok && m.ID != c.n.NodeID() && mono-s.at < clockFresh {
			known = append(known, s.base-own)
		}
	}
	c.mu.Unlock()
	r := judgeClock(known, max(members, 1), c.n.cfg.MaxClockOffset)
	return r, tso.WallTime{Time: wall.Add(-r.Offset), Agreed: r.Agreed}
}

// judgeClock finds the largest set of clocks that are within bound of each other. known are those that are known, as
// differences from this node's own, which is 0 and among them; members is how many there are.
func judgeClock(known []time.Duration, members int, bound time.Duration) ClockReport {
	r := ClockReport{Members: len(known)}
	slices.Sort(known)
	var best []time.Duration
	for i := range known {
		j := i
		for j < len(known) && known[j]-known[i] <= bound {
			j++
		}
		if j-i > len(best) {
			best = known[i:j]
		}
	}
	if r.Agreed = 2*len(best) > members || mutant.SkipAgreement; !r.Agreed {
		return r
	}
	if r.Off = !slices.Contains(best, 0); r.Off || len(best) > 1 {
		r.Offset = -best[(len(best)-1)/2]
	}
	return r
}

// wallTime is the time that timestamps follow.
func (c *clocks) wallTime() tso.WallTime {
	_, w := c.compare()
	return w
}

// off tells whether this node's clock was off at the last check.
func (c *clocks) off() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.standing.Off
}

// check tells the operator of this node's clock, and hands the timestamps on if it is off.
func (c *clocks) check() {
	r, _ := c.compare()
	c.mu.Lock()
	before := c.standing
	c.standing = r
	c.mu.Unlock()
	switch {
	case r.Off && !before.Off:
		c.n.log.Error("THIS NODE'S CLOCK IS OFF: it differs from the majority's", "by", r.Offset, "bound", c.n.cfg.MaxClockOffset)
	case before.Off && !r.Off:
		c.n.log.Info("this node's clock is right again, or nobody can tell", "offset", r.Offset, "agreed", r.Agreed)
	case before.Agreed && !r.Agreed && r.Members > 1:
		c.n.log.Warn("the members' clocks do not agree, or too few are known: timestamps go by the time that passes", "known", r.Members)
	}
	if r.Off && before.Off {
		c.relieve()
	}
}

// relieve hands the system shard, and with it the timestamps, to a node whose clock is right, if this node has it.
func (c *clocks) relieve() {
	n := c.n
	ls := n.local(schema.SystemShard)
	if ls == nil || n.draining.Load() {
		return
	}
	if !ls.leads() {
		return
	}
	now := n.cfg.Clock.Now()
	c.mu.Lock()
	early := c.relieved != 0 && now-c.relieved < relieveEvery
	if !early {
		c.relieved = now
	}
	c.mu.Unlock()
	to := n.successor(schema.SystemShard)
	if early || to == 0 || n.clockOff(to) {
		return
	}
	n.log.Warn("handing the timestamps on because of this node's clock", "to", to)
	n.spawn(func() {
		ctx, cancel := context.WithTimeout(n.ctx, relieveEvery)
		defer cancel()
		if err := n.transferHere(ctx, transferRequest{Shard: schema.SystemShard, To: to}); err != nil {
			n.log.Warn("handing the timestamps on failed", "to", to, "err", err)
		}
	})
}

// clockOff tells whether a node has told that its clock is off.
func (n *Node) clockOff(id schema.NodeID) bool {
	s, _ := n.peers.get(id)
	return s != nil && s.ClockOff
}

// Clock tells how this node's wall clock stands to the others'.
func (n *Node) Clock() ClockReport {
	r, _ := n.clocks.compare()
	r.Lead = n.owner.Lead()
	return r
}
