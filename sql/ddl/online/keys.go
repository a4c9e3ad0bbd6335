package online

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/sql/ddl"
	"cloudsql/sql/metalock"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/types"
)

// A table that is to be cut by itself (decision 54) has its unique keys made such as hold over tablets first, as SPLIT has it. What asks for it is a
// record of the catalog (catalog.KeysJob), which stays until it is done; who does it is the gateway of the system shard's leaseholder, so that another
// one does it if that is gone. Nobody waits for it: it gives way to everybody, and takes its time.

// Bounds of such a change.
const (
	keysEvery = 2 * time.Second // between looks for records
	keysWait  = time.Minute     // for another definition, or for rows that a transaction holds
	keysRest  = time.Minute     // after a change that had to wait for too long
	keysTries = 30              // of those
	keysFails = 3               // of changes that failed otherwise
	mostPaced = time.Second     // of rest between two chunks
)

// pacedKey is the key under which a context says that a change is paced.
type pacedKey struct{}

// pace rests as long as the last piece of a paced change took, so that it takes half of what it could.
func pace(ctx context.Context, took time.Duration) {
	if ctx.Value(pacedKey{}) != nil {
		_ = clock.Sleep(ctx, min(took, mostPaced)) // whoever goes on finds that ctx has ended
	}
}

// keyMaker makes the keys that records ask for.
type keyMaker struct {
	*Executor
	locks *metalock.Owner
	log   *slog.Logger
	tries map[schema.TableID]int
	rests map[schema.TableID]time.Time
}

// makeKeys does so until ctx ends.
func makeKeys(ctx context.Context, x *Executor, locks *metalock.Locks, log *slog.Logger) {
	own := locks.Background()
	defer own.Leave()
	m := keyMaker{x, own, log, map[schema.TableID]int{}, map[schema.TableID]time.Time{}}
	for range spawn.Ticks(ctx.Done(), keysEvery) {
		if x.DB.Leaseholder(schema.SystemShard) != x.DB.NodeID() {
			continue
		}
		for id, job := range catalog.KeysJobs(x.DB.Catalog()) {
			if job.Failed == "" && !time.Now().Before(m.rests[id]) && ctx.Err() == nil {
				m.serve(ctx, id)
			}
		}
	}
}

// serve makes the keys of a table, and says what has become of them.
func (m *keyMaker) serve(ctx context.Context, id schema.TableID) {
	err := m.change(ctx, id)
	if ctx.Err() != nil {
		return
	}
	var left *catalog.KeysJob
	if err != nil {
		most := keysFails
		if mysqlerr.Code(err) == mysqlerr.LockWaitTimeout {
			most = keysTries
		}
		m.tries[id]++
		m.log.Info("the unique keys of a table that is to be cut could not be made to hold over tablets", "table", uint64(id), "tries", m.tries[id], "err", err)
		if m.tries[id] < most {
			m.rests[id] = time.Now().Add(cmp.Or(m.KeysRest, keysRest))
			return
		}
		left = &catalog.KeysJob{Failed: err.Error()}
	}
	delete(m.tries, id)
	delete(m.rests, id)
	err = m.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if _, ok := catalog.KeysJobs(tx.Snapshot)[id]; ok {
			tx.PutKeysJob(id, left)
		}
		return nil
	})
	if err != nil {
		m.log.Warn("what became of the unique keys of a table could not be noted, it will be looked at again", "table", uint64(id), "err", err)
	}
}

// change is the change of a table's definition; nothing where there is nothing to change.
func (m *keyMaker) change(ctx context.Context, id schema.TableID) error {
	s := m.DB.Catalog()
	t, ok := s.TableByID(id)
	if !ok || catalog.MayBeCut(t) {
		return nil
	}
	defer m.locks.Done()
	if err := m.locks.AdmitDefinition(ctx, "", nil); err != nil { // who backs up or has a global read lock goes first
		return err
	}
	unlock, err := m.locks.Exclusive(ctx, id)
	if err != nil { // and no table of entries is made in vain
		return err
	}
	unlock()
	env := &ddl.Env{Mode: *types.DefaultMode(), SQLMode: mysql.ModeStrictTransTables, Now: time.Now(), Collation: collation.Default, Locks: m.locks}
	ctx = context.WithValue(WithLockWait(ctx, keysWait), pacedKey{}, true)
	_, err = m.Alter(ctx, env, Name{s.DatabaseName(t), t.Name}, "SPLIT TABLET", func(_ *schema.Database, t *schema.Table) (*ddl.Change, error) {
		if t.ID != id { // it was dropped, and another has its name
			return &ddl.Change{}, nil
		}
		return ddl.PlanSpread(t), nil
	}, nil)
	return err
}
