package rowids

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
)

// counter is the cluster's, as nodes move it.
type counter struct {
	mu   sync.Mutex
	next uint64
	fail int      // so many reservations fail
	size []uint64 // of those that did not
}

func (c *counter) reserve(_ context.Context, size uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail > 0 {
		c.fail--
		return 0, errors.New("no leader")
	}
	first := c.next
	c.next += size
	c.size = append(c.size, size)
	return first, nil
}

// running is a node's IDs with their loop; stop ends that and waits for it.
func running(t *testing.T, c *counter) (ids *IDs, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ids = New(c.reserve, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ids.Loop(ctx)
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return ids, stop
}

// Whatever several nodes take at once, also more than a block has: no value comes twice, and those of a node rise.
func TestNoValueComesTwice(t *testing.T) {
	c := &counter{next: 1}
	var mu sync.Mutex
	seen := map[uint64]bool{}
	var wg sync.WaitGroup
	for range 3 {
		ids, _ := running(t, c)
		for g := range 4 {
			wg.Go(func() {
				last := uint64(0)
				for i := range 300 {
					count := uint64(1 + (i+g)%7)
					if i == 100 {
						count = 3 * firstBlock
					}
					first, err := ids.Take(context.Background(), count)
					if err != nil || first <= last {
						t.Errorf("%d after %d: %v", first, last, err)
						return
					}
					last = first + count - 1
					mu.Lock()
					for v := first; v <= last; v++ {
						if seen[v] {
							t.Errorf("%d came twice", v)
						}
						seen[v] = true
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	c.mu.Lock() // a block ahead may be reserved still
	defer c.mu.Unlock()
	if c.next < uint64(len(seen)) {
		t.Errorf("%d values of %d that were reserved", len(seen), c.next)
	}
}

// The next block is fetched when half of one is used, and blocks grow with use: few takers wait.
func TestBlocksGrow(t *testing.T) {
	c := &counter{next: 1}
	ids, _ := running(t, c)
	for range 20 {
		if _, err := ids.Take(context.Background(), firstBlock); err != nil {
			t.Fatal(err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 1; i < len(c.size); i++ {
		if c.size[i] < c.size[i-1] || c.size[i] > largestBlock {
			t.Errorf("blocks of %d", c.size)
		}
	}
	if n := len(c.size); n < 2 || n > 8 {
		t.Errorf("%d blocks: %d", n, c.size)
	}
}

// A reservation that fails is tried again; who takes waits for it.
func TestTakeWaitsForAReservation(t *testing.T) {
	c := &counter{next: 7, fail: 1}
	ids, _ := running(t, c)
	if first, err := ids.Take(context.Background(), 2); first != 7 || err != nil {
		t.Error(first, err)
	}
}

// Who is killed while none can be reserved does not wait on.
func TestTakeEndsWithItsContext(t *testing.T) {
	c := &counter{next: 1, fail: 1 << 30}
	ids, _ := running(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := ids.Take(ctx, 1)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// When the node stops, nobody is given what was not reserved, and nobody waits for ever.
func TestNothingIsHandedOutAfterTheEnd(t *testing.T) {
	c := &counter{next: 1}
	ids, stop := running(t, c)
	if _, err := ids.Take(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	stop()
	c.fail = 1 << 30
	for range 4 * firstBlock {
		first, err := ids.Take(context.Background(), 1)
		if err != nil {
			if !errors.Is(err, ErrStopped) {
				t.Error(err)
			}
			return
		}
		if first >= c.next {
			t.Fatalf("%d was handed out, of %d that were reserved", first, c.next)
		}
	}
	t.Error("it never ended")
}
