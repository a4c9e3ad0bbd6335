package shard

import (
	"bytes"
	"fmt"

	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// conflict looks for a row in the way of w.next: under its primary key, then under its unique entries in w.added, in
// the order of the indexes. The row's full key is left in w.ownerKey.
func (w *writer) conflict(primary bool) (ix *schema.Index, taken bool, err error) {
	if primary {
		if err := w.access.lock(schema.PrimaryIndex, w.next.primary()); err != nil {
			return nil, false, err
		}
		_, live, err := w.access.read(w.next.key)
		if err != nil || live {
			w.ownerKey = append(w.ownerKey[:0], w.next.key...)
			return w.cur.primary, live, err
		}
	}
	for i := range w.added {
		e := &w.added[i]
		if !e.unique {
			continue
		}
		taken, err := w.owner(e)
		if err != nil || taken {
			return e.index, taken, err
		}
	}
	return nil, false, nil
}

// lastingConflict is conflict for a row in the way that stays there: under locks, another transaction may be about to
// remove it, or to change its unique key.
func (w *writer) lastingConflict(primary bool) (ix *schema.Index, taken bool, err error) {
	ix, taken, err = w.conflict(primary)
	for err == nil && taken && w.buffering {
		w.lockedKey = append(w.lockedKey[:0], w.ownerKey...)
		if err := w.access.lock(schema.PrimaryIndex, bare(w.lockedKey)); err != nil {
			return nil, false, err
		}
		if ix, taken, err = w.conflict(primary); bytes.Equal(w.ownerKey, w.lockedKey) {
			break
		}
	}
	return ix, taken, err
}

// lockRemoved claims the keys that a row gives up: until the transaction has ended, unique ones are not free, and the
// others not gone.
func (w *rowWriter) lockRemoved() error {
	if !w.buffering {
		return nil
	}
	for i := range w.removed {
		e := &w.removed[i]
		if !e.unique {
			if err := w.access.claim(e); err != nil {
				return err
			}
		} else if err := w.access.lock(e.index.ID, bare(e.key)); err != nil {
			return err
		}
	}
	return nil
}

// lockAdded announces the entries that a row gets. Unique ones are locked already.
func (w *rowWriter) lockAdded() error {
	if !w.buffering {
		return nil
	}
	for i := range w.added {
		if e := &w.added[i]; !e.unique && !e.kept {
			if err := w.access.claim(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// owner finds the row that holds a unique entry's key, leaving its full key in w.ownerKey.
func (w *rowWriter) owner(e *entry) (taken bool, err error) {
	bare := e.key[keys.PrefixLen:]
	if err := w.access.lock(e.index.ID, bare); err != nil {
		return false, err
	}
	value, live, err := w.access.read(e.key)
	if err != nil || !live {
		return false, err
	}
	primary, err := keys.PrimaryOfEntry(w.cur.table, e.index, bare, value)
	if err != nil {
		return false, err
	}
	w.ownerKey = w.shard.appendKey(w.ownerKey[:0], w.t.id, schema.PrimaryIndex, primary)
	return true, nil
}

// errDanglingEntry: an entry leads to no row, which no sequence of writes brings about.
var errDanglingEntry = fmt.Errorf("%w: an index entry without its row", ErrCorrupt)

// duplicate is error 1062 for w.next under an index.
func (w *writer) duplicate(ix *schema.Index) *mysqlerr.Error {
	return keys.Duplicate(w.cur.table, ix, w.next.values, w.env.Mode.Loc)
}
