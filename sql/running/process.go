package running

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// The commands of the process list.
var (
	Sleep   = "Sleep"
	Query   = "Query"
	Execute = "Execute"
	Prepare = "Prepare"
	nothing = ""
)

// Process is what the process list shows of a session; other goroutines read it.
type Process struct {
	Command atomic.Pointer[string]
	Info    atomic.Pointer[string]
	DB      atomic.Pointer[string]
	Since   atomic.Int64           // unix nanoseconds
	State   atomic.Pointer[string] // what the statement is about; nil: nothing in particular
}

// Open begins a session's.
func (p *Process) Open(now time.Time) {
	p.DB.Store(&nothing)
	p.Rest(now)
}

// Work begins a statement.
func (p *Process) Work(command, text *string, now time.Time) {
	p.Command.Store(command)
	p.Info.Store(text)
	p.Since.Store(now.UnixNano())
}

// Rest begins the time between statements.
func (p *Process) Rest(now time.Time) { p.Work(&Sleep, &nothing, now) }

// Pause waits a little, longer each time and never equally long, before a statement that lost a conflict for the n-th time runs again;
// not at all where n is not positive.
func Pause(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	t := time.NewTimer(time.Duration(rand.Int64N(int64(n)*int64(2*time.Millisecond))) + time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
