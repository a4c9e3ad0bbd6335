package shard

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/tidwall/btree"
)

// workspaceItems are items in the order of their keys. They are records of an arena; what tells most keys apart stands in the tree
// itself, so that going through a large one does not touch the records on the way.
//
// Items that are known to be new may be appended without a look at the tree. They are put into it when somebody looks for a key or for
// what comes next, sorted, so that each is near the one before: a load that nobody reads from pays nothing for the order of its entries.
type workspaceItems struct {
	arena *arena
	tree  *btree.BTreeG[placedItem] // nil: none
	last  placedItem                // the tree's last item: what lies behind it, as in a load in the order of keys, is not looked for; at is 0: not known
	fresh []recordAt                // that are not in the tree yet, oldest first
	probe []byte                    // the key that is looked for
}

type placedItem struct {
	head [2]uint64 // tablet, index, and how the key goes on
	at   recordAt  // 0: the probe
}

// workspaceItem is a row (index 1: put or delete) or an entry (put only) as the transaction leaves it.
type workspaceItem struct {
	deleted bool
	payload []byte
}

// shardLen is the shard's id, which all keys begin with.
const shardLen = 4

// place is where an item with a key, a full engine key without timestamp, stands in the tree.
func place(key []byte, at recordAt) placedItem {
	var head [16]byte
	if len(key) > shardLen {
		copy(head[:], key[shardLen:])
	}
	return placedItem{[2]uint64{binary.BigEndian.Uint64(head[:8]), binary.BigEndian.Uint64(head[8:])}, at}
}

// search is the place to look for a key at, until the next call.
func (w *workspaceItems) search(key []byte) placedItem {
	w.probe = key
	return place(key, 0)
}

func (w *workspaceItems) keyOf(p placedItem) []byte {
	if p.at == 0 {
		return w.probe
	}
	return w.arena.key(p.at)
}

func (w *workspaceItems) less(a, b placedItem) bool {
	if a.head[0] != b.head[0] {
		return a.head[0] < b.head[0]
	}
	if a.head[1] != b.head[1] {
		return a.head[1] < b.head[1]
	}
	return a.at != b.at && bytes.Compare(w.keyOf(a), w.keyOf(b)) < 0
}

// Len is the number of items.
func (w *workspaceItems) Len() int {
	if w.tree == nil {
		return len(w.fresh)
	}
	return w.tree.Len() + len(w.fresh)
}

// Get finds the item of a key. Its payload is valid as long as the item is there.
func (w *workspaceItems) Get(key []byte) (workspaceItem, bool) {
	w.settle()
	if w.tree == nil {
		return workspaceItem{}, false
	}
	p := w.search(key)
	if w.behind(p) {
		return workspaceItem{}, false
	}
	p, ok := w.tree.Get(p)
	if !ok {
		return workspaceItem{}, false
	}
	return w.arena.item(p.at), true
}

// Append puts a record of the arena under its key, which has none.
func (w *workspaceItems) Append(at recordAt) { w.fresh = append(w.fresh, at) }

// settle puts into the tree what was appended.
func (w *workspaceItems) settle() {
	if len(w.fresh) == 0 {
		return
	}
	w.makeTree()
	places := make([]placedItem, len(w.fresh))
	for i, at := range w.fresh {
		places[i] = place(w.arena.key(at), at)
	}
	w.fresh = nil
	slices.SortFunc(places, func(a, b placedItem) int {
		if w.less(a, b) {
			return -1
		}
		return 1
	})
	for _, p := range places {
		w.put(p)
	}
}

// behind tells whether a place is known to be behind all of the tree's.
func (w *workspaceItems) behind(p placedItem) bool { return w.last.at != 0 && w.less(w.last, p) }

// put puts an item into the tree, and gives the one that was in its place.
func (w *workspaceItems) put(p placedItem) (was placedItem) {
	if w.behind(p) || w.tree.Len() == 0 {
		w.tree.Load(p)
		w.last = p
		return placedItem{}
	}
	was, _ = w.tree.Set(p)
	if was.at != 0 && was.at == w.last.at {
		w.last.at = p.at
	}
	return was
}

func (w *workspaceItems) makeTree() {
	if w.tree == nil {
		w.tree = btree.NewBTreeGOptions(w.less, btree.Options{NoLocks: true})
	}
}

// Set puts a record of the arena under its key, and gives what was there; 0: nothing.
func (w *workspaceItems) Set(key []byte, at recordAt) (before recordAt) {
	w.settle()
	w.makeTree()
	return w.put(place(key, at)).at
}

// Delete takes an item away, and gives it. The newest item goes without a look at the others.
func (w *workspaceItems) Delete(key []byte) (before recordAt) {
	if last := len(w.fresh) - 1; last >= 0 && bytes.Equal(w.arena.key(w.fresh[last]), key) {
		before = w.fresh[last]
		w.fresh = w.fresh[:last]
		return before
	}
	w.settle()
	if w.tree == nil {
		return 0
	}
	was, _ := w.tree.Delete(w.search(key))
	if was.at == w.last.at {
		w.last, _ = w.tree.Max()
	}
	return was.at
}

// Scan calls fn with all items, in order, until it returns false.
func (w *workspaceItems) Scan(fn func(key []byte, item workspaceItem) bool) {
	w.settle()
	if w.tree != nil {
		w.tree.Scan(func(p placedItem) bool { return fn(w.arena.key(p.at), w.arena.item(p.at)) })
	}
}

// Iter goes over the items, of which there are some.
func (w *workspaceItems) Iter() workspaceIter {
	w.settle()
	return workspaceIter{w.tree.Iter(), w}
}

type workspaceIter struct {
	btree.IterG[placedItem]
	items *workspaceItems
}

// Seek goes to the first item at or behind a key.
func (i *workspaceIter) Seek(key []byte) bool { return i.IterG.Seek(i.items.search(key)) }

// Key is the present item's.
func (i *workspaceIter) Key() []byte { return i.items.arena.key(i.Item().at) }

// Value is the present item.
func (i *workspaceIter) Value() workspaceItem { return i.items.arena.item(i.Item().at) }
