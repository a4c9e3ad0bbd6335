package locks

import (
	"database/sql"
	"sync"
	"testing"

	"cloudsql/tests/harness"
)

// TestChangesOfOneTable: changes of one table's definition wait for each other, whether the one before replaces the table by a
// copy, empties it or gives it another name for a moment; none is told that there is no such table, also not through another node.
func TestChangesOfOneTable(t *testing.T) {
	if testing.Short() {
		t.Skip("processes")
	}
	nodes := harness.Cluster(t, 3)
	db := nodes[0].DB("", "")
	fkExec(t, db, "CREATE DATABASE replaced")
	fkExec(t, db, "CREATE TABLE replaced.t (id INT PRIMARY KEY, n INT NOT NULL, m INT)")
	fkExec(t, db, "INSERT INTO replaced.t VALUES (1, 1, 1), (2, 2, 2)")
	change := func(db *sql.DB, statements ...string) {
		for range 4 {
			for _, s := range statements {
				if _, err := db.Exec(s); err != nil {
					t.Errorf("%s: %v", s, err)
				}
			}
		}
	}
	var wg sync.WaitGroup
	for i, statements := range [][]string{
		{"ALTER TABLE t MODIFY n BIGINT NOT NULL", "ALTER TABLE t MODIFY n INT NOT NULL"},
		{"ALTER TABLE t ADD INDEX x (m)", "ALTER TABLE t DROP INDEX x"},
		{"ALTER TABLE t ADD COLUMN g INT AS (n + 1) STORED", "ALTER TABLE t DROP COLUMN g"},
		{"RENAME TABLE t TO u, u TO t", "TRUNCATE TABLE t"},
	} {
		wg.Go(func() { change(nodes[i%len(nodes)].DB("replaced", ""), statements...) })
	}
	wg.Wait()
}
