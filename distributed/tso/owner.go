package tso

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/spawn"
)

// DefaultWindow is how far ahead timestamps are reserved.
const DefaultWindow = 3 * time.Second

// Limits is where the limit of the reserved windows is kept: a record of the system shard.
type Limits interface {
	// Limit is the limit as of what this node has applied, and its version for Reserve.
	Limit() (limit mvcc.Timestamp, version uint64)
	// Reserve makes next the limit if its version is still the given one, and returns when that is decided and applied.
	Reserve(ctx context.Context, version uint64, next mvcc.Timestamp) (ok bool, err error)
}

// OwnerConfig is what an Owner works with.
type OwnerConfig struct {
	Limits Limits
	// Holds tells whether this process serves the system shard under epoch at this moment.
	Holds func(epoch uint64) bool
	// Wall is the time that timestamps follow; this process's own clock, if nil. Mono is monotonic time.
	Wall   func() WallTime
	Mono   func() time.Duration
	Window time.Duration // DefaultWindow
}

// OwnerStats count what an Owner did.
type OwnerStats struct {
	Requests   atomic.Uint64 `counter:"tso_requests_total" help:"requests for timestamps that this node answered as the owner"`
	Timestamps atomic.Uint64 `counter:"tso_handed_out_total" help:"timestamps handed out by this node as the owner"`
	Windows    atomic.Uint64 `counter:"tso_windows_total" help:"windows of timestamps reserved in the log"`
}

// Owner hands out timestamps while its node holds the lease. Begin and End follow the lease.
type Owner struct {
	cfg   OwnerConfig
	Stats OwnerStats
	term  atomic.Pointer[term]
	ran   atomic.Bool // there was a tenure before, since this process started
}

// term is one tenure of the lease.
type term struct {
	epoch uint64
	last  atomic.Uint64 // the last one handed out
	limit atomic.Uint64 // none beyond it
	pace  pace

	mu        sync.Mutex // held while extending
	extending atomic.Bool
}

// NewOwner makes an owner that owns nothing yet.
func NewOwner(cfg OwnerConfig) *Owner {
	if cfg.Wall == nil {
		cfg.Wall = func() WallTime { return WallTime{Time: time.Now(), Agreed: true} }
	}
	if cfg.Mono == nil {
		start := time.Now()
		cfg.Mono = func() time.Duration { return time.Since(start) }
	}
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	return &Owner{cfg: cfg}
}

// Begin takes the sequence over under an epoch of the lease; the first request reserves a window.
func (o *Owner) Begin(epoch uint64) { o.term.Store(&term{epoch: epoch}) }

// End stops handing out; a Begin under a later epoch stays.
func (o *Owner) End(epoch uint64) {
	if t := o.term.Load(); t != nil && t.epoch <= epoch {
		o.term.CompareAndSwap(t, nil)
	}
}

// Next implements Source; ErrNotOwner where another node must be asked.
func (o *Owner) Next(ctx context.Context, n int) (mvcc.Timestamp, error) {
	if n <= 0 || n > MaxRequest {
		return 0, fmt.Errorf("tso: a request for %d timestamps", n)
	}
	t := o.term.Load()
	if t == nil {
		return 0, ErrNotOwner
	}
	for {
		mono := o.cfg.Mono()
		if t.limit.Load() != 0 && t.pace.due(mono) {
			t.pace.steer(mono, o.cfg.Wall())
		}
		now := uint64(t.pace.at(mono))
		last, limit := t.last.Load(), t.limit.Load()
		first := max(last+1, now)
		end := first + uint64(n) - 1
		if end > limit {
			if err := o.extend(ctx, t, end); err != nil {
				return 0, err
			}
			continue
		}
		if !t.last.CompareAndSwap(last, end) {
			continue
		}
		if !o.cfg.Holds(t.epoch) {
			return 0, ErrNotOwner // a successor may have begun: these are not used
		}
		o.Stats.Requests.Add(1)
		o.Stats.Timestamps.Add(uint64(n))
		if limit-end < uint64(span(o.cfg.Window/2)) && t.extending.CompareAndSwap(false, true) {
			spawn.Go("reserving timestamps", func() { o.extendAhead(t, limit) })
		}
		return mvcc.Timestamp(first), nil
	}
}

// Lead is how far timestamps are ahead of this node's wall clock; 0 where another node owns them.
func (o *Owner) Lead() time.Duration {
	t := o.term.Load()
	if t == nil || t.limit.Load() == 0 {
		return 0
	}
	return t.pace.at(o.cfg.Mono()).Time().Sub(o.cfg.Wall().Time).Round(time.Millisecond)
}

// span is a duration as a difference of timestamps.
func span(d time.Duration) mvcc.Timestamp {
	return mvcc.Timestamp(d.Milliseconds()) << mvcc.LogicalBits
}

// extendAhead reserves the next window before the present one is used up.
func (o *Owner) extendAhead(t *term, limit uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), o.cfg.Window)
	defer cancel()
	defer t.extending.Store(false)
	_ = o.extend(ctx, t, limit+1) // who needs it and finds it missing tries again and tells
}

// extend reserves a window that holds at least want.
func (o *Owner) extend(ctx context.Context, t *term, want uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.limit.Load() < want {
		if o.term.Load() != t || !o.cfg.Holds(t.epoch) {
			return ErrNotOwner
		}
		old, version := o.cfg.Limits.Limit()
		if uint64(old) != t.limit.Load() {
			// The first window of this tenure, or a reservation of ours whose outcome was unknown. Up to the limit
			// everything may have been handed out by a predecessor; nothing of ours is beyond.
			t.last.Store(uint64(old))
		}
		mono := o.cfg.Mono()
		if t.pace.steered.Load() == 0 {
			// The first window since this process started: time may have passed that no monotonic clock has counted.
			t.pace.begin(mono, old, o.cfg.Wall(), !o.ran.Swap(true))
		}
		next := max(t.pace.at(mono), old, mvcc.Timestamp(want)) + span(o.cfg.Window)
		ok, err := o.cfg.Limits.Reserve(ctx, version, next)
		if err != nil {
			return err
		}
		if !ok {
			continue // a predecessor's last reservation came between, or one of ours did
		}
		o.Stats.Windows.Add(1)
		t.limit.Store(uint64(next))
	}
	return nil
}
