package locks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// TestQueue is a table of jobs with 16 workers: each takes the first job that nobody else has, does it, and removes it or
// marks it done. With SKIP LOCKED each job is done once, nobody waits, and nobody is a deadlock's victim.
func TestQueue(t *testing.T) {
	s := start(t)
	for _, tc := range []struct{ name, take, done string }{
		{
			"primary", "SELECT id FROM jobs ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
			"DELETE FROM jobs WHERE id = ?",
		}, {
			"secondary", "SELECT id FROM jobs FORCE INDEX (state) WHERE state = 0 ORDER BY prio, id LIMIT 1 FOR UPDATE SKIP LOCKED",
			"UPDATE jobs SET state = 1 WHERE id = ?",
		}, {
			"filter", "SELECT id FROM jobs WHERE state = 0 LIMIT 1 FOR UPDATE SKIP LOCKED",
			"UPDATE jobs SET state = 1 WHERE id = ?",
		},
	} {
		t.Run(tc.name, func(t *testing.T) { runQueue(t, s, "queue_"+tc.name, tc.take, tc.done) })
	}
}

const (
	queueWorkers = 16
	queueJobs    = 400
)

func runQueue(t *testing.T, s *server, db, take, done string) {
	pool := open(t, s.dsn)
	pool.SetMaxIdleConns(queueWorkers)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	must := func(stmt string) {
		t.Helper()
		if _, err := pool.ExecContext(ctx, stmt); err != nil {
			t.Fatal(err)
		}
	}
	must("DROP DATABASE IF EXISTS " + db)
	must("CREATE DATABASE " + db)
	must("CREATE TABLE " + db + ".jobs (id INT PRIMARY KEY, state INT NOT NULL, prio INT NOT NULL, KEY state (state, prio, id))")
	for i := range queueJobs {
		must(fmt.Sprintf("INSERT INTO %s.jobs VALUES (%d, 0, %d)", db, i, i%7))
	}
	var mu sync.Mutex
	taken := map[int]int{}
	var wg sync.WaitGroup
	for range queueWorkers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := pool.Conn(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if _, err := c.ExecContext(ctx, "USE "+db); err != nil {
				t.Error(err)
				return
			}
			for {
				id, err := takeJob(ctx, c, take, done)
				if errors.Is(err, sql.ErrNoRows) {
					return // what is left is others'
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				taken[id]++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	for i := range queueJobs {
		if taken[i] != 1 {
			t.Errorf("job %d was done %d times", i, taken[i])
		}
	}
}

func takeJob(ctx context.Context, c *sql.Conn, take, done string) (id int, err error) {
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, take).Scan(&id); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, done, id); err != nil {
		return 0, err
	}
	return id, tx.Commit()
}

// TestSerializable runs what goes wrong without locks on ranges: each worker counts the rows of a group by one of several
// ways and adds one if there are fewer than the group may have, or removes one if there are more than it must have.
func TestSerializable(t *testing.T) {
	s := start(t)
	pool := open(t, s.dsn)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, stmt := range []string{
		"DROP DATABASE IF EXISTS serial", "CREATE DATABASE serial",
		"CREATE TABLE serial.t (id INT PRIMARY KEY, g INT NOT NULL, v INT NOT NULL, KEY g (g))",
	} {
		if _, err := pool.ExecContext(ctx, stmt); err != nil {
			t.Fatal(err)
		}
	}
	const groups, limit, workers, rounds = 3, 4, 6, 40
	counts := []string{
		"SELECT COUNT(*) FROM t FORCE INDEX (g) WHERE g = ? AND v >= 0",
		"SELECT COUNT(*) FROM t IGNORE INDEX (g) WHERE g = ?",
		"SELECT COUNT(*) FROM t WHERE g = ?",
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := pool.Conn(ctx)
			if err == nil {
				_, err = c.ExecContext(ctx, "USE serial")
			}
			for i := 0; i < rounds && err == nil; i++ {
				err = changeGroup(ctx, c, counts[(w+i)%len(counts)], (w+i)%groups, limit, w*rounds+i)
				var e *mysql.MySQLError
				if errors.As(err, &e) && e.Number == 1213 {
					err = nil
				}
			}
			if err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	rows, err := pool.QueryContext(ctx, "SELECT g, COUNT(*) FROM serial.t GROUP BY g")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var g, n int
		if err := rows.Scan(&g, &n); err != nil {
			t.Fatal(err)
		}
		if n > limit {
			t.Errorf("group %d has %d rows", g, n)
		}
	}
}

func changeGroup(ctx context.Context, c *sql.Conn, count string, g, limit, id int) error {
	tx, err := c.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(ctx, count, g).Scan(&n); err != nil {
		return err
	}
	switch {
	case n > limit:
		return fmt.Errorf("group %d has %d rows", g, n)
	case n < limit && id%2 == 0:
		_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (?, ?, 0)", id, g)
	case n < limit: // a row comes in from another group
		_, err = tx.ExecContext(ctx, "UPDATE t SET g = ? WHERE g = ? ORDER BY id LIMIT 1", g, (g+1)%3)
	default:
		_, err = tx.ExecContext(ctx, "DELETE FROM t WHERE g = ? LIMIT 1", g)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}
