package moving

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

const (
	accounts = 40
	start    = 100
)

// world is a cluster with clients: some move money within a table and between two, some insert rows that they remember.
type world struct {
	t     *testing.T
	nodes []*harness.Node
	ctx   context.Context

	moved, cut, merged, transfers, conflicts atomic.Int64

	mu       sync.Mutex
	acked    map[int64]bool // inserted, for all that the client knows
	numbered map[int64]bool // likewise, into a table that numbers its rows
	next     atomic.Int64
}

// TestTablets: tablets move to and fro, are cut and merged all the time, and the node that drives the moves, or any other, is killed. Money neither comes nor goes, what
// was acknowledged is there, and clients of nodes that live see conflicts at most.
func TestTablets(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	w := &world{t: t, nodes: harness.Cluster(t, 3), acked: map[int64]bool{}, numbered: map[int64]bool{}}
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return harness.Replicated(w.nodes) })
	db := w.nodes[0].DB("", "multiStatements=true")
	must(t, db, `CREATE DATABASE d; USE d; CREATE TABLE a (id INT PRIMARY KEY, n INT NOT NULL, KEY (n)); CREATE TABLE b LIKE a;
		CREATE TABLE l (id BIGINT PRIMARY KEY, s VARCHAR(200), KEY (s)) PARTITION BY HASH (id) PARTITIONS 2;
		CREATE TABLE s (id BIGINT PRIMARY KEY AUTO_INCREMENT, v BIGINT NOT NULL, UNIQUE KEY (v))`)
	for id := range accounts {
		must(t, db, fmt.Sprintf("INSERT INTO d.a VALUES (%d, %d); INSERT INTO d.b VALUES (%d, %d)", id, start, id, start))
	}
	w.phase(6*time.Second, func() {})
	w.phase(12*time.Second, func() {
		for _, i := range rand.Perm(3)[:2] {
			time.Sleep(2 * time.Second)
			w.nodes[i].Kill()
			time.Sleep(time.Second)
			w.nodes[i].Start()
		}
	})
	t.Logf("%d moves, %d cuts, %d merges, %d transfers, %d conflicts, %d rows", w.moved.Load(), w.cut.Load(), w.merged.Load(), w.transfers.Load(),
		w.conflicts.Load(), len(w.acked))
	if w.moved.Load()+w.cut.Load()+w.merged.Load() < 3 {
		t.Errorf("only %d tablets have moved, %d were cut, %d merged", w.moved.Load(), w.cut.Load(), w.merged.Load())
	}
}

func must(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// phase lets everybody work for d while trouble happens, and looks at what is there.
func (w *world) phase(d time.Duration, trouble func()) {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	w.ctx = ctx
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() { w.loop(i, w.transfer) })
		all.Go(func() { w.loop(i, w.insert) })
		all.Go(func() { w.loop(i, w.number) })
	}
	all.Go(func() { w.loop(0, w.move) })
	all.Go(func() { w.loop(1, w.audit) })
	trouble()
	all.Wait()
	harness.Eventually(w.t, 60*time.Second, "three replicas of every shard", func() error { return harness.Replicated(w.nodes) })
	w.check()
}

// loop repeats a client's step through one node after the other, until the phase is over.
func (w *world) loop(i int, step func(ctx context.Context, db *sql.DB) error) {
	for ; w.ctx.Err() == nil; i++ {
		db := w.nodes[i%3].DB("d", "readTimeout=30s")
		for n := 0; n < 20 && w.ctx.Err() == nil; n++ {
			if err := step(context.Background(), db); err != nil {
				w.note(err)
				break
			}
		}
		db.Close()
	}
}

// note looks at an error: conflicts, and what a client sees of a node that is killed, or of one that a killed one served.
func (w *world) note(err error) {
	var from *mysql.MySQLError
	if !errors.As(err, &from) {
		time.Sleep(50 * time.Millisecond)
		return
	}
	switch from.Number {
	case 1205, 1213:
		w.conflicts.Add(1)
	case 1317, 1180, 1296, 1053: // of failovers
	default:
		w.t.Errorf("a client gets %v", err)
	}
}

