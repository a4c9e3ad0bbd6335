package flow

import (
	"sync"
	"time"
)

// Load is how much of writes there is: what replicas have to apply, and to hold until then.
type Load struct{ Rows, Bytes int }

func (l Load) plus(m Load) Load { return Load{l.Rows + m.Rows, l.Bytes + m.Bytes} }
func (l Load) minus(m Load) Load {
	return Load{l.Rows - m.Rows, l.Bytes - m.Bytes}
}
func (l Load) Within(most Load) bool { return l.Rows <= most.Rows && l.Bytes <= most.Bytes }

// Bounds of what is on its way to raft at once. A lease's renewal is an entry behind those that are proposed already, and is
// applied after them: what is on its way must be applied in much less time than a lease lasts, on machines that are busy, too.
var (
	Light = Load{Rows: 64, Bytes: 64 << 10}       // of one write: it need not wait, entries bound how many there are
	Shard = Load{Rows: 8 << 10, Bytes: 4 << 20}   // of heavy writes, in one shard
	Node  = Load{Rows: 16 << 10, Bytes: 16 << 20} // in all shards that a node serves
)

// Flow lets heavy writes in, first come first served, as long as no more than most is on its way; one alone may be larger. A nil
// Flow lets everything in.
type Flow struct {
	most Load

	mu      sync.Mutex
	now     Load
	waiting []*entrant
}

type entrant struct {
	load Load
	in   chan struct{} // closed when it is let in
}

// New makes a Flow.
func New(most Load) *Flow { return &Flow{most: most} }

// Enter waits until l may be on its way, or for an end of waiting (each may be nil); false: it is not.
func (f *Flow) Enter(l Load, done, lost <-chan struct{}, late <-chan time.Time) bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	if len(f.waiting) == 0 && f.fits(l) {
		f.now = f.now.plus(l)
		f.mu.Unlock()
		return true
	}
	e := &entrant{load: l, in: make(chan struct{})}
	f.waiting = append(f.waiting, e)
	f.mu.Unlock()
	select {
	case <-e.in:
		return true
	case <-done:
	case <-lost:
	case <-late:
	}
	f.quit(e)
	return false
}

// fits tells whether l may be on its way beside what is. Called with mu held.
func (f *Flow) fits(l Load) bool { return f.now == Load{} || f.now.plus(l).Within(f.most) }

// quit takes back an entrant that waits no more, whether it was let in meanwhile or not.
func (f *Flow) quit(e *entrant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, other := range f.waiting {
		if other == e {
			f.waiting = append(f.waiting[:i], f.waiting[i+1:]...)
			f.admit() // those behind it may be lighter
			return
		}
	}
	f.now = f.now.minus(e.load)
	f.admit()
}

// Leave says that l is not on its way any more.
func (f *Flow) Leave(l Load) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.minus(l)
	f.admit()
}

// admit lets in who is next. Called with mu held.
func (f *Flow) admit() {
	n := 0
	for n < len(f.waiting) && f.fits(f.waiting[n].load) {
		f.now = f.now.plus(f.waiting[n].load)
		close(f.waiting[n].in)
		n++
	}
	f.waiting = append(f.waiting[:0], f.waiting[n:]...)
}

// Load is what is on its way, and how many wait.
func (f *Flow) Load() (now Load, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, len(f.waiting)
}
