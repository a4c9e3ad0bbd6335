package raft

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/record"
	"github.com/cockroachdb/pebble/vfs"

	"cloudsql/storage/engine"
)

// walHistory is a write-ahead file as it was on the disk after each of its syncs.
type walHistory struct {
	log      uint32
	ends     []int64  // of the data
	contents [][]byte // as a kill leaves them: with the mark that was put after the sync
}

// writeWAL has the store's own writer write a file, with a sync after every few records.
func writeWAL(t *testing.T, r *rand.Rand, syncs int, closeIt bool) *walHistory {
	t.Helper()
	fs, dir := vfs.Default, t.TempDir()
	name := filepath.Join(dir, "000007.log")
	h := &walHistory{log: 7}
	var f vfs.File
	var err error
	if r.IntN(2) == 0 { // a file that is used again
		old := writeWALFile(t, r, filepath.Join(dir, "000003.log"), 3, 1+r.IntN(6))
		f, err = fs.ReuseForWrite(old, name)
	} else {
		f, err = fs.Create(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := record.NewLogWriter(f, 7)
	for range syncs {
		end := syncRecords(t, r, w)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		h.ends, h.contents = append(h.ends, end), append(h.contents, data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if closeIt {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		h.ends, h.contents = append(h.ends, h.ends[len(h.ends)-1]), append(h.contents, data)
	}
	return h
}

func writeWALFile(t *testing.T, r *rand.Rand, name string, log uint32, syncs int) string {
	t.Helper()
	f, err := vfs.Default.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := record.NewLogWriter(f, 3)
	for range syncs {
		syncRecords(t, r, w)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// syncRecords writes some records, as the workers of dragonboat do at a time, and waits until they are synced.
func syncRecords(t *testing.T, r *rand.Rand, w *record.LogWriter) (end int64) {
	t.Helper()
	var wg sync.WaitGroup
	n := 1 + r.IntN(4)
	errs := make([]error, n)
	for i := range n {
		size := 1 + r.IntN(600)
		if r.IntN(6) == 0 {
			size = 1 + r.IntN(100_000)
		}
		p := make([]byte, size)
		for j := range p {
			p[j] = byte(r.Uint32())
		}
		if r.IntN(3) == 0 {
			clear(p) // rows may well be zeros
		}
		wg.Add(1)
		var err error
		if end, err = w.SyncRecord(p, &wg, &errs[i]); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return end
}

// unsyncedMark gives the content with the mark as it was while the sync was under way.
func (h *walHistory) unsyncedMark(i int) []byte {
	data := bytes.Clone(h.contents[i])
	synced := int64(0)
	if i > 0 {
		synced = h.ends[i-1]
	}
	copy(data[markAt(h.ends[i]):], appendMark(nil, h.log, h.ends[i], synced))
	return data
}

// powerLoss makes what is there when the power fails during the sync after the i-th: of what it wrote, any sectors.
func (h *walHistory) powerLoss(r *rand.Rand, i int) []byte {
	before := h.contents[i]
	if r.IntN(2) == 0 {
		before = h.unsyncedMark(i) // the mark after a sync is not synced
	}
	after := h.unsyncedMark(i + 1)
	out := bytes.Clone(after)
	chance := r.IntN(101)
	for at := 0; at < len(out); at += sector {
		end := min(at+sector, len(out))
		switch {
		case r.IntN(100) < chance:
		case at < len(before):
			clear(out[at:end])
			copy(out[at:end], before[at:min(end, len(before))])
		default:
			clear(out[at:end]) // it grew
		}
	}
	return out
}

// TestWALAfterPowerLoss: what a loss of power leaves is never damage, and all that was synced can be read.
func TestWALAfterPowerLoss(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := writeWAL(t, r, 2+r.IntN(12), false)
		for range 30 {
			i := r.IntN(len(h.ends) - 1)
			data := h.powerLoss(r, i)
			if err := checkLog(data, h.log, false); err != nil {
				t.Fatalf("seed %d, after sync %d of %d (%d bytes): %v", seed, i, len(h.ends), h.ends[i], err)
			}
			if end, _ := readable(data, h.log); end < h.ends[i] {
				t.Fatalf("seed %d, after sync %d: readable to %d of %d", seed, i, end, h.ends[i])
			}
		}
	}
}

// TestWALFlippedBit: a bit that has flipped in what was synced is found, whatever the file's end looks like.
func TestWALFlippedBit(t *testing.T) {
	found, harmless := 0, 0
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		h := writeWAL(t, r, 2+r.IntN(12), r.IntN(4) == 0)
		for range 30 {
			i := r.IntN(len(h.ends))
			data := bytes.Clone(h.contents[i])
			synced := h.ends[i]
			if i+1 < len(h.ends) && r.IntN(2) == 0 { // power fails with the next sync, whose mark is there
				next := h.powerLoss(r, i)
				at := markAt(h.ends[i+1])
				full := h.unsyncedMark(i + 1)
				if at+markSize <= int64(len(next)) && bytes.Equal(next[at:at+markSize], full[at:at+markSize]) {
					data = next
				}
			}
			whole, _ := readable(data, h.log)
			at := r.Int64N(synced)
			data[at] ^= 1 << r.IntN(8)
			err := checkLog(data, h.log, false)
			end, _ := readable(data, h.log)
			switch {
			case errors.Is(err, ErrDamagedLog):
				found++
			case end == whole: // in the padding of a block
				harmless++
			default:
				t.Fatalf("seed %d: byte %d of %d synced bytes damaged, readable to %d, and not found", seed, at, synced, end)
			}
		}
	}
	t.Logf("%d found, %d harmless", found, harmless)
	if harmless > found/100 {
		t.Error("too many are harmless")
	}
}

// TestWALWithoutMarks: what a version wrote that left no marks is damaged if more follows than can have been under way.
func TestWALWithoutMarks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	h := writeWAL(t, r, 60, false)
	last := len(h.ends) - 1
	data := bytes.Clone(h.contents[last])
	clear(data[markAt(h.ends[last]) : markAt(h.ends[last])+markSize])
	if err := checkLog(data, h.log, false); err != nil {
		t.Errorf("a whole log: %v", err)
	}
	data[h.ends[2]-1] ^= 1
	if err := checkLog(data, h.log, false); !errors.Is(err, ErrDamagedLog) {
		t.Errorf("a flipped bit far from the end: %v", err)
	}
}

// TestWALFollowed: a file that was continued in another one must be whole to its end.
func TestWALFollowed(t *testing.T) {
	h := writeWAL(t, rand.New(rand.NewPCG(1, 4)), 5, true)
	closed := h.contents[len(h.contents)-1]
	if err := checkLog(closed, h.log, true); err != nil {
		t.Errorf("closed: %v", err)
	}
	if err := checkLog(h.contents[1], h.log, true); !errors.Is(err, ErrDamagedLog) {
		t.Errorf("cut off: %v", err)
	}
}

// FuzzCheckLog: no content makes it panic.
func FuzzCheckLog(f *testing.F) {
	f.Add([]byte{}, uint32(7))
	f.Add(appendMark(nil, 7, 0, 0), uint32(7))
	f.Add(bytes.Repeat([]byte{5}, 100), uint32(0x05050505))
	f.Fuzz(func(_ *testing.T, data []byte, log uint32) {
		_ = checkLog(data, log, false)
		_ = engine.CheckList("MANIFEST-000001", data, nil)
	})
}
