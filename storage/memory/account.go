package memory

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/mysqlerr"
)

// Level says where in the tree an account stands.
type Level uint8

// The levels. A Store is what a node keeps beside its sessions.
const (
	Process Level = iota
	Store
	Session
	Statement
)

func (l Level) String() string { return [...]string{"process", "store", "session", "statement"}[l] }

const (
	chunk     = 16 << 10 // bytes that an account takes of the one above at a time
	holdChunk = 4 << 10  // bytes that a Hold takes at a time

	victimBytes = 1 << 20         // what a statement must hold to be worth shedding
	reliefWait  = 2 * time.Second // for what a statement that was shed gives back
)

// Account counts one level's memory. The zero Account must be opened; a nil one counts nothing and has no limits.
type Account struct {
	parent *Account
	level  Level
	name   string
	limit  atomic.Int64        // 0: none
	used   atomic.Int64        // by itself, and what accounts below have taken
	taken  atomic.Int64        // of parent
	peak   atomic.Int64        // of taken
	kinds  [Kinds]atomic.Int64 // of used, what Holds have

	taking sync.Mutex                     // held by who takes from parent, also while that waits for memory
	mu     sync.Mutex                     // for what follows, and changes of taken
	end    func(error)                    // of a Statement: what ends it when it is shed; may be nil
	ended  atomic.Pointer[mysqlerr.Error] // of a Statement that was shed
	listed bool                           // among tree.large
	tree   *tree
}

// tree is what all accounts of a process share.
type tree struct {
	root   *Account
	kinds  [Kinds]atomic.Int64
	sheds  atomic.Uint64
	failed atomic.Uint64 // requests that the process's limit refused
	above  atomic.Bool   // the process itself is about to be too large, whatever the accounts say

	mu        sync.Mutex
	large     map[*Account]struct{} // statements of at least victimBytes
	stores    []*Account
	reclaim   []func()      // caches give back what they can
	freed     chan struct{} // closed when something was given back that somebody waits for; nil: nobody waits
	waits     atomic.Bool   // freed is not nil
	reclaimed atomic.Int64  // when the caches were last asked, Unix nanoseconds

	values      *Account // large values; see Account.Value
	collecting  sync.Mutex
	collections atomic.Uint64 // that were begun
}

// NewProcess makes a tree. limit is in bytes, 0 for none.
func NewProcess(limit int64) *Account {
	t := &tree{large: map[*Account]struct{}{}}
	t.root = &Account{level: Process, name: "process", tree: t}
	t.root.limit.Store(limit)
	t.values = t.root.NewStore("large values", 0)
	return t.root
}

// NewStore makes an account for something that the node keeps beside its sessions. limit is in bytes, 0 for none.
func (a *Account) NewStore(name string, limit int64) *Account {
	if a == nil {
		return nil
	}
	s := new(Account)
	s.Open(a, Store, name, limit)
	a.tree.mu.Lock()
	defer a.tree.mu.Unlock()
	a.tree.stores = append(a.tree.stores, s)
	return s
}

// Open makes the zero Account, or one that was closed, a child of parent (nil: one that only has its own limit).
func (a *Account) Open(parent *Account, level Level, name string, limit int64) {
	a.parent, a.level, a.name, a.tree = parent, level, name, nil
	if parent != nil {
		a.tree = parent.tree
	}
	a.limit.Store(limit)
}

// OnShed says how the statement is ended when the process needs its memory. Not to be called while the account is in use.
func (a *Account) OnShed(end func(error)) { a.end = end }

// SetLimit changes the limit, in bytes, for what is asked for from now on; 0 is none.
func (a *Account) SetLimit(n int64) { a.limit.Store(n) }

// Grow takes n bytes. The error is that of the level whose limit would be exceeded, and nothing was taken.
func (a *Account) Grow(n int64) error {
	if a == nil || n <= 0 {
		return nil
	}
	return a.grow(n, a)
}

// grow takes n bytes on behalf of an account at or below a.
func (a *Account) grow(n int64, by *Account) error {
	used := a.used.Add(n)
	if limit := a.limit.Load(); limit > 0 && used > a.share(limit, by) {
		a.used.Add(-n)
		if a.level == Process {
			return a.relieve(n, by)
		}
		return a.exceeded(limit)
	}
	if a.parent == nil {
		raise(&a.peak, used)
		return nil
	}
	if used <= a.taken.Load() {
		return nil
	}
	if err := a.take(by); err != nil {
		a.used.Add(-n)
		return err
	}
	return nil
}

// raise makes a peak at least n. Two that race may leave the lower one: a peak is for people to look at.
func raise(peak *atomic.Int64, n int64) {
	if n > peak.Load() {
		peak.Store(n)
	}
}

