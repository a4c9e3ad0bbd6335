package online

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// lastSettle bounds the wait after a change's last version. The change is made by then; the wait only keeps a client
// that goes to another gateway at once from meeting the old version there.
const lastSettle = time.Second

// Alter carries out what plan makes of a table's newest descriptor: ALTER TABLE, CREATE INDEX, DROP INDEX. It gives the
// number of rows that it had to write anew.
func (x *Executor) Alter(ctx context.Context, env *ddl.Env, name Name, statement string,
	plan func(db *schema.Database, t *schema.Table) (*ddl.Change, error), target func(c *ddl.Change) Name) (rows uint64, err error) {
	err = x.withTable(ctx, name, statement, func(db *schema.Database, t *schema.Table) error {
		env.Catalog = x.DB.Catalog()
		c, err := plan(db, t)
		if err != nil || c.Empty() {
			return err
		}
		var rename *Name
		if c.RenameTo != nil {
			to := target(c)
			if rename = &to; *rename == name {
				rename = nil
			}
		}
		if c.Copy {
			rows, err = x.runCopy(ctx, env, db, c, rename)
			return err
		}
		if c.OtherPartitions() {
			return runPartitions(ctx, x, env, db, c)
		}
		return errors.Join(x.run(ctx, env, db, c, rename), dropUnused(ctx, x, env, t.ID))
	})
	return rows, err
}

// run takes a table through the versions that the change needs.
func (x *Executor) run(ctx context.Context, env *ddl.Env, db *schema.Database, c *ddl.Change, rename *Name) error {
	if rename != nil {
		if err := x.checkTarget(x.DB.Catalog(), *rename); err != nil {
			return err
		}
	}
	last := c.Table
	if last == nil {
		last = c.From.Clone()
	}
	last.Version = c.From.Version
	if err := makeEntries(ctx, x, env, db, c, last); err != nil {
		return err
	}
	added := ddl.AddedKeys(c.From, last)
	related := kin(x.DB.Catalog(), c.From, last, db.Name, rename != nil)
	unlock, err := env.Exclusive(ctx, related...)
	if err != nil {
		return err
	}
	defer func() { unlock() }()
	if err := x.checkNoRows(ctx, c); err != nil {
		return err
	}
	switch {
	case len(c.Build)+len(c.NotNull) > 0:
		release := unlock
		if c.Locked {
			release = func() {}
		} else {
			unlock = func() {}
		}
		if last, err = x.runBuilt(ctx, env, c, last, rename, release); err != nil || len(added) == 0 {
			break
		}
		if !c.Locked {
			if unlock, err = env.Exclusive(ctx, related...); err != nil {
				unlock = func() {}
			}
		}
		if err == nil {
			err = x.checkReferences(ctx, env, db.Name, last, c.Table, added)
		}
		if err != nil {
			err = errors.Join(err, x.takeBack(ctx, c.From, last))
			break
		}
		last = last.Clone()
		last.ForeignKeys = c.Table.ForeignKeys
	case len(added) > 0:
		if err = x.checkReferences(ctx, env, db.Name, c.From, last, added); err != nil || len(c.Drop) == 0 {
			break
		}
		err = x.retire(ctx, c.From, c.Drop, last)
	case len(c.Drop) > 0:
		err = x.retire(ctx, c.From, c.Drop, last)
	}
	if err != nil {
		return err
	}
	if c.Table != nil || rename != nil {
		last.Version++
		if err := x.publish(ctx, last, true, rename); err != nil {
			return err
		}
	}
	return x.setAutoInc(ctx, c, last)
}

// runBuilt is runChecked of a change that may bring foreign keys, too: what they need is published before they are in force.
func (x *Executor) runBuilt(ctx context.Context, env *ddl.Env, c *ddl.Change, last *schema.Table, rename *Name, unlock func()) (*schema.Table, error) {
	if len(ddl.AddedKeys(c.From, last)) == 0 {
		return last, x.runChecked(ctx, env, c, last, resumable(c, rename), unlock)
	}
	built := last.Clone()
	built.ForeignKeys = slices.DeleteFunc(built.ForeignKeys, func(f schema.ForeignKey) bool { return c.From.ForeignKeyByName(f.Name) < 0 })
	if err := x.runChecked(ctx, env, c, built, false, unlock); err != nil {
		return nil, err
	}
	built.Version++
	return built, x.publish(ctx, built, false, nil)
}

// runChecked goes through the versions of a change that the present rows may refuse: it is taken back then. The table is locked
// until the first of them is there: who used the table before has ended, and who comes is held to a new unique index or NOT NULL.
// Rows are checked and indexed beside those that come. resumes: if this gateway dies, another one can go on.
func (x *Executor) runChecked(ctx context.Context, env *ddl.Env, c *ddl.Change, last *schema.Table, resumes bool, unlock func()) error {
	step := trialTable(c, last)
	var job *catalog.DefinitionJob
	var err error
	if resumes {
		job = &catalog.DefinitionJob{Build: &catalog.IndexBuild{Version: step.Version, Indexes: c.Build, Last: last}}
		err = changeJob(ctx, x, c.From.ID, func(now *catalog.DefinitionJob) { now.Build = job.Build })
	}
	if err == nil {
		err = x.publish(ctx, step, false, nil)
	}
	unlock()
	if err == nil {
		err = x.checkNotNull(ctx, step, c.NotNull)
	}
	if err == nil && len(c.Build) > 0 {
		err = x.backfill(ctx, step, job, env.Progress)
	}
	if err != nil {
		return errors.Join(err, x.takeBack(ctx, c.From, step))
	}
	last.Version = step.Version
	if len(c.Drop) > 0 {
		public := step.Clone()
		for _, id := range c.Build {
			public.IndexByID(id).State = schema.Public
		}
		return x.retire(ctx, public, c.Drop, last)
	}
	return nil
}

