package ddl

import (
	"testing"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// While a node of V1 may still write, which knows no rules, no table gets any.
func TestRulesNeedV2(t *testing.T) {
	at := func(v version.Version) *catalog.Snapshot {
		tx := catalog.Empty().Begin()
		tx.PutClusterVersion(catalog.ClusterVersion{Active: v})
		s, err := catalog.Empty().Apply(1, tx.Command(1, 1).Sets)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, table := range map[string]*schema.Table{
		"generated": {Columns: []schema.Column{{Name: "a", Generated: "1"}}},
		"invisible": {Columns: []schema.Column{{Name: "a", Invisible: true}}},
		"check":     {Checks: []schema.Check{{Name: "c", Expr: "(1 = 1)", Enforced: true}}},
	} {
		if err := CheckNewRules(at(version.V1), "d", table); mysqlerr.Code(err) != mysqlerr.NotSupportedYet {
			t.Errorf("%s at V1: %v", name, err)
		}
		if err := CheckNewRules(at(version.V2), "d", table); err != nil {
			t.Errorf("%s at V2: %v", name, err)
		}
	}
	if err := CheckNewRules(at(version.V1), "d", &schema.Table{Checks: []schema.Check{{Name: "c"}}}); err != nil {
		t.Errorf("a check that is not enforced: %v", err)
	}
}
