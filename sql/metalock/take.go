package metalock

import (
	"context"
	"errors"
	"maps"
	"strconv"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// Request is the tables of a LOCK TABLES.
type Request struct {
	want    map[schema.TableID]bool
	aliases map[alias]bool
}

// Add asks for a table under a name. 1066 for a name that stands twice, 1223 for a WRITE lock under one's own global read lock.
func (o *Owner) Add(r *Request, u Use, name string) error {
	if r.want == nil {
		r.want, r.aliases = map[schema.TableID]bool{}, map[alias]bool{}
	}
	a := alias{u.DB, name}
	if _, twice := r.aliases[a]; twice {
		return mysqlerr.New(mysqlerr.NonuniqTable, name)
	}
	if u.Write && o.globalRead != nil {
		return mysqlerr.New(mysqlerr.CantUpdateWithReadlock)
	}
	r.aliases[a] = u.Write
	r.want[u.ID] = r.want[u.ID] || u.Write
	return nil
}

// AddBelow asks for the tables and views that a view reads, as the view itself is locked: the statement has no names for them.
func (o *Owner) AddBelow(r *Request, c *catalog.Snapshot, v *schema.View, write bool) {
	for _, use := range v.Uses {
		id, ok := c.Named(use.DB, use.Table)
		have, seen := r.want[id]
		if !ok || seen && (have || !write) {
			continue // the view is broken, or this was seen to
		}
		r.want[id] = write
		if below, ok := c.ViewByID(id); ok {
			o.AddBelow(r, c, below, write)
		}
	}
}

// LockTables is LOCK TABLES: all of the locks or none; those that the session had are given back. The mode begins also where there
// is no table to lock.
func (o *Owner) LockTables(ctx context.Context, r *Request) error {
	o.UnlockTables()
	h := o.holder()
	if err := o.lock(ctx, h, r.want); err != nil {
		return err
	}
	if o.tables, o.aliases = r.want, r.aliases; o.tables == nil {
		o.tables = map[schema.TableID]bool{}
	}
	o.watch(h, len(r.want) > 0)
	return nil
}

// watch has the session ended when its locks are taken from it.
func (o *Owner) watch(h holder, any bool) {
	if any {
		o.locks.guard.watch(o.locks, h.guardName(), &o.core, func(c *catalog.Snapshot) bool { return holdsSome(c, h) })
	}
}

func (h holder) guardName() string { return tableKind + "/" + strconv.FormatUint(h.Statement, 10) }

// holdsSome tells whether h has locks; where it has lost one, it has lost all.
func holdsSome(c *catalog.Snapshot, h holder) (some bool) {
	eachTable(c, func(_ schema.TableID, r *tableLock) bool {
		some = r.heldBy(h)
		return !some
	})
	return some
}

var errLocked = errors.New("metalock: a table is locked by somebody else")

// lock takes locks for h: all, or none; with lock_wait_timeout.
func (o *Owner) lock(ctx context.Context, h holder, want map[schema.TableID]bool) error {
	if len(want) == 0 {
		return nil
	}
	l := o.locks
	w := o.startWait()
	defer w.end()
	for {
		changed := l.changed()
		others, err := l.record(ctx, h, want)
		if err == nil {
			break
		}
		if !errors.Is(err, errLocked) {
			l.giveBack(h)
			return err
		}
		if err := w.next(ctx, changed, others); err != nil {
			return err
		}
	}
	w.show()
	if err := l.drainAll(ctx, w.deadline, h, want); err != nil {
		l.giveBack(h)
		return err
	}
	return nil
}

// record puts the locks into the catalog: all, or none with errLocked and who holds them. A global read lock and a WRITE
// lock exclude each other.
func (l *Locks) record(ctx context.Context, h holder, want map[schema.TableID]bool) (others []holder, err error) {
	err = l.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		others = nil
		for id, write := range want {
			var r tableLock
			if tx.Snapshot.Record(tableKind, tableKey(id), &r) && r.heldBy(h) {
				continue // this is a second attempt, and the first has done it
			}
			if len(r.Holders) > 0 && (r.Write || write) {
				others = append(others, r.Holders...)
				continue
			}
			others = append(others, opposite(tx.Snapshot, id, write)...)
			r.Write = write
			r.Holders = append(r.Holders, h)
			tx.PutRecord(tableKind, tableKey(id), r)
		}
		if len(others) > 0 {
			return errLocked
		}
		return nil
	})
	return others, err
}

// opposite gives who is in the way of a WRITE lock with a global read lock, or of a global read lock with WRITE locks.
func opposite(c *catalog.Snapshot, id schema.TableID, write bool) (holders []holder) {
	var r tableLock
	switch {
	case id == allTables:
		eachTable(c, func(_ schema.TableID, o *tableLock) bool {
			if o.Write {
				holders = append(holders, o.Holders...)
			}
			return true
		})
	case write && c.Record(tableKind, tableKey(allTables), &r):
		holders = r.Holders
	}
	return holders
}

// giveBack gives back the tables that h has locked, also for a client that has gone. What h has by GET_LOCK stays.
func (l *Locks) giveBack(h holder) {
	l.surely(func(ctx context.Context) error {
		return l.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			releaseTables(tx, func(o holder) bool { return o == h })
			return nil
		})
	})
}

// UnlockTables gives back what LOCK TABLES took.
func (o *Owner) UnlockTables() {
	if o.tables == nil {
		return
	}
	some, h := len(o.tables) > 0, o.holder()
	o.tables, o.aliases = nil, nil
	if some {
		o.release(h)
	}
}

// UnlockAll gives back the global read lock as well.
func (o *Owner) UnlockAll() {
	o.UnlockTables()
	if h := o.globalRead; h != nil {
		o.globalRead = nil
		o.release(*h)
	}
}

