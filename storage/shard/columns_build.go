package shard

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"cloudsql/storage/columnar"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// columnBuild makes a columnar copy of a tablet as of a timestamp below which nothing is committed any more. What of an older copy nobody has
// touched is taken over.
type columnBuild struct {
	s        *Shard
	t        *tablet
	old      *columnar.Copy // nil: everything is read
	reuse    []bool         // blocks of old
	next     *columnar.Copy
	snapshot *pebble.Snapshot
	builder  *columnar.Builder
	rowsMin  int                         // a block of fewer is not made before one that is taken over
	pause    func(context.Context) error // after each block
	row      []types.Value
	key      []byte
	seek     []byte
	seen     int
}

// errColumnsOvertaken: a copy is not of use any more when it is ready.
var errColumnsOvertaken = errors.New("shard: too much was changed while a columnar copy was made")

// BuildColumns makes a tablet's columnar copy, or does nothing where none is wanted or it is too early. It calls pause after each block.
func (s *Shard) BuildColumns(ctx context.Context, id schema.TabletID, space *columnar.Space, pause func(context.Context) error) (err error) {
	b := &columnBuild{s: s, pause: pause}
	if !b.begin(id, space) {
		return nil
	}
	defer func() {
		b.t.counters.copies.next.Store(nil)
		err = errors.Join(err, b.snapshot.Close())
	}()
	if err := b.read(ctx); err != nil {
		return err
	}
	b.next.Finish(b.builder.Blocks)
	if b.next.Lost() {
		return errColumnsOvertaken
	}
	s.applyMu.Lock() // changes go to both until then
	defer s.applyMu.Unlock()
	b.t.counters.copies.current.Store(b.next)
	return nil
}

// begin settles on a timestamp. What is applied from now on is told to the new copy; what was before is in the snapshot.
func (b *columnBuild) begin(id schema.TabletID, space *columnar.Space) bool {
	s := b.s
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	t, ok := s.tablets.Load().Get(id)
	at := min(s.PreparedFloor(), s.Newest())
	if !ok || !t.wantsColumns() || at == 0 || at < s.Watermark() || at < t.begins {
		return false
	}
	b.t, b.next = t, columnar.NewCopy(at, t.current.table)
	b.builder = columnar.NewBuilder(space, len(t.current.table.Columns))
	b.row = make([]types.Value, len(t.current.table.Columns))
	if old := t.counters.copies.current.Load(); old != nil && old.Fits(t.current.table) {
		b.old, b.reuse = old, old.Reusable(space.Rows())
	}
	b.rowsMin = space.Rows() / 4
	b.snapshot = s.engine.DB().NewSnapshot()
	t.counters.copies.next.Store(b.next)
	s.copied.Store(true)
	return true
}

// read goes over the tablet's rows.
func (b *columnBuild) read(ctx context.Context) error {
	if b.old == nil || len(b.old.Blocks()) == 0 {
		if err := b.rows(ctx, nil, nil); err != nil {
			return err
		}
		return b.builder.Flush()
	}
	for i, block := range b.old.Blocks() {
		start, end := b.old.Region(i)
		var err error
		if pending := b.builder.Pending(); b.reuse[i] && (pending == 0 || pending >= b.rowsMin) {
			err = b.builder.Reuse(block)
		} else {
			err = b.rows(ctx, start, end)
		}
		if err != nil {
			return err
		}
	}
	return b.builder.Flush()
}

// rows reads the rows of a range of bare keys; nil: without a bound.
func (b *columnBuild) rows(ctx context.Context, start, end []byte) (err error) {
	lower, upper := indexRange(b.s.id, b.t.id, schema.PrimaryIndex)
	if start != nil {
		lower = b.s.appendKey(nil, b.t.id, schema.PrimaryIndex, start)
	}
	if end != nil {
		upper = b.s.appendKey(nil, b.t.id, schema.PrimaryIndex, end)
	}
	it, err := b.snapshot.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); {
		if b.seen++; b.seen%contextEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := b.versions(ctx, it); err != nil {
			return err
		}
	}
	return it.Error()
}

// versions takes the row of the key that it is at, and goes on to the next key. A key with newer versions than the copy's is a changed one.
func (b *columnBuild) versions(ctx context.Context, it *pebble.Iterator) error {
	key, ts, ok := mvcc.SplitVersion(it.Key())
	b.key = append(b.key[:0], key...)
	next, found := b.next.At, false
	for steps := 0; ; steps++ {
		if !ok {
			return ErrCorrupt
		}
		if ts > b.next.At {
			b.next.Note(bare(b.key), ts)
		} else if !found {
			found = true
			if err := b.version(ctx, it, ts); err != nil {
				return err
			}
		}
		if found {
			next = 0 // none of it is wanted any more
		}
		if steps < mvcc.MaxSteps {
			it.Next()
		} else {
			b.seek = mvcc.AppendVersion(append(b.seek[:0], b.key...), next)
			it.SeekGE(b.seek)
		}
		if !it.Valid() {
			return it.Error()
		}
		if key, ts, ok = mvcc.SplitVersion(it.Key()); ok && string(key) != string(b.key) {
			return nil
		}
	}
}

// version takes the row of a version, if it has one.
func (b *columnBuild) version(ctx context.Context, it *pebble.Iterator, ts mvcc.Timestamp) error {
	value, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	v, err := mvcc.ParseVersion(ts, value)
	if err != nil || v.Deleted {
		return err
	}
	if err := b.t.current.full.Decode(v.Value, b.row, nil); err != nil {
		return err
	}
	full, err := b.builder.Add(bare(b.key), b.row)
	if err != nil || !full {
		return err
	}
	if t, ok := b.s.tablets.Load().Get(b.t.id); !ok || t.counters != b.t.counters || !t.current.table.Columnar() {
		return errColumnsOvertaken
	}
	return b.pause(ctx)
}
