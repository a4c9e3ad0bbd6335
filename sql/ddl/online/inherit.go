package online

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/sql/metalock"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// What a gateway leaves that is gone in the middle of a change: others go on with a change that has nothing left but to fill indexes, from where its
// record says that it was; everything else they take back. Whoever needs the table does so first, and all gateways look for such records now and then.

// inheritEvery is how often gateways look for what others have left.
const inheritEvery = 2 * time.Second

// resumable tells whether a change comes down to indexes that are filled, so that its record can say all of the rest.
func resumable(c *ddl.Change, rename *Name) bool {
	return c.Table != nil && len(c.Build) > 0 && len(c.Drop)+len(c.NotNull) == 0 && len(ddl.AddedKeys(c.From, c.Table)) == 0 &&
		!slices.ContainsFunc(c.Build, func(id schema.IndexID) bool { return c.Table.IndexByID(id).Entries != 0 }) && !c.Locked && c.AutoInc == 0 && !c.RaiseAutoInc && rename == nil
}

// inherit brings a table out of what a change has left: left by a gateway that is gone, nil by none that is known.
func (x attempt) inherit(ctx context.Context, db *schema.Database, t *schema.Table, left *catalog.DefinitionJob) (*schema.Table, error) {
	if left == nil {
		return x.sweep(ctx, db, t)
	}
	if left.Build == nil {
		// Shards may have the next version as it was to be, and would take another one under its number for the same.
		t = t.Clone()
		t.Version += 2
		if err := x.publish(ctx, t, false, nil); err != nil {
			return nil, err
		}
		return x.sweep(ctx, db, t)
	}
	err := goOn(ctx, x.Executor, t, left)
	if err != nil && mysqlerr.Code(err) != mysqlerr.DupEntry {
		return nil, errors.Join(err, giveBack(context.WithoutCancel(ctx), x.Executor, t.ID, left.Owner))
	}
	if now, ok := x.DB.Catalog().TableByID(t.ID); ok {
		t = now
	}
	err = changeJob(ctx, x.Executor, t.ID, func(job *catalog.DefinitionJob) { job.Build, job.State, job.RowsDone = nil, "", 0 })
	if err != nil {
		return nil, err
	}
	return x.sweep(ctx, db, t)
}

// goOn goes on with an index build, if the table is as that has left it.
func goOn(ctx context.Context, x *Executor, t *schema.Table, left *catalog.DefinitionJob) error {
	b := left.Build
	if t.Version+1 == b.Version { // shards may have what the catalog does not
		t = trialOf(b, t)
		if err := x.publish(ctx, t, false, nil); err != nil {
			return err
		}
		if slices.ContainsFunc(b.Indexes, func(id schema.IndexID) bool { return t.IndexByID(id).Unique }) {
			return nil // nobody has kept those off who are not held to it: it is taken back
		}
	}
	if t.Version != b.Version {
		return nil
	}
	if err := x.backfill(ctx, t, left, nil); err != nil {
		return err
	}
	last := b.Last.Clone()
	last.Version, last.Tablets = t.Version+1, t.Tablets
	return x.publish(ctx, last, false, nil)
}

// trialOf is the version of a table in which a build fills its indexes.
func trialOf(b *catalog.IndexBuild, t *schema.Table) *schema.Table {
	trial := b.Last.Clone()
	trial.Version, trial.Tablets = b.Version, t.Tablets
	for _, id := range b.Indexes {
		trial.IndexByID(id).State = schema.WriteOnly
	}
	return trial
}

// giveBack leaves a change to whoever comes next.
func giveBack(ctx context.Context, x *Executor, id schema.TableID, owner string) error {
	return changeJob(ctx, x, id, func(job *catalog.DefinitionJob) { job.Owner = owner })
}

// Inherit does, until ctx ends, what no client waits for: it looks for changes whose gateways are gone, and brings them to an end; and makes unique
// keys hold over tablets where that is asked for (makeKeys), which needs locks on tables.
func Inherit(ctx context.Context, x *Executor, locks *metalock.Locks, log *slog.Logger) {
	var keys spawn.Group
	keys.Keep(ctx.Done(), "unique keys of tables that are to be cut", func() { makeKeys(ctx, x, locks, log) })
	defer keys.Wait()
	for range spawn.Ticks(ctx.Done(), inheritEvery) {
		for _, key := range x.DB.Catalog().Records(jobKind) {
			if id, err := strconv.ParseUint(key, 10, 64); err == nil {
				bury(ctx, x, schema.TableID(id), log)
			}
		}
	}
}

// bury brings a change to its end whose gateway is gone.
func bury(ctx context.Context, x *Executor, id schema.TableID, log *slog.Logger) {
	s := x.DB.Catalog()
	job, t := catalog.DefinitionJobOf(s, id), (*schema.Table)(nil)
	if job == nil || !gone(ctx, x, job.Owner) {
		return
	}
	var err error
	if t, _ = s.TableByID(id); t == nil {
		err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			if _, there := tx.Snapshot.TableByID(id); !there {
				tx.PutRecord(jobKind, jobKey(id), nil)
			}
			return nil
		})
	} else {
		err = x.withTable(WithLockWait(ctx, inheritEvery), Name{s.DatabaseName(t), t.Name}, job.Statement, func(*schema.Database, *schema.Table) error { return nil })
	}
	if ctx.Err() == nil && mysqlerr.Code(err) != mysqlerr.LockWaitTimeout { // another gateway does it
		log.Info("a definition was left half changed", "statement", job.Statement, "table", uint64(id), "owner", job.Owner, "rows", job.RowsDone, "err", err)
	}
}
