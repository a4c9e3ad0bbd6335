package exec

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// valueBytes is the size of a Value itself.
const valueBytes = 40

const wordBytes = 8

// rowStore keeps copies of rows, charged to the statement's account.
type rowStore struct {
	hold  memory.Hold
	rows  [][]types.Value
	block []types.Value
	arena types.Arena
}

func newRowStore(run *Run, kind memory.Kind) *rowStore {
	return &rowStore{hold: run.RT.Memory.Hold(kind)}
}

// rowBytes is what a rowStore needs for a row.
func rowBytes(row []types.Value) int {
	n := len(row)*valueBytes + 24
	for i := range row {
		n += len(row[i].Raw())
	}
	return n
}

// batchBytes is what the rows of a batch take.
func batchBytes(b *types.Batch) int {
	n := len(b.Vals) * valueBytes
	for i := range b.Vals {
		n += len(b.Vals[i].Raw())
	}
	return n
}

// add copies row.
func (s *rowStore) add(row []types.Value) error {
	_, err := s.keep(row)
	return err
}

func (s *rowStore) keep(row []types.Value) ([]types.Value, error) {
	if err := s.hold.Grow(rowBytes(row)); err != nil {
		return nil, err
	}
	n := len(row)
	if cap(s.block)-len(s.block) < n {
		s.block = make([]types.Value, 0, max(n, min(1024*max(n, 1), 8*max(len(s.rows), 8)*max(n, 1))))
	}
	start := len(s.block)
	for _, v := range row {
		s.block = append(s.block, s.arena.Value(v))
	}
	kept := s.block[start:len(s.block):len(s.block)]
	s.rows = append(s.rows, kept)
	return kept, nil
}

// reset forgets all rows.
func (s *rowStore) reset() {
	s.hold.Close()
	s.rows, s.block = s.rows[:0], nil
	s.arena.Reset()
}

// Order compares rows by sort keys.
type Order struct {
	keys  []expr.SortKey
	cols  []int // position of a key that is a plain column, -1 for others
	colls []types.Collation
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

// eval appends the values of row's keys.
func (o *Order) eval(env *expr.Env, row, dst []types.Value) ([]types.Value, error) {
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

// compare orders two lists of key values.
func (o *Order) compare(a, b []types.Value) int {
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

// hashRow appends the hash key of all values.
func hashRow(dst []byte, row []types.Value, colls []types.Collation) []byte {
	for i, v := range row {
		dst = types.HashKey(dst, v, colls[i])
	}
	return dst
}

// emitter hands out stored rows in batches.
type emitter struct {
	rows [][]types.Value
	at   int
	size int
}

func (e *emitter) next(b *types.Batch, width int) bool {
	if e.at >= len(e.rows) {
		return false
	}
	if e.size == 0 {
		e.size = firstBatch
	}
	b.Reset(width)
	for n := 0; n < e.size && e.at < len(e.rows); n++ {
		b.Vals = append(b.Vals, e.rows[e.at]...)
		e.at++
	}
	e.size = min(e.size*4, maxBatch)
	return true
}
