package online

import (
	"context"
	"strings"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// ViewMode is what is done where a view of the name is there, and where none is.
type ViewMode uint8

// The modes.
const (
	CreateView ViewMode = iota
	ReplaceView
	AlterView
)

// PutView is CREATE VIEW and its kin, of a descriptor that has neither id nor database. 1049, 1050, 1146, 1347.
func (x *Executor) PutView(ctx context.Context, env *ddl.Env, name Name, v *schema.View, mode ViewMode) error {
	if err := names.Table(name.Table); err != nil {
		return err
	}
	var there []schema.TableID
	err := x.freshly(ctx, func() error {
		old, err := viewThere(x.DB.Catalog(), name, mode)
		if there = nil; old != nil {
			there = append(there, old.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	unlock, err := env.ExclusiveIDs(ctx, there...)
	if err != nil {
		return err
	}
	defer unlock()
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		old, err := viewThere(tx.Snapshot, name, mode)
		if err != nil {
			return err
		}
		db, _ := tx.Snapshot.Database(name.DB)
		next := *v
		next.Name, next.Database = name.Table, db.ID
		if old != nil {
			next.ID, next.Version = old.ID, old.Version+1
		} else {
			next.ID, next.Version = schema.TableID(tx.NewID()), 1
		}
		tx.PutView(&next)
		return nil
	})
}

// viewThere is the view that is to be replaced, nil for none.
func viewThere(s *catalog.Snapshot, name Name, mode ViewMode) (*schema.View, error) {
	if _, ok := s.Database(name.DB); !ok {
		return nil, mysqlerr.New(mysqlerr.BadDB, name.DB)
	}
	_, table := s.Table(name.DB, name.Table)
	old, ok := s.View(name.DB, name.Table)
	switch {
	case mode == CreateView && (table || ok):
		return nil, mysqlerr.New(mysqlerr.TableExists, name.Table)
	case table:
		return nil, mysqlerr.New(mysqlerr.WrongObject, name.DB, name.Table, "VIEW")
	case mode == AlterView && !ok:
		return nil, mysqlerr.New(mysqlerr.NoSuchTable, name.DB, name.Table)
	}
	return old, nil
}

// DropViews drops views all or none. Missing ones are error 1051, or notes with ifExists; a table is 1347.
func (x *Executor) DropViews(ctx context.Context, env *ddl.Env, names []Name, ifExists bool) error {
	var ids []schema.TableID
	for _, n := range names {
		if v, ok := x.DB.Catalog().View(n.DB, n.Table); ok {
			ids = append(ids, v.ID)
		}
	}
	unlock, err := env.ExclusiveIDs(ctx, ids...)
	if err != nil {
		return err
	}
	defer unlock()
	var missing []string
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		missing = nil
		for _, n := range names {
			if _, table := tx.Snapshot.Table(n.DB, n.Table); table {
				return mysqlerr.New(mysqlerr.WrongObject, n.DB, n.Table, "VIEW")
			}
			v, ok := tx.Snapshot.View(n.DB, n.Table)
			if !ok {
				missing = append(missing, n.String())
				continue
			}
			tx.DeleteView(v.ID)
		}
		if len(missing) > 0 && !ifExists {
			return mysqlerr.New(mysqlerr.BadTable, strings.Join(missing, ","))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range missing {
		env.Report("Note", mysqlerr.New(mysqlerr.BadTable, m))
	}
	return nil
}

func tableIDs(tables []*schema.Table) []schema.TableID {
	ids := make([]schema.TableID, len(tables))
	for i, t := range tables {
		ids[i] = t.ID
	}
	return ids
}
