package spill

import (
	"context"
	"sort"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// RowBuffer keeps copies of rows to be read any number of times, from the beginning or one by one: in memory while there is room,
// and then in a temporary file.
type RowBuffer struct {
	room  *Room
	kind  memory.Kind
	store RowStore
	file  *RowFile // nil: the rows are in store
	width int
	n     int

	cache []*cachedBlock // of file, for At; the one used last comes first
	Most  int            // blocks of file to keep in memory, for At
	hold  memory.Hold    // of cache
}

// cachedBlock is the rows of a block.
type cachedBlock struct {
	first, rows, width int
	vals               []types.Value
	bytes              int
}

// defaultCached is how many blocks a RowBuffer keeps of its file for who reads it in one place.
const defaultCached = 2

// NewRowBuffer makes an empty buffer.
func NewRowBuffer(room *Room, kind memory.Kind) *RowBuffer {
	return &RowBuffer{room: room, kind: kind, store: RowStore{Hold: room.Memory.Hold(kind)}, Most: defaultCached, hold: room.Memory.Hold(kind)}
}

// Len is the number of rows.
func (r *RowBuffer) Len() int { return r.n }

// Add copies a row.
func (r *RowBuffer) Add(row []types.Value) error {
	if r.file == nil && r.store.Hold.Crowded(RowBytes(row)) {
		if err := r.spill(); err != nil {
			return err
		}
	}
	r.width = len(row)
	r.n++
	if r.file != nil {
		return r.file.Add(0, row, nil)
	}
	return r.store.Add(row)
}

// spill moves the rows to a file.
func (r *RowBuffer) spill() error {
	var err error
	if r.file, err = NewRowFile(r.room, r.kind, 1); err != nil {
		return err
	}
	r.file.indexed = true
	for _, row := range r.store.Rows {
		if err := r.file.Add(0, row, nil); err != nil {
			return err
		}
	}
	r.store.Reset()
	return r.file.Finish() // somebody may be reading them
}

// Fill adds all rows of op and closes it.
func (r *RowBuffer) Fill(ctx context.Context, op Operator) error {
	defer op.Close()
	if err := Each(ctx, op, r.Add); err != nil {
		return err
	}
	return r.Finish()
}

// Finish ends the adding of rows.
func (r *RowBuffer) Finish() error {
	if r.file == nil {
		return nil
	}
	return r.file.Finish()
}

// Reader reads the rows from the beginning. Closing it leaves the buffer as it is.
func (r *RowBuffer) Reader() Operator {
	if r.file != nil {
		return r.file.reader(0)
	}
	return NewRows(r.store.Rows, r.width)
}

// Range reads the rows from one number up to another. Rows may be added meanwhile, if Finish was called before.
func (r *RowBuffer) Range(from, to int) Operator {
	if r.file == nil {
		return NewRows(r.store.Rows[from:to], r.width)
	}
	if from >= to {
		return NewRows(nil, r.width)
	}
	in := r.file.reader(0)
	in.ref = r.blockOf(from)
	skip := from - r.file.parts[0].blocks[in.ref].first
	return NewLimit(in, uint64(skip), uint64(to-from)) //nolint:gosec // not negative
}

// blockOf is the number of the block of row i.
func (r *RowBuffer) blockOf(i int) int {
	blocks := r.file.parts[0].blocks
	return sort.Search(len(blocks), func(k int) bool { return blocks[k].first > i }) - 1
}

// At gives row i. It stays valid for as long as it is referenced.
func (r *RowBuffer) At(i int) ([]types.Value, error) {
	if r.file == nil {
		return r.store.Rows[i], nil
	}
	for k, c := range r.cache {
		if i >= c.first && i < c.first+c.rows {
			if k > 0 {
				copy(r.cache[1:k+1], r.cache[:k])
				r.cache[0] = c
			}
			return c.row(i), nil
		}
	}
	c, err := r.load(i)
	if err != nil {
		return nil, err
	}
	return c.row(i), nil
}

func (c *cachedBlock) row(i int) []types.Value {
	at := (i - c.first) * c.width
	return c.vals[at : at+c.width : at+c.width]
}

// load reads the block of row i into the cache.
func (r *RowBuffer) load(i int) (*cachedBlock, error) {
	blocks, at := r.file.parts[0].blocks, r.blockOf(i)
	end := r.n
	if at+1 < len(blocks) {
		end = blocks[at+1].first
	}
	c := &cachedBlock{first: blocks[at].first, rows: end - blocks[at].first, width: r.width}
	n, err := r.file.length(blocks[at].at)
	if err != nil {
		return nil, err
	}
	c.bytes = n + c.rows*c.width*ValueBytes
	for len(r.cache) > 0 && (len(r.cache) >= r.Most || r.hold.Crowded(c.bytes)) {
		last := len(r.cache) - 1
		_ = r.hold.Grow(-r.cache[last].bytes)
		r.cache = r.cache[:last]
	}
	if err := r.hold.Grow(c.bytes); err != nil {
		return nil, err
	}
	block, err := r.file.read(blocks[at].at, n, nil)
	if err != nil {
		return nil, err
	}
	c.vals = make([]types.Value, 0, c.rows*c.width)
	for len(block) > 0 {
		if c.vals, block, err = decodeRow(block, c.vals); err != nil {
			return nil, err
		}
	}
	if len(c.vals) != c.rows*c.width {
		return nil, errBadRowFile
	}
	r.cache = append(r.cache, nil)
	copy(r.cache[1:], r.cache)
	r.cache[0] = c
	return c, nil
}

// Reuse is Close that keeps some memory for the next rows: nobody looks at those before any more.
func (r *RowBuffer) Reuse() {
	r.store.Reuse()
	r.file.Close()
	r.hold.Close()
	r.file, r.cache, r.n = nil, nil, 0
}

// Close releases the rows. The buffer is empty then, and may be used again.
func (r *RowBuffer) Close() {
	r.Reuse()
	r.store.Reset()
}
