package lock

import (
	"context"
	"time"
)

// waiter is a queued request.
type waiter struct {
	table   *Table
	owner   *Owner
	entry   *entry
	span    *Range // what it is about, if it is not a key; entry is the range's own then
	mode    Mode
	absent  bool
	upgrade bool
	polite  bool   // its owner held nothing when it came: it may wait for everyone without being in anyone's way
	seq     uint64 // in the order in which requests came
	granted bool
	done    chan error // capacity 1
	queued  queuedWait
}

// enqueue adds w at the end; upgrades go before everything but earlier upgrades, since nobody behind can be granted
// before them anyway. The error is w's, if it closes a cycle and is the victim.
func (w *waiter) enqueue() error {
	e, t := w.entry, w.table
	at := len(e.queue)
	if w.upgrade {
		for at = 0; at < len(e.queue) && e.queue[at].upgrade; at++ {
		}
	}
	e.queue = append(e.queue, nil)
	copy(e.queue[at+1:], e.queue[at:])
	e.queue[at] = w
	w.owner.waiting = w
	t.waiting.add(w)
	t.waiters.Add(1)
	t.cfg.Stats.Waits.Add(1)
	return w.breakDeadlocks()
}

// await waits until w is granted or refused.
func (w *waiter) await(ctx context.Context, wait time.Duration) error {
	select {
	case err := <-w.done: // often granted while a deadlock was broken
		return err
	default:
	}
	t := w.table
	if t.cfg.OnWait != nil {
		t.cfg.OnWait()
	}
	defer func() { t.cfg.Stats.waited(t.cfg.Clock.Now() - w.queued.since) }()
	timer := t.cfg.Clock.NewTimer(wait)
	defer timer.Stop()
	var cause error
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C():
		cause = errLockTimeout()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case err := <-w.done: // decided in the meantime
		if err == nil && ctx.Err() != nil {
			return ctx.Err() // the lock stays with the owner
		}
		return err
	default:
	}
	w.withdraw()
	if ctx.Err() == nil {
		t.cfg.Stats.Timeouts.Add(1)
	}
	return cause
}

// withdraw takes an undecided waiter out of its queue; those behind it may be next.
func (w *waiter) withdraw() {
	e, t := w.entry, w.table
	for i, x := range e.queue {
		if x == w {
			e.queue = append(e.queue[:i], e.queue[i+1:]...)
			t.waiting.remove(w)
			t.waiters.Add(-1)
			break
		}
	}
	w.owner.waiting = nil
	if w.span != nil {
		t.dropRange(w.span)
		return
	}
	t.promote(e)
}

// refuse ends a waiter with an error.
func (w *waiter) refuse(err error) {
	w.withdraw()
	w.done <- err
}

// grant tells a request that it has what it waited for.
func (w *waiter) grant() {
	w.granted = true
	w.owner.waiting = nil
	w.table.waiting.remove(w)
	w.table.waiters.Add(-1)
	w.done <- nil
}
