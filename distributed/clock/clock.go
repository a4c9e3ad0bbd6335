// Package clock is time that passes, behind an interface, so that tests can make it pass.
package clock

import (
	"context"
	"time"
)

// Clock is monotonic time. It must never run backwards; how far the rates of two nodes' clocks may differ is bounded by
// the margin of the lease (package lease).
type Clock interface {
	// Now is the time since some fixed moment of this process.
	Now() time.Duration
	// NewTimer fires once after d.
	NewTimer(d time.Duration) Timer
}

// Timer is one pending wake-up.
type Timer interface {
	C() <-chan time.Time
	Stop() bool
}

// System is the process's own monotonic clock.
var System Clock = system{base: time.Now()}

type system struct{ base time.Time }

func (c system) Now() time.Duration { return time.Since(c.base) }

func (c system) NewTimer(d time.Duration) Timer { return systemTimer{time.NewTimer(d)} }

type systemTimer struct{ *time.Timer }

func (t systemTimer) C() <-chan time.Time { return t.Timer.C }

// Await waits on the system's clock until changed is closed (nil: nobody does), d is over or ctx has ended.
func Await(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
	}
}

// Sleep waits on the system's clock; an error: ctx has ended.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
