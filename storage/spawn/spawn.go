package spawn

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Panic is a recovered one, as an error.
type Panic struct {
	Part  string
	Value any
}

func (p *Panic) Error() string { return fmt.Sprintf("internal error in %s: %v", p.Part, p.Value) }

// Unwrap gives the value if it was an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Go runs fn in a goroutine of its own. part names in the log and in the metric what the goroutine is for.
func Go(part string, fn func()) { go run(part, fn) }

func run(part string, fn func()) {
	defer Recover(part)
	fn()
}

// Recover is to be deferred: it ends a panic.
func Recover(part string) {
	if v := recover(); v != nil {
		_ = Recovered(part, v)
	}
}

// Do runs fn here, and gives a panic as an error (*Panic).
func Do(part string, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(part, v)
		}
	}()
	return fn()
}

// Pauses of Keep: the first, and the longest.
const (
	pauseFirst = 100 * time.Millisecond
	pauseMax   = 10 * time.Second
)

// Keep runs fn here until it returns. After a panic it runs it again, following a pause that grows with each, until stop
// is closed.
func Keep(stop <-chan struct{}, part string, fn func()) {
	for pause := pauseFirst; ; pause = min(2*pause, pauseMax) {
		if Do(part, func() error { fn(); return nil }) == nil {
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
	}
}

// Ticks is a loop's: for range Ticks(stop, d) goes round every d until stop is closed.
func Ticks(stop <-chan struct{}, every time.Duration) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if !yield(struct{}{}) {
				return
			}
		}
	}
}

// Group waits for goroutines that it started. The zero value is ready.
type Group struct{ wg sync.WaitGroup }

// Go is Go.
func (g *Group) Go(part string, fn func()) {
	g.wg.Add(1)
	Go(part, func() {
		defer g.wg.Done() // when a panic has been told of
		run(part, fn)
	})
}

// Keep is Keep in a goroutine.
func (g *Group) Keep(stop <-chan struct{}, part string, fn func()) {
	g.Go(part, func() { Keep(stop, part, fn) })
}

// Wait waits until all have ended.
func (g *Group) Wait() { g.wg.Wait() }

var panics struct {
	mu sync.Mutex
	m  map[string]uint64
}

// Recovered logs and counts a panic that the caller has just recovered.
func Recovered(part string, value any) *Panic {
	panics.mu.Lock()
	if panics.m == nil {
		panics.m = map[string]uint64{}
	}
	panics.m[part]++
	panics.mu.Unlock()
	slog.Error("PANIC: a piece of work has ended, please report this bug", "part", part, "panic", value, "stack", string(debug.Stack()))
	return &Panic{Part: part, Value: value}
}

// Panics counts the panics of each part since the start.
func Panics() map[string]uint64 {
	panics.mu.Lock()
	defer panics.mu.Unlock()
	out := make(map[string]uint64, len(panics.m))
	for part, n := range panics.m {
		out[part] = n
	}
	return out
}

// Each calls fn with the numbers below n, so many of them at the same time, until one fails.
func Each(n, together int, part string, fn func(i int) error) error {
	for first := 0; first < n; first += together {
		failed := make([]error, min(together, n-first))
		var all Group
		for k := range failed {
			all.Go(part, func() { failed[k] = Do(part, func() error { return fn(first + k) }) })
		}
		all.Wait()
		if err := errors.Join(failed...); err != nil {
			return err
		}
	}
	return nil
}
