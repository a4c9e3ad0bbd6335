package shard

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Items that are set and taken away mostly behind all others, as rows are loaded, are those of a map.
func TestWorkspaceItems(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var a arena
		items := workspaceItems{arena: &a}
		want := map[string]string{}
		last := 0
		for step := range 400 {
			n := r.IntN(last + 2)
			if r.IntN(3) > 0 {
				n = last + r.IntN(3)
			}
			last = max(last, n)
			key := fmt.Appendf(nil, "shrdtabl%s%05d", "idx"[:r.IntN(2)], n)
			had, known := want[string(key)]
			if got, ok := items.Get(key); ok != known || string(got.payload) != had {
				t.Fatalf("seed %d, step %d: %s is %q, %v, want %q, %v", seed, step, key, got.payload, ok, had, known)
			}
			var before recordAt
			switch value := fmt.Append(nil, step); {
			case r.IntN(4) == 0:
				before = items.Delete(key)
				delete(want, string(key))
			case !known && r.IntN(3) == 0:
				items.Append(a.add(key, workspaceItem{payload: value}))
				want[string(key)] = string(value)
			default:
				before = items.Set(key, a.add(key, workspaceItem{payload: value}))
				want[string(key)] = string(value)
			}
			if before != 0 && string(a.item(before).payload) != had {
				t.Fatalf("seed %d, step %d: before %s was %q, want %q", seed, step, key, a.item(before).payload, had)
			}
			if r.IntN(100) == 0 {
				for key := range want { // all go, and some come again
					items.Delete([]byte(key))
				}
				clear(want)
			}
		}
		keys := slices.Sorted(maps.Keys(want))
		items.Scan(func(key []byte, item workspaceItem) bool {
			if len(keys) == 0 || !bytes.Equal(key, []byte(keys[0])) || string(item.payload) != want[keys[0]] {
				t.Fatalf("seed %d: %s %q, want %v", seed, key, item.payload, keys[:min(1, len(keys))])
			}
			keys = keys[1:]
			return true
		})
		if len(keys) > 0 {
			t.Fatalf("seed %d: without %q", seed, keys)
		}
	}
}
