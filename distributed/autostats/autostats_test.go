package autostats

import (
	"fmt"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// TestOutgrown: a round looks at a bounded number of tables and gives the one that has grown most; the rounds see them all, one after the other.
func TestOutgrown(t *testing.T) {
	const tables = 3*statsRound + 100
	tx := catalog.Empty().Begin()
	tx.PutDatabase(&schema.Database{ID: 1, Name: "d"})
	for i := range tables {
		tx.PutTable(&schema.Table{ID: schema.TableID(1000 + i), Database: 1, Name: fmt.Sprint("t", i)})
	}
	asked := map[schema.TableID]int{}
	size := func(t *schema.Table) (rows, bytes uint64) {
		asked[t.ID]++
		return uint64(t.ID) * 10, 0
	}
	looked := map[schema.TableID]time.Time{1001: {}}
	from, rounds := schema.TableID(0), 0
	for {
		before := len(asked)
		most, next := outgrown(size, tx.Snapshot, looked, from)
		if n := len(asked) - before; n > statsRound {
			t.Fatalf("%d tables in one round", n)
		}
		if last := next - 1; next != 0 && most.ID != last || next == 0 && most.ID != 1000+tables-1 {
			t.Errorf("table %d, and then from %d", most.ID, next)
		}
		rounds++
		if from = next; from == 0 {
			break
		}
	}
	if rounds != 4 || len(asked) != tables-1 || asked[1001] != 0 {
		t.Errorf("%d rounds asked for %d tables", rounds, len(asked))
	}
	for id, n := range asked {
		if n != 1 {
			t.Errorf("table %d was asked for %d times", id, n)
		}
	}
}
