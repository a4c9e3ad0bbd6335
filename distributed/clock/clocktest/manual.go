// Package clocktest has the clock of tests.
package clocktest

import (
	"sync"
	"time"

	"cloudsql/distributed/clock"
)

// Manual is a clock that moves when it is told to.
type Manual struct {
	mu     sync.Mutex
	now    time.Duration
	timers map[*timer]struct{}
}

type timer struct {
	clock *Manual
	at    time.Duration
	c     chan time.Time
}

// NewManual makes a clock that shows some time.
func NewManual() *Manual { return &Manual{now: time.Hour, timers: map[*timer]struct{}{}} }

// Now implements clock.Clock.
func (c *Manual) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// NewTimer implements clock.Clock.
func (c *Manual) NewTimer(d time.Duration) clock.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c, c.now + d, make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- time.Time{}
		return t
	}
	c.timers[t] = struct{}{}
	return t
}

// Advance moves the time, and fires the timers that are due.
func (c *Manual) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
	for t := range c.timers {
		if t.at <= c.now {
			delete(c.timers, t)
			t.c <- time.Time{}
		}
	}
}

// Pending is the number of timers that have neither fired nor been stopped.
func (c *Manual) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

func (t *timer) C() <-chan time.Time { return t.c }

func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, ok := t.clock.timers[t]
	delete(t.clock.timers, t)
	return ok
}
