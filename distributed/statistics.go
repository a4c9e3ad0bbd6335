package distributed

import (
	"context"
	"fmt"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
)

// snapshotSource reads one past state of a table, at the nearest replica that has it.
type snapshotSource struct {
	db  DB
	txn Txn
}

// Read implements statistics.Source.
func (s snapshotSource) Read(ctx context.Context, r *fragment.Read) (statistics.Rows, error) {
	return s.txn.Read(ctx, r, ReadSnapshot, LockOptions{})
}

// Rows implements statistics.Source.
func (s snapshotSource) Rows(t *schema.Table) uint64 {
	rows, _ := s.db.TableStats(t)
	return rows
}

// CollectStatistics looks at a table's rows as they were at since, or later.
func CollectStatistics(ctx context.Context, db DB, t *schema.Table, since time.Time, o statistics.Options) (*statistics.Table, error) {
	txn := db.Begin(TxnOptions{ReadOnly: true, FollowerRead: &FollowerRead{Since: since, NotBefore: mvcc.Timestamp(t.RowsSince), Keep: true}})
	defer func() { _ = txn.Rollback(context.WithoutCancel(ctx)) }() // it has only read
	out, err := statistics.Collect(ctx, snapshotSource{db, txn}, t, o)
	if err != nil {
		return nil, fmt.Errorf("looking at the rows of %s: %w", t.Name, err)
	}
	return out, nil
}

// KeepStatistics puts what was found into the catalog, unless the table has gone or somebody has found something newer.
func KeepStatistics(ctx context.Context, db DB, t *schema.Table, found *statistics.Table) error {
	return db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if _, ok := tx.Snapshot.TableByID(t.ID); !ok {
			return nil
		}
		if now := tx.Snapshot.Statistics(t.ID); now != nil && now.Serial >= found.Serial {
			return nil
		}
		tx.PutStatistics(t.ID, found)
		return nil
	})
}
