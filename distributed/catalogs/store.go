package catalogs

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Store is the catalog as this node has applied it.
type Store struct {
	current atomic.Pointer[catalog.Snapshot]
	gate    *version.Gate // raised with the catalog

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
}

func (c *Store) init(gate *version.Gate) {
	c.gate = gate
	c.current.Store(catalog.Empty())
	c.changed = make(chan struct{})
}

// Watch gives a channel that is closed at the next change; ask before looking.
func (c *Store) Watch() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Notify wakes those who watch.
func (c *Store) Notify() {
	c.mu.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

// Current is the newest catalog that this node has applied.
func (c *Store) Current() *catalog.Snapshot { return c.current.Load() }

// Follow takes over a change of the system shard; nil sets mean that everything may have changed. It is called from the
// goroutine that applies the log.
func (c *Store) Follow(state *shard.Shard, sets []shard.SystemSet, log *slog.Logger) {
	var next *catalog.Snapshot
	var err error
	if sets == nil {
		next, err = catalog.Load(state.SystemScan)
	} else {
		// The sets are of some commands, each with an index of its own, which the next change must expect.
		next, err = catalog.Follow(c.current.Load(), func(key string) uint64 {
			_, version := state.SystemGet(key)
			return version
		}, sets)
	}
	if err != nil {
		log.Error("the catalog has a record that this version does not understand", "err", err)
		return
	}
	if next != c.current.Load() {
		c.gate.Raise(next.ClusterVersion().Active)
		c.current.Store(next)
		c.Notify()
	}
}
