package leaseholder

import (
	"context"
	"fmt"
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Standing is how a transaction stands in one of its shards.
type Standing struct {
	Status shard.Status   // Prepared, Committed, Aborted; Forgotten; 0: it is not known, or not prepared yet
	TS     mvcc.Timestamp // of Prepared and Committed
}

// Judge decides about a transaction from how it stands in every one of its shards: the timestamp at which it committed,
// the largest that it was prepared at; 0 if it has not committed, which is for good where it can't prepare any more. It is
// the whole rule.
//
// Where one is Forgotten, and none Committed or Aborted, the transaction may have committed and been resolved everywhere; but
// then nothing of it is prepared any more. So 0 is right for all parts that are, and says nothing to its client.
func Judge(all []Standing) (ts mvcc.Timestamp) {
	prepared := true
	for _, s := range all {
		switch s.Status {
		case shard.Committed:
			return s.TS
		case shard.Prepared:
			ts = max(ts, s.TS)
		default:
			prepared = false
		}
	}
	if !prepared {
		return 0
	}
	return ts
}

// Reach runs fn at a shard's leaseholder, wherever it is served; fn may be run again.
type Reach func(ctx context.Context, s schema.ShardID, fn func(Service) error) error

// Decide asks all participants how a transaction stands, leaving an abort mark where it is not prepared, and judges. first is
// not above the timestamp of any step that may have committed it. certain: its client may be told so.
func Decide(ctx context.Context, at Reach, id fragment.TxnID, participants []schema.ShardID, first mvcc.Timestamp) (
	ts mvcc.Timestamp, certain bool, err error) {
	all := make([]Standing, len(participants))
	for i, s := range participants {
		err := at(ctx, s, func(svc Service) (err error) {
			all[i], err = svc.Inspect(ctx, s, id, true, first)
			return err
		})
		if err != nil {
			return 0, false, fmt.Errorf("shard %d cannot be asked about a transaction: %w", s, err)
		}
	}
	has := func(status shard.Status) bool {
		return slices.ContainsFunc(all, func(s Standing) bool { return s.Status == status })
	}
	ts = Judge(all)
	return ts, ts != 0 || has(shard.Aborted) || !has(shard.Forgotten), nil
}

// Peers is how a leaseholder reaches the other participants of a transaction, wherever they are served.
type Peers interface {
	// At is a Reach.
	At(ctx context.Context, s schema.ShardID, fn func(Service) error) error
	// Coordinating tells whether a transaction is open at its gateway, or the gateway is at work on its commit. An error:
	// the gateway does not answer.
	Coordinating(ctx context.Context, id fragment.TxnID) (bool, error)
}
