package mvcc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func openStore(t testing.TB) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func set(t testing.TB, db *pebble.DB, key string, ts Timestamp, value []byte) {
	t.Helper()
	if err := db.Set(AppendVersion([]byte(key), ts), value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
}

// TestScripts runs testdata/scripts:
//
//	put | delete   lines "key ts [value]"
//	get at=N       lines "key"
//	scan at=N [reverse] [from=K] [to=K]
//	collect watermark=N [keys=(…)]      all keys unless some are named
//	dump
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		db := openStore(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			at := Timestamp(0)
			d.MaybeScanArgs(t, "at", (*uint64)(&at))
			switch d.Cmd {
			case "put", "delete":
				for line := range strings.Lines(d.Input) {
					f := strings.Fields(line)
					ts, err := strconv.ParseUint(f[1], 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					value := AppendDelete(nil)
					if d.Cmd == "put" {
						value = AppendPut(nil, []byte(f[2]))
					}
					set(t, db, f[0], Timestamp(ts), value)
				}
			case "get":
				withIterator(t, db, nil, nil, at, func(it *Iterator) {
					for key := range strings.Lines(d.Input) {
						v, err := it.Get([]byte(strings.TrimSpace(key)))
						fmt.Fprintf(&out, "ts=%d live=%v %s %v\n", uint64(v.TS), v.Live(), v.Value, err)
					}
				})
			case "scan":
				var from, to string
				d.MaybeScanArgs(t, "from", &from)
				d.MaybeScanArgs(t, "to", &to)
				for _, kv := range scan(t, db, from, to, at, d.HasArg("reverse")) {
					out.WriteString(kv + "\n")
				}
			case "collect":
				var watermark uint64
				d.ScanArgs(t, "watermark", &watermark)
				var keys []string
				if a, ok := d.Arg("keys"); ok {
					keys = a.Vals
				}
				fmt.Fprintf(&out, "removed %d\n", collect(t, db, Timestamp(watermark), keys))
			case "dump":
				out.WriteString(dump(t, db))
			}
			return out.String()
		})
	})
}

func withIterator(t testing.TB, db *pebble.DB, lower, upper []byte, at Timestamp, fn func(*Iterator)) {
	t.Helper()
	var it Iterator
	if err := it.Open(db, lower, upper, at); err != nil {
		t.Fatal(err)
	}
	fn(&it)
	if err := errors.Join(it.Err(), it.Close()); err != nil {
		t.Fatal(err)
	}
}

func scan(t testing.TB, db *pebble.DB, from, to string, at Timestamp, reverse bool) (out []string) {
	var lower, upper []byte
	if from != "" {
		lower = []byte(from)
	}
	if to != "" {
		upper = []byte(to)
	}
	withIterator(t, db, lower, upper, at, func(it *Iterator) {
		show := func() { out = append(out, fmt.Sprintf("%s@%d=%s", it.Key(), uint64(it.TS()), it.Value())) }
		if reverse {
			for ok := it.SeekLT(nil); ok; ok = it.Prev() {
				show()
			}
			return
		}
		for ok := it.SeekGE(nil); ok; ok = it.Next() {
			show()
		}
	})
	return out
}

