package memory

import (
	"runtime"
	"time"
)

// ValueBytes is how large a value is that is charged by itself. There may be as many as there are connections, they come and go
// with every row, and one that nobody needs any more takes its memory until the collector has found it.
const ValueBytes = 256 << 10

// Room is what is charged for a large value while it is being built.
type Room struct {
	tree *tree
	n    int64
}

// Room takes n bytes on behalf of a for a value that is about to be built, until Done; nothing where n is less than ValueBytes. A
// value that a could never hold is an error of a's level.
func (a *Account) Room(n int) (Room, error) {
	if a == nil || a.tree == nil || n < ValueBytes {
		return Room{}, nil
	}
	if err := a.fits(int64(n)); err != nil {
		return Room{}, err
	}
	if err := a.tree.takeValue(int64(n), a); err != nil {
		return Room{}, err
	}
	return Room{a.tree, int64(n)}, nil
}

// Done gives it back, if no value has it.
func (r *Room) Done() {
	if r.n > 0 {
		r.tree.giveValue(r.n)
		r.n = 0
	}
}

// Keep makes what was charged that of b, a value that was built, until the collector has found that nobody refers to it: nobody else
// can take the room between the building and the keeping. What b is larger by is taken on behalf of a; where that fails, nothing is
// charged any more. b is memory of the Go heap.
func (r *Room) Keep(a *Account, b []byte) error {
	if len(b) < ValueBytes || a == nil || a.tree == nil {
		r.Done()
		return nil
	}
	switch more := int64(len(b)) - r.n; {
	case more > 0:
		if err := a.tree.takeValue(more, a); err != nil {
			r.Done()
			return err
		}
	case more < 0:
		a.tree.giveValue(-more)
	}
	r.n = 0
	a.tree.whenCollected(b)
	return nil
}

// KeepFor makes what was charged that of what p points to, until the collector has found that nobody refers to it. p points to memory of
// the Go heap.
func KeepFor[T any](r *Room, p *T) {
	if r.n > 0 {
		runtime.AddCleanup(p, r.tree.giveValue, r.n)
		r.n = 0
	}
}

// whenCollected gives b's length back then.
func (t *tree) whenCollected(b []byte) {
	runtime.AddCleanup(&b[0], t.giveValue, int64(len(b)))
}

// Value takes what a value that was built holds, on behalf of a, until the collector has found that nobody refers to it; nothing
// where it is smaller than ValueBytes. b is memory of the Go heap.
func (a *Account) Value(b []byte) error {
	room, err := a.Room(len(b))
	if err != nil {
		return err
	}
	return room.Keep(a, b)
}

// Make gives an empty buffer for n bytes that is charged like a Value.
func (a *Account) Make(n int) ([]byte, error) {
	room, err := a.Room(n)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	return b[:0], room.Keep(a, b)
}

// fits refuses what would exceed the limit of a level below the process.
func (a *Account) fits(n int64) error {
	if e := a.ended.Load(); e != nil {
		return e
	}
	for ; a.parent != nil; a = a.parent {
		if limit := a.limit.Load(); limit > 0 && a.used.Load()+n > limit {
			return a.exceeded(limit)
		}
	}
	return nil
}

// takeValue charges the process at once, and not the account of values, which would take its lock: values are given back, by the
// collector, while others wait for just that.
func (t *tree) takeValue(n int64, by *Account) error {
	if err := t.root.grow(n, by); err != nil {
		return err
	}
	t.values.taken.Add(n)
	raise(&t.values.peak, t.values.used.Add(n))
	return nil
}

func (t *tree) giveValue(n int64) {
	t.values.used.Add(-n)
	t.values.taken.Add(-n)
	t.root.Shrink(n)
}

// collectWait is how long what a collection has found may take to be given back.
const collectWait = 100 * time.Millisecond

// collect has the collector look for values that nobody needs any more, if there are any that would be of use to who wants n
// bytes. Those who ask while it looks share its next round.
func (t *tree) collect(n int64) bool {
	if t.values.used.Load() < min(n, ValueBytes) {
		return false
	}
	asked := t.collections.Load()
	t.collecting.Lock()
	defer t.collecting.Unlock()
	if t.collections.Load() < asked+2 {
		t.collections.Add(1)
		runtime.GC()
	}
	return true
}
