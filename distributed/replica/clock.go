package replica

import "time"

// Clock is monotonic time. It must never run backwards; how far the rates of two nodes' clocks may differ is bounded by
// Config.LeaseMargin (see doc.go).
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

// SystemClock is the process's own monotonic clock.
var SystemClock Clock = systemClock{base: time.Now()}

type systemClock struct{ base time.Time }

func (c systemClock) Now() time.Duration { return time.Since(c.base) }

func (c systemClock) NewTimer(d time.Duration) Timer { return systemTimer{time.NewTimer(d)} }

type systemTimer struct{ *time.Timer }

func (t systemTimer) C() <-chan time.Time { return t.Timer.C }
