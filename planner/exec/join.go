package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// JoinKind says what a join gives.
type JoinKind = fragment.JoinKind

// The kinds.
const (
	Inner = fragment.Inner
	Left  = fragment.Left
	Semi  = fragment.Semi
	Anti  = fragment.Anti
)

// JoinSpec is what all joins need. Conditions are over the left row followed by the right row.
type JoinSpec struct {
	Kind       JoinKind
	Conds      []expr.Expr // beyond the keys
	LeftWidth  int
	RightWidth int
	// Unordered tells that nobody relies on the order of the left side.
	Unordered bool
	// Probe opens the left side of a hash join that is not given one, once the right side has been read; nil otherwise.
	Probe func(keys Keys) (Operator, error)
}

// Keys gives the different values of the i-th key of a hash join's right side; nil where they are more than most, or too many to tell.
type Keys func(i int, most float64) (*expr.KeySet, error)

// joiner matches left rows with candidates and builds output rows.
type joiner struct {
	JoinSpec
	run *Run
	row []types.Value // combined
	// Rows of the left side that come from a file have more columns behind their own: the key, and then tags, which the output
	// gets as well.
	extra, tags int
}

func newJoiner(run *Run, spec JoinSpec) joiner {
	return joiner{JoinSpec: spec, run: run, row: make([]types.Value, spec.LeftWidth+spec.RightWidth)}
}

func (j *joiner) width() int {
	if j.Kind == Semi || j.Kind == Anti {
		return j.LeftWidth + j.tags
	}
	return j.LeftWidth + j.RightWidth + j.tags
}

// own is a left row without what stands behind its columns.
func (j *joiner) own(left []types.Value) []types.Value { return left[:len(left)-j.extra] }

// tag appends a left row's tags to the output.
func (j *joiner) tag(b *types.Batch, left []types.Value) {
	if j.tags > 0 {
		b.Vals = append(b.Vals, left[len(left)-j.tags:]...)
	}
}

// match tests one pair. The combined row is in j.row afterwards.
func (j *joiner) match(left, right []types.Value) (bool, error) {
	copy(j.row[j.LeftWidth:], right)
	if len(j.Conds) == 0 {
		if j.Kind == Inner || j.Kind == Left {
			copy(j.row, j.own(left))
		}
		return true, nil
	}
	copy(j.row, j.own(left))
	return allTrue(j.run.Env, j.Conds, j.row)
}

// unmatched appends what a left row without a partner gives.
func (j *joiner) unmatched(b *types.Batch, left []types.Value) {
	switch j.Kind {
	case Left:
		b.Vals = append(b.Vals, j.own(left)...)
		for range j.RightWidth {
			b.Vals = append(b.Vals, types.Null)
		}
		j.tag(b, left)
	case Anti:
		b.Vals = append(b.Vals, j.own(left)...)
		j.tag(b, left)
	}
}

// candidate tests a pair and appends its output. done: no further candidate matters to this left row.
func (j *joiner) candidate(b *types.Batch, left, right []types.Value) (matched, done bool, err error) {
	ok, err := j.match(left, right)
	if err != nil || !ok {
		return false, false, err
	}
	switch j.Kind {
	case Semi:
		b.Vals = append(b.Vals, j.own(left)...)
		j.tag(b, left)
		return true, true, nil
	case Anti:
		return true, true, nil
	}
	b.Vals = append(b.Vals, j.row...)
	j.tag(b, left)
	return true, false, nil
}

// KeyPart computes one component of a hash key.
type KeyPart = fragment.KeyPart

// hashTable finds the stored rows of a key. Rows of one key are chained.
type hashTable struct {
	keys  map[string]int32 // their chains
	rows  chains
	store *spill.RowStore
}

// chains are lists of rows. Both have numbers, in the order in which they came.
type chains struct {
	ends []chainEnds
	next []int32 // by row: the next one of its chain, -1 behind the last
}

type chainEnds struct{ first, last int32 } // -1: the chain is empty

