package spill

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// ValueBytes is the size of a Value itself.
const ValueBytes = 40

// WordBytes is the size of a number, or of a reference.
const WordBytes = 8

// HashEntryBytes is what an entry of a map takes, roughly, without its key.
const HashEntryBytes = 64

// RowStore keeps copies of rows, charged to the statement's account.
type RowStore struct {
	Hold  memory.Hold // what it is charged to; for what belongs to the rows as well
	Rows  [][]types.Value
	block []types.Value
	arena types.Arena
}

// NewRowStore makes an empty store.
func NewRowStore(room *Room, kind memory.Kind) *RowStore {
	return &RowStore{Hold: room.Memory.Hold(kind)}
}

// RowBytes is what a RowStore needs for a row.
func RowBytes(row []types.Value) int {
	n := len(row)*ValueBytes + 24
	for i := range row {
		n += len(row[i].Raw())
	}
	return n
}

// BatchBytes is what the rows of a batch take.
func BatchBytes(b *types.Batch) int {
	n := len(b.Vals) * ValueBytes
	for i := range b.Vals {
		n += len(b.Vals[i].Raw())
	}
	return n
}

// Add copies row.
func (s *RowStore) Add(row []types.Value) error {
	_, err := s.Keep(row)
	return err
}

// Keep copies row, and gives the copy.
func (s *RowStore) Keep(row []types.Value) ([]types.Value, error) {
	if err := s.Hold.Grow(RowBytes(row)); err != nil {
		return nil, err
	}
	n := len(row)
	if cap(s.block)-len(s.block) < n {
		s.block = make([]types.Value, 0, max(n, min(1024*max(n, 1), 8*max(len(s.Rows), 8)*max(n, 1))))
	}
	start := len(s.block)
	for _, v := range row {
		s.block = append(s.block, s.arena.Value(v))
	}
	kept := s.block[start:len(s.block):len(s.block)]
	s.Rows = append(s.Rows, kept)
	return kept, nil
}

// Reset forgets all rows.
func (s *RowStore) Reset() {
	s.Hold.Close()
	s.Rows, s.block = s.Rows[:0], nil
	s.arena.Reset()
}

// Reuse forgets all rows, whose memory serves the next ones: nobody looks at them any more.
func (s *RowStore) Reuse() {
	block := s.block
	clear(block)
	s.Reset()
	s.block = block[:0]
}

// Order compares rows by sort keys.
type Order struct {
	keys  []expr.SortKey
	cols  []int // position of a key that is a plain column, -1 for others
	colls []collation.ID
	plain bool // all keys are columns
	// encodable: the keys have an encoding that compares as bytes.
	encodable bool
}

// NewOrder prepares a comparison. The keys' columns are positions in the rows.
func NewOrder(keys []expr.SortKey) *Order {
	o := &Order{keys: keys, plain: true, encodable: true}
	for _, k := range keys {
		pos := -1
		if c, ok := k.Expr.(*expr.Column); ok {
			pos = c.Index
		} else {
			o.plain = false
		}
		o.cols = append(o.cols, pos)
		o.encodable = o.encodable && encodable(k.Expr.Type())
		o.colls = append(o.colls, k.Expr.Type().Collation)
	}
	return o
}

// Plain tells whether all keys are columns.
func (o *Order) Plain() bool { return o.plain }

// Eval appends the values of row's keys.
func (o *Order) Eval(env *expr.Env, row, dst []types.Value) ([]types.Value, error) {
	for i := range o.keys {
		if c := o.cols[i]; c >= 0 {
			dst = append(dst, row[c])
			continue
		}
		v, err := o.keys[i].Expr.Eval(env, row)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// Compare orders two lists of key values.
func (o *Order) Compare(a, b []types.Value) int {
	for i := range o.keys {
		if c := types.CompareSame(a[i], b[i], o.colls[i]); c != 0 {
			if o.keys[i].Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// HashRow appends the hash key of all values.
func HashRow(dst []byte, row []types.Value, colls []collation.ID) []byte {
	for i, v := range row {
		dst = types.HashKey(dst, v, colls[i])
	}
	return dst
}
