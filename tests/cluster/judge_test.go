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

// TestPlantedByte changes one byte of a row in a node's store, as no checksum can notice. When the row is next updated,
// that node's replica differs. A majority of equal hashes judges, whoever leads the shard; where there is none, nobody
// goes, and the shard says that it is disputed.
func TestPlantedByte(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	p := &planted{t: t, nodes: harness.Cluster(t, 3)}
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(p.nodes) })
	db := p.nodes[0].DB("", "")
	mustDo(t, db, "CREATE DATABASE d")
	mustDo(t, db, "CREATE TABLE d.t (id INT PRIMARY KEY, s VARCHAR(100) NOT NULL)")

	t.Run("leaseholder", func(t *testing.T) {
		p.row(t, "a byte at the leader")
		p.plant(t, 2, "a bite at the leader")
		p.led(t, 2, true)
		p.update(t, 0)
		p.condemned(t, 2)
		p.shows(t, "a byte at the leader!")
	})
	t.Run("follower", func(t *testing.T) {
		p.row(t, "a byte at a follower")
		p.plant(t, 1, "a bite at a follower")
		p.led(t, 1, false)
		p.update(t, 0)
		p.condemned(t, 1)
		p.shows(t, "a byte at a follower!")
	})
	t.Run("while another is down", func(t *testing.T) {
		p.row(t, "a byte and no quorum")
		p.plant(t, 0, "a bite and no quorum")
		p.nodes[2].Stop()
		p.update(t, 1)
		p.disputed(t, 0, 1)
		p.nodes[2].Start()
		p.lost[2] = 0
		p.condemned(t, 0)
		p.shows(t, "a byte and no quorum!")
	})
	t.Run("all differ", func(t *testing.T) {
		p.row(t, "three kinds of bytes")
		p.plant(t, 1, "three kinds of bites")
		p.plant(t, 2, "three kinds of bytex")
		p.update(t, 0)
		p.disputed(t, 0, 1, 2)
		p.update(t, 1) // it goes on
		p.condemned(t)
	})
}

// planted is a cluster with a table of one row.
type planted struct {
	t     *testing.T
	nodes []*harness.Node
	id    int
	text  string
	lost  [3]float64 // replicas that were condemned since each process started, so far
}

// row adds a row that nobody has got wrong yet.
func (p *planted) row(t *testing.T, text string) {
	t.Helper()
	p.id, p.text = p.id+1, text
	if _, err := p.nodes[0].DB("d", "").Exec("INSERT INTO t VALUES (?, ?)", p.id, text); err != nil {
		t.Fatal(err)
	}
	settled(t, p.nodes)
}

// plant stops a node, replaces the row's text in its store by another, and starts it again.
func (p *planted) plant(t *testing.T, i int, now string) {
	t.Helper()
	n := p.nodes[i]
	n.Stop()
	plant(t, n, []byte(p.text), []byte(now))
	n.Start()
	p.lost[i] = 0
	settled(t, p.nodes)
}

// led restarts who leads the row's shard until a node does, or does not.
func (p *planted) led(t *testing.T, by int, want bool) {
	t.Helper()
	harness.Eventually(t, 60*time.Second, "the lease is where it should be", func() error {
		var holder int
		err := p.nodes[by].DB("", "").QueryRow("SELECT leaseholder FROM information_schema.cluster_tablets WHERE table_name = 't'").Scan(&holder)
		if err != nil || (holder-1 == by) == want {
			return err
		}
		p.nodes[holder-1].Stop()
		p.nodes[holder-1].Start()
		p.lost[holder-1] = 0
		settled(t, p.nodes)
		return fmt.Errorf("node %d leads", holder)
	})
}

// update changes the row through a node.
func (p *planted) update(t *testing.T, via int) {
	t.Helper()
	if _, err := p.nodes[via].DB("d", "").Exec("UPDATE t SET s = CONCAT(s, '!') WHERE id = ?", p.id); err != nil {
		t.Fatal(err)
	}
}

// condemned waits until these nodes have lost one more replica each and all is well, and checks that no other has.
func (p *planted) condemned(t *testing.T, nodes ...int) {
	t.Helper()
	for _, i := range nodes {
		p.lost[i]++
		harness.Eventually(t, 60*time.Second, fmt.Sprintf("the replica of node %d is condemned", i+1), func() error {
			if n := metric(t, p.nodes[i], "cloudsql_replicas_condemned_total"); n != p.lost[i] {
				return fmt.Errorf("%v were", n)
			}
			return nil
		})
	}
	if len(nodes) > 0 {
		settled(t, p.nodes)
	}
	for i, n := range p.nodes {
		if got := metric(t, n, "cloudsql_replicas_condemned_total"); got != p.lost[i] {
			t.Errorf("node %d: %v replicas condemned, not %v", i+1, got, p.lost[i])
		}
	}
}

// disputed waits until nodes say so of a shard.
func (p *planted) disputed(t *testing.T, nodes ...int) {
	t.Helper()
	for _, i := range nodes {
		harness.Eventually(t, 60*time.Second, fmt.Sprintf("node %d tells of the dispute", i+1), func() error {
			var name, value string
			err := p.nodes[i].DB("", "").QueryRow("SHOW STATUS LIKE 'Cloudsql_shards_disputed'").Scan(&name, &value)
			if err == nil && value != "1" {
				err = fmt.Errorf("%s shards are disputed", value)
			}
			return err
		})
	}
}

// shows compares the row as every node's clients see it.
func (p *planted) shows(t *testing.T, want string) {
	t.Helper()
	for i, n := range p.nodes {
		var s string
		if err := n.DB("d", "").QueryRow("SELECT s FROM t WHERE id = ?", p.id).Scan(&s); err != nil || s != want {
			t.Errorf("node %d shows %q, %v", i+1, s, err)
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