func collect(t testing.TB, db *pebble.DB, watermark Timestamp, keys []string) (removed int) {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	c := Collector{It: it, Watermark: watermark, Remove: func(key []byte) error { return b.Delete(key, nil) }}
	if keys == nil {
		for live := it.First(); live; {
			n, next, err := c.CollectHere()
			if err != nil {
				t.Fatal(err)
			}
			removed, live = removed+n, next
		}
	}
	for _, key := range keys {
		n, err := c.Collect([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	if err := errors.Join(it.Close(), b.Commit(pebble.NoSync)); err != nil {
		t.Fatal(err)
	}
	return removed
}

func dump(t testing.TB, db *pebble.DB) string {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for it.First(); it.Valid(); it.Next() {
		key, ts, _ := SplitVersion(it.Key())
		v, err := ParseVersion(ts, it.Value())
		if err != nil {
			t.Fatal(err)
		}
		if v.Deleted {
			fmt.Fprintf(&out, "%s@%d gone\n", key, uint64(ts))
		} else {
			fmt.Fprintf(&out, "%s@%d=%s\n", key, uint64(ts), v.Value)
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestAgainstHistory writes versions at random, some keys with very many, and compares reads at every timestamp, in
// both directions, before and after collection, with what was written.
func TestAgainstHistory(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 0))
		db := openStore(t)
		now := map[string]string{}
		history := []map[string]string{{}}
		for ts := Timestamp(1); ts <= 200; ts++ {
			key := fmt.Sprintf("key%02d.", rng.IntN(12))
			if rng.IntN(3) == 0 {
				key = "key05." // far more versions than steps are taken
			}
			if rng.IntN(4) == 0 {
				set(t, db, key, ts, AppendDelete(nil))
				delete(now, key)
			} else {
				value := fmt.Sprint("v", ts)
				set(t, db, key, ts, AppendPut(nil, []byte(value)))
				now[key] = fmt.Sprintf("%s@%d=%s", key, ts, value)
			}
			past := map[string]string{}
			for k, v := range now {
				past[k] = v
			}
			history = append(history, past)
			if ts%70 == 0 {
				if err := db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		check := func(from int) {
			t.Helper()
			for at := max(from, 1); at < len(history); at++ {
				want := []string{}
				for _, v := range history[at] {
					want = append(want, v)
				}
				slices.Sort(want)
				if got := scan(t, db, "", "", Timestamp(at), false); !slices.Equal(got, want) {
					t.Fatalf("at %d: %q, want %q", at, got, want)
				}
				slices.Reverse(want)
				if got := scan(t, db, "", "", Timestamp(at), true); !slices.Equal(got, want) {
					t.Fatalf("at %d, reverse: %q, want %q", at, got, want)
				}
			}
		}
		check(1)
		for _, watermark := range []int{50, 51, 120, 200} {
			if collect(t, db, Timestamp(watermark), nil) == 0 && watermark != 51 {
				t.Error("nothing was collected")
			}
			check(watermark)
		}
		if versions := strings.Count(dump(t, db), "\n"); versions != len(now) {
			t.Errorf("%d versions are left of %d keys", versions, len(now))
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add([]byte("key"), []byte{1, 2})
	f.Add([]byte("12345678"), []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if bare, ts, ok := SplitVersion(key); ok && !bytes.Equal(AppendVersion(bare, ts), key) {
			t.Errorf("%x does not come back", key)
		}
		v, err := ParseVersion(1, value)
		if err == nil && v.Live() && !bytes.Equal(AppendPut(nil, v.Value), value) {
			t.Errorf("%x does not come back", value)
		}
	})
}

// Gets of one iterator, in runs of neighbours and of keys further and further apart, find what a fresh one does for each.
func TestGetsInARow(t *testing.T) {
	db := openStore(t)
	r := rand.New(rand.NewPCG(3, 4))
	const most = 300
	key := func(n int) string { return fmt.Sprintf("k%03d", n) }
	for n := range most {
		for range r.IntN(4) * r.IntN(4) {
			ts := Timestamp(1 + r.IntN(50))
			if r.IntN(5) == 0 {
				set(t, db, key(n), ts, AppendDelete(nil))
			} else {
				set(t, db, key(n), ts, AppendPut(nil, fmt.Append(nil, n, ts)))
			}
		}
	}
	for range 200 {
		at := Timestamp(r.IntN(60))
		withIterator(t, db, nil, nil, at, func(it *Iterator) {
			n, stride := r.IntN(most), 1+r.IntN(12)
			for range 60 {
				if n += r.IntN(stride + 1); n >= most || r.IntN(20) == 0 {
					n, stride = r.IntN(most), 1+r.IntN(12)
				}
				got, err := it.Get([]byte(key(n)))
				if err != nil {
					t.Fatal(err)
				}
				withIterator(t, db, nil, nil, at, func(fresh *Iterator) {
					if want, err := fresh.Get([]byte(key(n))); err != nil || want.TS != got.TS || want.Live() != got.Live() || !bytes.Equal(want.Value, got.Value) {
						t.Fatalf("%s at %d: %+v, want %+v, %v", key(n), at, got, want, err)
					}
				})
			}
		})
	}
}