// begin makes an empty chain.
func (c *chains) begin() (chain int32) {
	c.ends = append(c.ends, chainEnds{-1, -1})
	return int32(len(c.ends) - 1)
}

// add puts the next row at the end of a chain.
func (c *chains) add(chain int32) {
	row, ends := int32(len(c.next)), &c.ends[chain]
	if c.next = append(c.next, -1); ends.first < 0 {
		ends.first = row
	} else {
		c.next[ends.last] = row
	}
	ends.last = row
}

// first is a chain's first row, -1 of an empty one.
func (c *chains) first(chain int32) int32 { return c.ends[chain].first }

func (c *chains) reset() { c.ends, c.next = c.ends[:0], c.next[:0] }

func newHashTable(run *Run) *hashTable {
	return &hashTable{keys: map[string]int32{}, store: spill.NewRowStore(run.Room(), memory.Join)}
}

// crowded tells that the row is too much.
func (h *hashTable) crowded(key []byte, row []types.Value) bool {
	return h.store.Hold.Crowded(spill.RowBytes(row) + 2*len(key) + spill.HashEntryBytes)
}

func (h *hashTable) add(key []byte, row []types.Value) error {
	if err := h.store.Add(row); err != nil {
		return err
	}
	c, ok := h.keys[string(key)]
	if !ok {
		if err := h.store.Hold.Grow(2*len(key) + spill.HashEntryBytes); err != nil {
			return err
		}
		c = h.rows.begin()
		h.keys[string(key)] = c
	}
	h.rows.add(c)
	return nil
}

func (h *hashTable) first(key []byte) int32 {
	if c, ok := h.keys[string(key)]; ok {
		return h.rows.first(c)
	}
	return -1
}

// NestedLoop compares each left row with all rows of the right side, which it keeps.
type NestedLoop struct {
	joiner
	left, right Operator
	rows        *spill.RowBuffer // of right
	batch       types.Batch
	at, inner   int
	matched     bool
}

// NewNestedLoop joins left and right on spec's conditions alone.
func NewNestedLoop(run *Run, left, right Operator, spec JoinSpec) *NestedLoop {
	return &NestedLoop{joiner: newJoiner(run, spec), left: left, right: right}
}

// Next gives joined rows.
func (l *NestedLoop) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if l.rows == nil {
		l.rows = spill.NewRowBuffer(l.run.Room(), memory.Join)
		right := l.right
		l.right = nil
		if err := l.rows.Fill(ctx, right); err != nil {
			return false, err
		}
		if l.rows.Len() == 0 && (l.Kind == Inner || l.Kind == Semi) {
			return false, nil
		}
	}
	b.Reset(l.width())
	for {
		if l.at >= l.batch.Len() {
			if b.Len() > 0 {
				return true, nil
			}
			ok, err := l.left.Next(ctx, &l.batch)
			if err != nil || !ok {
				return false, err
			}
			l.at, l.inner, l.matched = 0, 0, false
		}
		full, err := l.step(b)
		if err != nil || full {
			return full, err
		}
		if err := spill.Canceled(ctx); err != nil {
			return false, err
		}
	}
}

// step joins one left row; it tells when the output is full.
func (l *NestedLoop) step(b *types.Batch) (bool, error) {
	row := l.batch.Row(l.at)
	for n := l.rows.Len(); l.inner < n; {
		right, err := l.rows.At(l.inner)
		if err != nil {
			return false, err
		}
		l.inner++
		matched, done, err := l.candidate(b, row, right)
		if err != nil {
			return false, err
		}
		l.matched = l.matched || matched
		if done {
			break
		}
		if b.Len() >= spill.MaxBatch {
			return true, nil
		}
	}
	if !l.matched {
		l.unmatched(b, row)
	}
	l.at++
	l.inner, l.matched = 0, false
	return b.Len() >= spill.MaxBatch, nil
}

// Close releases the rows and both sides.
func (l *NestedLoop) Close() {
	l.left.Close()
	if l.right != nil {
		l.right.Close()
	}
	if l.rows != nil {
		l.rows.Close()
	}
}
