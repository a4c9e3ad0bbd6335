package temporary

import (
	"context"
	"errors"

	"cloudsql/distributed"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/shard"
)

// txn is a transaction of the cluster with the rows of temporary tables in it. Those are changed at once, and brought back
// when it ends otherwise than by COMMIT.
type txn struct {
	distributed.Txn
	t     *Tables
	begun mvcc.Timestamp   // what ROLLBACK goes back to
	marks []mvcc.Timestamp // what savepoints do
	ended bool
}

// Within is a transaction that has begun with the temporary tables in it, as they are now.
func (t *Tables) Within(inner distributed.Txn) distributed.Txn {
	if _, ok := inner.(*txn); ok || inner == nil {
		return inner
	}
	t.open++
	return &txn{Txn: inner, t: t, begun: t.ts}
}

// Read implements distributed.Txn.
func (x *txn) Read(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, lo distributed.LockOptions) (distributed.Rows, error) {
	if x.t.has(r.Tablet) {
		return x.t.read(r), nil
	}
	return x.Txn.Read(ctx, r, mode, lo)
}

// ReadPoint implements distributed.Txn.
func (x *txn) ReadPoint(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, lo distributed.LockOptions, page *fragment.Page) error {
	if x.t.has(r.Tablet) {
		return x.t.page(ctx, r, shard.ReadOptions{}, page)
	}
	return x.Txn.ReadPoint(ctx, r, mode, lo, page)
}

// Write implements distributed.Txn.
func (x *txn) Write(ctx context.Context, w *fragment.Write) (*fragment.WriteResult, error) {
	if !x.t.has(w.Tablet) {
		return x.Txn.Write(ctx, w)
	}
	results, err := x.t.write(ctx, []*fragment.Write{w})
	if err != nil {
		return nil, err
	}
	return &results[len(results)-1], nil
}

// A mark is the cluster's in its lower half, and in its upper one which of the marks here goes with it: 0 is the
// transaction's beginning, or the time before there were temporary tables in it.
const markBits = 32

// Savepoint implements distributed.Txn.
func (x *txn) Savepoint() uint64 {
	last := x.begun
	if n := len(x.marks); n > 0 {
		last = x.marks[n-1]
	}
	if last != x.t.ts {
		x.marks = append(x.marks, x.t.ts)
	}
	return uint64(len(x.marks))<<markBits | x.Txn.Savepoint()
}

// RollbackTo implements distributed.Txn.
func (x *txn) RollbackTo(ctx context.Context, mark uint64) error {
	if err := x.Txn.RollbackTo(ctx, mark&(1<<markBits-1)); err != nil {
		return err
	}
	at, n := x.begun, mark>>markBits
	if n > 0 {
		at = x.marks[n-1]
	}
	x.marks = x.marks[:n]
	return x.t.revert(at)
}

// Commit implements distributed.Txn.
func (x *txn) Commit(ctx context.Context) error {
	if err := x.Txn.Commit(ctx); err != nil {
		if undone := x.undo(); undone != nil {
			return errors.Join(err, undone)
		}
		return err
	}
	return x.end(ctx)
}

// Rollback implements distributed.Txn.
func (x *txn) Rollback(ctx context.Context) error {
	err := x.Txn.Rollback(ctx)
	if undone := x.undo(); err == nil {
		err = undone
	}
	return err
}

// undo brings back what the transaction has changed.
func (x *txn) undo() error {
	if x.ended {
		return nil
	}
	err := x.t.revert(x.begun)
	if ended := x.end(context.Background()); err == nil {
		err = ended
	}
	return err
}

func (x *txn) end(ctx context.Context) error {
	if x.ended {
		return nil
	}
	x.ended = true
	if x.t.open--; x.t.open > 0 || x.t.shard == nil || x.t.garbage < collectEvery {
		return nil
	}
	return x.t.collect(ctx)
}
