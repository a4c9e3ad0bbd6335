package mvcc

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// BenchmarkScanOfHotRows scans a hundred rows behind some seconds of updates, of which three quarters go to one row in a hundred, as
// sysbench's do: 25,000 rows, history of as many updates, and behind it what was removed and is not flushed or compacted yet.
func BenchmarkScanOfHotRows(b *testing.B) {
	for _, history := range []int{0, 500, 2500, 5000, 25000} {
		b.Run(fmt.Sprint(history), func(b *testing.B) { scanHotRows(b, history) })
	}
}

const hotRows = 25000

func hotKey(n int) []byte { return binary.BigEndian.AppendUint64([]byte("table/index/"), uint64(n)) }

func hotRow(r *rand.Rand) int {
	if r.IntN(4) == 0 {
		return r.IntN(hotRows)
	}
	return hotRows/2 + r.IntN(hotRows/100)
}

func scanHotRows(b *testing.B, history int) {
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), FormatMajorVersion: pebble.FormatNewest, MemTableSize: 16 << 20, L0CompactionThreshold: 2, CacheSize: 64 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(1, 2))
	value := AppendPut(nil, make([]byte, 190))
	newest := make([]Timestamp, hotRows)
	for i := range newest {
		newest[i] = 1
		check(b, db.Set(AppendVersion(hotKey(i), 1), value, pebble.NoSync))
	}
	check(b, db.Compact(b.Context(), []byte("a"), []byte("z"), false))
	type old struct {
		row int
		ts  Timestamp
	}
	var olds []old
	removed := 0
	for i := range 3 * history {
		ts, n := Timestamp(i+2), hotRow(r)
		check(b, db.Set(AppendVersion(hotKey(n), ts), value, pebble.NoSync))
		olds = append(olds, old{n, newest[n]})
		newest[n] = ts
		if i < history {
			continue
		}
		o := olds[0]
		olds = olds[1:]
		check(b, db.Delete(AppendVersion(hotKey(o.row), o.ts), pebble.NoSync))
		if removed++; removed%4000 == 0 {
			check(b, db.Flush())
		}
	}
	for db.Metrics().Compact.NumInProgress > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	var it Iterator
	end := hotKey(1 << 40)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ResetTimer()
	began := threadTime()
	for range b.N {
		check(b, it.Open(db, hotKey(0), end, 0))
		n := 0
		for ok := it.SeekGE(hotKey(min(hotRow(r), hotRows-100))); ok && n < 100; ok = it.Next() {
			n++
		}
		if n != 100 || it.Err() != nil {
			b.Fatal(n, it.Err())
		}
		check(b, it.Close())
	}
	b.ReportMetric(float64(threadTime()-began)/float64(b.N), "cpu-ns/op")
}

// threadTime is the processor time of this thread in ns: other work on the machine does not count.
func threadTime() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// BenchmarkGetsInARow gets every stride-th of the rows, in their order; between two rows there are removed ones, as many as crowd says.
func BenchmarkGetsInARow(b *testing.B) {
	for _, tc := range []struct{ stride, crowd int }{{1, 0}, {3, 0}, {10, 0}, {1, 100}} {
		b.Run(fmt.Sprintf("stride %d crowd %d", tc.stride, tc.crowd), func(b *testing.B) {
			db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), FormatMajorVersion: pebble.FormatNewest, MemTableSize: 64 << 20})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			value := AppendPut(nil, make([]byte, 190))
			const rows = 2000
			for i := range rows {
				check(b, db.Set(AppendVersion(hotKey(i*(tc.crowd+1)), 1), value, pebble.NoSync))
			}
			check(b, db.Flush())
			for i := range rows {
				for j := range tc.crowd {
					check(b, db.Delete(AppendVersion(hotKey(i*(tc.crowd+1)+j+1), 1), pebble.NoSync))
				}
			}
			var it Iterator
			check(b, it.Open(db, nil, nil, 0))
			defer it.Close()
			i := 0
			for b.Loop() {
				if v, err := it.Get(hotKey(i * (tc.crowd + 1))); err != nil || !v.Live() {
					b.Fatal(i, err)
				}
				i = (i + tc.stride) % rows
			}
		})
	}
}
