package tso

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"cloudsql/storage/mvcc"
)

const year = 365 * 24 * time.Hour

// timeline is an owner under a wall clock that goes wrong. right is what an honest clock would show.
type timeline struct {
	*world
	t     *testing.T
	o     *Owner
	right time.Time
	last  mvcc.Timestamp
}

func newTimeline(t *testing.T, wrongBy time.Duration) *timeline {
	l := &timeline{t: t, right: time.UnixMilli(1_800_000_000_000)}
	l.world = &world{now: l.right.Add(wrongBy), mono: time.Second}
	l.o = l.owner("a")
	l.give("a", l.o)
	l.draw()
	return l
}

// draw draws a timestamp and gives how far it is ahead of the right time.
func (l *timeline) draw() time.Duration {
	l.t.Helper()
	ts, err := l.o.Next(context.Background(), 1)
	if err != nil || ts <= l.last {
		l.t.Fatalf("%v after %v: %v", ts, l.last, err)
	}
	l.last = ts
	return ts.Time().Sub(l.right)
}

// pass lets time pass with a draw every 20 ms, and gives the last one's lead.
func (l *timeline) pass(d time.Duration) (ahead time.Duration) {
	l.t.Helper()
	for range d / (20 * time.Millisecond) {
		before := l.last
		l.advance(20 * time.Millisecond)
		l.right = l.right.Add(20 * time.Millisecond)
		ahead = l.draw()
		if moved := l.last.Time().Sub(before.Time()); moved < 9*time.Millisecond {
			l.t.Fatalf("timestamps moved by %v in 20ms", moved)
		}
	}
	return ahead
}

// expect compares a lead with bounds.
func (l *timeline) expect(what string, ahead, least, most time.Duration) {
	l.t.Helper()
	if ahead < least || ahead > most {
		l.t.Errorf("%s: timestamps are %v ahead, not %v to %v", what, ahead, least, most)
	}
}

// TestJumps: the reproduction of issue 7 (an hour for half a second), in both directions and up to a year. Timestamps
// never stand still, are never far off, and are right again in about the time that the clock was wrong.
func TestJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, year, -year, 10 * time.Second, -10 * time.Second} {
		l := newTimeline(t, 0)
		l.expect("before", l.pass(time.Second), -time.Millisecond, time.Millisecond)
		l.jump(jump)
		l.expect(jump.String(), l.pass(500*time.Millisecond), -260*time.Millisecond, 520*time.Millisecond)
		l.jump(-jump)
		l.expect(jump.String()+" set right", l.pass(1100*time.Millisecond), -time.Millisecond, 10*time.Millisecond)
	}
}

// TestClockSetRight: a lead that stands is time that has passed, or a clock that was wrong before. It is taken after some
// seconds; no lead is ever given back faster than at half the speed.
func TestClockSetRight(t *testing.T) {
	l := newTimeline(t, -year) // behind at first start
	l.expect("a year behind", l.pass(time.Second), -year-time.Millisecond, -year+time.Millisecond)
	l.jump(year)
	l.expect("set right", l.pass(stepAfter-time.Second), -year, -year+stepAfter)
	l.expect("a little later", l.pass(2*time.Second), -time.Millisecond, time.Millisecond)

	l = newTimeline(t, year) // ahead at first start
	l.expect("a year ahead", l.pass(time.Second), year-time.Millisecond, year+time.Millisecond)
	l.jump(-year)
	l.expect("set right", l.pass(20*time.Second), year-11*time.Second, year-9*time.Second)
}

// TestNobodyKnowsTheTime: without agreement timestamps go by time that passes.
func TestNobodyKnowsTheTime(t *testing.T) {
	l := newTimeline(t, 0)
	l.unsure = true
	l.jump(year)
	l.expect("unsure", l.pass(2*stepAfter), -time.Millisecond, time.Millisecond)
}

// TestIdleOwner: a jump of any length that an idle owner meets moves timestamps by a second at most.
func TestIdleOwner(t *testing.T) {
	l := newTimeline(t, 0)
	l.advance(time.Hour)
	l.right = l.right.Add(time.Hour)
	l.jump(year)
	l.expect("after an idle hour", l.draw(), 0, slewMax)
}

// TestRestartAfterDowntime: a new process takes the time that has passed while it was down, at once, if that is agreed on.
func TestRestartAfterDowntime(t *testing.T) {
	l := newTimeline(t, 0)
	month := 30 * 24 * time.Hour
	l.jump(month)
	l.right = l.right.Add(month)
	l.o = l.owner("a")
	l.give("a", l.o)
	l.expect("after a month", l.draw(), -time.Millisecond, time.Millisecond)
	l.jump(month)
	l.unsure = true
	l.o = l.owner("a")
	l.give("a", l.o)
	l.expect("a doubtful month", l.draw(), 0, 2*DefaultWindow)
}

// TestWildClock walks a wall clock at random: whatever it does, draws rise, and move with the time that passes.
func TestWildClock(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		l := newTimeline(t, 0)
		for range 300 {
			switch rnd.IntN(4) {
			case 0:
				l.jump(time.Duration(rnd.Int64N(int64(2*year))) - year)
			case 1:
				l.jump(time.Duration(rnd.Int64N(int64(4*time.Second))) - 2*time.Second)
			case 2:
				l.unsure = rnd.IntN(2) == 0
			}
			before := l.last
			d := 20 * time.Millisecond * time.Duration(1+rnd.IntN(20)) // never long enough to be believed
			l.pass(d)
			if moved := l.last.Time().Sub(before.Time()); moved > 2*d+time.Millisecond {
				t.Fatalf("seed %d: timestamps moved by %v in %v", seed, moved, d)
			}
		}
	}
}