// trialTable is the version under which the present rows are checked: nothing is lost yet, new indexes are WriteOnly. A
// column that goes must stay until then, for the change may be taken back (PlanAlter sees to it that no other changes).
func trialTable(c *ddl.Change, last *schema.Table) *schema.Table {
	step := last.Clone()
	if ddl.DropsColumn(c.From, last) {
		step = c.From.Clone()
		step.Version, step.NextColumnID, step.NextIndexID = last.Version, last.NextColumnID, last.NextIndexID
		for _, id := range c.Build {
			step.Indexes = append(step.Indexes, carryIndex(last, step, id))
		}
	} else {
		for _, id := range c.Drop {
			step.Indexes = append(step.Indexes, carryIndex(c.From, step, id))
		}
	}
	for _, id := range c.Build {
		step.IndexByID(id).State = schema.WriteOnly
	}
	step.Version++
	return step
}

// takeBack publishes what the table was before, under a version and with id counters that have not been used.
func (x *Executor) takeBack(ctx context.Context, from, step *schema.Table) error {
	undo := from.Clone()
	undo.Version = step.Version + 1
	undo.NextColumnID, undo.NextIndexID = step.NextColumnID, step.NextIndexID
	return x.publish(context.WithoutCancel(ctx), undo, false, nil)
}

// retire publishes a version in which no reader uses the indexes any more; next is set to follow it. A gateway that still
// has the version before this one is turned away by the shards once next is there, so nobody is waited for.
func (x *Executor) retire(ctx context.Context, t *schema.Table, ids []schema.IndexID, next *schema.Table) error {
	step := t.Clone()
	for _, id := range ids {
		step.IndexByID(id).State = schema.WriteOnly
	}
	step.Version++
	next.Version = step.Version
	return x.publish(ctx, step, false, nil)
}

// carryIndex is an index of from over the same columns in to.
func carryIndex(from, to *schema.Table, id schema.IndexID) schema.Index {
	ix := *from.IndexByID(id)
	ix.Columns = slices.Clone(ix.Columns)
	for i := range ix.Columns {
		ix.Columns[i].Column = to.ColumnByID(from.Columns[ix.Columns[i].Column].ID)
	}
	return ix
}

// publish makes t the version that everybody uses: its shards first, then the catalog. rename, if any, comes with it. The final one ends
// the change: its job record goes too, and it waits a little for clients that go to another gateway at once.
func (x *Executor) publish(ctx context.Context, t *schema.Table, final bool, rename *Name) error {
	if err := x.DB.InstallTable(ctx, t); err != nil {
		return err
	}
	if err := x.put(ctx, t, final, rename); err != nil {
		return err
	}
	if final {
		ctx, cancel := context.WithTimeout(ctx, lastSettle)
		defer cancel()
		_ = x.DB.AwaitSchema(ctx, t) // the change is made, whatever becomes of the wait
	}
	return nil
}

// put gives the catalog a new version of a table, and of tables that have its entries. Nobody else can have changed it, but it may have been dropped: 1146.
func (x *Executor) put(ctx context.Context, t *schema.Table, final bool, rename *Name, entries ...*schema.Table) error {
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now, ok := tx.Snapshot.TableByID(t.ID)
		if !ok {
			return noSuchTable(tx.Snapshot, t)
		}
		next := t
		if rename != nil {
			if err := x.checkTarget(tx.Snapshot, *rename); err != nil {
				return err
			}
			db, _ := tx.Snapshot.Database(rename.DB)
			next = t.Clone()
			next.Name, next.Database = rename.Table, db.ID
			if err := ddl.RenameChecks(next, t.Name); err != nil {
				return err
			}
			if err := ddl.CheckNewRules(tx.Snapshot, rename.DB, next); err != nil {
				return err
			}
		}
		if err := putRelated(tx, now, next); err != nil {
			return err
		}
		for _, e := range entries {
			tx.PutTable(e)
		}
		if final {
			tx.PutRecord(jobKind, jobKey(t.ID), nil)
		}
		return nil
	})
}

// noSuchTable is 1146 for a table that was dropped meanwhile.
func noSuchTable(s *catalog.Snapshot, t *schema.Table) error {
	return mysqlerr.New(mysqlerr.NoSuchTable, s.DatabaseName(t), t.Name)
}

func (x *Executor) checkTarget(s *catalog.Snapshot, to Name) error {
	if _, ok := s.Database(to.DB); !ok {
		return mysqlerr.New(mysqlerr.BadDB, to.DB)
	}
	if _, taken := s.Named(to.DB, to.Table); taken {
		return mysqlerr.New(mysqlerr.TableExists, to.Table)
	}
	return nil
}

// setAutoInc raises the AUTO_INCREMENT counter where the change asks for it.
func (x *Executor) setAutoInc(ctx context.Context, c *ddl.Change, t *schema.Table) error {
	next := c.AutoInc
	pos := t.AutoIncColumn()
	if pos < 0 {
		return nil
	}
	if c.RaiseAutoInc {
		highest, err := x.highest(ctx, t, pos)
		if err != nil {
			return err
		}
		next = max(next, highest+1)
	}
	if next <= 1 {
		return nil
	}
	return x.DB.SetAutoInc(ctx, t, next)
}
