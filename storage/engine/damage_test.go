package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// shardKey is a key of a shard's space.
func shardKey(shard uint32, i int) []byte {
	return fmt.Appendf(binary.BigEndian.AppendUint32(nil, shard), "%06d", i)
}

func shardSpan(shard uint32) (start, end []byte) {
	return shardKey(shard, 0)[:4], shardKey(shard+1, 0)[:4]
}

// TestDamagedBlock flips a bit in a block of one shard in a table that several share: reading it is an error, the damage is
// told, it is that shard's alone, and once its span is excised the rest can be read and compacted.
func TestDamagedBlock(t *testing.T) {
	const shards, each = 4, 2000
	dir := t.TempDir()
	e, err := Open(Options{Dir: dir})
	must(t, err)
	for s := range uint32(shards) {
		b := e.NewBatch()
		for i := range each {
			must(t, b.Set(shardKey(s+1, i), fmt.Appendf(nil, "value %d of %d, which is long enough for some blocks", i, s+1), nil))
		}
		must(t, e.Commit(b))
		must(t, b.Close())
	}
	must(t, e.DB().Flush())
	must(t, e.Close())

	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	data, err := os.ReadFile(tables[0])
	must(t, err)
	at := bytes.Index(data, []byte("value 1000 of 2"))
	if at < 0 {
		t.Fatal("the row is not in the table")
	}
	data[at] ^= 1
	must(t, os.WriteFile(tables[0], data, 0o600))

	var mu sync.Mutex
	var told []Damage
	e, err = Open(Options{Dir: dir, OnDamage: func(d Damage) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, d)
	}})
	must(t, err)
	defer e.Close()
	read := func(shard uint32) (n int, err error) {
		start, end := shardSpan(shard)
		it, err := e.DB().NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
		must(t, err)
		for it.First(); it.Valid(); it.Next() {
			n++
		}
		return n, errors.Join(it.Error(), it.Close())
	}
	if _, err := read(2); !IsDamage(err) {
		t.Fatalf("reading what is damaged: %v", err)
	}
	mu.Lock()
	if len(told) == 0 {
		t.Fatal("nobody was told")
	}
	d := told[0]
	mu.Unlock()
	for s := range uint32(shards + 1) {
		start, end := shardSpan(s)
		if met, err := e.Meets(d, start, end); err != nil || met != (s == 2) {
			t.Errorf("shard %d is met: %v, %v", s, met, err)
		}
	}
	start, end := shardSpan(2)
	must(t, e.Excise(start, end))
	must(t, e.DB().Compact(t.Context(), shardKey(0, 0), shardKey(9, 0), false))
	for s := range uint32(shards) {
		want := each
		if s+1 == 2 {
			want = 0
		}
		if n, err := read(s + 1); err != nil || n != want {
			t.Errorf("shard %d: %d rows, %v", s+1, n, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamageBelowDeletions: a block that cannot be read is the error of a compaction that drops deletions and what they delete. (Where
// these are single deletions, Pebble panics, and ends the process.)
func TestDamageBelowDeletions(t *testing.T) {
	const keys = 5000
	dir := t.TempDir()
	o := Options{Dir: dir, NoCompactions: true, Logger: slog.New(slog.DiscardHandler)}
	e, err := Open(o)
	must(t, err)
	compact := func() error { return e.DB().Compact(t.Context(), shardKey(0, 0), shardKey(9, 0), false) }
	write := func(fn func(b *pebble.Batch, key []byte) error) {
		b := e.NewBatch()
		for i := range keys {
			must(t, fn(b, shardKey(1, i)))
		}
		must(t, e.Commit(b))
		must(t, b.Close())
		must(t, e.DB().Flush())
	}
	write(func(b *pebble.Batch, key []byte) error { return b.Set(key, []byte("a value of some length"), nil) })
	must(t, compact())
	write(func(b *pebble.Batch, key []byte) error { return b.Delete(key, nil) })
	must(t, e.Close())
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	for _, table := range tables {
		intact, err := os.ReadFile(table)
		must(t, err)
		for at := 40 << 10; at < len(intact)-1000; at += 32 << 10 { // in all blocks but the first
			damaged := bytes.Clone(intact)
			damaged[at] ^= 1
			must(t, os.WriteFile(table, damaged, 0o600))
			e, err = Open(o)
			must(t, err)
			if err := errors.Join(compact(), e.Close()); !IsDamage(err) {
				t.Errorf("byte %d of %s: %v", at, table, err)
			}
		}
		must(t, os.WriteFile(table, intact, 0o600))
	}
}

// TestFlippedTables compacts tables with a flipped bit: that is an error, or nothing was lost. (The version that the raft log's store is
// made with takes a table for empty whose first block it cannot read: distributed/raft/tables.go.)
func TestFlippedTables(t *testing.T) {
	const rows = 900
	whole := filepath.Join(t.TempDir(), "whole")
	open := func(dir string) (*Engine, error) {
		return Open(Options{Dir: dir, NoCompactions: true, Logger: slog.New(slog.DiscardHandler)})
	}
	e, err := open(whole)
	must(t, err)
	for i := range rows {
		b := e.NewBatch()
		must(t, b.Set(shardKey(1, i), bytes.Repeat([]byte{byte(i), byte(i >> 3)}, 100), nil))
		must(t, e.Commit(b))
		must(t, b.Close())
		if i%300 == 299 {
			must(t, e.DB().Flush())
		}
	}
	must(t, e.Close())
	tables, err := filepath.Glob(filepath.Join(whole, "*.sst"))
	must(t, err)
	compacted := func(dir string) (n int, err error) {
		e, err := open(dir)
		if err != nil {
			return 0, err
		}
		err = e.DB().Compact(t.Context(), shardKey(0, 0), shardKey(9, 0), false)
		it, err2 := e.DB().NewIter(&pebble.IterOptions{LowerBound: shardKey(1, 0), UpperBound: shardKey(2, 0)})
		if err2 == nil {
			for it.First(); it.Valid(); it.Next() {
				n++
			}
			err2 = errors.Join(it.Error(), it.Close())
		}
		return n, errors.Join(err, err2, e.Close())
	}
	r, damaged := rand.New(rand.NewPCG(1, 8)), 0
	for i := range 60 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		must(t, os.CopyFS(dir, os.DirFS(whole)))
		name := filepath.Join(dir, filepath.Base(tables[r.IntN(len(tables))]))
		data, err := os.ReadFile(name)
		must(t, err)
		bit := r.IntN(len(data) * 8)
		data[bit/8] ^= 1 << (bit % 8)
		must(t, os.WriteFile(name, data, 0o600))
		n, err := compacted(dir)
		if n != rows && err == nil {
			t.Errorf("bit %d of %d: %d of %d rows, and no error", bit, len(data)*8, n, rows)
		}
		if err != nil {
			damaged++
		}
	}
	if damaged == 0 {
		t.Error("no flip was met")
	}
}
