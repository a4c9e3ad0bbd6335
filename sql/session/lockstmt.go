package session

import (
	"context"
	"errors"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// The statements that take table locks, and definitions, which take them while they work.

// lockItem is one table of LOCK TABLES.
type lockItem struct {
	table *ast.TableName
	alias string
	write bool
}

// lockItems reads what the parser, which knows no aliases here, made of LOCK TABLES.
func lockItems(n *ast.LockTablesStmt) []lockItem {
	items := make([]lockItem, len(n.TableLocks))
	for i, l := range n.TableLocks {
		items[i] = lockItem{l.Table, l.Table.Name.O, l.Type == ast.TableLockWrite || l.Type == ast.TableLockWriteLocal}
	}
	return items
}

// recogniseLock reads LOCK TABLES t [AS alias] READ [LOCAL] | [LOW_PRIORITY] WRITE, …; and refuses LOCK INSTANCE.
func recogniseLock(_ *Session, _ string, w words) (*parsed, error) {
	if w.take("instance") {
		return nil, mysqlerr.NotSupported("LOCK INSTANCE")
	}
	if !w.take("tables") && !w.take("table") || len(w) == 0 {
		return nil, nil
	}
	var items []lockItem
	for {
		item, ok := w.lockItem()
		if !ok {
			return nil, nil
		}
		items = append(items, item)
		if !w.take(",") {
			break
		}
	}
	if len(w) > 0 {
		return nil, nil
	}
	needs := func(s *Session) ([]need, error) {
		d := &needsDeriver{s: s, db: s.db}
		for _, item := range items {
			d.lock([]*ast.TableName{item.table})
		}
		return d.list, d.err
	}
	st := command(comLockTables, needs, func(ctx context.Context, s *Session) error { return s.lockTables(ctx, items) })
	st.noPrepare = true
	return st, nil
}

// recogniseUnlock refuses UNLOCK INSTANCE.
func recogniseUnlock(_ *Session, _ string, w words) (*parsed, error) {
	if w.take("instance") {
		return nil, mysqlerr.NotSupported("LOCK INSTANCE")
	}
	return nil, nil
}

func (w *words) lockItem() (item lockItem, ok bool) {
	t, ok := w.tableName()
	if !ok {
		return item, false
	}
	item = lockItem{table: t, alias: t.Name.O}
	switch {
	case w.lockKind(&item.write):
		return item, true
	case w.take("as"):
	}
	if item.alias, ok = w.ident(); !ok {
		return item, false
	}
	return item, w.lockKind(&item.write)
}

func (w *words) lockKind(write *bool) bool {
	if w.take("read") {
		w.take("local")
		return true
	}
	w.take("low_priority")
	*write = w.take("write")
	return *write
}

// lockTables is LOCK TABLES. 1066 for a name that stands twice, 1223 for a WRITE lock under one's own global read lock.
func (s *Session) lockTables(ctx context.Context, items []lockItem) error {
	want, aliases := map[schema.TableID]bool{}, map[lockAlias]bool{}
	for _, l := range items {
		db, err := s.dbOf(l.table.Schema.O)
		if err != nil {
			return err
		}
		if show.IsVirtual(db) {
			continue
		}
		t, err := s.existingTable(ctx, db, l.table.Name.O)
		if err != nil {
			return err
		}
		name := lockAlias{db, l.alias}
		if _, twice := aliases[name]; twice {
			return mysqlerr.New(mysql.ErrNonuniqTable, l.alias)
		}
		if l.write && s.globalRead != nil {
			return mysqlerr.New(mysql.ErrCantUpdateWithReadlock)
		}
		aliases[name] = l.write
		want[t.ID] = want[t.ID] || l.write
	}
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	s.unlockTables()
	return s.takeLocks(ctx, want, aliases)
}

// existingTable finds a table, on a fresh catalog before it says 1146.
func (s *Session) existingTable(ctx context.Context, db, name string) (*schema.Table, error) {
	t, ok := s.snapshot.Table(db, name)
	if !ok {
		if err := s.freshCatalog(ctx); err != nil {
			return nil, err
		}
		if t, ok = s.snapshot.Table(db, name); !ok {
			return nil, mysqlerr.New(mysql.ErrNoSuchTable, db, name)
		}
	}
	return t, nil
}

// takeLocks gets all of the locks or none, and puts the session into the mode of LOCK TABLES.
func (s *Session) takeLocks(ctx context.Context, want map[schema.TableID]bool, aliases map[lockAlias]bool) error {
	h := s.holder()
	if err := s.lock(ctx, h, want); err != nil {
		return err
	}
	s.locked, s.aliases = want, aliases
	s.watchLocks(h, len(want) > 0)
	s.snapshot = s.eng.db.Catalog()
	return nil
}

// watchLocks has the session ended when its locks are taken from it.
func (s *Session) watchLocks(h lockHolder, any bool) {
	if any {
		s.eng.locks.guard.watch(&s.eng.locks, h.guardName(), s, func(c *catalog.Snapshot) bool { return holdsSome(c, h) })
	}
}

func (h lockHolder) guardName() string { return lockKind + "/" + utoa(h.Statement) }

// holdsSome tells whether h has locks; where it has lost one, it has lost all.
func holdsSome(c *catalog.Snapshot, h lockHolder) bool {
	for _, key := range c.Records(lockKind) {
		var r lockRecord
		if c.Record(lockKind, key, &r) && r.heldBy(h) {
			return true
		}
	}
	return false
}

var errLocked = errors.New("session: a table is locked by somebody else")

// lock takes locks for h: all, or none; with lock_wait_timeout.
func (s *Session) lock(ctx context.Context, h lockHolder, want map[schema.TableID]bool) error {
	if len(want) == 0 {
		return nil
	}
	l := &s.eng.locks
	w := s.startLockWait()
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
func (l *tableLocks) record(ctx context.Context, h lockHolder, want map[schema.TableID]bool) (others []lockHolder, err error) {
	err = l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		others = nil
		for id, write := range want {
			var r lockRecord
			if tx.Snapshot.Record(lockKind, lockKey(id), &r) && r.heldBy(h) {
				continue // this is a second attempt, and the first has done it
			}
			if len(r.Holders) > 0 && (r.Write || write) {
				others = append(others, r.Holders...)
				continue
			}
			others = append(others, opposite(tx.Snapshot, id, write)...)
			r.Write = write
			r.Holders = append(r.Holders, h)
			tx.PutRecord(lockKind, lockKey(id), r)
		}
		if len(others) > 0 {
			return errLocked
		}
		return nil
	})
	return others, err
}

