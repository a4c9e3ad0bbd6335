package session

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Locks on tables (metadata locks) hold in the whole cluster: LOCK TABLES and FLUSH TABLES WITH READ LOCK take them until
// UNLOCK TABLES, a definition for as long as it changes what statements see. A lock is a record of the catalog, so every
// gateway knows it; who asked for it has it once every gateway has seen the record and has no statement or transaction
// left that uses the table otherwise (the drain call):
//
//	record in the catalog ── new users of the table wait from here on
//	drain at every node   ── users from before end, in their own time
//	granted
//
// It works because each side first shows what it is about to do and then looks at the other: a statement stores what it
// uses and then reads the catalog; a drain sees to the catalog and then reads what the statements use. Where there are no
// locks, a statement pays for one atomic store and two loads.
//
// A transaction that uses a table already is not kept off it by a lock that still waits for that very transaction;
// otherwise each would wait for the other. What is left of that, with several tables, is found by deadlocked.
//
// The record names the engine that holds it. Locks of an engine that is gone are removed by whoever waits for them.

// lockKind is the kind of the catalog's records of table locks; their key is the table's id, 0 for all tables.
const (
	lockKind   = "tablelock"
	allTables  = schema.TableID(0) // FLUSH TABLES WITH READ LOCK
	lockPoll   = 20 * time.Millisecond
	stateWaits = "Waiting for table metadata lock"
)

// lockRecord is who holds a lock on a table: one writer or any number of readers.
type lockRecord struct {
	Write   bool         `json:"write"`
	Holders []lockHolder `json:"holders"`
}

// lockHolder is a session, or one statement of it that holds a lock of its own.
type lockHolder struct {
	Engine    string `json:"engine"` // ddl.Executor.Owner
	Session   uint32 `json:"session"`
	Statement uint64 `json:"statement,omitempty"`
}

// tableUse is a table that a plan touches.
type tableUse struct {
	id    schema.TableID
	db    string
	name  string
	write bool
}

// tableRef is a table as a statement calls it.
type tableRef struct{ db, name, alias string }

// lockAlias is a name under which LOCK TABLES gave a table to the session.
type lockAlias struct{ db, alias string }

// tableLockState is a session's part in table locks.
type tableLockState struct {
	locked     map[schema.TableID]bool // LOCK TABLES: with true, for writing; nil: not in that mode
	aliases    map[lockAlias]bool      // the names that go with locked
	globalRead *lockHolder             // FLUSH TABLES WITH READ LOCK: who has the lock for the session

	using atomic.Pointer[planned] // the running statement
	held  struct {
		sync.Mutex
		uses []tableUse // of the open transaction
	}
}

// tableLocks is what a node knows of the locks.
type tableLocks struct {
	eng    *Engine
	seen   atomic.Pointer[lockView]
	claims atomic.Uint64 // numbers what sessions ask for
	guard  guard
}

// lockView is the locks of one catalog.
type lockView struct {
	of    *catalog.Snapshot
	locks map[schema.TableID]lockRecord
}

func (l *tableLocks) init(e *Engine) { l.eng = e }

// view gives the locks in the present catalog.
func (l *tableLocks) view() *lockView {
	c := l.eng.db.Catalog()
	if v := l.seen.Load(); v != nil && v.of == c {
		return v
	}
	v := &lockView{of: c}
	for _, key := range c.Records(lockKind) {
		id, err := strconv.ParseUint(key, 10, 64)
		var r lockRecord
		if err != nil || !c.Record(lockKind, key, &r) {
			continue
		}
		if v.locks == nil {
			v.locks = map[schema.TableID]lockRecord{}
		}
		v.locks[schema.TableID(id)] = r
	}
	l.seen.Store(v)
	return v
}

func lockKey(id schema.TableID) string { return strconv.FormatUint(uint64(id), 10) }

func (r *lockRecord) heldBy(h lockHolder) bool { return slices.Contains(r.Holders, h) }

// blocks tells whether the lock keeps a session off a use of the table.
func (r *lockRecord) blocks(h lockHolder, write bool) bool {
	if r.heldBy(h) && (r.Write || len(r.Holders) == 1) {
		return false
	}
	return r.Write || write
}

func (h lockHolder) sameSession(o lockHolder) bool {
	return h.Engine == o.Engine && h.Session == o.Session
}

func (s *Session) holder() lockHolder {
	return lockHolder{Engine: s.eng.ddl.Owner, Session: s.shared.Load().ID}
}

