package shard

import (
	"encoding/binary"

	"github.com/tidwall/btree"
)

// workspaceItems are a Workspace's items in the order of their keys. What tells most keys apart stands in the tree itself, so that going
// through a large one does not touch the keys on the way.
type workspaceItems struct {
	tree *btree.BTreeG[placedItem] // nil: none
}

type placedItem struct {
	head [2]uint64 // tablet, index, and how the key goes on
	key  string    // full engine key without timestamp
	item *workspaceItem
}

func placeItem(key string, item *workspaceItem) placedItem {
	var head [16]byte
	if len(key) > shardLen {
		copy(head[:], key[shardLen:])
	}
	return placedItem{[2]uint64{binary.BigEndian.Uint64(head[:8]), binary.BigEndian.Uint64(head[8:])}, key, item}
}

// shardLen is the shard's id, which all keys begin with.
const shardLen = 4

func lessPlaced(a, b placedItem) bool {
	if a.head[0] != b.head[0] {
		return a.head[0] < b.head[0]
	}
	if a.head[1] != b.head[1] {
		return a.head[1] < b.head[1]
	}
	return a.key < b.key
}

// Len is the number of items.
func (w *workspaceItems) Len() int {
	if w.tree == nil {
		return 0
	}
	return w.tree.Len()
}

// Get finds the item of a key.
func (w *workspaceItems) Get(key string) (*workspaceItem, bool) {
	if w.tree == nil {
		return nil, false
	}
	p, ok := w.tree.Get(placeItem(key, nil))
	return p.item, ok
}

// Set puts an item under a key, and gives what was there; nil: nothing.
func (w *workspaceItems) Set(key string, item *workspaceItem) *workspaceItem {
	if w.tree == nil {
		w.tree = btree.NewBTreeGOptions(lessPlaced, btree.Options{NoLocks: true})
	}
	before, _ := w.tree.Set(placeItem(key, item))
	return before.item
}

// Delete takes an item away, and gives it.
func (w *workspaceItems) Delete(key string) *workspaceItem {
	if w.tree == nil {
		return nil
	}
	before, _ := w.tree.Delete(placeItem(key, nil))
	return before.item
}

// Scan calls fn with all items, in order, until it returns false.
func (w *workspaceItems) Scan(fn func(key string, item *workspaceItem) bool) {
	if w.tree != nil {
		w.tree.Scan(func(p placedItem) bool { return fn(p.key, p.item) })
	}
}

// Iter goes over the items, of which there are some.
func (w *workspaceItems) Iter() workspaceIter { return workspaceIter{w.tree.Iter()} }

type workspaceIter struct{ btree.IterG[placedItem] }

// Seek goes to the first item at or behind a key.
func (i *workspaceIter) Seek(key string) bool { return i.IterG.Seek(placeItem(key, nil)) }

// Key is the present item's.
func (i *workspaceIter) Key() string { return i.Item().key }

// Value is the present item.
func (i *workspaceIter) Value() *workspaceItem { return i.Item().item }
