package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// columnarQueries are read with columnar copies and without, in one snapshot.
var columnarQueries = []string{
	"SELECT COUNT(*), SUM(k), MIN(d), MAX(d), AVG(m) FROM t",
	"SELECT s, COUNT(*), SUM(m * (1 - m)), MAX(k) FROM t WHERE d >= '2024-03-01' AND k < 900 GROUP BY s ORDER BY s",
	"SELECT id, m, s FROM t WHERE s = 'B' AND k BETWEEN 100 AND 130 ORDER BY id",
	"SELECT SUM(m) FROM t WHERE s LIKE 'a%' AND id > 4000",
	"SELECT a.s, COUNT(*) FROM t a JOIN t b ON a.id = b.id + 2 WHERE b.k < 50 GROUP BY a.s ORDER BY 1",
}

// answerOf is what a query gives within a snapshot.
func answerOf(tx *sql.Tx, columnar, query string) (string, error) {
	if _, err := tx.Exec("SET cloudsql_columnar = " + columnar); err != nil {
		return "", err
	}
	rows, err := tx.Query(query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	values, places := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return "", err
		}
		fmt.Fprintln(&out, values)
	}
	return out.String(), rows.Err()
}

// compareColumnar reads each query with copies and without, in one snapshot.
func compareColumnar(db *sql.DB) error {
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, q := range columnarQueries {
		with, err := answerOf(tx, "AUTO", q)
		if err != nil {
			return err
		}
		without, err := answerOf(tx, "OFF", q)
		if err != nil {
			return err
		}
		if with != without {
			return fmt.Errorf("%s: %w\nwith a copy: %.500s\nwithout: %.500s", q, errColumnarDiffers, with, without)
		}
	}
	return nil
}

var errColumnarDiffers = errors.New("the copy has other rows")

// TestColumnarCopies: reads of tables with columnar copies give the same as of rows, while rows change, tablets are cut and merged, and after a node is killed.
func TestColumnarCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process, and kills it")
	}
	n := harness.NewNode(t).Start()
	db := n.DB("", "multiStatements=true")
	must := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%.80s: %v", query, err)
		}
	}
	must("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, k INT, m DECIMAL(10,2), s VARCHAR(10), d DATE); ALTER TABLE d.t SET COLUMNAR REPLICA 1")
	rng := rand.New(rand.NewPCG(50, 1))
	row := func(id int) string {
		return fmt.Sprintf("(%d,%d,%d.%02d,'%c%s','2024-%02d-%02d')", id, rng.IntN(1000), rng.IntN(500), rng.IntN(100), "aAbBc"[rng.IntN(5)], []string{"", "x"}[rng.IntN(2)], 1+rng.IntN(12), 1+rng.IntN(28))
	}
	for first := 0; first < 24_000; first += 2000 {
		values := make([]string, 2000)
		for i := range values {
			values[i] = row(first + i)
		}
		must("INSERT INTO d.t VALUES " + strings.Join(values, ","))
	}
	inD := n.DB("d", "")
	ready := func() {
		t.Helper()
		harness.Eventually(t, 60*time.Second, "all tablets have copies", func() error {
			var tablets, copies int
			err := db.QueryRow("SELECT (SELECT COUNT(*) FROM information_schema.cluster_tablets WHERE table_name = 't'), COUNT(*) FROM information_schema.cluster_columnar_copies "+
				"WHERE table_name = 't' AND state IN ('READY', 'REFRESHING')").Scan(&tablets, &copies)
			if err == nil && tablets != copies {
				err = fmt.Errorf("%d of %d", copies, tablets)
			}
			return err
		})
	}
	ready()
	check := func() {
		t.Helper()
		for range 5 {
			for range 20 {
				must("REPLACE INTO d.t VALUES " + row(rng.IntN(26_000)))
			}
			must(fmt.Sprintf("DELETE FROM d.t WHERE id = %d; UPDATE d.t SET k = k + 1 WHERE id BETWEEN %d AND %d", rng.IntN(24_000), 500, 500+rng.IntN(300)))
			if err := compareColumnar(inD); err != nil {
				t.Fatal(err)
			}
		}
	}
	check()
	// Copies of a table that grew much since are not read before they are refreshed.
	harness.Eventually(t, 60*time.Second, "the copy is read", func() error {
		var plan string
		err := db.QueryRow("EXPLAIN ANALYZE SELECT SUM(m) FROM d.t WHERE k < 100").Scan(&plan)
		if err == nil && !strings.Contains(plan, "columnar rows=") {
			err = errors.New(plan)
		}
		return err
	})
	must("ALTER TABLE d.t SPLIT INTO 3 TABLETS")
	check()
	ready()
	check()
	must("ALTER TABLE d.t ADD COLUMN extra INT DEFAULT 5; ALTER TABLE d.t DROP COLUMN extra; ALTER TABLE d.t MERGE TABLETS ALL")
	check()
	ready()
	n.Kill()
	n.Start()
	db, inD = n.DB("", "multiStatements=true"), n.DB("d", "")
	check()
	ready()
	check()
}
