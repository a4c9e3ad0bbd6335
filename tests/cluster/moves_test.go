package cluster

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestMovingTablets: tablets move from shard to shard, are cut and merged all the time, while checked workloads run, first in a cluster that is
// well, then in one whose nodes are killed. Nothing is lost or comes twice, and clients see conflicts, if anything. One table, of ROWS rows, is
// kept at about TABLETS tablets. Without TIME it is the only one, for seconds.
func TestMovingTablets(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	d, err := time.ParseDuration(harness.Setting("TIME", "8s"))
	if err != nil {
		t.Fatal(err)
	}
	tablets := harness.Number(t, "TABLETS", 12)
	works, faults := []string{tableWorkload}, []string{"none"}
	if os.Getenv("TIME") != "" {
		works, faults = strings.Split(harness.Setting("WORKLOAD", "table,bank,lists,claims,snapshots,large"), ","), []string{"none", "kill"}
	}
	for _, fault := range faults {
		t.Run(fault, func(t *testing.T) {
			r := newRun(t, uint64(time.Now().UnixNano()), works)
			s := &reshaping{run: r, most: tablets}
			if r.works[tableWorkload] != nil {
				r.clients.Go(func() { s.loop(s.table) })
			}
			if len(works) > 1 {
				r.clients.Go(func() { s.loop(s.any) })
				r.clients.Go(func() { s.loop(s.any) })
			}
			r.work(fault, d)
			r.judge()
			r.logFreezes()
			t.Logf("%d tablets moved, %d were cut, %d merged", s.moved.Load(), s.cut.Load(), s.merged.Load())
			if s.moved.Load()+s.cut.Load()+s.merged.Load() < 2 {
				t.Errorf("only %d tablets moved, %d were cut, %d merged", s.moved.Load(), s.cut.Load(), s.merged.Load())
			}
			r.checkErrors(fault)
		})
	}
}

// reshaping moves tablets of the workloads' tables to other shards, cuts them and merges them again.
type reshaping struct {
	*run
	most int // tablets of the large table

	moved, cut, merged atomic.Int64
}

// loop takes one step after the other, through one node after the other.
func (s *reshaping) loop(step func(db *sql.DB) (done bool, err error)) {
	for n := 0; s.ctx.Err() == nil; n++ {
		db := s.nodes[n%len(s.nodes)].DB(checkDB, "")
		did, err := step(db)
		db.Close()
		switch {
		case err != nil:
			s.tally("moves").note(refused, err)
		case did:
			continue
		}
		pause(s.ctx, 100*time.Millisecond)
	}
}

// alter runs an ALTER TABLE that a query makes the text of, where it makes one, and counts it.
func (s *reshaping) alter(db *sql.DB, count *atomic.Int64, within time.Duration, query string, args ...any) (did bool, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, within)
	defer cancel()
	var text string
	if err := db.QueryRowContext(ctx, query, args...).Scan(&text); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return false, err
	}
	if _, err = db.ExecContext(ctx, text); err == nil {
		count.Add(1)
	}
	return err == nil, err
}

// any does something with tablets of the small tables.
func (s *reshaping) any(db *sql.DB) (bool, error) {
	const within = 20 * time.Second
	switch rand.IntN(4) {
	case 0: // of a table that has few, in its shard or over all
		return s.alter(db, &s.cut, within, "SELECT CONCAT('ALTER TABLE `', table_name, '` SPLIT TABLET ', MIN(tablet_id), ' INTO ', FLOOR(2 + 2 * RAND()), ' TABLETS', IF(RAND() < 0.5, ' SPREAD', ''))"+
			` FROM information_schema.cluster_tablets WHERE table_schema = ? AND table_name <> 'big' AND entries_of IS NULL
			GROUP BY table_name HAVING COUNT(*) < 4 ORDER BY RAND() LIMIT 1`, checkDB)
	case 1:
		return s.alter(db, &s.merged, within, "SELECT CONCAT('ALTER TABLE `', table_name, '` MERGE TABLETS ALL')"+
			` FROM information_schema.cluster_tablets WHERE table_schema = ? AND table_name <> 'big' AND entries_of IS NULL
			GROUP BY table_name HAVING COUNT(*) > 1 ORDER BY RAND() LIMIT 1`, checkDB)
	}
	return s.move(db, within, "table_name <> 'big'")
}

func (s *reshaping) move(db *sql.DB, within time.Duration, which string) (bool, error) {
	return s.alter(db, &s.moved, within, "SELECT CONCAT('ALTER TABLE `', table_name, '` MOVE TABLET ', tablet_id, ' TO SHARD ', s.shard_id)"+
		` FROM information_schema.cluster_tablets t
		JOIN (SELECT DISTINCT shard_id FROM information_schema.cluster_shards WHERE shard_id > 1) s ON s.shard_id <> t.shard_id
		WHERE table_schema = ? AND `+which+" ORDER BY RAND() LIMIT 1", checkDB)
}

// table does something with tablets of the large table: from one to so many at once, then around that number.
func (s *reshaping) table(db *sql.DB) (bool, error) {
	const within = 3 * time.Minute
	var tablets int
	if err := db.QueryRowContext(s.ctx, "SELECT COUNT(*) FROM information_schema.cluster_tablets WHERE table_schema = ? AND table_name = 'big'", checkDB).Scan(&tablets); err != nil {
		return false, err
	}
	switch n := rand.IntN(4); {
	case tablets == 1:
		return s.alter(db, &s.cut, within, "SELECT CONCAT('ALTER TABLE big SPLIT INTO ', ?, ' TABLETS SPREAD')", s.most)
	case n == 0 && tablets <= s.most || tablets < s.most-2:
		return s.alter(db, &s.cut, within, `SELECT CONCAT('ALTER TABLE big SPLIT TABLET ', tablet_id, ' INTO 2 TABLETS', IF(RAND() < 0.5, ' SPREAD', ''))
			FROM information_schema.cluster_tablets WHERE table_schema = ? AND table_name = 'big' ORDER BY RAND() LIMIT 1`, checkDB)
	case n == 1 || tablets > s.most+2:
		return s.alter(db, &s.merged, within, `SELECT CONCAT('ALTER TABLE big MERGE TABLETS ', a.tablet_id, ', ', b.tablet_id)
			FROM information_schema.cluster_tablets a JOIN information_schema.cluster_tablets b USING (table_schema, table_name)
			WHERE table_schema = ? AND table_name = 'big' AND b.tablet_ordinal = a.tablet_ordinal + 1 ORDER BY RAND() LIMIT 1`, checkDB)
	}
	return s.move(db, within, "table_name = 'big'")
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
