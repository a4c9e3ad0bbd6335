package cluster

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cloudsql/storage/engine"
	"cloudsql/tests/harness"
)

// TestPlantedByte changes one byte of a row in the store of the node that then leads the row's shard. When the row is
// next updated, that replica differs: the other two are right, and the cluster finds that out and mends it by itself.
func TestPlantedByte(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes := harness.Cluster(t, 3)
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	db := nodes[0].DB("", "")
	mustDo(t, db, "CREATE DATABASE d")
	mustDo(t, db, "CREATE TABLE d.t (id INT PRIMARY KEY, s VARCHAR(100) NOT NULL)")
	mustDo(t, db, "INSERT INTO d.t VALUES (1, 'a byte to be changed')")
	settled(t, nodes)
	wrong := nodes[2]
	wrong.Stop()
	plant(t, wrong, []byte("a byte to be changed"), []byte("a bite to be changed"))
	wrong.Start()
	harness.Eventually(t, 60*time.Second, "the wrong node leads the row's shard", func() error { return leadBy(t, nodes, wrong, "a bite to be changed") })

	mustDo(t, db, "UPDATE d.t SET s = CONCAT(s, ', once') WHERE id = 1")
	harness.Eventually(t, 60*time.Second, "the wrong replica is condemned", func() error {
		if n := metric(t, wrong, "cloudsql_replicas_condemned_total"); n != 1 {
			return fmt.Errorf("%v condemned", n)
		}
		return nil
	})
	settled(t, nodes)
	for i, n := range nodes {
		var s string
		if err := n.DB("d", "").QueryRow("SELECT s FROM t WHERE id = 1").Scan(&s); err != nil || s != "a byte to be changed, once" {
			t.Errorf("node %d shows %q, %v", i+1, s, err)
		}
		if i < 2 && metric(t, n, "cloudsql_replicas_condemned_total") != 0 {
			t.Errorf("node %d has lost a replica that was right", i+1)
		}
	}
}

// plant replaces bytes of a row's newest version in the store of a node that is stopped.
func plant(t *testing.T, n *harness.Node, old, now []byte) {
	t.Helper()
	e, err := engine.Open(engine.Options{Dir: filepath.Join(n.Dir, "data"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	it, err := e.DB().NewIter(&pebble.IterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = it.Close() }()
	found := 0
	for it.First(); it.Valid(); it.Next() {
		if value := it.Value(); bytes.Contains(value, old) {
			if err := e.DB().Set(bytes.Clone(it.Key()), bytes.Replace(value, old, now, 1), pebble.Sync); err != nil {
				t.Fatal(err)
			}
			found++
		}
	}
	if found == 0 {
		t.Fatal("the row is not in the store")
	}
}

// leadBy is nil when what clients read comes from a node with a planted row. Otherwise it restarts who leads, so that
// another does.
func leadBy(t *testing.T, nodes []*harness.Node, wrong *harness.Node, planted string) error {
	var s string
	if err := wrong.DB("d", "").QueryRow("SELECT s FROM t WHERE id = 1").Scan(&s); err != nil {
		return err
	}
	if s == planted {
		return nil
	}
	var holder int
	err := wrong.DB("", "").QueryRow("SELECT leaseholder FROM information_schema.cluster_tablets WHERE table_name = 't'").Scan(&holder)
	if err != nil {
		return err
	}
	nodes[holder-1].Stop()
	nodes[holder-1].Start()
	settled(t, nodes)
	return fmt.Errorf("node %d led it", holder)
}
