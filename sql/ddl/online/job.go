package online

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// jobKind is the kind of the catalog's records of running changes; their key is the table's id.
const jobKind = catalog.DefinitionJobs

func jobKey(id schema.TableID) string { return strconv.FormatUint(uint64(id), 10) }

// busyWait is how often a change that waits for another on the same table asks whether the gateway of that one is there still.
const busyWait = time.Second

// catalogChanged gives a channel that is closed at the catalog's next change; nil where nobody tells.
func catalogChanged(x *Executor) <-chan struct{} {
	if w, ok := x.DB.(interface{ CatalogChanged() <-chan struct{} }); ok {
		return w.CatalogChanged()
	}
	return nil
}

var errBusy = errors.New("ddl: another change is at work on the table")

// errReplaced tells that the table that a name stood for is gone: dropped, or replaced by its copy with another definition.
var errReplaced = errors.New("ddl: the table was dropped or replaced while its change waited")

// attempt is a change of the tables that have its names now: errReplaced where others have them once it may begin.
type attempt struct{ *Executor }

// attempts makes an attempt, and others as long as tables were replaced while it waited for them: each time by another change.
func (x *Executor) attempts(ctx context.Context, fn func(a attempt) error) error {
	for {
		err := fn(attempt{x})
		if !errors.Is(err, errReplaced) {
			return err
		}
		if err := x.DB.RefreshCatalog(ctx); err != nil {
			return err
		}
	}
}

// lockWaitKey is the key under which a context has the bound of WithLockWait.
type lockWaitKey struct{}

// WithLockWait bounds the waits for other changes and for transactions (lock_wait_timeout); not the work itself.
func WithLockWait(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, lockWaitKey{}, d)
}

// lockWait is a context for one wait; it ends with 1205.
func lockWait(ctx context.Context) (context.Context, context.CancelFunc) {
	d, ok := ctx.Value(lockWaitKey{}).(time.Duration)
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, mysqlerr.New(mysqlerr.LockWaitTimeout))
}

// acquire makes this change the only one on a table. It waits for the one that is at work. errReplaced where the table is gone
// before its change could begin.
//
// left is what a gateway that is gone was at: an index build's record is this change's until somebody has gone on with it.
func (x *Executor) acquire(ctx context.Context, id schema.TableID, statement string) (release func(), left *catalog.DefinitionJob, err error) {
	wait, cancel := lockWait(ctx)
	defer cancel()
	unlock, err := x.local.lock(wait, id)
	if err != nil {
		return nil, nil, err
	}
	key := jobKey(id)
	for {
		changed := catalogChanged(x)
		err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			if _, ok := tx.Snapshot.TableByID(id); !ok {
				return errReplaced
			}
			if catalog.Moving(tx.Snapshot, id) {
				return errBusy
			}
			job := catalog.DefinitionJob{Owner: x.Owner, Statement: statement, Started: time.Now()}
			if left = catalog.DefinitionJobOf(tx.Snapshot, id); left != nil && left.Owner != x.Owner {
				if !gone(ctx, x, left.Owner) {
					return errBusy
				}
				if left.Build != nil {
					job = *left
					job.Owner = x.Owner
				}
			} else {
				left = nil
			}
			tx.PutRecord(jobKind, key, job)
			return nil
		})
		if !errors.Is(err, errBusy) {
			break
		}
		if clock.Await(wait, changed, busyWait); wait.Err() != nil {
			unlock()
			return nil, nil, context.Cause(wait)
		}
	}
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return func() {
		defer unlock()
		// Whatever became of the change, its record must not outlive it: a stale one is taken over by the next change of
		// this gateway, and of another one once this gateway is gone.
		_ = x.DB.ChangeCatalog(context.WithoutCancel(ctx), func(tx *catalog.Tx) error {
			if job := catalog.DefinitionJobOf(tx.Snapshot, id); job != nil && job.Owner == x.Owner {
				tx.PutRecord(jobKind, key, nil)
			}
			return nil
		})
	}, left, nil
}

// gone tells whether the gateway that a record names is none any more.
func gone(ctx context.Context, x *Executor, owner string) bool {
	return owner != x.Owner && x.Alive != nil && !x.Alive(ctx, owner)
}

// changeJob changes the record of the change that is at work. 1317: it is not this gateway's any more, which was believed dead, or the table is gone.
func changeJob(ctx context.Context, x *Executor, id schema.TableID, fn func(job *catalog.DefinitionJob)) error {
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		job := catalog.DefinitionJobOf(tx.Snapshot, id)
		if job == nil || job.Owner != x.Owner {
			return mysqlerr.New(mysqlerr.QueryInterrupted)
		}
		fn(job)
		tx.PutRecord(jobKind, jobKey(id), *job)
		return nil
	})
}

// withTable runs fn as the only change on the table of that name, on its newest descriptor and with the leftovers of a
// dead gateway's change removed. 1146.
func (x *Executor) withTable(ctx context.Context, name Name, statement string,
	fn func(db *schema.Database, t *schema.Table) error) error {
	return x.attempts(ctx, func(a attempt) error { return a.withTable(ctx, name, statement, fn) })
}

func (x attempt) withTable(ctx context.Context, name Name, statement string,
	fn func(db *schema.Database, t *schema.Table) error) error {
	var t *schema.Table
	err := x.freshly(ctx, func() error {
		var ok bool
		if t, ok = x.DB.Catalog().Table(name.DB, name.Table); !ok {
			if _, view := x.DB.Catalog().View(name.DB, name.Table); view && statement != "TRUNCATE" {
				return mysqlerr.New(mysqlerr.WrongObject, name.DB, name.Table, "BASE TABLE")
			}
			return mysqlerr.New(mysqlerr.NoSuchTable, name.DB, name.Table)
		}
		return nil
	})
	if err != nil {
		return err
	}
	release, left, err := x.acquire(ctx, t.ID, statement)
	if err != nil {
		return err
	}
	defer release()
	s := x.DB.Catalog()
	now, ok := s.Table(name.DB, name.Table)
	if !ok || now.ID != t.ID {
		return errReplaced
	}
	db, _ := s.Database(name.DB)
	if now, err = x.inherit(ctx, db, now, left); err != nil {
		return err
	}
	return fn(db, now)
}

// sweep removes what a change left: a half filled copy, half built indexes.
func (x *Executor) sweep(ctx context.Context, db *schema.Database, t *schema.Table) (*schema.Table, error) {
	if second, ok := x.DB.Catalog().Table(db.Name, names.Copy(t.ID)); ok {
		if err := x.dropCopy(ctx, second); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(t.Indexes, func(ix schema.Index) bool { return ix.State != schema.Public }) {
		return t, nil
	}
	clean := t.Clone()
	clean.Indexes = slices.DeleteFunc(clean.Indexes, func(ix schema.Index) bool { return ix.State != schema.Public })
	clean.Version++
	return clean, x.publish(ctx, clean, false, nil)
}

// keyLock is a set of mutexes by table that can be waited for with a context.
type keyLock struct {
	mu   sync.Mutex
	held map[schema.TableID]chan struct{}
}

func (l *keyLock) lock(ctx context.Context, id schema.TableID) (unlock func(), err error) {
	for {
		l.mu.Lock()
		wait, taken := l.held[id]
		if !taken {
			done := make(chan struct{})
			if l.held == nil {
				l.held = map[schema.TableID]chan struct{}{}
			}
			l.held[id] = done
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, id)
				l.mu.Unlock()
				close(done)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
