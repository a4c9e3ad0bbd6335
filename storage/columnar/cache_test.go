package columnar

import (
	"runtime"
	"testing"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// blockOf makes a block of one column in the space.
func blockOf(t *testing.T, space *Space, rows int) *Block {
	t.Helper()
	b := NewBuilder(space, 1)
	for i := range rows {
		if _, err := b.Add(key(i), []types.Value{types.Int(int64(i) * 1_000_000_007)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Blocks[0]
}

func read(t *testing.T, b *Block) *Column {
	t.Helper()
	c, err := b.Column(0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kept tells whether a page that is read twice is decoded once.
func kept(t *testing.T, b *Block) bool {
	t.Helper()
	first, second := read(t, b), read(t, b)
	return first == second
}

// TestCacheIsCharged: what is kept of decoded pages is charged, within the cache's bound and what the account has room for, and none of it that
// would take most of the cache.
func TestCacheIsCharged(t *testing.T) {
	space := &Space{CacheBytes: 8000, Open: func() (File, error) { return &memoryFile{}, nil }}
	space.Memory = memory.NewProcess(1<<20).NewStore("columnar copies", 0)
	blocks := []*Block{blockOf(t, space, 200), blockOf(t, space, 200), blockOf(t, space, 200), blockOf(t, space, 200), blockOf(t, space, 200), blockOf(t, space, 200)}
	for i, want := range []int64{1600, 3200, 4800, 6400, 8000, 8000} {
		read(t, blocks[i])
		if got := space.Memory.Used(); got != want {
			t.Errorf("%d bytes are charged for %d pages, not %d", got, i+1, want)
		}
	}
	if !kept(t, blocks[5]) || read(t, blocks[0]) == nil {
		t.Error("a page is decoded twice")
	}
	large := blockOf(t, space, 300)
	if kept(t, large) {
		t.Error("a page of more than a quarter of the cache is kept")
	}
	space.Clear()
	if got := space.Memory.Used(); got != 0 {
		t.Errorf("%d bytes are left charged", got)
	}
	space.Memory.SetLimit(1)
	if kept(t, blocks[0]) || space.Memory.Used() != 0 {
		t.Error("a page is kept that there is no room for")
	}
}

// TestCacheKeepsNoCopy: decoded pages keep neither pages nor files of copies that are gone.
func TestCacheKeepsNoCopy(t *testing.T) {
	closed := make(chan struct{})
	space := &Space{Open: func() (File, error) {
		f := &memoryFile{}
		runtime.AddCleanup(f, func(done chan struct{}) { close(done) }, closed)
		return f, nil
	}}
	space.Memory = memory.NewProcess(0).NewStore("columnar copies", 0)
	read(t, blockOf(t, space, 100))
	if space.Memory.Used() == 0 {
		t.Fatal("nothing was kept")
	}
	runtime.GC()
	<-closed
	space.Trim()
	if got := space.Memory.Used(); got != 0 {
		t.Errorf("%d bytes are kept of pages that are gone", got)
	}
}
