package cluster

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestIndexBuildGoesOn kills the gateway of an index build, and another one goes on from where it was: the index comes, and has the rows' entries,
// among them those of rows that were written meanwhile.
func TestIndexBuildGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	const rows, chunk = 120_000, 2000
	nodes := harness.Cluster(t, 3)
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	db := nodes[0].DB("", "multiStatements=true")
	must := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%.80s: %v", query, err)
		}
	}
	must("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, k INT NOT NULL, s VARCHAR(40) NOT NULL)")
	for first := 0; first < rows; first += chunk {
		values := make([]string, chunk)
		for i := range values {
			values[i] = fmt.Sprintf("(%d,%d,'some text')", first+i, (first+i)*7919%rows)
		}
		must("INSERT INTO d.t VALUES " + strings.Join(values, ","))
	}
	must("ALTER TABLE d.t SPLIT INTO 3 TABLETS SPREAD")
	gateway := 2 // not the one that is asked afterwards; what it leads fails over
	other := nodes[gateway].DB("d", "")
	ended := make(chan error, 1)
	go func() {
		_, err := other.Exec("ALTER TABLE t ADD INDEX k (k)")
		ended <- err
	}()
	var done int
	harness.Eventually(t, 30*time.Second, "the build's progress is known", func() error {
		select {
		case err := <-ended:
			t.Fatalf("the build has ended before it was disturbed: %v", err)
		default:
		}
		err := db.QueryRow("SELECT rows_done FROM information_schema.cluster_jobs WHERE table_name = 't' AND rows_done > 0").Scan(&done)
		return err
	})
	nodes[gateway].Kill()
	if err := <-ended; err == nil {
		t.Fatal("the statement has succeeded on a node that is dead")
	}
	t.Logf("killed after %d rows", done)
	harness.Eventually(t, 60*time.Second, "rows are written beside", func() error {
		_, err := db.Exec("UPDATE d.t SET k = -id WHERE id IN (1, 60000, 119999)")
		return err
	})
	harness.Eventually(t, 60*time.Second, "the index is there", func() error {
		var n, jobs int
		err := db.QueryRow("SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = 'd' AND table_name = 't' AND index_name = 'k'").Scan(&n)
		if err == nil {
			err = db.QueryRow("SELECT COUNT(*) FROM information_schema.cluster_jobs").Scan(&jobs)
		}
		if err == nil && (n != 1 || jobs != 0) {
			err = fmt.Errorf("%d indexes, %d jobs", n, jobs)
		}
		return err
	})
	if log := nodes[0].Log() + nodes[1].Log(); !strings.Contains(log, "a definition was left half changed") {
		t.Error("nobody says that he went on with it")
	}
	sums := map[string]int{}
	for _, index := range []string{"PRIMARY", "k"} {
		var sum string
		err := db.QueryRow("SELECT CONCAT(COUNT(*), ' ', SUM(k), ' ', BIT_XOR(CRC32(CONCAT(id, ':', k)))) FROM d.t FORCE INDEX (" + index + ")").Scan(&sum)
		if err != nil {
			t.Error(err)
		}
		sums[sum]++
	}
	if len(sums) != 1 {
		t.Errorf("rows and index differ: %v", sums)
	}
	must("ALTER TABLE d.t ADD INDEX k2 (s, k)") // nothing is in the way
	nodes[gateway].Start()
	settled(t, nodes)
}

// TestDefinitionsAtOnce changes one table through all gateways at once, and makes and drops tables beside that: each change is made, and none is lost.
func TestDefinitionsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	const clients, steps = 6, 5
	nodes := harness.Cluster(t, 3)
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	if _, err := nodes[0].DB("", "multiStatements=true").Exec("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range clients {
		db := nodes[i%len(nodes)].DB("d", "")
		all.Go(func() {
			for n := range steps {
				for _, query := range definitionsOf(i, n) {
					if _, err := db.Exec(query); err != nil {
						t.Errorf("%s: %v", query, err)
					}
				}
			}
		})
	}
	all.Wait()
	for _, n := range nodes {
		db := n.DB("d", "")
		harness.Eventually(t, 10*time.Second, "every change is there", func() error { return definedAll(db, clients*steps) })
	}
}

// definitionsOf are changes that a client makes: those of t stay.
func definitionsOf(client, step int) []string {
	id := fmt.Sprintf("%d_%d", client, step)
	list := []string{
		"ALTER TABLE t ADD COLUMN c" + id + " INT DEFAULT 7",
		"CREATE TABLE x" + id + " (id INT PRIMARY KEY, n INT)",
		"ALTER TABLE t ADD INDEX k" + id + " (c" + id + ")",
		"RENAME TABLE x" + id + " TO y" + id,
	}
	if step%2 == 0 {
		return append(list, "TRUNCATE TABLE y"+id, "DROP TABLE y"+id)
	}
	return append(list, "ALTER TABLE y"+id+" MODIFY n VARCHAR(10)")
}

// definedAll looks for what definitionsOf has made.
func definedAll(db *sql.DB, changes int) error {
	var columns, indexes, jobs, tables int
	for query, n := range map[string]*int{
		"SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'd' AND table_name = 't' AND column_name LIKE 'c%'":   &columns,
		"SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = 'd' AND table_name = 't' AND index_name LIKE 'k%'": &indexes,
		"SELECT COUNT(*) FROM information_schema.cluster_jobs":                                                                      &jobs,
		"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'd' AND table_name LIKE 'y%'":                          &tables,
	} {
		if err := db.QueryRow(query).Scan(n); err != nil {
			return err
		}
	}
	if columns != changes || indexes != changes || jobs != 0 || tables != changes*2/5 {
		return fmt.Errorf("%d columns, %d indexes, %d tables, %d jobs", columns, indexes, tables, jobs)
	}
	return nil
}
