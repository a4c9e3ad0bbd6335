package shard

import (
	"bytes"
	"context"
	"errors"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

const (
	sectionRows  = 4096 // between two split keys, unless that makes too many keys
	maxSplitKeys = 512
)

// SplitKeys gives primary keys of a tablet, bare and rising, with the same number of rows between each two. It passes over all keys
// (exact whatever their distribution, and whether they are in the engine's tables yet), so who asks keeps the answer.
func (s *published) SplitKeys(ctx context.Context, id schema.TabletID) (list [][]byte, err error) {
	start, end := indexRange(s.id, id, schema.PrimaryIndex)
	var it mvcc.Iterator
	if err := it.Open(s.engine.DB(), start, end, 0); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	n, step := 0, sectionRows
	for ok := it.SeekGE(nil); ok; ok = it.Next() {
		if n++; n%contextEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if n <= step {
			continue
		}
		n = 1
		list = append(list, bytes.Clone(bare(it.Key())))
		if len(list) == maxSplitKeys {
			list, step = everySecond(list), 2*step
		}
	}
	return list, it.Err()
}

// everySecond keeps the second of each two.
func everySecond(list [][]byte) [][]byte {
	kept := list[:0]
	for i := 1; i < len(list); i += 2 {
		kept = append(kept, list[i])
	}
	return kept
}
