package shard

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// Collection makes ordinary deletions only: where a compaction drops a single deletion and cannot read what follows, Pebble ends the
// process (TestDamageBelowDeletions in storage/engine has the ordinary ones).
func TestCollectionDeletesOrdinarily(t *testing.T) {
	e, s, l := openTable(t)
	l.write(insertRow(1, 1, "a"))
	l.write(updateK(1, 2))
	l.write(updateK(1, 3))
	g := &collection{s: s, batch: e.NewBatch(), limit: 100}
	noted := s.collector.due(l.ts, 100)
	unknown, err := g.known(noted)
	if err != nil || g.removed != 2 {
		t.Fatal(g.removed, err)
	}
	if err := g.open(l.ts); err != nil {
		t.Fatal(err)
	}
	if err := g.keys(context.Background(), unknown); err != nil || g.removed < 4 { // the row's entries in k
		t.Fatal(g.removed, err)
	}
	for r := g.batch.Reader(); ; {
		kind, key, _, ok, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if kind != pebble.InternalKeyKindDelete {
			t.Errorf("%x goes by a deletion of kind %s", key, kind)
		}
	}
	if err := g.close(); err != nil {
		t.Fatal(err)
	}
}
