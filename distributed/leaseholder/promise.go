package leaseholder

import (
	"context"
	"encoding/binary"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// Promise is a leaseholder's word that every commit at or below TS is in its shard's log at or before Index. A replica
// that has applied Index may be read at TS and below, without the lease and for good.
//
// Batches carry the same promise for their own index (shard.Batch.Closed), so that a shard with writes needs no asking.
// A promise that travels beside the log costs an idle shard no entries.
//
// Why nothing at or below TS can come after Index:
//
//   - From this tenure: TS was handed out before the look at the registry of writes in flight. A write that was in
//     flight has a timestamp above its floor, and not below the first one that was fetched for it (lock.Owner.TS), and
//     TS is below that; a write that registers later fetches its timestamp later and gets a higher one. A write that
//     was in flight before and is not any more has been applied, and Index is read after the look.
//   - From a prepared transaction: it commits at or above the timestamp that it was prepared at, and TS is below
//     those of all that are prepared at Index.
//   - From an earlier tenure: this one's lease command stands at or before Index, and apply refuses older epochs
//     after it.
//   - From a later tenure: the lease was still valid when looked at after TS was handed out. Nobody else could take it
//     before, so whatever a successor proposes fetches its timestamp later, and timestamps rise over all nodes.
//
// The last point trusts the clocks' rates, as the lease does; with Config.UntrustedClock the promise goes through the
// log, where apply enforces it.
type Promise struct {
	TS    mvcc.Timestamp
	Index uint64
}

// ClosedUpTo implements Service.
func (c *Remote) ClosedUpTo(ctx context.Context, s schema.ShardID, want mvcc.Timestamp) (Promise, error) {
	d, err := c.call(ctx, methodClosedUpTo, func(dst []byte) ([]byte, error) {
		return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(s)), uint64(want)), nil
	})
	if err != nil {
		return Promise{}, err
	}
	p := Promise{TS: mvcc.Timestamp(d.Uvarint()), Index: d.Uvarint()}
	return p, d.End()
}

func (h *handlers) closedUpTo(ctx context.Context, req []byte) []byte {
	d := wire.NewReader(req)
	s, want := schema.ShardID(d.Uvarint()), mvcc.Timestamp(d.Uvarint())
	if err := d.End(); err != nil {
		return appendReply(nil, err)
	}
	r, err := h.replica(s)
	if err != nil {
		return appendReply(nil, err)
	}
	p, err := r.ClosedUpTo(ctx, s, want)
	if err != nil {
		return appendReply(nil, err)
	}
	dst := binary.AppendUvarint(appendReply(nil, nil), uint64(p.TS))
	return binary.AppendUvarint(dst, p.Index)
}
