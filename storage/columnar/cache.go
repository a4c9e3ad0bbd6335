package columnar

import (
	"container/list"
	"sync"
)

// DefaultCacheBytes bounds the decoded pages that a node keeps. Readers of a large block come page by page, and several at once.
const DefaultCacheBytes = 64 << 20

// cache is the decoded pages that were used last.
type cache struct {
	mu      sync.Mutex
	used    int
	recent  list.List // of *cached, the one used last first
	entries map[*Page]*list.Element
}

type cached struct {
	page   *Page
	column *Column
}

func (c *cache) get(p *Page) *Column {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[p]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).column
}

func (c *cache) put(p *Page, column *Column, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[p]; ok {
		return // two have decoded it
	}
	if c.entries == nil {
		c.entries = map[*Page]*list.Element{}
	}
	c.entries[p] = c.recent.PushFront(&cached{p, column})
	c.used += column.bytes
	for c.used > most && c.recent.Len() > 1 {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	old := c.recent.Remove(e).(*cached)
	delete(c.entries, old.page)
	c.used -= old.column.bytes
}
