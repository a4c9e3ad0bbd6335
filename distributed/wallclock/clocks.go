package wallclock

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"cloudsql/distributed/tso"
	"cloudsql/storage/mutant"
	"cloudsql/storage/schema"
)

const (
	// fresh: as long is a comparison of use.
	fresh = 5 * time.Second
)

// Config says what Clocks work with.
type Config struct {
	Node      func() schema.NodeID
	Members   func(dst []schema.NodeID) []schema.NodeID // appends the cluster's nodes, this one among them
	Mono      func() time.Duration                      // the time that passes
	Wall      func() time.Time                          // the time of day
	MaxOffset time.Duration                             // a clock that is further from a majority's is off
	Log       *slog.Logger
}

// Clocks is what a node knows of the others' wall clocks.
type Clocks struct {
	cfg Config

	mu       sync.Mutex
	m        map[schema.NodeID]sample
	standing Report          // as of the last check
	members  []schema.NodeID // used again and again
}

// sample is another node's wall clock less this node's monotonic one, at a moment of that.
type sample struct{ base, at time.Duration }

// Report is how this node's wall clock stands to the others'.
type Report struct {
	Offset  time.Duration `json:"offset"`  // of this node's clock from the majority's; 0 if there is none
	Agreed  bool          `json:"agreed"`  // a majority of the members' clocks agrees
	Off     bool          `json:"off"`     // and this node's is not one of them
	Members int           `json:"members"` // whose clocks are known, this node's among them
	// Lead is how far timestamps are ahead of the wall clock, at the node that owns them.
	Lead time.Duration `json:"lead,omitempty"`
}

// New makes Clocks that know nobody yet.
func New(c Config) *Clocks { return &Clocks{cfg: c, m: map[schema.NodeID]sample{}} }

// Observe takes in a clock that a node told between two moments of this node's monotonic clock.
func (c *Clocks) Observe(id schema.NodeID, sent, received time.Duration, wallMicros int64) {
	if wallMicros == 0 || received-sent > c.cfg.MaxOffset {
		return // of an older program; or too uncertain
	}
	mid := sent + (received-sent)/2
	c.mu.Lock()
	c.m[id] = sample{time.Duration(wallMicros)*time.Microsecond - mid, received}
	c.mu.Unlock()
}

// Compare judges this node's clock now, and gives the time that a majority's clocks show.
func (c *Clocks) Compare() (Report, tso.WallTime) {
	members := 0
	mono, wall := c.cfg.Mono(), c.cfg.Wall()
	own := time.Duration(wall.UnixNano()) - mono
	known := []time.Duration{0}
	c.mu.Lock()
	c.members = c.cfg.Members(c.members[:0])
	for _, id := range c.members {
		members++
		if s, ok := c.m[id]; ok && id != c.cfg.Node() && mono-s.at < fresh {
			known = append(known, s.base-own)
		}
	}
	c.mu.Unlock()
	r := judge(known, max(members, 1), c.cfg.MaxOffset)
	return r, tso.WallTime{Time: wall.Add(-r.Offset), Agreed: r.Agreed}
}

// judge finds the largest set of clocks that are within bound of each other. known are those that are known, as
// differences from this node's own, which is 0 and among them; members is how many there are.
func judge(known []time.Duration, members int, bound time.Duration) Report {
	r := Report{Members: len(known)}
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

// WallTime is the time that timestamps follow.
func (c *Clocks) WallTime() tso.WallTime {
	_, w := c.Compare()
	return w
}

// Off tells whether this node's clock was off at the last check.
func (c *Clocks) Off() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.standing.Off
}

// Check tells the operator of this node's clock; off: it is, and was at the last check, too.
func (c *Clocks) Check() (off bool) {
	r, _ := c.Compare()
	c.mu.Lock()
	before := c.standing
	c.standing = r
	c.mu.Unlock()
	switch {
	case r.Off && !before.Off:
		c.cfg.Log.Error("THIS NODE'S CLOCK IS OFF: it differs from the majority's", "by", r.Offset, "bound", c.cfg.MaxOffset)
	case before.Off && !r.Off:
		c.cfg.Log.Info("this node's clock is right again, or nobody can tell", "offset", r.Offset, "agreed", r.Agreed)
	case before.Agreed && !r.Agreed && r.Members > 1:
		c.cfg.Log.Warn("the members' clocks do not agree, or too few are known: timestamps go by the time that passes", "known", r.Members)
	}
	return r.Off && before.Off
}