func (w *world) transfer(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	amount := 1 + rand.IntN(20)
	for _, sign := range []int{-1, 1} {
		table := [2]string{"a", "b"}[rand.IntN(2)]
		if _, err := tx.ExecContext(ctx, "UPDATE "+table+" SET n = n + ? WHERE id = ?", sign*amount, rand.IntN(accounts)); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	w.transfers.Add(1)
	return nil
}

func (w *world) insert(ctx context.Context, db *sql.DB) error {
	id := w.next.Add(1)
	if _, err := db.ExecContext(ctx, "INSERT INTO l VALUES (?, REPEAT('x', 100))", id); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked[id] = true
	return nil
}

// number inserts rows that get numbers.
func (w *world) number(ctx context.Context, db *sql.DB) error {
	v := 2 * w.next.Add(1)
	if _, err := db.ExecContext(ctx, "INSERT INTO s (v) VALUES (?), (?)", v, v+1); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.numbered[v], w.numbered[v+1] = true, true
	return nil
}

// audit sees all money in every snapshot.
func (w *world) audit(ctx context.Context, db *sql.DB) error {
	var total int
	err := db.QueryRowContext(ctx, "SELECT SUM(n) FROM (SELECT n FROM a UNION ALL SELECT n FROM b) x").Scan(&total)
	if err == nil && total != 2*accounts*start {
		w.t.Errorf("a snapshot shows %d, not %d", total, 2*accounts*start)
	}
	return err
}

// move moves some tablet to another shard, cuts one, or merges all of a table.
func (w *world) move(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	query, count := `SELECT CONCAT('ALTER TABLE ', table_name, ' MOVE TABLET ', tablet_id, ' TO SHARD ', s.shard_id) FROM information_schema.cluster_tablets t
		JOIN (SELECT DISTINCT shard_id FROM information_schema.cluster_shards WHERE shard_id > 1) s ON s.shard_id <> t.shard_id
		WHERE table_schema = 'd' ORDER BY RAND() LIMIT 1`, &w.moved
	switch rand.IntN(4) {
	case 0:
		query, count = `SELECT CONCAT('ALTER TABLE ', table_name, ' SPLIT TABLET ', MIN(tablet_id), ' INTO 2 TABLETS', IF(RAND() < 0.5, ' SPREAD', ''))
			FROM information_schema.cluster_tablets WHERE table_schema = 'd' AND entries_of IS NULL
			GROUP BY table_name HAVING COUNT(*) < 4 ORDER BY RAND() LIMIT 1`, &w.cut
	case 1:
		query, count = `SELECT CONCAT('ALTER TABLE ', table_name, ' MERGE TABLETS ALL')
			FROM information_schema.cluster_tablets WHERE table_schema = 'd' AND entries_of IS NULL
			GROUP BY table_name HAVING COUNT(*) > COUNT(DISTINCT IFNULL(partition_name, '')) ORDER BY RAND() LIMIT 1`, &w.merged
	}
	var text string
	if err := db.QueryRowContext(ctx, query).Scan(&text); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
	_, err := db.ExecContext(ctx, text)
	var from *mysql.MySQLError
	switch {
	case err == nil:
		count.Add(1)
	case errors.As(err, &from) && from.Number == 1525: // an earlier statement, that was given up, has moved it
		return nil
	}
	return err
}

// check looks at what is there now, through every node, by rows and by index.
func (w *world) check() {
	for _, n := range w.nodes {
		db := n.DB("d", "readTimeout=30s")
		for _, index := range []string{"PRIMARY", "n"} {
			total := 0
			for _, table := range []string{"a", "b"} {
				var sum, count int
				if err := db.QueryRow("SELECT SUM(n), COUNT(*) FROM "+table+" FORCE INDEX ("+index+")").Scan(&sum, &count); err != nil || count != accounts {
					w.t.Errorf("%s by %s: %d rows, %v", table, index, count, err)
				}
				total += sum
			}
			if total != 2*accounts*start {
				w.t.Errorf("by %s there is %d, not %d", index, total, 2*accounts*start)
			}
		}
		for _, index := range []string{"PRIMARY", "s"} {
			w.checkAcked(db, "SELECT id FROM l FORCE INDEX ("+index+")", w.acked)
		}
		for _, index := range []string{"PRIMARY", "v"} {
			w.checkAcked(db, "SELECT v FROM s FORCE INDEX ("+index+")", w.numbered)
		}
		db.Close()
	}
	w.checkEntries()
}

// checkEntries has the entries of s's unique key, which are in tablets of their own once it was cut, compared with its rows.
func (w *world) checkEntries() {
	db := w.nodes[0].DB("d", "readTimeout=60s")
	defer db.Close()
	harness.Eventually(w.t, time.Minute, "rows and entries to be compared", func() error {
		var table, op, kind, text string
		if err := db.QueryRow("CHECK TABLE s").Scan(&table, &op, &kind, &text); err != nil {
			return err
		}
		if text != "OK" {
			w.t.Errorf("CHECK TABLE: %s %s", kind, text)
		}
		return nil
	})
}

// checkAcked looks whether a query gives all values that were acknowledged, and none twice.
func (w *world) checkAcked(db *sql.DB, query string, acked map[int64]bool) {
	rows, err := db.Query(query)
	if err != nil {
		w.t.Error(err)
		return
	}
	seen := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil || seen[id] {
			w.t.Errorf("%s: row %d is there twice, or: %v", query, id, err)
		}
		seen[id] = true
	}
	if err := rows.Err(); err != nil {
		w.t.Error(err)
	}
	for id := range acked {
		if !seen[id] {
			w.t.Errorf("%s: row %d was acknowledged and is not there", query, id)
		}
	}
}