// share is how much of a limit may be used on behalf of an account.
func (a *Account) share(limit int64, by *Account) int64 {
	if a.level == Process && by.level != Statement {
		return limit / 4 * 3
	}
	return limit
}

// take gets what is missing from the level above, and some more if there is any. The levels above may call caches meanwhile,
// which give back to this account what they can: that must not wait for it.
func (a *Account) take(by *Account) error {
	a.taking.Lock()
	defer a.taking.Unlock()
	if e := a.ended.Load(); e != nil {
		return e
	}
	missing := a.used.Load() - a.taken.Load()
	if missing <= 0 {
		return nil
	}
	want := (missing + chunk - 1) / chunk * chunk
	if a.parent.Tight(want) {
		want = missing
	}
	if err := a.parent.grow(want, by); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.taken.Add(want)
	raise(&a.peak, taken)
	if a.level == Statement && taken >= victimBytes && !a.listed && a.tree != nil {
		a.listed = true
		a.tree.mu.Lock()
		a.tree.large[a] = struct{}{}
		a.tree.mu.Unlock()
	}
	return nil
}

// Shrink gives n bytes back.
func (a *Account) Shrink(n int64) {
	if a == nil || n <= 0 {
		return
	}
	used := a.used.Add(-n)
	if a.parent == nil {
		if a.level == Process {
			a.tree.wake()
		}
		return
	}
	if a.taken.Load()-used > 2*chunk {
		a.giveBack()
	}
}

// giveBack returns what is not used, but for a chunk. A Grow that runs beside it may leave a little more used than taken; the
// next one makes up for it.
func (a *Account) giveBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if spare := a.taken.Load() - max(a.used.Load(), 0) - chunk; spare > 0 {
		a.taken.Add(-spare)
		a.parent.Shrink(spare)
	}
}

// Close gives everything back. The account may be used again: a session has one for all of its statements.
func (a *Account) Close() {
	if a == nil || a.taken.Load() == 0 && a.used.Load() == 0 && a.ended.Load() == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listed {
		a.listed = false
		a.tree.mu.Lock()
		delete(a.tree.large, a)
		a.tree.mu.Unlock()
	}
	for k := range a.kinds { // of Holds that were left to the account's end
		if n := a.kinds[k].Swap(0); n != 0 && a.tree != nil {
			a.tree.kinds[k].Add(-n)
		}
	}
	a.used.Store(0)
	a.ended.Store(nil)
	if a.level == Statement {
		a.peak.Store(0) // the account serves the next one
	}
	if taken := a.taken.Swap(0); a.parent != nil {
		a.parent.Shrink(taken)
	}
}

// Peak is the most that the account has taken from the level above it; of a statement's, since that began.
func (a *Account) Peak() int64 {
	if a == nil {
		return 0
	}
	return a.peak.Load()
}

// Used is what the account and those below it use, in bytes.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	return max(a.used.Load(), 0)
}

// Limit is the account's limit in bytes, 0 for none.
func (a *Account) Limit() int64 {
	if a == nil {
		return 0
	}
	return a.limit.Load()
}

// Tight tells that n more bytes would exceed the limit of this account or of one above it.
func (a *Account) Tight(n int64) bool {
	for ; a != nil; a = a.parent {
		if limit := a.limit.Load(); limit > 0 && a.used.Load()+n > limit {
			return true
		}
		if a.level == Process && a.tree.above.Load() {
			return true
		}
		n -= max(a.taken.Load()-a.used.Load(), 0)
		if n <= 0 {
			return false
		}
	}
	return false
}

// exceeded is the error of a level's limit.
func (a *Account) exceeded(limit int64) error {
	switch a.level {
	case Statement:
		return mysqlerr.Newf(mysqlerr.OutOfSortMemory,
			"Out of memory for this query: it needs more than the %d bytes that it may use", limit)
	case Session:
		return mysqlerr.New(mysqlerr.CapacityExceeded, limit, "session", "It keeps too much: variables, statements, cursors.")
	}
	return mysqlerr.Newf(mysqlerr.OutOfResources, "Out of memory: the %d bytes for '%s' are in use; try again later", limit, a.name)
}

type contextKey struct{}

// NewContext gives a context whose work is charged to a.
func NewContext(ctx context.Context, a *Account) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// FromContext finds the account that a context's work is charged to; def where it names none, as for requests of other nodes.
func FromContext(ctx context.Context, def *Account) *Account {
	if a, ok := ctx.Value(contextKey{}).(*Account); ok {
		return a
	}
	return def
}
