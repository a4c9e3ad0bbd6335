package shard

import (
	"bytes"

	"cloudsql/storage/keys"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
)

// entry is one secondary index entry; its memory is reused from row to row.
type entry struct {
	index  *schema.Index
	key    []byte // full engine key
	value  []byte
	unique bool
	kept   bool // it was there before
	hides  bool // an older version of the same entry, which led to the row's old primary key
}

// store writes an image; replaced is the key of the row that it takes the place of, nil for a new row.
func (w *rowWriter) store(img *image, replaced []byte) error {
	img.stored = row.Encode(img.stored[:0], w.cur.table, img.values)
	if replaced == nil {
		w.count(1)
	}
	w.noteAutoInc(img)
	if err := w.lockAdded(); err != nil {
		return err
	}
	return w.access.put(img.key, img.stored, replaced != nil, w.removed, w.added)
}

// removeOld deletes w.old with its entries.
func (w *rowWriter) removeOld() error {
	w.removed = w.removed[:0]
	for _, ix := range w.cur.secondary {
		w.removed = w.appendEntry(w.removed, ix, &w.old)
	}
	for _, ix := range w.cur.removed {
		w.removed = w.appendEntry(w.removed, ix, &w.old)
	}
	if err := w.lockRemoved(); err != nil {
		return err
	}
	w.count(-1)
	err := w.access.remove(w.old.key, w.removed)
	w.removed = w.removed[:0]
	return err
}

// entriesOfNew collects the entries that w.next will have.
func (w *rowWriter) entriesOfNew() {
	w.added = w.added[:0]
	for _, ix := range w.cur.secondary {
		w.added = w.appendEntry(w.added, ix, &w.next)
	}
}

// entriesOfChange collects the entries that differ between w.old and w.next. A moved row's entries all differ: they
// lead to its primary key.
func (w *rowWriter) entriesOfChange(moved bool) {
	w.removed, w.added = w.removed[:0], w.added[:0]
	for _, ix := range w.cur.secondary {
		if !moved && !w.touches(ix) {
			w.keepEntry(ix)
			continue
		}
		w.removed = w.appendEntry(w.removed, ix, &w.old)
		w.added = w.appendEntry(w.added, ix, &w.next)
		before, after := &w.removed[len(w.removed)-1], &w.added[len(w.added)-1]
		if !bytes.Equal(before.key, after.key) {
			continue
		}
		w.removed = w.removed[:len(w.removed)-1]
		after.hides = true
		after.unique = false // the row holds this key already and keeps it, perhaps under a new primary key
		if bytes.Equal(before.value, after.value) && !w.buffering {
			w.added = w.added[:len(w.added)-1] // 'a' became 'A' under a collation that does not tell them apart
		}
	}
	for _, ix := range w.cur.removed {
		if moved || w.touches(ix) {
			w.removed = w.appendEntry(w.removed, ix, &w.old)
		}
	}
}

// keepEntry puts an entry that does not change again where all of a row's entries must go together.
func (w *rowWriter) keepEntry(ix *schema.Index) {
	if w.buffering {
		w.added = w.appendEntry(w.added, ix, &w.next)
		e := &w.added[len(w.added)-1]
		e.unique, e.kept = false, true
	}
}

// appendEntry appends the entry of an image, reusing the memory of an earlier one.
func (w *rowWriter) appendEntry(entries []entry, ix *schema.Index, img *image) []entry {
	if len(entries) == cap(entries) {
		entries = append(entries, entry{})
	} else {
		entries = entries[:len(entries)+1]
	}
	e := &entries[len(entries)-1]
	e.index, e.hides, e.kept = ix, false, false
	prefix := keys.AppendPrefix(e.key[:0], w.shard.id, w.t.id, ix.ID)
	e.key, e.value, e.unique = keys.AppendIndex(prefix, w.cur.table, ix, img.values, img.primary())
	return entries
}
