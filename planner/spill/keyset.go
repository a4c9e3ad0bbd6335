package spill

import (
	"bytes"
	"context"
	"sort"

	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// KeySet is a set of keys that is filled once and then asked: in memory while there is room, and then sorted on disk.
type KeySet struct {
	room   *Room
	keys   map[string]struct{}
	hold   memory.Hold
	sort   *Sort      // while it is filled on disk
	sorted *RowBuffer // afterwards
	row    [1]types.Value
}

// sortedCache is how many blocks of a sorted KeySet stay in memory: a search begins with the same ones each time.
const sortedCache = 32

// NewKeySet makes an empty set.
func NewKeySet(room *Room) *KeySet {
	return &KeySet{room: room, keys: map[string]struct{}{}, hold: room.Memory.Hold(memory.Join)}
}

// Add puts a key into the set.
func (k *KeySet) Add(ctx context.Context, key []byte) error {
	if k.sort == nil {
		if _, ok := k.keys[string(key)]; ok {
			return nil
		}
		size := len(key) + HashEntryBytes
		if !k.hold.Crowded(size) {
			k.keys[string(key)] = struct{}{}
			return k.hold.Grow(size)
		}
		if err := k.spill(ctx); err != nil {
			return err
		}
	}
	k.row[0] = types.Bytes(key)
	return k.sort.Take(ctx, k.row[:])
}

// spill gives the keys to a Sort.
func (k *KeySet) spill(ctx context.Context) error {
	k.sort = NewSort(k.room, nil, NewRows(nil, 1), NewOrder([]expr.SortKey{{Expr: &expr.Column{Typ: types.TypeBytes}}}))
	k.sort.Begin()
	for key := range k.keys {
		k.row[0] = types.Bytes([]byte(key)) // a string would be encoded in another way
		if err := k.sort.Take(ctx, k.row[:]); err != nil {
			return err
		}
	}
	k.keys = nil
	k.hold.Close()
	return nil
}

// Finish ends the filling.
func (k *KeySet) Finish(ctx context.Context) error {
	if k.sort == nil {
		return nil
	}
	if err := k.sort.finish(ctx); err != nil {
		return err
	}
	s := k.sort
	k.sort = nil
	k.sorted = NewRowBuffer(k.room, memory.Join)
	k.sorted.Most = sortedCache
	return k.sorted.Fill(ctx, s)
}

// Has tells whether a key is in the set.
func (k *KeySet) Has(key []byte) (bool, error) {
	if k.sorted == nil {
		_, ok := k.keys[string(key)]
		return ok, nil
	}
	var err error
	at := func(i int) []byte {
		row, e := k.sorted.At(i)
		if e != nil {
			err = e
			return nil
		}
		return row[0].Raw()
	}
	n := k.sorted.Len()
	i := sort.Search(n, func(i int) bool { return bytes.Compare(at(i), key) >= 0 })
	found := i < n && bytes.Equal(at(i), key)
	return found && err == nil, err
}

// Close releases the keys.
func (k *KeySet) Close() {
	k.hold.Close()
	if k.sort != nil {
		k.sort.Close()
	}
	if k.sorted != nil {
		k.sorted.Close()
	}
	k.keys, k.sort, k.sorted = nil, nil, nil
}
