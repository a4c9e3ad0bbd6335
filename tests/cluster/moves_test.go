package cluster

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestMovingTablets: tablets move from shard to shard, are cut and merged all the time, while checked workloads run, first in a cluster that is
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
			var moved, cut, merged atomic.Int64
			for range 2 {
				r.clients.Go(func() { r.reshape(&moved, &cut, &merged) })
			}
			r.work(fault, d)
			r.judge()
			t.Logf("%d tablets moved, %d were cut, %d merged", moved.Load(), cut.Load(), merged.Load())
			if moved.Load() < 3 || cut.Load() < 2 || merged.Load() < 1 {
				t.Errorf("only %d tablets moved, %d were cut, %d merged", moved.Load(), cut.Load(), merged.Load())
			}
			r.checkErrors(fault)
		})
	}
}

// reshape moves tablets of the workloads' tables to other shards, cuts them and merges them again.
func (r *run) reshape(moved, cut, merged *atomic.Int64) {
	for n := 0; r.ctx.Err() == nil; n++ {
		db := r.nodes[n%len(r.nodes)].DB(checkDB, "")
		step, count := r.moveOne, moved
		switch rand.IntN(4) {
		case 0:
			step, count = r.cutOne, cut
		case 1:
			step, count = r.mergeOne, merged
		}
		done, err := step(db)
		db.Close()
		switch {
		case err != nil:
			r.tally("moves").note(refused, err)
		case done:
			count.Add(1)
			continue
		}
		pause(r.ctx, 100*time.Millisecond)
	}
}

// alter runs an ALTER TABLE that a query makes the text of, where it makes one.
func (r *run) alter(db *sql.DB, query string) (done bool, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, 20*time.Second)
	defer cancel()
	var text string
	if err := db.QueryRowContext(ctx, query, checkDB).Scan(&text); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return false, err
	}
	_, err = db.ExecContext(ctx, text)
	return err == nil, err
}

func (r *run) moveOne(db *sql.DB) (bool, error) {
	return r.alter(db, "SELECT CONCAT('ALTER TABLE `', table_name, '` MOVE TABLET ', tablet_id, ' TO SHARD ', s.shard_id)"+
		` FROM information_schema.cluster_tablets t
		JOIN (SELECT DISTINCT shard_id FROM information_schema.cluster_shards WHERE shard_id > 1) s ON s.shard_id <> t.shard_id
		WHERE table_schema = ? ORDER BY RAND() LIMIT 1`)
}

// cutOne cuts a tablet of a table that has few, in its shard or over all.
func (r *run) cutOne(db *sql.DB) (bool, error) {
	return r.alter(db, "SELECT CONCAT('ALTER TABLE `', table_name, '` SPLIT TABLET ', MIN(tablet_id), ' INTO ', FLOOR(2 + 2 * RAND()), ' TABLETS', IF(RAND() < 0.5, ' SPREAD', ''))"+
		` FROM information_schema.cluster_tablets WHERE table_schema = ? AND table_name <> 'claims' GROUP BY table_name HAVING COUNT(*) < 4 ORDER BY RAND() LIMIT 1`)
}

// mergeOne merges the tablets of a table that has several.
func (r *run) mergeOne(db *sql.DB) (bool, error) {
	return r.alter(db, "SELECT CONCAT('ALTER TABLE `', table_name, '` MERGE TABLETS ALL')"+
		` FROM information_schema.cluster_tablets WHERE table_schema = ? GROUP BY table_name HAVING COUNT(*) > 1 ORDER BY RAND() LIMIT 1`)
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
