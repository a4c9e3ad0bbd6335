package catalog

import (
	"errors"
	"testing"

	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// Views share names, ids and versions with tables, and are written for nodes that know them only.
func TestViews(t *testing.T) {
	r := newRecords()
	var v schema.View
	s := r.commit(t, Empty(), func(tx *Tx) {
		tx.PutClusterVersion(ClusterVersion{Active: version.V2})
		d := &schema.Database{ID: schema.DatabaseID(tx.NewID()), Name: "d"}
		tx.PutDatabase(d)
		v = schema.View{ID: schema.TableID(tx.NewID()), Database: d.ID, Name: "v", Version: 1, Query: "select 1 AS `1`", Columns: []string{"1"}}
		tx.PutView(&v)
		tx.PutView(&schema.View{ID: schema.TableID(tx.NewID()), Database: d.ID, Name: "other", Version: 1})
		if refusal := (*version.TooNew)(nil); !errors.As(tx.Check(version.V1), &refusal) || tx.Check(version.V2) != nil {
			t.Error("a view for nodes that do not know any")
		}
	})
	if id, ok := s.Named("d", "v"); !ok || id != v.ID || len(s.Views("d")) != 2 || len(s.Tables("d")) != 0 {
		t.Error("not found by its name, or a table")
	}
	if _, ok := s.Table("d", "v"); ok {
		t.Error("taken for a table")
	}
	next := r.commit(t, s, func(tx *Tx) {
		renamed := v
		renamed.Name, renamed.Version = "w", 2
		tx.PutView(&renamed)
	})
	if n, ok := next.VersionOf(v.ID); !ok || n != 2 {
		t.Error("version", n)
	}
	if _, ok := next.View("d", "v"); ok {
		t.Error("the old name is still there")
	}
	gone := r.commit(t, next, func(tx *Tx) { tx.DeleteView(v.ID) })
	if _, ok := gone.ViewByID(v.ID); ok {
		t.Error("not deleted")
	}
}
