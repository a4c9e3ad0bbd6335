package replica

import (
	"testing"
	"time"

	"cloudsql/distributed/clock/clocktest"
)

// TestLateNewsOfLeader: raft tells of its leader by events and when asked, and an answer may be older than the last event.
// A holder that believed the older would not renew its lease again until somebody wanted something of it.
func TestLateNewsOfLeader(t *testing.T) {
	clock := clocktest.NewManual()
	c := newFakeCluster(t, 1, func(c *Config) { c.Clock = clock; c.KeepLease = true })
	stop := keepAdvancing(clock)
	defer stop()
	if _, err := c.replicas[0].Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.log.Do(func() { c.groups[0].Late = 2 })
	c.log.Elect(1)
	renewals := func() uint64 { return c.replicas[0].stats.LeaseRenewals.Load() }
	for before, end := renewals(), time.Now().Add(time.Minute); renewals() < before+3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the lease is not renewed any more")
		}
	}
}
