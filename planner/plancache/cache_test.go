package plancache

import (
	"testing"
	"time"

	"cloudsql/storage/memory"
)

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

// A cache that fills the node's memory is told to clear itself while it puts an entry in.
func TestClearedWhileItGrows(t *testing.T) {
	process := memory.NewProcess(1 << 20)
	c := New[int](1<<20, process.NewStore("plans", 0))
	process.OnPressure(c.Clear)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			c.Put([]byte{byte(i), byte(i >> 8)}, i, 1<<10)
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the cache waits for itself")
	}
	if used := process.Used(); used > 1<<20 {
		t.Errorf("%d bytes in use of %d", used, 1<<20)
	}
}
