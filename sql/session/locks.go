package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// LOCK TABLES takes locks that hold in the whole cluster. A lock is a record of the catalog, so every gateway knows it;
// who asked for it has it once every gateway has seen the record and has no statement or transaction left that uses the
// table otherwise (the drain call). It works because each side first shows what it is about to do and then looks at the
// other: a statement stores what it uses and then reads the catalog; a drain sees to the catalog and then reads what the
// statements use. Where there are no locks, a statement pays for one atomic store and two loads.
//
// The record names the engine that holds it. Locks of an engine that is gone are removed by whoever waits for them.

// lockKind is the kind of the catalog's records of table locks; their key is the table's id, 0 for all tables.
const (
	lockKind   = "tablelock"
	allTables  = schema.TableID(0) // FLUSH TABLES WITH READ LOCK
	callDrain  = "sql.drain"
	lockPoll   = 20 * time.Millisecond // how often a waiting statement looks again
	drainPoll  = 2 * time.Millisecond
	deadLocks  = 50 // polls between two looks whether the holder still lives
	stateWaits = "Waiting for table metadata lock"
)

// lockRecord is who holds a lock on a table: one writer or any number of readers.
type lockRecord struct {
	Write   bool         `json:"write"`
	Holders []lockHolder `json:"holders"`
}

type lockHolder struct {
	Engine  string `json:"engine"` // ddl.Executor.Owner
	Session uint32 `json:"session"`
}

// tableUse is a table that a plan touches.
type tableUse struct {
	id    schema.TableID
	db    string
	name  string
	write bool
}

