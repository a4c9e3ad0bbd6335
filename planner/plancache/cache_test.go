package plancache

import "testing"

func TestCacheBounded(t *testing.T) {
	c := New[int](64, nil)
	for i := range 10000 {
		key := []byte{byte(i), byte(i >> 8)}
		c.Put(key, i, 0)
		if got, ok := c.Get(key); !ok || got != i {
			t.Fatalf("key %d: got %d, %v right after Put", i, got, ok)
		}
	}
	n := 0
	for i := range c.parts {
		n += len(c.parts[i].entries)
	}
	if n == 0 || n > 64+parts {
		t.Fatalf("%d entries in a cache of 64", n)
	}
}
