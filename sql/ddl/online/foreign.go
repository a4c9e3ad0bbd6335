package online

import (
	"bytes"
	"context"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Foreign keys concern two tables. A key comes into force while both are locked, so that no statement is at work that knows nothing of
// it, and after the rows that are there have been looked at. All else is settled in the change of the catalog that publishes a table:
// who refers to it follows its new names, and what it must have for that is looked at again, for others may have changed since the
// statement was planned (putRelated).

// kin are the tables that a change concerns besides the one that changes: new parents, and children whose keys follow new names.
func kin(s *catalog.Snapshot, from, to *schema.Table, db string, renamed bool) []*schema.Table {
	list := []*schema.Table{from}
	add := func(t *schema.Table) {
		if !slices.ContainsFunc(list, func(o *schema.Table) bool { return o.ID == t.ID }) {
			list = append(list, t)
		}
	}
	if to != nil && len(ddl.AddedKeys(from, to)) > 0 {
		for _, p := range ddl.Parents(s, to) {
			add(p)
		}
	}
	if renamed || to != nil && len(ddl.RenamedColumns(from, to)) > 0 {
		for _, c := range s.Children(db, from.Name) {
			add(c)
		}
	}
	return list
}

// putRelated publishes a table, with what its relations need; now is what it replaces, nil for a new one. Errors are MySQL's.
func putRelated(tx *catalog.Tx, now, next *schema.Table) error {
	db, ok := tx.Snapshot.DatabaseByID(next.Database)
	if !ok {
		return mysqlerr.New(mysqlerr.BadDB, "")
	}
	if now != nil {
		next = next.Clone()
		keepReferences(now, next)
		follow(tx, now, next, db.Name)
	}
	if err := ddl.CheckForeignKeys(tx.Snapshot, db.Name, next); err != nil {
		return err
	}
	tx.PutTable(next)
	return nil
}

// keepReferences takes over what the keys' parents are called now: they may have been renamed since next was made.
func keepReferences(now, next *schema.Table) {
	for i := range next.ForeignKeys {
		if at := now.ForeignKeyByName(next.ForeignKeys[i].Name); at >= 0 {
			was := &now.ForeignKeys[at]
			ddl.FollowParent(&next.ForeignKeys[i], was.Database, was.Parent, nil)
			next.ForeignKeys[i].ParentColumns = slices.Clone(was.ParentColumns)
		}
	}
}

// follow makes the keys that refer to now refer to next, which is in database db.
func follow(tx *catalog.Tx, now, next *schema.Table, db string) {
	was := tx.Snapshot.DatabaseName(now)
	columns := ddl.RenamedColumns(now, next)
	moved := now.Name != next.Name || was != db
	if moved {
		ddl.RenameGenerated(next, now.Name, next.Name)
	}
	if !moved && len(columns) == 0 {
		return
	}
	followIn := func(t *schema.Table) {
		for i := range t.ForeignKeys {
			if f := &t.ForeignKeys[i]; f.Database == was && f.Parent == now.Name {
				ddl.FollowParent(f, db, next.Name, columns)
			}
		}
	}
	followIn(next)
	for _, child := range tx.Snapshot.Children(was, now.Name) {
		if child.ID == now.ID || child.ID == next.ID {
			continue
		}
		child = child.Clone()
		followIn(child)
		tx.PutTable(child)
	}
}

// followRenames makes all keys follow tables to their new names at once, for names may be swapped; those of the tables themselves, too.
func followRenames(tx *catalog.Tx, renamed []*schema.Table) {
	to := map[Name]Name{}
	for _, t := range renamed {
		was, _ := tx.Snapshot.TableByID(t.ID)
		from := Name{tx.Snapshot.DatabaseName(was), was.Name}
		to[from] = Name{tx.Snapshot.DatabaseName(t), t.Name}
		keepReferences(was, t)
		ddl.RenameGenerated(t, was.Name, t.Name)
	}
	move := func(t *schema.Table) {
		for i := range t.ForeignKeys {
			f := &t.ForeignKeys[i]
			if n, ok := to[Name{f.Database, f.Parent}]; ok {
				f.Database, f.Parent = n.DB, n.Table
			}
		}
	}
	done := map[schema.TableID]bool{}
	for _, t := range renamed {
		done[t.ID] = true
		move(t)
	}
	for from := range to {
		for _, child := range tx.Snapshot.Children(from.DB, from.Table) {
			if done[child.ID] {
				continue
			}
			done[child.ID] = true
			child = child.Clone()
			move(child)
			tx.PutTable(child)
		}
	}
}

// mayDrop is 3730 where a table that stays refers to one that goes.
func mayDrop(env *ddl.Env, s *catalog.Snapshot, gone []*schema.Table) error {
	if env.ForeignKeysOff {
		return nil
	}
	going := make(map[schema.TableID]bool, len(gone))
	for _, t := range gone {
		going[t.ID] = true
	}
	for _, t := range gone {
		if child, f := referrer(s, t, going); child != nil {
			return mysqlerr.New(mysqlerr.CannotDropTableWithFK, t.Name, f.Name, child.Name)
		}
	}
	return nil
}

// referrer finds a table, none of some, that refers to t.
func referrer(s *catalog.Snapshot, t *schema.Table, except map[schema.TableID]bool) (*schema.Table, *schema.ForeignKey) {
	db := s.DatabaseName(t)
	for _, child := range s.Children(db, t.Name) {
		if except[child.ID] {
			continue
		}
		for i := range child.ForeignKeys {
			if f := &child.ForeignKeys[i]; f.Database == db && f.Parent == t.Name {
				return child, f
			}
		}
	}
	return nil, nil
}

// mayTruncate is 1701 where another table refers to one.
func mayTruncate(env *ddl.Env, s *catalog.Snapshot, t *schema.Table) error {
	if env.ForeignKeysOff {
		return nil
	}
	child, f := referrer(s, t, map[schema.TableID]bool{t.ID: true})
	if child == nil {
		return nil
	}
	return mysqlerr.New(mysqlerr.TruncateIllegalFK, mysqlerr.Quote(s.DatabaseName(child))+"."+mysqlerr.Quote(child.Name)+", CONSTRAINT "+mysqlerr.Quote(f.Name))
}

// checkReferences is 1452 where a row of t has no parent under one of the keys of those names. Both tables are locked.
func (x *Executor) checkReferences(ctx context.Context, env *ddl.Env, db string, t *schema.Table, as *schema.Table, names []string) error {
	if env.ForeignKeysOff {
		return nil
	}
	for _, name := range names {
		f := &as.ForeignKeys[as.ForeignKeyByName(name)]
		parent, ok := x.DB.Catalog().Table(f.Database, f.Parent)
		if f.Database == db && f.Parent == as.Name {
			parent, ok = t, true
		}
		c := &referenceCheck{x: x, key: f, child: t, parent: parent, seen: map[string]bool{}}
		if ok {
			if at := f.ParentPositions(parent); at != nil {
				c.index = parent.SupportingIndex(at)
			}
		}
		found, err := c.orphans(ctx)
		if err != nil {
			return err
		}
		if found {
			return mysqlerr.New(mysqlerr.NoReferencedRow2, mysqlerr.Quote(db)+"."+mysqlerr.Quote(as.Name)+", "+f.Definition(as, db, mysqlerr.Quote))
		}
	}
	return nil
}

// referenceCheck looks for the parents of a table's rows.
type referenceCheck struct {
	x             *Executor
	key           *schema.ForeignKey
	child, parent *schema.Table
	index         *schema.Index // of parent; nil: it can have none
	seen          map[string]bool
}

// seenMax bounds the parents that are remembered to have been found.
const seenMax = 100_000

func (c *referenceCheck) orphans(ctx context.Context) (found bool, err error) {
	for i := range c.child.Tablets {
		r := &fragment.Read{
			Tablet: c.child.Tablets[i].ID, SchemaVersion: c.child.Version, Index: schema.PrimaryIndex, Spans: []fragment.Span{{}},
			Columns: c.key.Columns, Env: &expr.Env{Mode: types.Mode{Loc: time.UTC}},
		}
		err = c.x.scanTablet(ctx, r, func(page *fragment.Page) error {
			if !found {
				found, err = c.orphansOf(ctx, &page.Batch)
			}
			return err
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// orphansOf tells whether some of a page's rows have no parent.
func (c *referenceCheck) orphansOf(ctx context.Context, page *types.Batch) (bool, error) {
	var list [][]byte
	at := c.key.Positions(c.child)
	for i := range page.Len() {
		row := page.Row(i)
		if slices.ContainsFunc(row, func(v types.Value) bool { return v.IsNull() }) {
			continue
		}
		if c.index == nil {
			return true, nil
		}
		key, err := c.encode(row, c.child, at)
		if err != nil {
			return false, err
		}
		if !c.seen[string(key)] {
			list = append(list, key)
		}
	}
	slices.SortFunc(list, bytes.Compare)
	list = slices.CompactFunc(list, bytes.Equal)
	missing := make(map[string]bool, len(list))
	for _, key := range list {
		missing[string(key)] = true
	}
	for first := 0; first < len(list); first += copyRows {
		if err := c.find(ctx, list[first:min(first+copyRows, len(list))], missing); err != nil {
			return false, err
		}
	}
	return len(missing) > 0, nil
}

// find takes the keys that a parent has out of missing.
func (c *referenceCheck) find(ctx context.Context, list [][]byte, missing map[string]bool) error {
	r := fragment.Read{SchemaVersion: c.parent.Version, Index: c.index.ID, Env: &expr.Env{Mode: types.Mode{Loc: time.UTC}}}
	var at []int
	for i := range c.key.Columns {
		at = append(at, c.index.Columns[i].Column)
		r.Columns = append(r.Columns, c.parent.Columns[at[i]].ID)
	}
	for _, key := range list {
		r.Spans = append(r.Spans, fragment.Span{Start: key, End: keys.SpanSuccessor(key)})
	}
	for i := range c.parent.Tablets {
		one := r
		one.Tablet = c.parent.Tablets[i].ID
		err := c.x.scanTablet(ctx, &one, func(page *fragment.Page) error {
			for j := range page.Batch.Len() {
				key, err := c.encode(page.Batch.Row(j), c.parent, at)
				if err != nil {
					return err
				}
				if delete(missing, string(key)); len(c.seen) < seenMax {
					c.seen[string(key)] = true
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// encode makes values that were read of some columns the key of the parent's index.
func (c *referenceCheck) encode(row []types.Value, of *schema.Table, at []int) (key []byte, err error) {
	utc := types.Mode{Loc: time.UTC}
	for i, v := range row {
		if col := &of.Columns[at[i]]; col.Type.IsTimestamp() {
			if v, err = conversion.Assign(v, &col.Type, col.Name, 1, &utc, nil); err != nil {
				return nil, err
			}
		}
		p := &c.index.Columns[i]
		key = keys.AppendValue(key, v, &c.parent.Columns[p.Column].Type, 0, p.Desc)
	}
	return key, nil
}
