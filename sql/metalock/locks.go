package metalock

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// tableKind is the kind of the catalog's records of table locks; their key is the table's id, 0 for all tables.
const (
	tableKind = "tablelock"
	allTables = schema.TableID(0) // FLUSH TABLES WITH READ LOCK
	// definitions stands for all that definitions do: LOCK INSTANCE FOR BACKUP reads it, each definition writes it. No table has the id.
	definitions = ^schema.TableID(0)
	// commits stands for what transactions do at their ends: FLUSH TABLES WITH READ LOCK reads it, the commit of changes writes it.
	commits = definitions - 1
)

// tableLock is who holds a lock on a table: one writer or any number of readers.
type tableLock struct {
	Write   bool     `json:"write"`
	Holders []holder `json:"holders"`
}

// holder is a session, or one statement of it that holds a lock of its own.
type holder struct {
	Engine    string `json:"engine"`
	Session   uint32 `json:"session"`
	Statement uint64 `json:"statement,omitempty"`
}

func (h holder) sameSession(o holder) bool { return h.Engine == o.Engine && h.Session == o.Session }

func (r *tableLock) heldBy(h holder) bool { return slices.Contains(r.Holders, h) }

// blocks tells whether the lock keeps a session off a use of the table.
func (r *tableLock) blocks(h holder, write bool) bool {
	if r.heldBy(h) && (r.Write || len(r.Holders) == 1) {
		return false
	}
	return r.Write || write
}

// Config is what a node tells its Locks.
type Config struct {
	DB distributed.DB
	// Engine names this node and its start in the records.
	Engine string
	// Alive tells whether the engine of a name may still be running.
	Alive func(ctx context.Context, engine string) bool
	// Others lists the nodes beside this one.
	Others func() []schema.NodeID
}

// Locks is what a node knows of the locks, and who may own some here.
type Locks struct {
	cfg    Config
	db     distributed.DB
	seen   atomic.Pointer[view]
	claims atomic.Uint64 // numbers what owners ask for
	guard  guard

	mu     sync.RWMutex
	owners map[*Owner]struct{}
}

// New makes the locks of a node. It registers the call by which other nodes' definitions reach its sessions, so it must be made once
// for a DB.
func New(cfg Config) *Locks {
	l := &Locks{cfg: cfg, db: cfg.DB, owners: map[*Owner]struct{}{}}
	l.registerCalls()
	return l
}

// view is the table locks of one catalog.
type view struct {
	of    *catalog.Snapshot
	locks map[schema.TableID]tableLock
}

// view gives the locks in the present catalog.
func (l *Locks) view() *view {
	c := l.db.Catalog()
	if v := l.seen.Load(); v != nil && v.of == c {
		return v
	}
	v := &view{of: c}
	eachTable(c, func(id schema.TableID, r *tableLock) bool {
		if v.locks == nil {
			v.locks = map[schema.TableID]tableLock{}
		}
		v.locks[id] = *r
		return true
	})
	l.seen.Store(v)
	return v
}

// eachTable calls fn for every table lock in a catalog, until it returns false.
func eachTable(c *catalog.Snapshot, fn func(id schema.TableID, r *tableLock) bool) {
	for _, key := range c.Records(tableKind) {
		id, err := strconv.ParseUint(key, 10, 64)
		var r tableLock
		if err == nil && c.Record(tableKind, key, &r) && !fn(schema.TableID(id), &r) {
			return
		}
	}
}

func tableKey(id schema.TableID) string { return strconv.FormatUint(uint64(id), 10) }

// Tables is how many tables are locked.
func (l *Locks) Tables() int { return len(l.view().locks) }

// each calls fn for every owner of this node.
func (l *Locks) each(fn func(*Owner)) {
	l.mu.RLock()
	list := make([]*Owner, 0, len(l.owners))
	for o := range l.owners {
		list = append(list, o)
	}
	l.mu.RUnlock()
	for _, o := range list {
		fn(o)
	}
}

// release removes holders from all locks, and claims of theirs.
func (l *Locks) release(ctx context.Context, gone func(holder) bool) error {
	err := l.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		releaseTables(tx, gone)
		return nil
	})
	if err != nil {
		return err
	}
	return l.db.ChangeUserLocks(ctx, func(tx *catalog.Tx) error {
		for _, name := range tx.Snapshot.Records(userKind) {
			leave(tx, name, func(c claim) bool { return gone(c.holder) })
		}
		return nil
	})
}

func releaseTables(tx *catalog.Tx, gone func(holder) bool) {
	for _, key := range tx.Snapshot.Records(tableKind) {
		var r tableLock
		if !tx.Snapshot.Record(tableKind, key, &r) || !slices.ContainsFunc(r.Holders, gone) {
			continue
		}
		if r.Holders = slices.DeleteFunc(r.Holders, gone); len(r.Holders) == 0 {
			tx.PutRecord(tableKind, key, nil)
		} else {
			tx.PutRecord(tableKind, key, r)
		}
	}
}

// Moved gives a table's locks to the copy that takes its place.
func Moved(tx *catalog.Tx, from, to schema.TableID) {
	var r tableLock
	if tx.Snapshot.Record(tableKind, tableKey(from), &r) {
		tx.PutRecord(tableKind, tableKey(from), nil)
		tx.PutRecord(tableKind, tableKey(to), r)
	}
}