// tableLockState is a session's part in table locks.
type tableLockState struct {
	locked map[schema.TableID]bool // LOCK TABLES: with true, for writing; nil: not in that mode

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

func (s *Session) holder() lockHolder {
	return lockHolder{Engine: s.eng.ddl.Owner, Session: s.shared.Load().ID}
}

// blocked finds a lock that keeps the session off one of the uses.
func (v *lockView) blocked(h lockHolder, uses []tableUse) (*lockRecord, bool) {
	if len(v.locks) == 0 {
		return nil, false
	}
	for i := range uses {
		for _, id := range [...]schema.TableID{uses[i].id, allTables} {
			if r, ok := v.locks[id]; ok && r.blocks(h, uses[i].write) {
				return &r, true
			}
		}
	}
	return nil, false
}

// admit lets a statement begin when no lock of somebody else is in its way.
func (s *Session) admit(ctx context.Context, p *planned) error {
	s.using.Store(p)
	if s.locked != nil {
		if err := s.checkLocked(p.uses); err != nil {
			return err
		}
	}
	if v := s.eng.locks.view(); len(v.locks) > 0 {
		if err := s.waitForLocks(ctx, p.uses, func() { s.using.Store(nil) }, func() { s.using.Store(p) }); err != nil {
			return err
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

// waitForLocks waits until nothing blocks the uses. While it waits the session hides what it is about to use.
func (s *Session) waitForLocks(ctx context.Context, uses []tableUse, hide, show func()) error {
	h := s.holder()
	deadline := time.Now().Add(s.tableLockWait)
	for n := 1; ; n++ {
		r, ok := s.eng.locks.view().blocked(h, uses)
		if !ok {
			return nil
		}
		hide()
		if n%deadLocks == 0 {
			s.eng.locks.buryHolders(ctx, r.Holders)
		}
		if err := s.sleepForLock(ctx, deadline); err != nil {
			return err
		}
		show()
	}
}

func (s *Session) sleepForLock(ctx context.Context, deadline time.Time) error {
	state := stateWaits
	s.proc.state.Store(&state)
	defer s.proc.state.Store(&noText)
	t := time.NewTimer(lockPoll)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
	}
	if time.Now().After(deadline) {
		return mysqlerr.New(mysql.ErrLockWaitTimeout)
	}
	return nil
}

// release removes holders from all locks, and claims of theirs.
func (l *tableLocks) release(ctx context.Context, gone func(lockHolder) bool) error {
	return l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
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
		for _, name := range tx.Snapshot.Records(userLockKind) {
			leaveLock(tx, name, func(c lockClaim) bool { return gone(c.lockHolder) })
		}
		return nil
	})
}

// checkLocked holds a session that said LOCK TABLES to the tables that it named. 1100, 1099.
func (s *Session) checkLocked(uses []tableUse) error {
	for _, u := range uses {
		write, ok := s.locked[u.id]
		switch {
		case show.IsVirtual(u.db):
		case !ok && s.lockedAll():
			if u.write {
				return mysqlerr.New(mysql.ErrCantUpdateWithReadlock)
			}
		case !ok:
			return mysqlerr.New(mysql.ErrTableNotLocked, u.name)
		case u.write && !write:
			return mysqlerr.New(mysql.ErrTableNotLockedForWrite, u.name)
		}
	}
	return nil
}

func (s *Session) lockedAll() bool { _, ok := s.locked[allTables]; return ok }

// lockTables is LOCK TABLES.
func (s *Session) lockTables(ctx context.Context, n *ast.LockTablesStmt) error {
	want := map[schema.TableID]bool{}
	for _, l := range n.TableLocks {
		db, err := s.dbOf(l.Table.Schema.O)
		if err != nil {
			return err
		}
		if !s.hasOn(mysql.LockTablesPriv, db) {
			return s.deniedDB(db)
		}
		if err := s.access(mysql.SelectPriv, db, l.Table.Name.O); err != nil {
			return err
		}
		if show.IsVirtual(db) {
			continue
		}
		t, err := s.existingTable(ctx, db, l.Table.Name.O)
		if err != nil {
			return err
		}
		want[t.ID] = want[t.ID] || l.Type == ast.TableLockWrite || l.Type == ast.TableLockWriteLocal
	}
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	if err := s.unlockTables(); err != nil {
		return err
	}
	return s.takeLocks(ctx, want)
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

var errLocked = errors.New("session: a table is locked by somebody else")

// takeLocks gets all of the locks or none, and puts the session into the mode of LOCK TABLES.
func (s *Session) takeLocks(ctx context.Context, want map[schema.TableID]bool) error {
	if err := s.lock(ctx, want); err != nil {
		return err
	}
	s.locked = want
	s.snapshot = s.eng.db.Catalog()
	return nil
}

// lock takes locks for the session, with lock_wait_timeout.
func (s *Session) lock(ctx context.Context, want map[schema.TableID]bool) error {
	h := s.holder()
	deadline := time.Now().Add(s.tableLockWait)
	for n := 1; ; n++ {
		others, err := s.eng.locks.record(ctx, h, want)
		if err == nil {
			break
		}
		if !errors.Is(err, errLocked) {
			return err
		}
		if n%deadLocks == 0 {
			s.eng.locks.buryHolders(ctx, others)
		}
		if err := s.sleepForLock(ctx, deadline); err != nil {
			return err
		}
	}
	if err := s.eng.locks.drainAll(ctx, h, want, deadline); err != nil {
		return errors.Join(err, s.eng.locks.releaseAll(h))
	}
	return nil
}

// record puts the locks into the catalog: all, or none with errLocked and who holds them.
func (l *tableLocks) record(ctx context.Context, h lockHolder, want map[schema.TableID]bool) (others []lockHolder, err error) {
	err = l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		others = nil
		for id, write := range want {
			var r lockRecord
			if tx.Snapshot.Record(lockKind, lockKey(id), &r) && len(r.Holders) > 0 && (r.Write || write) {
				others = append(others, r.Holders...)
				continue
			}
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

// releaseAll gives back everything that h holds, also for a client that has gone.
func (l *tableLocks) releaseAll(h lockHolder) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return l.release(ctx, func(o lockHolder) bool { return o == h })
}

// sessionKey is the key under which a data definition statement's context has its Session.
type sessionKey struct{}

// exclusive locks a table for an ALTER TABLE that copies it. A session that said LOCK TABLES … WRITE has the lock.
func (l *tableLocks) exclusive(ctx context.Context, id schema.TableID) (unlock func(), err error) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	if !ok {
		return nil, errors.New("session: an exclusive lock without a session")
	}
	if s.locked[id] {
		return func() {}, nil
	}
	if err := s.lock(ctx, map[schema.TableID]bool{id: true}); err != nil {
		return nil, err
	}
	return func() { _ = l.releaseAll(s.holder()) }, nil // what is left is removed by whoever waits, once this engine is gone
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

// unlockTablesStmt is UNLOCK TABLES: it commits a transaction only where there are locks.
func (s *Session) unlockTablesStmt(ctx context.Context) error {
	if s.locked == nil {
		return nil
	}
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	return s.unlockTables()
}

// unlockTables gives the session's locks back.
func (s *Session) unlockTables() error {
	if s.locked == nil {
		return nil
	}
	s.locked = nil
	return s.eng.locks.releaseAll(s.holder())
}

// drainRequest asks a node to wait until only the holder uses the tables otherwise than the locks allow.
type drainRequest struct {
	Holder lockHolder              `json:"holder"`
	Tables map[schema.TableID]bool `json:"tables"` // with true, locked for writing
	WaitMs int64                   `json:"waitMs"`
}

func (l *tableLocks) registerCalls() {
	l.eng.db.RegisterCall(callDrain, func(ctx context.Context, payload []byte) ([]byte, error) {
		var r drainRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return nil, fmt.Errorf("drain request: %w", err)
		}
		if err := l.eng.db.RefreshCatalog(ctx); err != nil {
			return nil, err
		}
		if !l.drain(ctx, &r) {
			return []byte("busy"), nil
		}
		return []byte("done"), nil
	})
}

// drainAll has every node drain. A node that does not answer is taken for dead: it serves no statement either, or finds
// the lock in the catalog when it is back.
func (l *tableLocks) drainAll(ctx context.Context, h lockHolder, tables map[schema.TableID]bool, deadline time.Time) error {
	r := drainRequest{Holder: h, Tables: tables, WaitMs: max(time.Until(deadline).Milliseconds(), 1)}
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nodes := l.eng.otherNodes()
	replies := make(chan string, len(nodes)+1)
	for _, n := range nodes {
		go func() {
			reply, err := l.eng.db.Call(ctx, n, callDrain, payload)
			if err != nil && ctx.Err() == nil {
				reply = []byte("gone")
			}
			replies <- string(reply)
		}()
	}
	go func() {
		reply := "busy"
		if l.drain(ctx, &r) {
			reply = "done"
		}
		replies <- reply
	}()
	busy := false
	for range len(nodes) + 1 {
		if reply := <-replies; reply != "done" && reply != "gone" {
			busy = true
		}
	}
	if busy {
		return mysqlerr.New(mysql.ErrLockWaitTimeout)
	}
	return nil
}

// drain waits until no session here but the holder uses the tables; false when time is up.
func (l *tableLocks) drain(ctx context.Context, r *drainRequest) bool {
	deadline := time.Now().Add(time.Duration(r.WaitMs) * time.Millisecond)
	for {
		busy := false
		l.eng.each(func(s *Session) {
			busy = busy || s.holder() != r.Holder && s.usesAny(r.Tables)
		})
		switch {
		case !busy:
			return true
		case time.Now().After(deadline):
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(drainPoll):
		}
	}
}

// usesAny tells whether the session's statement or transaction uses a table in a way that the locks forbid.
func (s *Session) usesAny(tables map[schema.TableID]bool) bool {
	conflicts := func(uses []tableUse) bool {
		return slices.ContainsFunc(uses, func(u tableUse) bool {
			for _, id := range [...]schema.TableID{u.id, allTables} {
				if write, ok := tables[id]; ok && (write || u.write) {
					return true
				}
			}
			return false
		})
	}
	if p := s.using.Load(); p != nil && conflicts(p.uses) {
		return true
	}
	s.held.Lock()
	defer s.held.Unlock()
	return conflicts(s.held.uses)
}

// admitDDL lets a data definition statement begin when no lock of somebody else is on its tables.
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
	}
	if s.locked != nil {
		if err := s.checkLocked(uses); err != nil {
			return err
		}
	}
	if len(s.eng.locks.view().locks) == 0 {
		return nil
	}
	return s.waitForLocks(ctx, uses, func() {}, func() {})
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

// lockAll is FLUSH TABLES WITH READ LOCK: nobody changes any table until UNLOCK TABLES.
func (s *Session) lockAll(ctx context.Context) error {
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	if err := s.unlockTables(); err != nil {
		return err
	}
	return s.takeLocks(ctx, map[schema.TableID]bool{allTables: false})
}
