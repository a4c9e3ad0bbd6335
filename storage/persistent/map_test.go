package persistent

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// version is a map as it stands, and as it should.
type version struct {
	m    *Map[int, int]
	want map[int]int
}

func (v version) check(t *testing.T) {
	t.Helper()
	if v.m.Len() != len(v.want) || !maps.Equal(maps.Collect(v.m.All()), v.want) {
		t.Fatalf("%d keys instead of %d, or others", v.m.Len(), len(v.want))
	}
	keys := slices.Sorted(maps.Keys(v.want))
	if k, value, ok := v.m.First(); ok != (len(keys) > 0) || ok && (k != keys[0] || value != v.want[k]) {
		t.Fatalf("the first is %d", k)
	}
	if !slices.Equal(v.m.Keys(), keys) {
		t.Fatal("the keys are not in order")
	}
	for i, value := range v.m.Values() {
		if value != v.want[keys[i]] {
			t.Fatalf("value %d of key %d", value, keys[i])
		}
	}
}

// TestVersionsStay: a tree of clones of clones, each changed at random, each of which has what a plain map has after the same changes,
// also after those made since to what it was cloned from and to what was cloned from it.
func TestVersionsStay(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		all := []version{{New[int, int](), map[int]int{}}}
		for range 60 {
			from := all[rng.IntN(len(all))]
			if rng.IntN(3) > 0 {
				from = version{from.m.Clone(), maps.Clone(from.want)}
				all = append(all, from)
			}
			space := 1 + rng.IntN(5000)
			for range rng.IntN(2000) {
				k := rng.IntN(space)
				if rng.IntN(5) < 2 {
					from.m.Delete(k)
					delete(from.want, k)
					continue
				}
				v := rng.Int()
				from.m.Set(k, v)
				from.want[k] = v
			}
			k := rng.IntN(space)
			value, ok := from.m.Get(k)
			if want, is := from.want[k]; ok != is || value != want {
				t.Fatalf("key %d: %d, %v", k, value, ok)
			}
		}
		for _, v := range all {
			v.check(t)
			first := rng.IntN(5000)
			var from []int
			for k := range v.m.From(first) {
				from = append(from, k)
			}
			keys := v.m.Keys()
			if at, _ := slices.BinarySearch(keys, first); !slices.Equal(from, keys[at:]) {
				t.Fatalf("%d keys from %d", len(from), first)
			}
		}
	}
}

// TestNil: a map that is not there is empty.
func TestNil(t *testing.T) {
	var m *Map[string, int]
	if _, ok := m.Get("a"); ok || m.Len() != 0 || m.Keys() != nil || m.Values() != nil || m.Clone().Len() != 0 {
		t.Error("not empty")
	}
	if _, _, ok := m.First(); ok {
		t.Error("a first key")
	}
	for range m.All() {
		t.Error("a key")
	}
	for range m.From("") {
		t.Error("a key")
	}
}

// TestReadersAndCloners use one map at once; the race detector looks on.
func TestReadersAndCloners(t *testing.T) {
	m := New[int, int]()
	for k := range 1000 {
		m.Set(k, k)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for k := range 1000 {
				c := m.Clone()
				c.Set(k, -g)
				c.Delete(k + 1)
				if v, _ := m.Get(k); v != k {
					t.Errorf("key %d has %d", k, v)
				}
			}
		})
	}
	wg.Wait()
}
