package status

import (
	"testing"

	"cloudsql/planner/syntax"
	"cloudsql/storage/metric"
)

// TestKinds: every kind has a name, no two have the same, and each is a variable of SHOW STATUS.
func TestKinds(t *testing.T) {
	var s Stats
	seen := map[string]float64{}
	for k := Other + 1; k < kinds; k++ {
		if _, ok := seen["Com_"+k.String()]; ok || k.String() == "" {
			t.Errorf("kind %d is called %q", k, k)
		}
		seen["Com_"+k.String()] = float64(k)
		for range k {
			s.Statements.Add(k)
		}
	}
	s.Statements.Add(Other)
	found := 0
	metric.Status([]metric.Source[*Stats]{metric.One(func(s *Stats) *Stats { return s })}, &s, func(name string, n float64) {
		if want, ok := seen[name]; ok {
			if found++; n != want {
				t.Errorf("%s is %v, not %v", name, n, want)
			}
		}
	})
	if found != len(seen) {
		t.Errorf("%d of %d variables", found, len(seen))
	}
}

// TestOf: what a statement is counted as.
func TestOf(t *testing.T) {
	for text, want := range map[string]Kind{
		"SELECT 1 UNION SELECT 2": Select, "INSERT INTO t VALUES (1)": Insert, "REPLACE INTO t VALUES (1)": Replace, "UPDATE t SET a = 1": Update,
		"DELETE FROM t": Delete, "ROLLBACK": Rollback, "ROLLBACK TO x": RollbackTo, "SET a = 1": Set, "CREATE TABLE t (a INT)": CreateTable,
		"DROP INDEX i ON t": DropIndex, "CREATE VIEW v AS SELECT 1": Other, "SHOW TABLES": Show,
	} {
		node, err := syntax.Parse(text, syntax.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(node); got != want {
			t.Errorf("%s is counted as %q", text, got)
		}
	}
}
