package raft

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/record"
	"github.com/cockroachdb/pebble/vfs"
)

// openLog opens a log as its store does.
func openLog(name string) error {
	f, err := vfs.Default.Open(name)
	if err != nil {
		return err
	}
	return f.Close()
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSyncedTail: a log whose tail reads as zeros is damaged, marks or not, if any of it had been synced; one whose note is
// older, torn or not there is not.
func TestSyncedTail(t *testing.T) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 5))
		dir := t.TempDir()
		name, note := filepath.Join(dir, "000007.log"), filepath.Join(dir, syncedFile)
		f, err := vfs.Default.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w := record.NewLogWriter(f, 7)
		var contents, notes [][]byte
		var ends []int64
		for range 2 + r.IntN(10) {
			ends = append(ends, syncRecords(t, r, w))
			contents, notes = append(contents, readFile(t, name)), append(notes, readFile(t, note))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		contents, notes, ends = append(contents, readFile(t, name)), append(notes, readFile(t, note)), append(ends, ends[len(ends)-1])
		for range 30 {
			i := r.IntN(len(ends))
			writeFile(t, name, contents[i])
			writeFile(t, note, notes[i])
			if err := openLog(name); err != nil {
				t.Fatalf("seed %d, sync %d: an intact log: %v", seed, i, err)
			}
			at := r.Int64N(ends[i])
			zeroed := bytes.Clone(contents[i])
			clear(zeroed[at:])
			writeFile(t, name, zeroed)
			// What was written behind the place may have been zeros itself, of a chunk that is whole then.
			if end, _ := readable(zeroed, 7); end < ends[i] {
				if err := openLog(name); !errors.Is(err, ErrDamagedLog) {
					t.Fatalf("seed %d, sync %d: zeros from %d of %d: %v", seed, i, at, ends[i], err)
				}
			}
			writeFile(t, name, contents[i][:at])
			if err := openLog(name); !errors.Is(err, ErrDamagedLog) {
				t.Fatalf("seed %d, sync %d: cut at %d of %d: %v", seed, i, at, ends[i], err)
			}
			j := r.IntN(i + 1) // the note that a loss of power left
			writeFile(t, name, contents[i])
			writeFile(t, note, notes[j])
			if err := openLog(name); err != nil {
				t.Fatalf("seed %d, sync %d: with the note of sync %d: %v", seed, i, j, err)
			}
		}
	}
}

// TestSyncedSlots: a torn slot leaves the older one, and no content makes it more than nothing.
func TestSyncedSlots(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, syncedFile)
	var puts []syncedEnd
	for log := uint64(1); log < 4; log++ {
		note, err := openSynced(dir)
		if err != nil {
			t.Fatal(err)
		}
		for end := range int64(5) {
			s := syncedEnd{log << 33, 100 * (1 + end)}
			puts = append(puts, s)
			if err := note.put(s); err != nil {
				t.Fatal(err)
			}
			if got, err := readSynced(dir); got != s || err != nil {
				t.Fatalf("%v, %v, want %v", got, err, s)
			}
			if len(puts) < 2 {
				continue
			}
			whole := readFile(t, name)
			for i := range syncedSlot {
				torn := bytes.Clone(whole)
				torn[(1-note.slot)*sector+i] ^= 0x40
				writeFile(t, name, torn)
				if got, err := readSynced(dir); got != puts[len(puts)-2] || err != nil {
					t.Fatalf("torn at %d: %v, %v, want %v", i, got, err, puts[len(puts)-2])
				}
			}
			writeFile(t, name, whole)
		}
		if err := note.f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, data := range [][]byte{nil, {1}, make([]byte, syncedSize), bytes.Repeat([]byte{0xff}, 4*sector)} {
		writeFile(t, name, data)
		if got, err := readSynced(dir); got != (syncedEnd{}) || err != nil {
			t.Errorf("%d bytes: %v, %v", len(data), got, err)
		}
	}
}

// TestSyncedStore goes through openings, rotations, flushes and files that are used again: a copy of the store's directory as a kill
// leaves it has all that was acknowledged, and one whose last log lacks its tail, or is missing, is damaged.
func TestSyncedStore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	dir, rows := filepath.Join(t.TempDir(), "store"), 0
	check := func(when string) {
		t.Helper()
		checkKilled(t, dir, rows, when)
	}
	for range 6 {
		db, err := pebble.Open(dir, &pebble.Options{MemTableSize: 64 << 10, DisableAutomaticCompactions: true, Logger: silent{}})
		if err != nil {
			t.Fatal(err)
		}
		put := func(n int) {
			for range n {
				value := bytes.Repeat([]byte{1}, 1+r.IntN(4000))
				if err := db.Set(fmt.Appendf(nil, "%06d", rows), value, pebble.Sync); err != nil {
					t.Fatal(err)
				}
				rows++
			}
		}
		check("just opened")
		put(5)
		check("in the first log")
		put(60) // through several logs
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
		check("just flushed")
		put(1 + r.IntN(5))
		check("behind a flush")
		if r.IntN(2) == 0 {
			put(20)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		check("closed")
	}
}

// checkKilled looks at a copy of a store.
func checkKilled(t *testing.T, dir string, rows int, when string) {
	t.Helper()
	killed := filepath.Join(t.TempDir(), "killed")
	entries, err := os.ReadDir(dir)
	if err := errors.Join(err, os.Mkdir(killed, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // obsolete
		}
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(killed, e.Name()), data)
	}
	if err := checkSynced(killed); err != nil {
		t.Errorf("%s, %d rows: %v", when, rows, err)
	}
	read := func() (n int, err error) {
		err = readStore(killed, "", func(db *pebble.DB) error {
			it := db.NewIter(nil)
			for it.First(); it.Valid(); it.Next() {
				n++
			}
			return errors.Join(it.Error(), it.Close())
		})
		return n, err
	}
	if n, err := read(); n != rows || err != nil {
		t.Errorf("%s: %d of %d rows: %v", when, n, rows, err)
	}
	s, err := readSynced(killed)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(killed, fmt.Sprintf("%06d.log", s.log))
	names, err := filepath.Glob(filepath.Join(killed, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(names) != name {
		return // nothing has been synced to the last one yet
	}
	data := readFile(t, name)
	clear(data[s.end/2:])
	writeFile(t, name, data)
	if _, err := read(); !errors.Is(err, ErrDamagedLog) {
		t.Errorf("%s, zeros from %d of %d: %v", when, s.end/2, s.end, err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := checkSynced(killed); !errors.Is(err, ErrDamagedLog) {
		t.Errorf("%s, without its last log: %v", when, err)
	}
}
