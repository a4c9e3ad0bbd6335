package differential

import (
	"slices"
	"testing"
)

// A query's parts are its expressions without literals and names, those of subqueries over the subqueries' tables, the shortest first.
func TestParts(t *testing.T) {
	var got []string
	for _, p := range parts("SELECT q.id, ABS(q.i) + 1 AS c0 FROM a q WHERE q.s = 'x and y' OR EXISTS (SELECT 1 FROM c WHERE c.i > -q.id) ORDER BY q.id LIMIT 1") {
		got = append(got, p.sql+p.order)
	}
	for _, want := range []string{
		"SELECT ABS(q.i) AS c0 FROM a AS q ORDER BY q.id",
		"SELECT q.s = 'x and y' AS c0 FROM a AS q ORDER BY q.id",
		"SELECT c.i > -q.id AS c0 FROM c",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no part %s of %q", want, got)
		}
	}
	if list := parts("SELECT FROM"); list != nil {
		t.Errorf("%q of what is no query", list)
	}
}
