package plancache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Cache maps keys to plans of any kind V, for all sessions of a node. It is bounded: a full part drops the half of its
// entries that was used least recently, roughly.
type Cache[V any] struct {
	seed  maphash.Seed
	parts [parts]part[V]
	max   int // entries a part
	Hits  atomic.Uint64
	Miss  atomic.Uint64
}

const parts = 16

type part[V any] struct {
	mu      sync.RWMutex
	entries map[string]*entry[V]
	_       [32]byte // keep the locks of neighbours apart
}

type entry[V any] struct {
	value V
	used  atomic.Bool // since the last sweep
}

// New makes a cache of about max entries.
func New[V any](max int) *Cache[V] {
	c := &Cache[V]{seed: maphash.MakeSeed(), max: max/parts + 1}
	for i := range c.parts {
		c.parts[i].entries = make(map[string]*entry[V])
	}
	return c
}

// Get finds an entry. It does not allocate.
func (c *Cache[V]) Get(key []byte) (v V, ok bool) {
	p := &c.parts[maphash.Bytes(c.seed, key)%parts]
	p.mu.RLock()
	e := p.entries[string(key)]
	p.mu.RUnlock()
	if e == nil {
		c.Miss.Add(1)
		return v, false
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	c.Hits.Add(1)
	return e.value, true
}

// Put keeps an entry, replacing one of the same key.
func (c *Cache[V]) Put(key []byte, v V) {
	p := &c.parts[maphash.Bytes(c.seed, key)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.entries) >= c.max {
		p.sweep(c.max)
	}
	p.entries[string(key)] = &entry[V]{value: v}
}

// sweep drops entries not used since the last sweep, and then any, until half of the room is free.
func (p *part[V]) sweep(max int) {
	for pass := 0; pass < 2 && len(p.entries) > max/2; pass++ {
		for k, e := range p.entries {
			if len(p.entries) <= max/2 {
				break
			}
			if pass > 0 || !e.used.Swap(false) {
				delete(p.entries, k)
			}
		}
	}
}

// Delete drops an entry that has proved stale.
func (c *Cache[V]) Delete(key []byte) {
	p := &c.parts[maphash.Bytes(c.seed, key)%parts]
	p.mu.Lock()
	delete(p.entries, string(key))
	p.mu.Unlock()
}
