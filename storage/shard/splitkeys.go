package shard

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

const (
	sectionRows  = 1024 // between two split keys, unless that makes too many keys
	maxSplitKeys = 512

	maxCutKeys = 1 << 14 // that CutTablet chooses from
)

// SplitKeys gives primary keys of a tablet, bare and rising, with the same number of rows between each two. It passes over all keys
// (exact whatever their distribution, and whether they are in the engine's tables yet), so who asks keeps the answer.
func (s *published) SplitKeys(ctx context.Context, id schema.TabletID) ([][]byte, error) {
	return s.keysApart(ctx, s.engine.DB(), id, 0, sectionRows, maxSplitKeys)
}

// CutTablet gives primary keys that cut a tablet into n parts of about as many rows, fewer where there are fewer rows.
func (s *published) CutTablet(ctx context.Context, id schema.TabletID, n int) (cuts [][]byte, err error) {
	if _, err := s.serving(id); err != nil {
		return nil, err
	}
	snapshot := s.engine.DB().NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	list, err := s.keysApart(ctx, snapshot, id, s.Newest(), 1, maxCutKeys)
	if err != nil {
		return nil, err
	}
	most := len(list) + 1
	n = min(n, most)
	for i := 1; i < n; i++ {
		cuts = append(cuts, list[i*most/n-1])
	}
	return cuts, nil
}

// keysApart gives primary keys of a tablet as of a timestamp (0: the newest), bare and rising: each comes step rows behind the one before, and the
// first that many behind the tablet's first; where these are most, the step is doubled.
func (s *published) keysApart(ctx context.Context, r pebble.Reader, id schema.TabletID, at mvcc.Timestamp, step, most int) (list [][]byte, err error) {
	start, end := indexRange(s.id, id, schema.PrimaryIndex)
	var it mvcc.Iterator
	if err := it.Open(r, start, end, at); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	seen, n := 0, 0
	for ok := it.SeekGE(nil); ok; ok = it.Next() {
		if seen++; seen%contextEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if n++; n <= step {
			continue
		}
		n = 1
		list = append(list, bytes.Clone(bare(it.Key())))
		if len(list) == most {
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
