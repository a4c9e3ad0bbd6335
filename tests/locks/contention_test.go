package locks

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestContention runs statements of their own, of many clients, that find the same few rows in different ways. None of them
// may fail, and no change may be lost: scans that want the same rows follow one another.
func TestContention(t *testing.T) {
	s := start(t)
	pool := open(t, s.dsn)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, stmt := range []string{
		"DROP DATABASE IF EXISTS contention", "CREATE DATABASE contention",
		"CREATE TABLE contention.t (id INT PRIMARY KEY, k INT NOT NULL, u INT NOT NULL UNIQUE, v INT NOT NULL, KEY (k))",
		"INSERT INTO contention.t VALUES (1, 1, 1, 0), (2, 1, 2, 0), (3, 2, 3, 0), (4, 2, 4, 0)",
	} {
		if _, err := pool.ExecContext(ctx, stmt); err != nil {
			t.Fatal(err)
		}
	}
	const workers, rounds = 8, 30
	statements := []struct {
		text string
		adds int
	}{
		{"UPDATE t SET v = v + 1 WHERE k = 1", 2},
		{"UPDATE t SET v = v + 1 WHERE id BETWEEN 2 AND 4", 3},
		{"UPDATE t SET v = v + 1 WHERE u = 3", 1},
		{"UPDATE t SET v = v + 1 WHERE id = 1", 1},
		{"INSERT INTO t VALUES (9, 9, 2, 0) ON DUPLICATE KEY UPDATE v = v + 1", 1},
	}
	var mu sync.Mutex
	sum := 0
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			added, err := contend(ctx, pool, rounds, func(i int) (string, int) {
				st := statements[(w+i)%len(statements)]
				return st.text, st.adds
			})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			sum += added
			mu.Unlock()
		}()
	}
	wg.Wait()
	var got int
	if err := pool.QueryRowContext(ctx, "SELECT SUM(v) FROM contention.t").Scan(&got); err != nil || got != sum {
		t.Errorf("the sum is %d, should be %d (%v)", got, sum, err)
	}
}

func contend(ctx context.Context, pool *sql.DB, rounds int, pick func(i int) (text string, adds int)) (added int, err error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "USE contention"); err != nil {
		return 0, err
	}
	for i := range rounds {
		text, adds := pick(i)
		if _, err := c.ExecContext(ctx, text); err != nil {
			return added, fmt.Errorf("%s: %w", text, err)
		}
		added += adds
	}
	return added, nil
}
