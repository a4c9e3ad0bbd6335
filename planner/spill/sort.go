package spill

import (
	"bytes"
	"context"
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Sort gives its input's rows in order. Rows with equal keys keep the order of the input.
type Sort struct {
	room  *Room
	env   *expr.Env // nil will do where the keys are columns
	in    Operator
	order *Order
	width int
	store *RowStore
	keys  *RowStore     // values of the sort keys where they are neither encodable nor plain columns; charged to store
	vals  []types.Value // of the present row's keys
	key   []byte        // of the present row, encoded
	blob  []byte        // encoded sort keys, one behind the other, where the order can be encoded
	ends  []int         // of each row's key in blob
	emit  *emitter
	runs  *runs
}

// NewSort sorts in.
func NewSort(room *Room, env *expr.Env, in Operator, order *Order) *Sort {
	return &Sort{room: room, env: env, in: in, order: order}
}

// NewSpool gives in's rows as they come, but not before it has read them all.
func NewSpool(room *Room, in Operator) *Sort { return NewSort(room, nil, in, NewOrder(nil)) }

// Next reads the whole input at first.
func (s *Sort) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if s.emit == nil {
		if err := s.load(ctx); err != nil {
			return false, err
		}
	}
	if s.runs != nil {
		return s.runs.next(ctx, b)
	}
	return s.emit.next(b, s.width), nil
}

func (s *Sort) load(ctx context.Context) error {
	s.Begin()
	return s.Drain(ctx)
}

// Drain takes the rest of the input.
func (s *Sort) Drain(ctx context.Context) error {
	var b types.Batch
	for {
		ok, err := s.in.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			return s.finish(ctx)
		}
		for i, n := 0, b.Len(); i < n; i++ {
			if err := s.Take(ctx, b.Row(i)); err != nil {
				return err
			}
			if i == 0 && s.order.encodable {
				s.reserve(n - 1)
			}
		}
	}
}

// reserve makes room for the keys of n more rows, if they are as long as the last one: small sorts would spend as much time on growing.
func (s *Sort) reserve(n int) {
	s.blob = slices.Grow(s.blob, min(n*len(s.key), mostReserved))
	s.ends = slices.Grow(s.ends, n)
}

const mostReserved = 64 << 10

// Begin gets ready to take rows.
func (s *Sort) Begin() {
	s.store, s.keys = NewRowStore(s.room, memory.Sort), &RowStore{}
}

// Finish ends the taking of rows.
func (s *Sort) finish(ctx context.Context) error {
	s.emit = &emitter{}
	if s.runs != nil {
		if err := s.flush(ctx); err != nil {
			return err
		}
		return s.runs.prepare(ctx)
	}
	s.emit.rows, _ = s.sorted()
	return nil
}

// Take stores a row and its sort keys; rows that leave no room for it go to disk first.
func (s *Sort) Take(ctx context.Context, row []types.Value) error {
	s.width = len(row)
	s.vals = s.vals[:0]
	if !s.order.plain || s.order.encodable {
		var err error
		if s.vals, err = s.order.Eval(s.env, row, s.vals); err != nil {
			return err
		}
	}
	s.key = s.key[:0]
	if s.order.encodable {
		s.key = s.order.encode(s.key, s.vals)
	}
	more := len(s.key) + sortedRowBytes
	if !s.order.plain && !s.order.encodable {
		more += RowBytes(s.vals)
	}
	if s.store.Hold.Crowded(more + RowBytes(row)) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	if err := s.store.Hold.Grow(more); err != nil {
		return err
	}
	if s.order.encodable {
		s.blob = append(s.blob, s.key...)
		s.ends = append(s.ends, len(s.blob))
	} else if !s.order.plain {
		if err := s.keys.Add(s.vals); err != nil {
			return err
		}
	}
	return s.store.Add(row)
}

// sortedRowBytes is what sorting needs of a row besides the row and its keys: its place in the order, twice.
const sortedRowBytes = 2*24 + 2*WordBytes

// encodable tells whether values of a type order as their key encoding does.
func encodable(t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt, types.ClassString, types.ClassDate, types.ClassDatetime, types.ClassTime:
		return true
	}
	return false
}

// encode appends the keys in a form that compares as bytes: one pass over strings instead of one for each comparison.
func (o *Order) encode(dst []byte, vals []types.Value) []byte {
	for i, v := range vals {
		if i == len(vals)-1 && v.Kind() == types.KindString && !o.keys[i].Desc {
			// Nothing follows it, so the sort key needs no terminator and no escapes; 1 is behind NULL.
			return o.colls[i].SortKey(append(dst, 1), v.Raw())
		}
		dst = keys.AppendValue(dst, v, o.keys[i].Expr.Type(), 0, o.keys[i].Desc)
	}
	return dst
}

// sortEncoded orders the stored rows by their encoded keys, from first to last.
func (s *Sort) sortEncoded() []int {
	perm := positions(len(s.store.Rows))
	slices.SortFunc(perm, func(i, j int) int {
		if c := bytes.Compare(s.encodedKey(i), s.encodedKey(j)); c != 0 {
			return c
		}
		return i - j
	})
	return perm
}

func positions(n int) []int {
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	return perm
}

// sorted orders the stored rows; perm are their numbers in the store, nil where that was put in order itself.
func (s *Sort) sorted() (rows [][]types.Value, perm []int) {
	rows = s.store.Rows
	switch {
	case s.order.encodable:
		perm = s.sortEncoded()
	case s.order.plain:
		slices.SortStableFunc(rows, s.comparePlain)
		return rows, nil
	default:
		perm = positions(len(rows))
		slices.SortStableFunc(perm, func(i, j int) int { return s.order.Compare(s.keys.Rows[i], s.keys.Rows[j]) })
	}
	out := make([][]types.Value, len(perm))
	for i, p := range perm {
		out[i] = rows[p]
	}
	return out, perm
}

// encodedKey is the encoded key of the stored row i.
func (s *Sort) encodedKey(i int) []byte {
	if i == 0 {
		return s.blob[:s.ends[0]]
	}
	return s.blob[s.ends[i-1]:s.ends[i]]
}

func (s *Sort) comparePlain(a, b []types.Value) int { return s.order.CompareRows(a, b) }

// CompareRows orders two rows by keys that are plain columns.
func (o *Order) CompareRows(a, b []types.Value) int {
	for i, pos := range o.cols {
		if c := types.CompareSame(a[pos], b[pos], o.colls[i]); c != 0 {
			if o.keys[i].Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// Close releases the rows and the input.
func (s *Sort) Close() {
	s.in.Close()
	if s.store != nil {
		s.store.Reset()
		s.keys.Reset()
	}
	if s.runs != nil {
		s.runs.close()
	}
}
