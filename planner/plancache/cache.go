package plancache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"cloudsql/storage/memory"
)

// Cache maps keys to plans of any kind V, for all sessions of a node. It is bounded: a full part drops the half of its
// entries that was used least recently, roughly.
type Cache[V any] struct {
	seed    maphash.Seed
	parts   [parts]part[V]
	max     int // entries a part
	account *memory.Account
	Stats
}

// Stats count what is looked for.
type Stats struct {
	Hits atomic.Uint64 `counter:"sql_plan_cache_hits_total" help:"texts whose plan was in the cache" status:"Plan_cache_hits"`
	Miss atomic.Uint64 `counter:"sql_plan_cache_misses_total" help:"texts whose plan was not" status:"Plan_cache_misses"`
}

const parts = 16

type part[V any] struct {
	mu      sync.RWMutex
	entries map[string]*entry[V]
	_       [32]byte // keep the locks of neighbours apart
}

type entry[V any] struct {
	value V
	bytes int64
	used  atomic.Bool // since the last sweep
}

// New makes a cache of about max entries, whose memory is charged to account (nil: to nobody).
func New[V any](max int, account *memory.Account) *Cache[V] {
	c := &Cache[V]{seed: maphash.MakeSeed(), max: max/parts + 1, account: account}
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

// entryBytes is what an entry takes besides its key and its value.
const entryBytes = 128

// Put keeps an entry of about so many bytes, replacing one of the same key. Where there is no memory for it, half of its
// neighbours make room, and if that is not enough it is not kept.
func (c *Cache[V]) Put(key []byte, v V, bytes int) {
	p := &c.parts[maphash.Bytes(c.seed, key)%parts]
	e := &entry[V]{value: v, bytes: int64(bytes + len(key) + entryBytes)}
	if !c.room(p, e.bytes) {
		c.Delete(key)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.drop(p, string(key))
	if len(p.entries) >= c.max {
		c.sweep(p, c.max/2)
	}
	p.entries[string(key)] = e
}

// room takes n bytes. The part is not locked: who asks for memory may be asked to Clear.
func (c *Cache[V]) room(p *part[V], n int64) bool {
	if c.account.Grow(n) == nil {
		return true
	}
	p.mu.Lock()
	c.sweep(p, len(p.entries)/2)
	p.mu.Unlock()
	return c.account.Grow(n) == nil
}

// drop removes an entry; its part is locked.
func (c *Cache[V]) drop(p *part[V], key string) {
	if e := p.entries[key]; e != nil {
		delete(p.entries, key)
		c.account.Shrink(e.bytes)
	}
}

// sweep drops entries not used since the last sweep, and then any, until no more than keep are left.
func (c *Cache[V]) sweep(p *part[V], keep int) {
	for pass := 0; pass < 2 && len(p.entries) > keep; pass++ {
		for k, e := range p.entries {
			if len(p.entries) <= keep {
				break
			}
			if pass > 0 || !e.used.Swap(false) {
				c.drop(p, k)
			}
		}
	}
}

// Clear drops all entries.
func (c *Cache[V]) Clear() {
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.Lock()
		c.sweep(p, 0)
		p.mu.Unlock()
	}
}

// Delete drops an entry that has proved stale.
func (c *Cache[V]) Delete(key []byte) {
	p := &c.parts[maphash.Bytes(c.seed, key)%parts]
	p.mu.Lock()
	c.drop(p, string(key))
	p.mu.Unlock()
}