// statementHolder is the session as the holder of a lock of its own.
func (s *Session) statementHolder() lockHolder {
	h := s.holder()
	h.Statement = s.eng.locks.claims.Add(1)
	return h
}

// blocked finds a lock that keeps the session off one of the uses.
func (s *Session) blocked(v *lockView, uses []tableUse) (*lockRecord, bool) {
	if len(v.locks) == 0 {
		return nil, false
	}
	h := s.holder()
	for i := range uses {
		for _, id := range [...]schema.TableID{uses[i].id, allTables} {
			if r, ok := v.locks[id]; ok && r.blocks(h, uses[i].write) && !s.awaitedBy(id, &r) {
				return &r, true
			}
		}
	}
	return nil, false
}

// awaitedBy tells whether a lock is not granted yet because of what the session's open transaction uses.
func (s *Session) awaitedBy(id schema.TableID, r *lockRecord) bool {
	s.held.Lock()
	defer s.held.Unlock()
	return slices.ContainsFunc(s.held.uses, func(u tableUse) bool {
		return (id == allTables || u.id == id) && (r.Write || u.write)
	})
}

// deadlocked tells whether who holds r waits, with another lock, for the session's open transaction.
func (s *Session) deadlocked(v *lockView, r *lockRecord) bool {
	for id, o := range v.locks {
		if slices.ContainsFunc(o.Holders, r.heldBy) && s.awaitedBy(id, &o) {
			return true
		}
	}
	return false
}

// admit lets a statement begin when no lock of somebody else is in its way.
func (s *Session) admit(ctx context.Context, p *planned) error {
	s.using.Store(p)
	if s.locked != nil || s.globalRead != nil {
		if err := s.checkLocked(p.uses, p.refs); err != nil {
			return err
		}
	}
	if v := s.eng.locks.view(); len(v.locks) > 0 {
		waited, err := s.waitForLocks(ctx, p.uses, func() { s.using.Store(nil) }, func() { s.using.Store(p) })
		if err != nil {
			return err
		}
		if waited && !p.current(s.eng.db.Catalog()) {
			return distributed.ErrSchemaChanged // a definition was waited for
		}
	}
	if s.txn != nil || !s.autocommit {
		s.hold(p.uses)
	}
	return nil
}

// hold remembers the tables of the open transaction.
func (s *Session) hold(uses []tableUse) {
	s.held.Lock()
	defer s.held.Unlock()
	for _, u := range uses {
		if !slices.Contains(s.held.uses, u) {
			s.held.uses = append(s.held.uses, u)
		}
	}
}

func (s *Session) letGo() {
	s.held.Lock()
	s.held.uses = s.held.uses[:0]
	s.held.Unlock()
}

// waitForLocks waits until nothing blocks the uses. While it waits the session hides what it is about to use. 1205, 1213.
func (s *Session) waitForLocks(ctx context.Context, uses []tableUse, hide, show func()) (waited bool, err error) {
	w := s.startLockWait()
	defer w.end()
	defer s.proc.wants.Store(nil)
	for {
		changed := s.eng.locks.changed()
		v := s.eng.locks.view()
		r, ok := s.blocked(v, uses)
		if !ok {
			return waited, nil
		}
		if s.deadlocked(v, r) {
			return waited, mysqlerr.New(mysql.ErrLockDeadlock) // afterError rolls back
		}
		hide()
		s.proc.wants.Store(&uses)
		if err := w.next(ctx, changed, r.Holders); err != nil {
			return waited, err
		}
		waited = true
		show()
	}
}

// lockWait is a session's wait for a table lock, up to lock_wait_timeout.
type lockWait struct {
	s        *Session
	deadline time.Time
	timeout  *time.Timer // made with the first wait
	look     *time.Ticker
}

func (s *Session) startLockWait() *lockWait {
	return &lockWait{s: s, deadline: time.Now().Add(s.tableLockWait)}
}

// show has the process list tell of the wait.
func (w *lockWait) show() { w.s.proc.state.Store(&stateOfLockWait) }