// opposite gives who is in the way of a WRITE lock with a global read lock, or of a global read lock with WRITE locks.
func opposite(c *catalog.Snapshot, id schema.TableID, write bool) (holders []lockHolder) {
	var r lockRecord
	switch {
	case id == allTables:
		for _, key := range c.Records(lockKind) {
			var o lockRecord
			if c.Record(lockKind, key, &o) && o.Write {
				holders = append(holders, o.Holders...)
			}
		}
	case write && c.Record(lockKind, lockKey(allTables), &r):
		holders = r.Holders
	}
	return holders
}

// giveBack gives back the tables that h has locked, also for a client that has gone. What h has by GET_LOCK stays.
func (l *tableLocks) giveBack(h lockHolder) {
	l.surely(func(ctx context.Context) error {
		return l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			releaseTables(tx, func(o lockHolder) bool { return o == h })
			return nil
		})
	})
}

// unlockTablesStmt is UNLOCK TABLES: it commits a transaction only where LOCK TABLES gave locks.
func (s *Session) unlockTablesStmt(ctx context.Context) error {
	if s.locked != nil {
		if err := s.implicitCommit(ctx); err != nil {
			return err
		}
	}
	s.unlockAll()
	return nil
}

// unlockTables gives back what LOCK TABLES took.
func (s *Session) unlockTables() {
	if s.locked == nil {
		return
	}
	some, h := len(s.locked) > 0, s.holder()
	s.locked, s.aliases = nil, nil
	if some {
		s.eng.locks.guard.forget(h.guardName(), s)
		s.eng.locks.giveBack(h)
	}
}

// unlockAll gives back the global read lock as well.
func (s *Session) unlockAll() {
	s.unlockTables()
	if h := s.globalRead; h != nil {
		s.globalRead = nil
		s.eng.locks.guard.forget(h.guardName(), s)
		s.eng.locks.giveBack(*h)
	}
}

