package cluster

import (
	"fmt"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestDigestsOfAllNodes: events_statements_summary_by_digest shows at each node what ran at all of them, and TRUNCATE at one
// empties it everywhere.
func TestDigestsOfAllNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes := harness.Cluster(t, 3)
	settled(t, nodes)
	var clients []*link
	for _, n := range nodes {
		clients = append(clients, open(t, n, ""))
	}
	const table = "performance_schema.events_statements_summary_by_digest"
	const figures = "SELECT COALESCE(SUM(count_star), 0), COALESCE(SUM(sum_rows_sent), 0), COALESCE(SUM(sum_no_index_used), 0) FROM " + table +
		" WHERE digest_text = 'SELECT `n` FROM `counted` . `t` WHERE `n` > ?'"
	exec := func(node int, text string) {
		t.Helper()
		if _, err := clients[node].ExecContext(t.Context(), text); err != nil {
			t.Fatalf("node %d: %s: %v", node, text, err)
		}
	}
	// Each node asks the others, and goes without one that answers late: so what all say is waited for.
	shows := func(want string) {
		t.Helper()
		for i := range clients {
			harness.Eventually(t, 20*time.Second, fmt.Sprintf("node %d shows %s", i, want), func() error {
				var count, sent, scans string
				if err := clients[i].QueryRowContext(t.Context(), figures).Scan(&count, &sent, &scans); err != nil {
					return err
				}
				if got := count + " " + sent + " " + scans; got != want {
					return fmt.Errorf("it shows %s", got)
				}
				return nil
			})
		}
	}
	exec(0, "CREATE DATABASE counted")
	exec(0, "CREATE TABLE counted.t (id INT PRIMARY KEY, n INT)")
	exec(0, "INSERT INTO counted.t VALUES (1, 10), (2, 20)")
	for node, times := range []int{1, 2, 3} {
		for i := range times {
			exec(node, fmt.Sprintf("SELECT n FROM counted.t WHERE n > %d", i))
		}
	}
	shows("6 12 6")
	exec(1, "TRUNCATE TABLE "+table)
	shows("0 0 0")
	exec(2, "SELECT n FROM counted.t WHERE n > 15")
	shows("1 1 1")
}
