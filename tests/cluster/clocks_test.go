package cluster

import (
	"fmt"
	"testing"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/tests/harness"
)

// TestWrongClocks makes the wall clock of whoever owns the timestamps wrong, then all clocks: clients notice nothing, the
// node says so and leaves the timestamps to others, and when clocks are right again nothing lasts.
func TestWrongClocks(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	const year = 365 * 24 * time.Hour
	nodes, _ := harness.Faulty(t, 3, false, "--history", "2s")
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	c := newChecker(t, nodes, 4)
	c.progress(50)
	for _, offset := range []time.Duration{time.Hour, -year, year} {
		owner := -1
		harness.Eventually(t, 20*time.Second, "an owner of the timestamps", func() (err error) {
			owner, err = timestampOwner(nodes)
			return err
		})
		nodes[owner].SetClock(offset, 1)
		harness.Eventually(t, 20*time.Second, "its clock is off, and it owns nothing", func() error {
			now, err := timestampOwner(nodes)
			if err != nil || now == owner {
				return fmt.Errorf("owner %d, %w", now, err)
			}
			return clockOff(nodes[owner], "1")
		})
		c.progress(50)
		nodes[owner].SetClock(0, 1)
		harness.Eventually(t, 20*time.Second, "its clock is right", func() error { return clockOff(nodes[owner], "0") })
		c.progress(50)
	}
	for _, n := range nodes {
		n.SetClock(year, 1)
	}
	c.progress(300)
	for _, n := range nodes {
		n.SetClock(0, 1)
	}
	c.progress(300)
	c.stop()
	c.onlyLost()
	settled(t, nodes)
	for _, n := range nodes {
		c.verify(n)
	}
}

// timestampOwner is the index of the node that holds the system shard, as one that does so sees it.
func timestampOwner(nodes []*harness.Node) (int, error) {
	for i, n := range nodes {
		r, err := report(n)
		if err != nil {
			return -1, err
		}
		for _, p := range r.Replicas {
			if p.Shard == schema.SystemShard && p.Holder == r.Node {
				return i, nil
			}
		}
	}
	return -1, fmt.Errorf("nobody owns the timestamps")
}

// clockOff is nil if a node's SHOW STATUS tells so of its clock.
func clockOff(n *harness.Node, want string) error {
	var name, value string
	if err := n.DB("", "").QueryRow("SHOW STATUS LIKE 'Cloudsql_clock_off'").Scan(&name, &value); err != nil {
		return err
	}
	if value != want {
		return fmt.Errorf("%s is %s", name, value)
	}
	return nil
}
