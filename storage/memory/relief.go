package memory

import (
	"time"

	"cloudsql/storage/mysqlerr"
)

// relieve is the way of a request for which the process has no room: the caches give back what they can, the collector looks for
// values that nobody needs any more, and then the largest statement is ended. It waits a moment for what that one held. Who keeps memory beyond statements does not wait.
func (a *Account) relieve(n int64, by *Account) error {
	t := a.tree
	t.callReclaim()
	if a.tryGrow(n, by) {
		return nil
	}
	if t.collect(n) && a.awaitRoom(n, by, collectWait) {
		return nil
	}
	if by.level == Statement && t.shed(by) && a.awaitRoom(n, by, reliefWait) {
		return nil
	}
	if e := by.ended.Load(); e != nil {
		return e
	}
	t.failed.Add(1)
	return a.exceeded(a.limit.Load())
}

// awaitRoom takes n bytes as soon as others have given back as much; false: they did not for so long, or by was ended.
func (a *Account) awaitRoom(n int64, by *Account, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		freed := a.tree.waiting()
		if a.tryGrow(n, by) {
			return true
		}
		if by.ended.Load() != nil {
			return false
		}
		select {
		case <-freed:
		case <-timer.C:
			return false
		}
	}
}

func (a *Account) tryGrow(n int64, by *Account) bool {
	if used := a.used.Add(n); used <= a.share(a.limit.Load(), by) {
		return true
	}
	a.used.Add(-n)
	return false
}

// shed ends the largest statement; false where there is none that is larger than by's own. A statement that was told to end is
// waited for before another one is.
func (t *tree) shed(by *Account) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var victim *Account
	for s := range t.large {
		if s.ended.Load() != nil {
			return s != by
		}
		if victim == nil || s.taken.Load() > victim.taken.Load() {
			victim = s
		}
	}
	if victim == nil || victim == by || by != nil && victim.taken.Load() <= by.used.Load() {
		return false
	}
	e := mysqlerr.Newf(mysqlerr.OutOfResources,
		"Out of memory: the node's %d bytes ran out, and this statement, the largest, was ended", t.root.limit.Load())
	victim.ended.Store(e)
	t.sheds.Add(1)
	if victim.end != nil {
		victim.end(e)
	}
	return true
}

// waiting gives the channel that is closed when something is given back.
func (t *tree) waiting() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.freed == nil {
		t.freed = make(chan struct{})
	}
	t.waits.Store(true)
	return t.freed
}

// wake tells those who wait that something was given back.
func (t *tree) wake() {
	if !t.waits.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.freed != nil {
		close(t.freed)
		t.freed = nil
		t.waits.Store(false)
	}
}

// OnPressure registers what is called when the process has no more memory to give: fn drops what a cache can do without. It may
// be called by any goroutine, and must not ask for memory.
func (a *Account) OnPressure(fn func()) {
	if a == nil {
		return
	}
	a.tree.mu.Lock()
	defer a.tree.mu.Unlock()
	a.tree.reclaim = append(a.tree.reclaim, fn)
}

// reclaimEvery is how often caches are emptied at most: they are of use.
const reclaimEvery = time.Second

func (t *tree) callReclaim() {
	now, last := time.Now().UnixNano(), t.reclaimed.Load()
	if now-last < int64(reclaimEvery) || !t.reclaimed.CompareAndSwap(last, now) {
		return
	}
	t.mu.Lock()
	fns := t.reclaim
	t.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}
