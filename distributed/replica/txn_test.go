package replica

import (
	"testing"
	"time"

	"cloudsql/distributed/clock/clocktest"
)

// TestSweepAtFirstStep: a sweep that comes between a transaction's being made and its first operation leaves it alone. One
// that it took for silent since the clock's zero got 1213 at its commit.
func TestSweepAtFirstStep(t *testing.T) {
	clock := clocktest.NewManual()
	clock.Advance(time.Hour)
	c := newFakeCluster(t, 1, func(c *Config) { c.Clock = clock })
	r, id := c.replicas[0], newTestTxn()
	stop := keepAdvancing(clock)
	tenure, err := r.serving(t.Context())
	stop()
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := r.find(tenure, id, true)
	if err != nil {
		t.Fatal(err)
	}
	r.sweep(tenure)
	if got := r.stats.AbandonedTxns.Load(); got != 0 {
		t.Fatalf("%d abandoned", got)
	}
	if x, _, err := r.find(tenure, id, false); err != nil || x != first {
		t.Fatal(x, err)
	}
}
