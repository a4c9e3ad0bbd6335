package peers

import (
	"sync"

	"cloudsql/storage/schema"
)

// Book says where nodes are.
type Book struct {
	mu sync.RWMutex
	m  map[schema.NodeID]string
}

// Resolve gives a node's address.
func (b *Book) Resolve(id schema.NodeID) (string, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a, ok := b.m[id]
	return a, ok
}

// Replace takes a new book and gives whose address has changed.
func (b *Book) Replace(m map[schema.NodeID]string) (moved []schema.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, old := range b.m {
		if m[id] != old {
			moved = append(moved, id)
		}
	}
	b.m = m
	return moved
}

// Nodes are those in the book.
func (b *Book) Nodes() []schema.NodeID {
	b.mu.RLock()
	defer b.mu.RUnlock()
	ids := make([]schema.NodeID, 0, len(b.m))
	for id := range b.m {
		ids = append(ids, id)
	}
	return ids
}
