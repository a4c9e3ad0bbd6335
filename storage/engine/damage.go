package engine

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// Damage is a table file of the store in which something cannot be read. Which shards it meets is what Meets finds out.
type Damage struct {
	Path       string
	Start, End []byte // of all keys in the table, both inclusive
	Err        error
}

// IsDamage tells an error that says that the store's files are not as they were written. Pebble marks such errors in a way
// that errors.Is does not see, and all its versions in the same.
func IsDamage(err error) bool {
	return err != nil && (errors.Is(err, ErrCorrupt) || pebble.IsCorruptionError(err))
}

// Meets tells whether anything between two keys (start inclusive) is unreadable in the table. It reads all of it there is
// from the disk, past caches and past what other tables hide.
func (e *Engine) Meets(d Damage, start, end []byte) (bool, error) {
	if bytes.Compare(end, d.Start) <= 0 || bytes.Compare(d.End, start) < 0 {
		return false, nil
	}
	f, err := e.fs.Open(d.Path)
	if err != nil {
		return false, err // it is no longer in use
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return false, errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{})
	if err == nil {
		err = errors.Join(readTable(r, start, end), r.Close())
	} else {
		err = errors.Join(err, readable.Close())
	}
	if err != nil && !IsDamage(err) {
		return false, err
	}
	return err != nil, nil
}

func readTable(r *sstable.Reader, start, end []byte) error {
	it, err := r.NewIter(sstable.NoTransforms, start, end, sstable.AssertNoBlobHandles)
	if err != nil {
		return err
	}
	for kv := it.First(); kv != nil; kv = it.Next() {
		if _, _, err := kv.Value(nil); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return errors.Join(it.Error(), it.Close())
}

// Excise drops everything between two keys at once and durably, without reading it: what is damaged is no longer met by
// compactions. Snapshots and iterators that are open must not be used there any more.
func (e *Engine) Excise(start, end []byte) error {
	return e.db.Excise(context.Background(), pebble.KeyRange{Start: start, End: end})
}