// HasGlobalRead tells whether the session has said FLUSH TABLES WITH READ LOCK.
func (o *Owner) HasGlobalRead() bool { return o.globalRead != nil }

// LockAll is FLUSH TABLES WITH READ LOCK: nobody changes any table until UNLOCK TABLES. It waits for statements that do, and then for
// transactions that commit; one that is open waits when it is about to. (Statements first: they may wait for rows of a transaction,
// which has to end then.) Where programs of version 1 are about, which know no lock on commits, it waits for open transactions.
func (o *Owner) LockAll(ctx context.Context) error {
	h, err := o.lockAll(ctx)
	if err == nil {
		o.globalRead = &h
	}
	return err
}

// Quiet is LockAll for a while: done ends it. A session that has the global read lock has it already.
func (o *Owner) Quiet(ctx context.Context) (done func(), err error) {
	if o.globalRead != nil {
		return func() {}, nil
	}
	h, err := o.lockAll(ctx)
	if err != nil {
		return nil, err
	}
	return func() { o.release(h) }, nil
}

func (o *Owner) lockAll(ctx context.Context) (h holder, err error) {
	h = o.statementHolder()
	if err := o.lock(ctx, h, map[schema.TableID]bool{allTables: false}); err != nil {
		return h, err
	}
	if o.locks.locksCommits() {
		if err := o.lock(ctx, h, map[schema.TableID]bool{commits: false}); err != nil {
			o.locks.giveBack(h)
			return h, err
		}
	}
	o.watch(h, true)
	return h, nil
}

// release gives back what watch watches.
func (o *Owner) release(h holder) {
	o.locks.guard.forget(h.guardName(), &o.core)
	o.locks.giveBack(h)
}

// locksCommits tells whether all programs of the cluster know the lock on commits.
func (l *Locks) locksCommits() bool { return l.db.Catalog().Allows(version.V2) }

// AdmitCommit lets a transaction that has written commit when no global read lock of somebody else is in its way; done comes when it
// has. 1205.
func (o *Owner) AdmitCommit(ctx context.Context) (done func(), err error) {
	before := o.using.Load()
	st := &committing
	if before != nil {
		st = &Statement{Uses: append(committing.Uses[:1:1], before.Uses...), Refs: before.Refs}
	}
	hide := func() { o.using.Store(before) }
	o.using.Store(st)
	if o.globalRead == nil && len(o.locks.view().locks) > 0 {
		_, err = o.wait(ctx, committing.Uses, hide, func() { o.using.Store(st) })
	}
	return hide, err
}

// committing is what every commit of changes uses.
var committing = Statement{Uses: []Use{{ID: commits, Write: true}}}

// Exclusive locks tables for a definition that changes what their users see: it waits for the statements and
// transactions that use them. A session that said LOCK TABLES … WRITE has the lock.
func (o *Owner) Exclusive(ctx context.Context, ids ...schema.TableID) (unlock func(), err error) {
	want := map[schema.TableID]bool{}
	for _, id := range ids {
		if !o.tables[id] {
			want[id] = true
		}
	}
	if len(want) == 0 {
		return func() {}, nil
	}
	h := o.statementHolder()
	if err := o.lock(ctx, h, want); err != nil {
		return nil, err
	}
	o.watch(h, true)
	return func() { o.release(h) }, nil
}

// Follow lets LOCK TABLES mean the copies that took tables' places, and forget tables that are gone (0); with the last one its mode ends.
func (o *Owner) Follow(became map[schema.TableID]schema.TableID) {
	if len(o.tables) == 0 {
		return
	}
	left := maps.Clone(o.tables)
	for was, is := range became {
		write, ok := left[was]
		delete(left, was)
		if ok && is != 0 {
			left[is] = write
		}
	}
	if len(left) == 0 {
		o.UnlockTables()
		return
	}
	o.tables = left
}

// AdmitDefinition lets a definition begin where the session's own locks allow it. makes is the table that it makes, if it does. What
// makes a table or a database waits for a global read lock here; what changes one does so when it locks it. 1100, 1099, 1223, 1205.
func (o *Owner) AdmitDefinition(ctx context.Context, makes string, uses []Use) error {
	if makes != "" && o.tables != nil {
		return mysqlerr.New(mysqlerr.TableNotLocked, makes)
	}
	if o.globalRead != nil {
		return mysqlerr.New(mysqlerr.CantUpdateWithReadlock)
	}
	if err := o.checkLocked(uses, nil); err != nil {
		return err
	}
	o.using.Store(&defining) // until the statement is done, so that LOCK INSTANCE waits for it
	_, err := o.wait(ctx, []Use{{ID: allTables, Write: true}, defining.Uses[0]}, func() { o.using.Store(nil) }, func() { o.using.Store(&defining) })
	return err
}

// defining is what every definition uses.
var defining = Statement{Uses: []Use{{ID: definitions, Write: true}}}

// LockInstance is LOCK INSTANCE FOR BACKUP: no definition but the session's own begins until UNLOCK INSTANCE, and none is under way.
func (o *Owner) LockInstance(ctx context.Context) error {
	if o.backup != nil {
		return nil
	}
	if !o.locks.db.Catalog().Allows(version.V2) {
		return mysqlerr.NotSupported("LOCK INSTANCE while nodes of the version before are in the cluster")
	}
	h := o.statementHolder()
	if err := o.lock(ctx, h, map[schema.TableID]bool{definitions: false}); err != nil {
		return err
	}
	o.backup = &h
	o.watch(h, true)
	return nil
}

// UnlockInstance is UNLOCK INSTANCE.
func (o *Owner) UnlockInstance() {
	if h := o.backup; h != nil {
		o.backup = nil
		o.release(*h)
	}
}