// next waits until the catalog has changed. Now and then it looks whether who is waited for is still there. 1205.
func (w *lockWait) next(ctx context.Context, changed <-chan struct{}, holders []lockHolder) error {
	if w.timeout == nil {
		w.timeout, w.look = time.NewTimer(time.Until(w.deadline)), time.NewTicker(holderLook)
		w.show()
		w.s.eng.locks.buryHolders(ctx, holders)
	}
	select {
	case <-changed:
	case <-w.look.C:
		w.s.eng.locks.buryHolders(ctx, holders)
	case <-w.timeout.C:
		return mysqlerr.New(mysql.ErrLockWaitTimeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func (w *lockWait) end() {
	if w.timeout != nil {
		w.timeout.Stop()
		w.look.Stop()
	}
	w.s.proc.state.Store(&noText)
}

var stateOfLockWait = stateWaits

// release removes holders from all locks, and claims of theirs.
func (l *tableLocks) release(ctx context.Context, gone func(lockHolder) bool) error {
	return l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		releaseTables(tx, gone)
		for _, name := range tx.Snapshot.Records(userLockKind) {
			leaveLock(tx, name, func(c lockClaim) bool { return gone(c.lockHolder) })
		}
		return nil
	})
}

func releaseTables(tx *catalog.Tx, gone func(lockHolder) bool) {
	for _, key := range tx.Snapshot.Records(lockKind) {
		var r lockRecord
		if !tx.Snapshot.Record(lockKind, key, &r) || !slices.ContainsFunc(r.Holders, gone) {
			continue
		}
		if r.Holders = slices.DeleteFunc(r.Holders, gone); len(r.Holders) == 0 {
			tx.PutRecord(lockKind, key, nil)
		} else {
			tx.PutRecord(lockKind, key, r)
		}
	}
}

// checkLocked holds a session that said LOCK TABLES to the tables that it named, by the names that it gave them. 1100,
// 1099; 1223 under a global read lock of its own.
func (s *Session) checkLocked(uses []tableUse, refs []tableRef) error {
	for _, u := range uses {
		if show.IsVirtual(u.db) {
			continue
		}
		if s.globalRead != nil && u.write {
			return mysqlerr.New(mysql.ErrCantUpdateWithReadlock)
		}
		if s.locked == nil {
			continue
		}
		if _, ok := s.locked[u.id]; !ok {
			return mysqlerr.New(mysql.ErrTableNotLocked, u.name)
		}
		if err := s.checkAliases(&u, refs); err != nil {
			return err
		}
	}
	return nil
}

// checkAliases looks at all names of one table. Without refs (a definition) it is the table's own name.
func (s *Session) checkAliases(u *tableUse, refs []tableRef) error {
	writable, named := s.locked[u.id], false
	for _, r := range refs {
		if r.db != u.db || r.name != u.name {
			continue
		}
		write, ok := s.aliases[lockAlias{r.db, r.alias}]
		if !ok {
			return mysqlerr.New(mysql.ErrTableNotLocked, r.alias)
		}
		writable, named = named && writable || write, true
	}
	if u.write && !writable {
		return mysqlerr.New(mysql.ErrTableNotLockedForWrite, u.name)
	}
	return nil
}

// noteUse records the tables that a plan asks for while it is made: reads by SELECT, changes by the other privileges.
func (s *Session) noteUse(priv mysql.PrivilegeType, db, table string) {
	if table == "" || s.snapshot == nil {
		return
	}
	t, ok := s.snapshot.Table(db, table)
	if !ok {
		return
	}
	write := priv&(mysql.InsertPriv|mysql.UpdatePriv|mysql.DeletePriv) != 0
	for i := range s.planUses {
		if u := &s.planUses[i]; u.id == t.ID {
			u.write = u.write || write
			return
		}
	}
	s.planUses = append(s.planUses, tableUse{id: t.ID, db: strings.Clone(db), name: t.Name, write: write})
}

// refsOf gives the tables that a statement names, with their aliases; among them may be names of common table
// expressions.
func refsOf(n ast.Node, db string) []tableRef {
	c := refCollector{db: db}
	n.Accept(&c)
	return c.refs
}

type refCollector struct {
	db   string
	refs []tableRef
}

// Enter implements ast.Visitor.
func (c *refCollector) Enter(n ast.Node) (ast.Node, bool) {
	src, ok := n.(*ast.TableSource)
	if !ok {
		return n, false
	}
	t, ok := src.Source.(*ast.TableName)
	if !ok {
		return n, false
	}
	r := tableRef{db: t.Schema.O, name: t.Name.O, alias: src.AsName.O}
	if r.db == "" {
		r.db = c.db
	}
	if r.alias == "" {
		r.alias = r.name
	}
	c.refs = append(c.refs, r)
	return n, true
}

// Leave implements ast.Visitor.
func (c *refCollector) Leave(n ast.Node) (ast.Node, bool) { return n, true }
