package replica

import (
	"context"
	"sync"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/shard"
)

// load is how much of writes there is: what replicas have to apply, and to hold until then.
type load struct{ rows, bytes int }

func (l load) plus(m load) load { return load{l.rows + m.rows, l.bytes + m.bytes} }
func (l load) minus(m load) load {
	return load{l.rows - m.rows, l.bytes - m.bytes}
}
func (l load) within(most load) bool { return l.rows <= most.rows && l.bytes <= most.bytes }

// What is on its way to raft at once. A lease's renewal is an entry behind those that are proposed already, and is applied
// after them: what is on its way must be applied in much less time than a lease lasts, on machines that are busy, too.
var (
	lightLoad = load{rows: 64, bytes: 64 << 10}       // of one write: it need not wait, entries bound how many there are
	shardLoad = load{rows: 8 << 10, bytes: 4 << 20}   // of heavy writes, in one shard
	nodeLoad  = load{rows: 16 << 10, bytes: 16 << 20} // in all shards that a node serves
	// A heavy write that waits holds about this much: proposal, decoded proposal, keys and locks.
	perHeavyRow, perHeavyByte = 300, 3
)

// admitMost is how long an autocommit write waits for those before it.
const admitMost = time.Minute

// Flow lets heavy writes in, first come first served, as long as no more than most is on its way; one alone may be larger. A nil
// Flow lets everything in.
type Flow struct {
	most load

	mu      sync.Mutex
	now     load
	waiting []*entrant
}

type entrant struct {
	load load
	in   chan struct{} // closed when it is let in
}

// NewFlow makes the Flow that the replicas of a node share.
func NewFlow() *Flow { return &Flow{most: nodeLoad} }

// enter waits until l may be on its way, or for an end of waiting (each may be nil); false: it is not.
func (f *Flow) enter(l load, done, lost <-chan struct{}, late <-chan time.Time) bool {
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
func (f *Flow) fits(l load) bool { return f.now == load{} || f.now.plus(l).within(f.most) }

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

// leave says that l is not on its way any more.
func (f *Flow) leave(l load) {
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

// weigh notes how heavy w is; light ones have no weight.
func (w *write) weigh(p *shard.Proposal) {
	w.load = load{bytes: len(w.prop), rows: len(p.Effects)}
	for _, f := range p.Writes {
		w.load.rows += max(f.Rows.Len(), len(f.Keys))
	}
}

// isHeavy tells whether w waits for others before it is proposed. What ends a transaction is light, so that nobody waits for
// somebody who waits for him.
func (w *write) isHeavy() bool { return !w.load.within(lightLoad) }

// admit waits until w may be on its way. An error: it is not, and was not executed. Autocommit writes do not wait for ever, and a
// commit's step as long as its tenure lasts.
func (r *Replica) admit(ctx context.Context, w *write) error {
	if err := r.cfg.InFlight.Grow(w.held()); err != nil {
		return err
	}
	var late <-chan time.Time
	if w.txn != nil {
		ctx = r.ctx
	} else {
		timer := r.clock.NewTimer(admitMost)
		defer timer.Stop()
		late = timer.C()
	}
	r.stats.HeavyWrites.Add(1)
	lost := w.tenure.lost
	if !r.flow.enter(w.load, ctx.Done(), lost, late) {
		r.cfg.InFlight.Shrink(w.held())
		return r.notAdmitted(ctx, w)
	}
	if !r.cfg.Flow.enter(w.load, ctx.Done(), lost, late) {
		r.flow.leave(w.load)
		r.cfg.InFlight.Shrink(w.held())
		return r.notAdmitted(ctx, w)
	}
	w.admitted = true
	return nil
}

// held is about what a heavy write holds here.
func (w *write) held() int64 {
	return int64(w.load.rows*perHeavyRow + w.load.bytes*perHeavyByte)
}

// notAdmitted is why w was not.
func (r *Replica) notAdmitted(ctx context.Context, w *write) error {
	select {
	case <-w.tenure.lost:
		return w.tenure.ended
	case <-r.ctx.Done():
		return ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return mysqlerr.Newf(mysqlerr.OutOfResources, "Out of resources: too many large writes wait for shard %d; try again later", r.shard)
}

// landed says that w is not on its way any more; it does no harm to say so twice.
func (r *Replica) landed(w *write) {
	if !w.admitted {
		return
	}
	w.admitted = false
	r.flow.leave(w.load)
	r.cfg.Flow.leave(w.load)
	r.cfg.InFlight.Shrink(w.held())
}
