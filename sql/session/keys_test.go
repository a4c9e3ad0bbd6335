package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/node"
	"cloudsql/storage/schema"
)

// TestKeysOfTablesToBeCut: the unique keys of a table are made to hold over tablets where a record of the catalog asks for it, while clients write, and
// once who began it is gone. Who keeps others from changing definitions, or uses the table, is not waited for at the others' cost.
func TestKeysOfTablesToBeCut(t *testing.T) {
	t.Parallel() // it waits more than it computes
	if testing.Short() {
		t.Skip("three nodes")
	}
	c := newPastCluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	gateway := func(i int) (stop func()) {
		c.engines[i].ddl.KeysRest = time.Second
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		background.Add(1)
		go func() {
			defer background.Done()
			defer close(done)
			c.engines[i].Inherit(ctx)
		}()
		return func() { cancel(); <-done }
	}
	stops := make([]func(), 3)
	for i := range stops {
		stops[i] = gateway(i)
	}
	admin := connect(t, c.engines[0], "root", "localhost")
	admin.must("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, s VARCHAR(10), v INT NOT NULL DEFAULT 0, UNIQUE KEY (s(2), id))")
	admin.must("INSERT INTO t (id, u, s) VALUES (0, 0, 'a')")
	for n := 1; n < 4000; n *= 2 {
		admin.must(fmt.Sprintf("INSERT INTO t (id, u, s) SELECT id + %[1]d, u + %[1]d, s FROM t", n))
	}
	ask := func() schema.TableID {
		tb, _ := c.nodes[0].Catalog().Table("d", "t")
		err := c.nodes[0].ChangeCatalog(ctx, func(tx *catalog.Tx) error { tx.PutKeysJob(tb.ID, &catalog.KeysJob{}); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return tb.ID
	}
	await := func(what string, is func(tb *schema.Table, jobs map[schema.TableID]catalog.KeysJob) bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if err := c.nodes[0].RefreshCatalog(ctx); err != nil {
				t.Fatal(err)
			}
			s := c.nodes[0].Catalog()
			tb, _ := s.Table("d", "t")
			if is(tb, catalog.KeysJobs(s)) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("waited in vain for ", what, catalog.KeysJobs(s))
			}
		}
	}
	made := func(tb *schema.Table, jobs map[schema.TableID]catalog.KeysJob) bool {
		return len(jobs) == 0 && catalog.MayBeCut(tb)
	}

	// A transaction uses the table: others wait for a second at most, and the change comes later.
	user := connect(t, c.engines[1], "root", "localhost")
	user.must("USE d; BEGIN; UPDATE t SET v = 1 WHERE id = 1")
	ask()
	other := connect(t, c.engines[2], "root", "localhost")
	other.must("USE d")
	for begun := time.Now(); time.Since(begun) < 6*time.Second; time.Sleep(10 * time.Millisecond) {
		was := time.Now()
		other.must("UPDATE t SET v = v + 1 WHERE id = 2")
		if took := time.Since(was); took > 4*time.Second {
			t.Errorf("an UPDATE took %v", took)
		}
	}
	user.must("COMMIT")
	for i := range stops { // others know nothing of tries in vain, and don't rest
		stops[i]()
		stops[i] = gateway(i)
	}

	// Clients write meanwhile, and one of them holds a row until the gateway that is at work has stopped.
	var clients sync.WaitGroup
	over := make(chan struct{})
	for i := range 3 {
		x := connect(t, c.engines[i], "root", "localhost")
		x.must("USE d")
		clients.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				id := 10_000*(i+1) + n
				for _, text := range []string{
					fmt.Sprintf("INSERT INTO t (id, u, s) VALUES (%d, %[1]d, 'b')", id), fmt.Sprintf("UPDATE t SET u = -u WHERE id = %d", id-5), fmt.Sprintf("DELETE FROM t WHERE u = %d", id-20),
				} {
					if out := x.query(text); strings.Contains(out, "ERROR ") && !strings.Contains(out, "ERROR 1205 ") && !strings.Contains(out, "ERROR 1213 ") {
						t.Error(text, out)
					}
				}
			}
		})
	}
	await("the keys", made)
	close(over)
	clients.Wait()
	admin.must("INSERT INTO t (id, u) VALUES (90001, 90001)")
	if out := admin.query("INSERT INTO t (id, u) VALUES (90002, 90001)"); !strings.Contains(out, "ERROR 1062 ") {
		t.Error(out)
	}
	admin.must("ALTER TABLE t SPLIT AT (2000), (20000)")
	if out := admin.query("CHECK TABLE t"); !strings.Contains(out, "OK") {
		t.Error(out)
	}

	// Who has begun is gone: another one makes them.
	admin.must("ALTER TABLE t MERGE TABLETS ALL")
	admin.must("ALTER TABLE t DROP KEY u, DROP KEY s")
	admin.must("ALTER TABLE t ADD UNIQUE KEY u (u)")
	leader := slices.IndexFunc(c.nodes, func(n *node.Node) bool { return n.NodeID() == n.Leaseholder(schema.SystemShard) })
	id := ask()
	await("the keys to be begun", func(tb *schema.Table, _ map[schema.TableID]catalog.KeysJob) bool {
		return catalog.Defining(c.nodes[0].Catalog(), id) || catalog.MayBeCut(tb)
	})
	stops[leader]()
	c.nodes[leader].Close()
	at := (leader + 1) % 3
	c.nodes[0] = c.nodes[at] // which await looks at
	await("the keys once more", made)
	admin = connect(t, c.engines[at], "root", "localhost")
	admin.must("USE d; INSERT INTO t (id, u) VALUES (90003, 90003)")
	if out := admin.query("INSERT INTO t (id, u) VALUES (90004, 90003)"); !strings.Contains(out, "ERROR 1062 ") {
		t.Error(out)
	}
	if out := admin.query("CHECK TABLE t"); !strings.Contains(out, "OK") {
		t.Error(out)
	}
}
