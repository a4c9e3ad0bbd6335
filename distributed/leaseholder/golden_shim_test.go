package leaseholder

import (
	"context"
	"fmt"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

const goldenNewest = int(version.Max)

func goldenRemote(r *recorder, v int) *Remote { return NewRemote(r, 2, version.At(version.Version(v))) }

// goldenFirsts is what requests of a version say that they knew at their first try.
func goldenFirsts(v int) mvcc.Timestamp {
	if v >= 2 {
		return 1 << 39
	}
	return 0
}

func goldenFirst(q *WriteRequest, v int) { q.First = goldenFirsts(v) }

func goldenCommit(ctx context.Context, g *Remote, id fragment.TxnID, v int) error {
	_, err := g.Commit(ctx, testShard, id, goldenFirsts(v))
	return err
}

func goldenPrepare(ctx context.Context, g *Remote, id fragment.TxnID, v int) error {
	_, err := g.Prepare(ctx, testShard, id, []schema.ShardID{testShard, 300}, goldenFirsts(v))
	return err
}

func goldenInspect(ctx context.Context, g *Remote, id fragment.TxnID, v int) error {
	_, err := g.Inspect(ctx, testShard, id, true, goldenFirsts(v))
	return err
}

func goldenReplies(v int) []goldenReply {
	list := commonReplies()
	if v >= 2 { // version 1 wrote the first of them without a word about doubt
		list = append(list, goldenReply{"not here", &NotLeaseholder{Shard: 3, Holder: 4, Epoch: 5}},
			goldenReply{"not here, in doubt", &NotLeaseholder{Shard: 3, Holder: 4, Epoch: 5, Doubtful: true}},
			goldenReply{"forgotten", ErrForgotten})
	}
	return list
}

func firstText(first mvcc.Timestamp) string {
	if first == 0 {
		return ""
	}
	return fmt.Sprintf(" first %d", first)
}

func goldenFirstOf(q *WriteRequest) string  { return firstText(q.First) }
func goldenReadFirst(d *wire.Reader) string { return firstText(readFirst(d)) }
func goldenReadParticipants(d *wire.Reader) string {
	list, first := readParticipants(d)
	return fmt.Sprintf(" with %v", list) + firstText(first)
}
