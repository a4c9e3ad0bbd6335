package spill

import (
	"context"

	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Operators that go by keys (hash joins, grouping, DISTINCT, set operations) divide what finds no room in memory into partitions by
// a hash of the key, so that all rows of a key are together, and deal with one partition after the other. A partition that is too
// large as well is divided again, by another hash.

// Partitions is how many a file is divided into.
const Partitions = 16

// maxDivisions bounds how often a row is written on its way: what is left then is of very few keys.
const maxDivisions = 6

// PartitionOf is the partition of a key, for the division of a number: FNV-1a with another beginning for each division, and its
// bits mixed.
func PartitionOf(key []byte, division int) int {
	h := uint64(14695981039346656037) + uint64(division)*0x9e3779b97f4a7c15 //nolint:gosec // a small number
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return int((h ^ h>>33) % Partitions) //nolint:gosec // a small number
}

// task is a partition that is to be dealt with: a part of one file, or the same part of two that were divided alike.
type task struct {
	First, Second *RowFile // second may be nil
	Part          int
	division      int  // how often its rows were divided
	whole         bool // no hash divides it further
}

// Tasks are the partitions of an operator: those to come, of which the last is the next, and the one that is being dealt with.
type Tasks struct {
	Coming []task
	Now    *task // nil: the input itself
}

// Push adds a part of what is being dealt with now. With the last of their parts the files go.
func (t *Tasks) Push(first, second *RowFile, part int, whole bool) {
	t.Coming = append(t.Coming, task{First: first, Second: second, Part: part, division: t.Division() + 1, whole: whole})
	first.tasks++
	if second != nil {
		second.tasks++
	}
}

// Division is how often the present rows were divided.
func (t *Tasks) Division() int {
	if t.Now == nil {
		return 0
	}
	return t.Now.division
}

// Divisible tells whether dividing the present rows once more may help.
func (t *Tasks) Divisible() bool {
	return t.Now == nil || !t.Now.whole && t.Now.division < maxDivisions
}

// Next ends the present task and begins another one; false where none is left.
func (t *Tasks) Next() bool {
	t.done()
	last := len(t.Coming) - 1
	if last < 0 {
		return false
	}
	now := t.Coming[last]
	t.Coming, t.Now = t.Coming[:last], &now
	return true
}

// done releases what the present task has.
func (t *Tasks) done() {
	if t.Now != nil {
		t.Now.First.done()
		t.Now.Second.done()
		t.Now = nil
	}
}

// Close releases all of them.
func (t *Tasks) Close() {
	t.done()
	for _, x := range t.Coming {
		CloseFiles(x.First, x.Second)
	}
	t.Coming = nil
}

// CloseFiles closes files, of which some may be nil or closed.
func CloseFiles(files ...*RowFile) {
	for _, f := range files {
		f.Close()
	}
}

// CloseIdle closes files of which no part is to be dealt with.
func CloseIdle(first, second *RowFile) {
	if first.tasks == 0 {
		CloseFiles(first, second)
	}
}

// Stream is an Operator made of a function.
type Stream func(ctx context.Context, b *types.Batch) (bool, error)

// Next calls the function.
func (s Stream) Next(ctx context.Context, b *types.Batch) (bool, error) { return s(ctx, b) }

// Close does nothing.
func (s Stream) Close() {}

// reorder gives the rows of a stream in the order of tags: columns that stand behind those of the rows, and are left out.
// Partitions are dealt with one after the other; this is how their rows get back the order that the operator promises.
type reorder struct {
	sort  *Sort
	tags  int
	batch types.Batch
}

// NewReorder sorts by the last column, a number.
func NewReorder(room *Room, in Stream, width int) Operator {
	key := expr.SortKey{Expr: &expr.Column{Index: width, Typ: types.TypeInt}}
	return NewReorderBy(room, in, []expr.SortKey{key}, 1)
}

// NewReorderBy sorts by columns, of which so many tags are the last.
func NewReorderBy(room *Room, in Stream, columns []expr.SortKey, tags int) Operator {
	return &reorder{sort: NewSort(room, nil, in, NewOrder(columns)), tags: tags}
}

// Next gives the next rows, without their tags.
func (r *reorder) Next(ctx context.Context, b *types.Batch) (bool, error) {
	ok, err := r.sort.Next(ctx, &r.batch)
	if err != nil || !ok {
		return false, err
	}
	width := r.batch.Width - r.tags
	b.Reset(width)
	for i, n := 0, r.batch.Len(); i < n; i++ {
		b.Vals = append(b.Vals, r.batch.Row(i)[:width]...)
	}
	return true, nil
}

// Close releases the rows.
func (r *reorder) Close() { r.sort.Close() }