// flushLocked is FLUSH TABLES … WITH READ LOCK: of some tables, which is like LOCK TABLES … READ, or of all, so that nobody
// changes any table until UNLOCK TABLES. 1192 for who has locks.
func (s *Session) flushLocked(ctx context.Context, tables []*ast.TableName) error {
	if s.locked != nil {
		return mysqlerr.New(mysql.ErrLockOrActiveTransaction)
	}
	if len(tables) > 0 {
		items := make([]lockItem, len(tables))
		for i, t := range tables {
			items[i] = lockItem{table: t, alias: t.Name.O}
		}
		return s.lockTables(ctx, items)
	}
	if err := s.implicitCommit(ctx); err != nil || s.globalRead != nil {
		return err
	}
	h := s.statementHolder()
	if err := s.lock(ctx, h, map[schema.TableID]bool{allTables: false}); err != nil {
		return err
	}
	s.globalRead = &h
	s.watchLocks(h, true)
	s.snapshot = s.eng.db.Catalog()
	return nil
}

// sessionKey is the key under which a data definition statement's context has its Session.
type sessionKey struct{}

// exclusive locks tables for a definition that changes what their users see: it waits for the statements and
// transactions that use them. A session that said LOCK TABLES … WRITE has the lock.
func (l *tableLocks) exclusive(ctx context.Context, ids ...schema.TableID) (unlock func(), err error) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	if !ok {
		return nil, errors.New("session: an exclusive lock without a session")
	}
	want := map[schema.TableID]bool{}
	for _, id := range ids {
		if !s.locked[id] {
			want[id] = true
		}
	}
	if len(want) == 0 {
		return func() {}, nil
	}
	h := s.statementHolder()
	if err := s.lock(ctx, h, want); err != nil {
		return nil, err
	}
	s.watchLocks(h, true)
	return func() {
		l.guard.forget(h.guardName(), s)
		l.giveBack(h)
	}, nil
}

// moved gives a table's locks to the copy that takes its place.
func (l *tableLocks) moved(tx *catalog.Tx, from, to schema.TableID) {
	var r lockRecord
	if tx.Snapshot.Record(lockKind, lockKey(from), &r) {
		tx.PutRecord(lockKind, lockKey(from), nil)
		tx.PutRecord(lockKind, lockKey(to), r)
	}
}

// followCopy lets LOCK TABLES mean the copy that took a table's place.
func (s *Session) followCopy(was, is *schema.Table) {
	if write, ok := s.locked[was.ID]; ok && is.ID != was.ID {
		delete(s.locked, was.ID)
		s.locked[is.ID] = write
	}
}

// admitDDL lets a data definition statement begin where LOCK TABLES of its own session allows it. What makes a table or a
// database waits for a global read lock here; what changes one does so when it locks it.
func (s *Session) admitDDL(ctx context.Context, node ast.StmtNode) error {
	var uses []tableUse
	add := func(tables ...*ast.TableName) {
		for _, t := range tables {
			db := t.Schema.O
			if db == "" {
				db = s.db
			}
			if d, ok := s.snapshot.Table(db, t.Name.O); ok {
				uses = append(uses, tableUse{id: d.ID, db: db, name: t.Name.O, write: true})
			}
		}
	}
	switch n := node.(type) {
	case *ast.AlterTableStmt:
		add(n.Table)
	case *ast.CreateIndexStmt:
		add(n.Table)
	case *ast.DropIndexStmt:
		add(n.Table)
	case *ast.TruncateTableStmt:
		add(n.Table)
	case *ast.DropTableStmt:
		add(n.Tables...)
	case *ast.RenameTableStmt:
		for _, p := range n.TableToTables {
			add(p.OldTable)
		}
	case *ast.DropDatabaseStmt:
		for _, t := range s.snapshot.Tables(n.Name.O) {
			uses = append(uses, tableUse{id: t.ID, db: n.Name.O, name: t.Name, write: true})
		}
	case *ast.CreateTableStmt:
		if s.locked != nil {
			return mysqlerr.New(mysql.ErrTableNotLocked, n.Table.Name.O)
		}
	}
	if s.globalRead != nil {
		return mysqlerr.New(mysql.ErrCantUpdateWithReadlock)
	}
	if err := s.checkLocked(uses, nil); err != nil {
		return err
	}
	anything := []tableUse{{id: allTables, write: true}}
	_, err := s.waitForLocks(ctx, anything, func() {}, func() {})
	return err
}
