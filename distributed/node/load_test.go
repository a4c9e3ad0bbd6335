package node

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/distributed/placement"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Databases that were made while there was one node go apart when there are three, by themselves, while clients write; nothing is lost, and
// new tables begin where their database went.
func TestBusyDatabasesGoApart(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector its clients do so little that leases hardly move")
	}
	c := newTestCluster(t)
	c.more = func(cfg *Config) { cfg.SteadyFor = 2 * time.Second }
	n := c.start(0)
	const many = 30                                                   // rows a statement: however slow the machine is, that is work for which leases move
	must(t, n.ChangeCatalog(t.Context(), func(tx *catalog.Tx) error { // on a fast machine the tables would grow until they are cut instead
		tx.PutSetting(placement.SettingBalance, "DATABASES")
		return nil
	}))
	names := []string{"a", "b", "c"}
	for _, name := range names {
		createTable(t, n, name)
	}
	var wg sync.WaitGroup
	var stop atomic.Bool
	last := make([]int64, len(names))
	for i, name := range names {
		wg.Go(func() {
			for !stop.Load() {
				if err := insertNow(n, name, last[i], many); err != nil {
					t.Errorf("%s: row %d: %v", name, last[i], err)
					return
				}
				last[i] += many
			}
		})
	}
	defer func() { stop.Store(true); wg.Wait() }()
	c.start(1, c.addrs[0])
	c.start(2, c.addrs[0])
	eventually(t, "each database is led by another node", func() bool {
		led := map[schema.NodeID]bool{}
		for _, name := range names {
			tb, _ := n.Catalog().Table(name, "t")
			d, _ := n.Catalog().Database(name)
			if tb.Tablets[0].Shard == d.Shard {
				led[n.Leaseholder(d.Shard)] = true
			}
		}
		return len(led) == 3 && !led[0]
	})
	stop.Store(true)
	wg.Wait()
	for i, name := range names {
		tb, _ := n.Catalog().Table(name, "t")
		hasRows(t, n, tb, last[i])
	}
}

// insertNow inserts rows, from an id on, into the table t of a database, wherever it is.
func insertNow(n *Node, db string, id, rows int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var vals []types.Value
	for i := id; i < id+rows; i++ {
		vals = append(vals, types.Int(i), types.Int(i+1))
	}
	for {
		tb, _ := n.Catalog().Table(db, "t")
		err := insertRows(ctx, n, tb, vals...)
		if !errors.Is(err, distributed.ErrSchemaChanged) {
			return err
		}
		if err := n.RefreshCatalog(ctx); err != nil {
			return err
		}
	}
}
