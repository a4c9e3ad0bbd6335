package exec

import (
	"context"

	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Operators that go by keys (hash joins, grouping, DISTINCT, set operations) divide what finds no room in memory into partitions by
// a hash of the key, so that all rows of a key are together, and deal with one partition after the other. A partition that is too
// large as well is divided again, by another hash.

// partitions is how many a file is divided into.
const partitions = 16

// maxDivisions bounds how often a row is written on its way: what is left then is of very few keys.
const maxDivisions = 6

// partitionOf is the partition of a key, for the division of a number: FNV-1a with another beginning for each division, and its
// bits mixed.
func partitionOf(key []byte, division int) int {
	h := uint64(14695981039346656037) + uint64(division)*0x9e3779b97f4a7c15 //nolint:gosec // a small number
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return int((h ^ h>>33) % partitions) //nolint:gosec // a small number
}

// task is a partition that is to be dealt with: a part of one file, or the same part of two that were divided alike.
type task struct {
	first, second *rowFile // second may be nil
	part          int
	division      int  // how often its rows were divided
	whole         bool // no hash divides it further
}

// tasks are the partitions of an operator: those to come, of which the last is the next, and the one that is being dealt with.
type tasks struct {
	coming []task
	now    *task // nil: the input itself
}

// push adds a part of what is being dealt with now. With the last of their parts the files go.
func (t *tasks) push(first, second *rowFile, part int, whole bool) {
	t.coming = append(t.coming, task{first: first, second: second, part: part, division: t.division() + 1, whole: whole})
	first.tasks++
	if second != nil {
		second.tasks++
	}
}

// division is how often the present rows were divided.
func (t *tasks) division() int {
	if t.now == nil {
		return 0
	}
	return t.now.division
}

// divisible tells whether dividing the present rows once more may help.
func (t *tasks) divisible() bool {
	return t.now == nil || !t.now.whole && t.now.division < maxDivisions
}

// next ends the present task and begins another one; false where none is left.
func (t *tasks) next() bool {
	t.done()
	last := len(t.coming) - 1
	if last < 0 {
		return false
	}
	now := t.coming[last]
	t.coming, t.now = t.coming[:last], &now
	return true
}

// done releases what the present task has.
func (t *tasks) done() {
	if t.now != nil {
		t.now.first.done()
		t.now.second.done()
		t.now = nil
	}
}

// close releases all of them.
func (t *tasks) close() {
	t.done()
	for _, x := range t.coming {
		closeFiles(x.first, x.second)
	}
	t.coming = nil
}

// closeFiles closes files, of which some may be nil or closed.
func closeFiles(files ...*rowFile) {
	for _, f := range files {
		f.close()
	}
}

// stream is an Operator made of a function.
type stream func(ctx context.Context, b *types.Batch) (bool, error)

// Next calls the function.
func (s stream) Next(ctx context.Context, b *types.Batch) (bool, error) { return s(ctx, b) }

// Close does nothing.
func (s stream) Close() {}

// reorder gives the rows of a stream in the order of tags: columns that stand behind those of the rows, and are left out.
// Partitions are dealt with one after the other; this is how their rows get back the order that the operator promises.
type reorder struct {
	sort  *Sort
	tags  int
	batch types.Batch
}

// newReorder sorts by the last column, a number.
func newReorder(run *Run, in stream, width int) *reorder {
	key := expr.SortKey{Expr: &expr.Column{Index: width, Typ: types.TypeInt}}
	return &reorder{sort: NewSort(run, in, NewOrder([]expr.SortKey{key})), tags: 1}
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
