package metalock

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Use is a table that a statement touches.
type Use struct {
	ID    schema.TableID
	DB    string
	Name  string
	Write bool
	// Implied: the statement does not name it, but may come to use it by foreign keys. LOCK TABLES need not have it.
	Implied bool
}

// AddUse records what a statement does with a table.
func AddUse(uses []Use, u Use) []Use {
	for i := range uses {
		if uses[i].ID == u.ID {
			uses[i].Write = uses[i].Write || u.Write
			return uses
		}
	}
	u.DB = strings.Clone(u.DB)
	return append(uses, u)
}

// lockedBy are the locks that may keep off it.
func (u *Use) lockedBy() [2]schema.TableID {
	if u.ID == commits {
		return [...]schema.TableID{commits, commits}
	}
	return [...]schema.TableID{u.ID, allTables}
}

// Ref is a table as a statement calls it.
type Ref struct {
	DB, Name, Alias string

	CTE bool // or the name of a common table expression
}

// Statement is the tables of a statement, and the names that it has for them.
type Statement struct {
	Uses []Use
	Refs []Ref
}

// Client is the connection of an owner.
type Client interface {
	// LockWait is lock_wait_timeout.
	LockWait() time.Duration
	// End ends the connection, whose locks were taken from it. Any goroutine may call it.
	End()
}

// core is a session as its locks of all kinds know it.
type core struct {
	locks   *Locks
	client  Client
	session atomic.Uint32 // the connection's id
	state   atomic.Pointer[string]
}

// Owner is a session's part in the locks: names, which know nothing of tables, and what it has to do with tables.
type Owner struct {
	names

	tables     map[schema.TableID]bool // LOCK TABLES: with true, for writing; nil: not in that mode
	aliases    map[alias]bool          // the names that go with tables
	globalRead *holder                 // FLUSH TABLES WITH READ LOCK: who has the lock for the session
	backup     *holder                 // LOCK INSTANCE FOR BACKUP: likewise

	using atomic.Pointer[Statement] // the running statement
	held  struct {
		sync.Mutex
		uses []Use // of the open transaction
	}
	wants atomic.Pointer[[]Use] // what a table lock keeps the session from; nil: nothing
}

// alias is a name under which LOCK TABLES gave a table to the session.
type alias struct{ db, name string }

// What the process list says of who waits.
var (
	StateTable = "Waiting for table metadata lock"
	StateUser  = "User lock"
	stateNone  = ""
)

// NewOwner makes the owner of a session, which is known to others from Join on.
func (l *Locks) NewOwner(c Client) *Owner {
	o := &Owner{names: names{core: core{locks: l, client: c}}}
	o.state.Store(&stateNone)
	return o
}

// Join makes the owner known under its connection's id.
func (o *Owner) Join(session uint32) {
	o.session.Store(session)
	o.locks.mu.Lock()
	o.locks.owners[o] = struct{}{}
	o.locks.mu.Unlock()
}

// backgroundWait is how long what no client waits for does so for a lock on a table: those who come meanwhile wait too.
const backgroundWait = time.Second

// background is the Client of what no client waits for.
type background struct{}

func (background) LockWait() time.Duration { return backgroundWait }
func (background) End()                    {} // it finds that its change is another's

// Background makes the owner of what no client waits for, under the id 0, which no connection has.
func (l *Locks) Background() *Owner {
	o := l.NewOwner(background{})
	o.Join(0)
	return o
}

// Leave comes when nothing is held any more.
func (o *Owner) Leave() {
	o.locks.mu.Lock()
	delete(o.locks.owners, o)
	o.locks.mu.Unlock()
}

func (o *core) holder() holder { return holder{Engine: o.locks.cfg.Engine, Session: o.session.Load()} }

// statementHolder is the session as the holder of a lock of its own.
func (o *core) statementHolder() holder {
	h := o.holder()
	h.Statement = o.locks.claims.Add(1)
	return h
}

// State is what the process list shows of the session's wait.
func (o *core) State() string { return *o.state.Load() }

// Wants is what a table lock keeps the session from.
func (o *Owner) Wants() []Use {
	if w := o.wants.Load(); w != nil {
		return *w
	}
	return nil
}

// Held is a copy of the tables of the open transaction.
func (o *Owner) Held() []Use {
	o.held.Lock()
	defer o.held.Unlock()
	return slices.Clone(o.held.uses)
}

