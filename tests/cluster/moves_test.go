package cluster

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestMovingTablets: tablets move from shard to shard all the time, to and fro, while checked workloads run, first in a cluster that is
// well, then in one whose nodes are killed. Nothing is lost or comes twice, and clients see conflicts, if anything.
func TestMovingTablets(t *testing.T) {
	if os.Getenv("TIME") == "" {
		t.Skip("make moves")
	}
	d, err := time.ParseDuration(harness.Setting("TIME", "12s"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []string{"none", "kill"} {
		t.Run(fault, func(t *testing.T) {
			r := newRun(t, uint64(time.Now().UnixNano()), []string{"bank", "lists", "claims", "snapshots"})
			var moved atomic.Int64
			for range 2 {
				r.clients.Go(func() { r.moveTablets(&moved) })
			}
			r.work(fault, d)
			r.judge()
			t.Logf("%d tablets moved", moved.Load())
			if moved.Load() < 3 {
				t.Errorf("%d tablets moved", moved.Load())
			}
			r.checkErrors(fault)
		})
	}
}

// moveTablets moves tablets of the workloads' tables, each to another shard.
func (r *run) moveTablets(moved *atomic.Int64) {
	for n := 0; r.ctx.Err() == nil; n++ {
		err := r.moveOne(r.nodes[n%len(r.nodes)])
		if err == nil {
			moved.Add(1)
			continue
		}
		r.tally("moves").note(refused, err)
		pause(r.ctx, 100*time.Millisecond)
	}
}

func (r *run) moveOne(n *harness.Node) error {
	db := n.DB(checkDB, "")
	defer db.Close()
	ctx, cancel := context.WithTimeout(r.ctx, 20*time.Second)
	defer cancel()
	var table string
	var tablet, shard uint64
	err := db.QueryRowContext(ctx, `SELECT table_name, tablet_id, s.shard_id FROM information_schema.cluster_tablets t
		JOIN (SELECT DISTINCT shard_id FROM information_schema.cluster_shards WHERE shard_id > 1) s ON s.shard_id <> t.shard_id
		WHERE table_schema = ? ORDER BY RAND() LIMIT 1`, checkDB).Scan(&table, &tablet, &shard)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("ALTER TABLE `%s` MOVE TABLET %d TO SHARD %d", table, tablet, shard))
	return err
}

// number is how a tally's text of a server's error begins.
var number = regexp.MustCompile(`^\d{4} `)

// checkErrors looks at what clients were refused with. Where nodes are killed, that has reasons of its own.
func (r *run) checkErrors(fault string) {
	fine := []string{"1205 ", "1213 ", "3572 ", "1062 "}
	never := []string{"1412 ", "1146 ", "1105 ", "1054 ", "1032 "}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, x := range r.tallies {
		if name == "moves" {
			continue
		}
		for text, n := range x.errors {
			code := number.FindString(text)
			if code == "" && fault == "none" || fault == "none" && !slices.Contains(fine, code) || slices.Contains(never, code) {
				r.t.Errorf("%s: %d × %s", name, n, text)
			}
		}
	}
}
