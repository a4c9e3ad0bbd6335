package main

import "testing"

// TestGarbagePercent shows how much garbage is let stand for a heap, by what of it is the block cache.
func TestGarbagePercent(t *testing.T) {
	for _, c := range []struct {
		live, cached int64
		want         int
	}{
		{0, 0, 200},       // before the first collection
		{0, 100, 200},     // which has not seen the cache yet
		{100, 0, 200},     // nothing is cached
		{100, 50, 125},    // half of it is
		{100, 100, 50},    // all
		{100, 1000, 50},   // the cache has grown since the last collection
		{4 << 40, 0, 200}, // no overflow
	} {
		if got := garbagePercent(c.live, c.cached); got != c.want {
			t.Errorf("garbagePercent(%d, %d) = %d, want %d", c.live, c.cached, got, c.want)
		}
	}
}