// Locks tells whether the session has said LOCK TABLES or FLUSH TABLES WITH READ LOCK.
func (o *Owner) Locks() bool { return o.tables != nil || o.globalRead != nil }

// LocksTables tells whether the session is in the mode of LOCK TABLES.
func (o *Owner) LocksTables() bool { return o.tables != nil }

// MayFlush asks a session that said LOCK TABLES for what it has to write of the named tables, or of all that it locked: 1100, 1099. WITH READ LOCK
// it may flush none: 1192. db is where tables without a database are.
func (o *Owner) MayFlush(tables *catalog.Snapshot, db string, names []*ast.TableName, readLock bool) error {
	if o.tables == nil {
		return nil
	}
	if readLock {
		return mysqlerr.New(mysqlerr.LockOrActiveTransaction)
	}
	for _, t := range names {
		id, _ := tables.Named(cmp.Or(t.Schema.O, db), t.Name.O)
		if write, ok := o.tables[id]; !ok {
			return mysqlerr.New(mysqlerr.TableNotLocked, t.Name.O)
		} else if !write {
			return mysqlerr.New(mysqlerr.TableNotLockedForWrite, t.Name.O)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(o.tables)) {
		if t, ok := tables.TableByID(id); ok && !o.tables[id] && len(names) == 0 {
			return mysqlerr.New(mysqlerr.TableNotLockedForWrite, t.Name)
		}
	}
	return nil
}

// blocked finds a lock that keeps the session off one of the uses.
func (o *Owner) blocked(v *view, uses []Use) (*tableLock, bool) {
	if len(v.locks) == 0 {
		return nil, false
	}
	for i := range uses {
		h := o.holder()
		if uses[i].ID == definitions && o.backup != nil {
			h = *o.backup
		}
		for _, id := range uses[i].lockedBy() {
			if r, ok := v.locks[id]; ok && r.blocks(h, uses[i].Write) && !o.awaitedBy(id, &r) {
				return &r, true
			}
		}
	}
	return nil, false
}

// awaitedBy tells whether a lock is not granted yet because of what the session's open transaction uses.
func (o *Owner) awaitedBy(id schema.TableID, r *tableLock) bool {
	if id == allTables && o.locks.locksCommits() {
		return false // that waits for no open transaction
	}
	o.held.Lock()
	defer o.held.Unlock()
	return slices.ContainsFunc(o.held.uses, func(u Use) bool {
		return (id == allTables || u.ID == id) && (r.Write || u.Write)
	})
}

// deadlocked tells whether who holds r waits, with another lock, for the open transaction of o's session.
func deadlocked(o *Owner, v *view, r *tableLock) bool {
	for id, other := range v.locks {
		if slices.ContainsFunc(other.Holders, r.heldBy) && o.awaitedBy(id, &other) {
			return true
		}
	}
	return false
}

// Admit lets a statement begin when no lock of somebody else is in its way; waited tells that one was. Its tables are in use until
// Done; those of a transaction longer, by Hold. 1205, 1213, and what checkLocked says.
func (o *Owner) Admit(ctx context.Context, st *Statement) (waited bool, err error) {
	o.using.Store(st)
	if o.Locks() {
		if err := o.checkLocked(st.Uses, st.Refs); err != nil {
			return false, err
		}
	}
	if v := o.locks.view(); len(v.locks) > 0 {
		return o.wait(ctx, st.Uses, func() { o.using.Store(nil) }, func() { o.using.Store(st) })
	}
	return false, nil
}

// Done comes at the end of a statement.
func (o *Owner) Done() { o.using.Store(nil) }

// Hold remembers the tables of the open transaction.
func (o *Owner) Hold(uses []Use) {
	o.held.Lock()
	defer o.held.Unlock()
	for _, u := range uses {
		if !slices.Contains(o.held.uses, u) {
			o.held.uses = append(o.held.uses, u)
		}
	}
}

// LetGo comes when the transaction has ended.
func (o *Owner) LetGo() {
	o.held.Lock()
	o.held.uses = o.held.uses[:0]
	o.held.Unlock()
}

// usesAny tells whether the session's statement or transaction uses a table in a way that the locks forbid.
func usesAny(o *Owner, tables map[schema.TableID]bool) bool {
	conflicts := func(uses []Use) bool {
		return slices.ContainsFunc(uses, func(u Use) bool {
			if write, ok := tables[definitions]; ok && u.ID == definitions && (write || u.Write) {
				return true
			} else if u.ID == definitions {
				return false // a global read lock waits for them where they lock tables
			}
			for _, id := range u.lockedBy() {
				if write, ok := tables[id]; ok && (write || u.Write) {
					return true
				}
			}
			return false
		})
	}
	if st := o.using.Load(); st != nil && conflicts(st.Uses) {
		return true
	}
	if _, all := tables[allTables]; all && o.locks.locksCommits() {
		return false
	}
	o.held.Lock()
	defer o.held.Unlock()
	return conflicts(o.held.uses)
}

// wait waits until nothing blocks the uses. While it waits the session hides what it is about to use. 1205, 1213.
func (o *Owner) wait(ctx context.Context, uses []Use, hide, show func()) (waited bool, err error) {
	w := o.startWait()
	defer w.end()
	defer o.wants.Store(nil)
	for {
		changed := o.locks.changed()
		v := o.locks.view()
		r, ok := o.blocked(v, uses)
		if !ok {
			return waited, nil
		}
		if deadlocked(o, v, r) {
			return waited, mysqlerr.New(mysqlerr.LockDeadlock) // the session rolls back
		}
		hide()
		o.wants.Store(&uses)
		if err := w.next(ctx, changed, r.Holders); err != nil {
			return waited, err
		}
		waited = true
		show()
	}
}

// tableWait is a session's wait for a table lock, up to lock_wait_timeout.
type tableWait struct {
	o        *Owner
	deadline time.Time
	timeout  *time.Timer // made with the first wait
	look     *time.Ticker
}

func (o *Owner) startWait() *tableWait {
	return &tableWait{o: o, deadline: time.Now().Add(o.client.LockWait())}
}

// show has the process list tell of the wait.
func (w *tableWait) show() { w.o.state.Store(&StateTable) }

// next waits until the catalog has changed. Now and then it looks whether who is waited for is still there. 1205.
func (w *tableWait) next(ctx context.Context, changed <-chan struct{}, holders []holder) error {
	if w.timeout == nil {
		w.timeout, w.look = time.NewTimer(time.Until(w.deadline)), time.NewTicker(holderLook)
		w.show()
		w.o.locks.buryHolders(ctx, holders)
	}
	select {
	case <-changed:
	case <-w.look.C:
		w.o.locks.buryHolders(ctx, holders)
	case <-w.timeout.C:
		return mysqlerr.New(mysqlerr.LockWaitTimeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !time.Now().Before(w.deadline) { // however often the catalog changes
		return mysqlerr.New(mysqlerr.LockWaitTimeout)
	}
	return nil
}

func (w *tableWait) end() {
	if w.timeout != nil {
		w.timeout.Stop()
		w.look.Stop()
	}
	w.o.state.Store(&stateNone)
}

// checkLocked holds a session that said LOCK TABLES to the tables that it named, by the names that it gave them. 1100,
// 1099; 1223 under a global read lock of its own.
func (o *Owner) checkLocked(uses []Use, refs []Ref) error {
	for _, u := range uses {
		if virtual.IsVirtual(u.DB) {
			continue
		}
		if o.globalRead != nil && u.Write {
			return mysqlerr.New(mysqlerr.CantUpdateWithReadlock)
		}
		if o.tables == nil || u.Implied {
			continue
		}
		if _, ok := o.tables[u.ID]; !ok {
			return mysqlerr.New(mysqlerr.TableNotLocked, u.Name)
		}
		if err := o.checkAliases(&u, refs); err != nil {
			return err
		}
	}
	return nil
}

// Reads asks whether a statement of the session may look at the definition of a table: 1100 where LOCK TABLES named others.
func (o *Owner) Reads(id schema.TableID, db, name string) error {
	return o.checkLocked([]Use{{ID: id, DB: db, Name: name}}, nil)
}

// checkAliases looks at all names of one table. Without refs (a definition) it is the table's own name.
func (o *Owner) checkAliases(u *Use, refs []Ref) error {
	writable, named := o.tables[u.ID], false
	for _, r := range refs {
		if r.DB != u.DB || r.Name != u.Name {
			continue
		}
		write, ok := o.aliases[alias{r.DB, r.Alias}]
		if !ok {
			return mysqlerr.New(mysqlerr.TableNotLocked, r.Alias)
		}
		writable, named = named && writable || write, true
	}
	if u.Write && !writable {
		return mysqlerr.New(mysqlerr.TableNotLockedForWrite, u.Name)
	}
	return nil
}
