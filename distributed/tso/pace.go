package tso

import (
	"sync/atomic"
	"time"

	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
)

// WallTime is what a node's wall clock says, as far as the cluster agrees.
type WallTime struct {
	Time time.Time // what to follow: the time of a majority's clocks
	// Agreed: a majority of the members' clocks shows about this time (a lone node agrees with itself). Otherwise
	// nobody knows what time it is, and Time is not used.
	Agreed bool
}

// Bounds of how fast the physical part follows the wall clock.
const (
	steerEvery = 10 * time.Millisecond // at most so often
	slewMax    = time.Second           // at most so much at once, and no more than has passed since
	// A lead of the wall clock above stepAbove that all agree on, and that stands for stepAfter, is taken at once: it is no
	// jump of somebody's clock but time that has passed, or a clock that was set right.
	stepAbove = 2 * time.Second
	stepAfter = 5 * time.Second
	steady    = 500 * time.Millisecond // as much may it move meanwhile, against the monotonic clock
)

// pace is the physical part of a tenure's timestamps. It advances with the monotonic clock, and is steered towards the
// wall clock: never back, up to twice as fast while it is behind, half as fast while it is ahead. So no jump of a wall
// clock makes a jump of timestamps, and none ever makes them stand still.
//
//	wall clock    ───────┐ jumps back                    ┌──── jumps ahead
//	timestamps    ───────┴─── half as fast ───  ─────────┴ twice as fast, or at once after stepAfter
type pace struct {
	offset  atomic.Int64 // physical part less monotonic time, nanoseconds
	steered atomic.Int64 // monotonic time of the last steering; 0: not begun
	busy    atomic.Bool  // somebody steers

	// Of who steers:
	lead  time.Duration // wall less monotonic time when the wall clock was first found far ahead; 0: it is not
	since time.Duration // monotonic time of that
}

// at is the physical part at a monotonic time.
func (p *pace) at(mono time.Duration) mvcc.Timestamp {
	return mvcc.At(time.Unix(0, p.offset.Load()+int64(mono)))
}

// begin starts from what predecessors may have handed out. trust: a wall clock that is ahead and agreed on is right.
func (p *pace) begin(mono time.Duration, limit mvcc.Timestamp, w WallTime, trust bool) {
	from := limit.Time()
	if trust && w.Agreed && w.Time.After(from) {
		from = w.Time
	}
	p.offset.Store(from.UnixNano() - int64(mono))
	p.steered.Store(max(1, int64(mono)))
}

// due tells whether it is time to steer; if so, the caller must, and has the pace for itself.
func (p *pace) due(mono time.Duration) bool {
	return int64(mono)-p.steered.Load() >= int64(steerEvery) && p.busy.CompareAndSwap(false, true)
}

// steer brings the pace nearer to the wall clock, after due.
func (p *pace) steer(mono time.Duration, w WallTime) {
	defer p.busy.Store(false)
	passed := mono - time.Duration(p.steered.Load())
	if passed <= 0 {
		return
	}
	p.steered.Store(int64(mono))
	if !w.Agreed {
		p.lead = 0
		return
	}
	base := time.Duration(w.Time.UnixNano()) - mono
	ahead := base - time.Duration(p.offset.Load())
	if ahead > stepAbove && (p.stands(base, mono) || mutant.SkipPace) {
		p.offset.Store(int64(base))
		p.lead = 0
		return
	}
	if ahead <= stepAbove {
		p.lead = 0
	}
	passed = min(passed, slewMax)
	p.offset.Add(int64(max(-passed/2, min(passed, ahead))))
}

// stands tells whether the wall clock's lead has been about the same for long enough.
func (p *pace) stands(base, mono time.Duration) bool {
	if moved := base - p.lead; p.lead == 0 || moved > steady || moved < -steady {
		p.lead, p.since = base, mono
		return false
	}
	return mono-p.since >= stepAfter
}
