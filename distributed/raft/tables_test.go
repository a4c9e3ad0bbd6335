package raft

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble"

	"cloudsql/storage/schema"
)

// countRows reads a whole store.
func countRows(db *pebble.DB) (n int, err error) {
	it := db.NewIter(nil)
	for it.First(); it.Valid(); it.Next() {
		n++
	}
	return n, errors.Join(it.Error(), it.Close())
}

// TestFlippedTable compacts tables with a flipped bit: the rows are all there, or the damage was told.
func TestFlippedTable(t *testing.T) {
	const rows = 300
	opts := func() *pebble.Options {
		return &pebble.Options{Logger: silent{}, DisableAutomaticCompactions: true, FormatMajorVersion: pebble.FormatNewest}
	}
	whole := filepath.Join(t.TempDir(), "whole")
	db, err := pebble.Open(whole, opts())
	for i := range rows {
		err = errors.Join(err, db.Set(fmt.Appendf(nil, "%06d", i), bytes.Repeat([]byte{byte(i), byte(i >> 3)}, 100), pebble.NoSync))
		if i%100 == 99 {
			err = errors.Join(err, db.Flush())
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(whole, "*.sst"))
	if err != nil || len(tables) < 3 {
		t.Fatal(tables, err)
	}
	told := make(chan error, 1000) // compactions run beside the test
	saved := tableDamaged
	tableDamaged = func(err error) { told <- err }
	t.Cleanup(func() { tableDamaged = saved })
	r := rand.New(rand.NewPCG(1, 8))
	lost := 0
	for i := range 100 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.Base(tables[r.IntN(len(tables))]))
		data := readFile(t, name)
		bit := r.IntN(len(data) * 8)
		data[bit/8] ^= 1 << (bit % 8)
		writeFile(t, name, data)
		n, err := compacted(dir, opts())
		if n == rows || err != nil {
			for len(told) > 0 {
				<-told
			}
			continue
		}
		if lost++; len(told) == 0 {
			t.Errorf("bit %d of %d: %d of %d rows, and nothing was told", bit, len(data)*8, n, rows)
		}
		for len(told) > 0 {
			<-told
		}
	}
	if lost == 0 {
		t.Log("the store loses nothing in silence any more: this file is needed no longer")
	}
}

func compacted(dir string, opts *pebble.Options) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return 0, err
	}
	err = db.Compact([]byte{0}, []byte{255}, false)
	n, err2 := countRows(db)
	return n, errors.Join(err, err2, db.Close())
}

// TestFlippedList flips each bit of the lists of a log's files: it is damaged, or has all its entries. So is one whose first entries are gone.
func TestFlippedList(t *testing.T) {
	r := &ring{t: t, book: map[schema.NodeID]string{}}
	m := &member{id: 1, dir: t.TempDir(), state: &logState{}}
	key, dir := Key{testShard, ReplicaID(m.id, 1)}, filepath.Join(t.TempDir(), "killed")
	for start, c := range []StartConfig{{Members: []uint64{key.Replica}}, {}} {
		r.open(m, nil)
		m.start(t, c)
		for n := range uint64(10) {
			m.propose(t, 1+uint64(start)*10+n)
		}
		if start == 1 { // as a kill leaves it: a table, and a log that goes on
			if err := os.CopyFS(dir, os.DirFS(m.dir)); err != nil {
				t.Fatal(err)
			}
		}
		m.close()
	}
	entries := func() (n int, err error) {
		if err := checkDirectory(&Config{Dir: dir}); err != nil {
			return 0, err
		}
		_, err = ReadLog(dir, "", key, 0, 1<<60, func(LogEntry) error { n++; return nil })
		return n, err
	}
	all, err := entries()
	if err != nil || all < 20 {
		t.Fatal(all, err)
	}
	lists, err := filepath.Glob(filepath.Join(dir, "*", "*", "logdb-0", "MANIFEST-0*"))
	if err != nil || len(lists) == 0 {
		t.Fatal(lists, err)
	}
	for _, name := range lists {
		data := readFile(t, name)
		for bit := range len(data) * 8 {
			data[bit/8] ^= 1 << (bit % 8)
			writeFile(t, name, data)
			if n, err := entries(); n != all && !errors.Is(err, ErrDamagedLog) {
				t.Errorf("bit %d of %s: %d of %d entries: %v", bit, filepath.Base(name), n, all, err)
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
		writeFile(t, name, data)
	}
	db, err := pebble.Open(filepath.Dir(lists[0]), &pebble.Options{Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	from := recordKey(recordEntry, key)
	if err := errors.Join(db.DeleteRange(from, append(bytes.Clone(from), 0, 0, 0, 0, 0, 0, 0, 3), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := entries(); !errors.Is(err, ErrDamagedLog) {
		t.Errorf("a log without its first entries: %v", err)
	}
}
