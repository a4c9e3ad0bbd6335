package lock

import (
	"bytes"
	"encoding/binary"

	"github.com/tidwall/btree"

	"cloudsql/storage/schema"
)

// entries are the keys that somebody holds or waits for, in order. Guarded by Table.mu.
type entries struct {
	tree  *btree.BTreeG[place]
	probe entry    // scratch for look-ups
	free  []*entry // entries to use again
}

const maxFreeEntries = 1024

// entry is one key that somebody holds or waits for.
type entry struct {
	tablet schema.TabletID
	index  schema.IndexID
	key    []byte
	holds  []hold
	queue  []*waiter // first come first served, upgrades at the front
	behind []*waiter // requests of ranges that last found this key in their way
}

type hold struct {
	owner  *Owner
	mode   Mode
	absent bool // shared, and only to keep the key from being inserted
}

// place is where an entry stands in the tree. It has in itself what tells most keys apart, so that going through a large tree does not
// touch the entries on the way.
type place struct {
	space uint64 // tablet and index
	head  uint64 // how the key begins
	*entry
}

func (e *entry) place() place {
	p := place{space: uint64(e.tablet)<<16 | uint64(e.index), entry: e}
	var head [8]byte
	copy(head[:], e.key)
	p.head = binary.BigEndian.Uint64(head[:])
	return p
}

func lessPlace(a, b place) bool {
	if a.space != b.space {
		return a.space < b.space
	}
	if a.head != b.head {
		return a.head < b.head
	}
	return bytes.Compare(a.key, b.key) < 0
}

// entry finds a key's entry or makes one. A fresh entry has neither holder nor waiter: the caller adds one.
func (t *entries) entry(tablet schema.TabletID, index schema.IndexID, key []byte) *entry {
	t.probe.tablet, t.probe.index, t.probe.key = tablet, index, key
	found, ok := t.tree.Get(t.probe.place())
	t.probe.key = nil
	if ok {
		return found.entry
	}
	var e *entry
	if n := len(t.free); n > 0 {
		e, t.free = t.free[n-1], t.free[:n-1]
	} else {
		e = &entry{}
	}
	e.tablet, e.index, e.key = tablet, index, append(e.key[:0], key...)
	t.tree.Set(e.place())
	return e
}

// forget drops an entry that nobody needs any more.
func (t *entries) forget(e *entry) {
	if len(e.holds) > 0 || len(e.queue) > 0 || len(e.behind) > 0 {
		return
	}
	t.tree.Delete(e.place())
	if len(t.free) < maxFreeEntries && cap(e.key) <= 256 && cap(e.holds) <= 64 {
		t.free = append(t.free, e)
	}
}

// find is the position of o's hold, or -1. The newest come last and leave first under contention, so search backwards.
func (e *entry) find(o *Owner) int {
	for i := len(e.holds) - 1; i >= 0; i-- {
		if e.holds[i].owner == o {
			return i
		}
	}
	return -1
}

// admits tells whether o may hold e in mode beside its present holders.
func (e *entry) admits(o *Owner, mode Mode) bool {
	for i := range e.holds {
		if h := &e.holds[i]; h.owner != o && !compatible(h.mode, mode) {
			return false
		}
	}
	return true
}
