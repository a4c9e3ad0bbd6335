package peers

import (
	"sync"

	"cloudsql/storage/schema"
)

// Book says where nodes are: by the catalog, and where a node itself has told of another address since, there. A node that has
// moved can tell the catalog only once raft's answers reach it.
type Book struct {
	mu   sync.RWMutex
	m    map[schema.NodeID]string // by the catalog
	told map[schema.NodeID]string // by the nodes, where it differs
}

// Resolve gives a node's address.
func (b *Book) Resolve(id schema.NodeID) (string, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.resolve(id)
}

func (b *Book) resolve(id schema.NodeID) (string, bool) {
	if a, ok := b.told[id]; ok {
		return a, true
	}
	a, ok := b.m[id]
	return a, ok
}

// Replace takes a new book and gives whose address has changed. Of a node that the catalog says something new of, what was told
// before is forgotten.
func (b *Book) Replace(m map[schema.NodeID]string) (moved []schema.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, old := range b.m {
		before, _ := b.resolve(id)
		if m[id] != old {
			delete(b.told, id)
		}
		if a, told := b.told[id]; m[id] != before && (!told || a != before) {
			moved = append(moved, id)
		}
	}
	b.m = m
	return moved
}

// Told takes an address that a node of the book tells of itself, and says whether it is a new one.
func (b *Book) Told(id schema.NodeID, addr string) (moved bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, known := b.resolve(id)
	if !known || before == addr {
		return false
	}
	if delete(b.told, id); b.m[id] != addr {
		if b.told == nil {
			b.told = map[schema.NodeID]string{}
		}
		b.told[id] = addr
	}
	return true
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
