package columnar

import (
	"container/list"
	"sync"
	"weak"

	"cloudsql/storage/memory"
)

// DefaultCacheBytes bounds the decoded pages that a node keeps. Readers of a large block come page by page, and several at once.
const DefaultCacheBytes = 64 << 20

// cachedShare is which part of the cache a page may take at most: one that is larger would leave nothing of the others.
const cachedShare = 4

// cache is the decoded pages that were used last. It keeps no page, and so no file, of a copy that is gone.
type cache struct {
	mu      sync.Mutex
	used    int
	recent  list.List // of *cached, the one used last first
	entries map[weak.Pointer[Page]]*list.Element
}

type cached struct {
	page   weak.Pointer[Page]
	column *Column
}

func (c *cache) get(p *Page) *Column {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[weak.Make(p)]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).column
}

// put keeps a page, unless it is too large or the account has no room for it: no statement has to go for a page that is read again where it is wanted.
// The lock is not held where memory is asked for: who asks may be told to clear.
func (c *cache) put(p *Page, column *Column, most int, account *memory.Account) {
	if n := int64(column.bytes); column.bytes > most/cachedShare || account.Tight(n) || account.Grow(n) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := weak.Make(p)
	if _, ok := c.entries[key]; ok { // two have decoded it
		account.Shrink(int64(column.bytes))
		return
	}
	if c.entries == nil {
		c.entries = map[weak.Pointer[Page]]*list.Element{}
	}
	c.entries[key] = c.recent.PushFront(&cached{key, column})
	for c.used += column.bytes; c.used > most; {
		c.drop(c.recent.Back(), account)
	}
}

func (c *cache) drop(e *list.Element, account *memory.Account) {
	old := c.recent.Remove(e).(*cached)
	delete(c.entries, old.page)
	c.used -= old.column.bytes
	account.Shrink(int64(old.column.bytes))
}

// retain drops the pages that keep refuses.
func (c *cache) retain(keep func(*cached) bool, account *memory.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.recent.Front(); e != nil; {
		next := e.Next()
		if !keep(e.Value.(*cached)) {
			c.drop(e, account)
		}
		e = next
	}
}
