package exec

import (
	"context"

	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// JoinKind says what a join gives.
type JoinKind uint8

// The kinds. Semi and Anti give rows of the left side only.
const (
	Inner JoinKind = iota
	Left           // rows of the left side without a partner come with NULLs
	Semi           // rows of the left side that have a partner
	Anti           // rows of the left side that have none
)

func (k JoinKind) String() string { return [...]string{"inner", "left", "semi", "anti"}[k] }

// JoinSpec is what all joins need. Conditions are over the left row followed by the right row.
type JoinSpec struct {
	Kind       JoinKind
	Conds      []expr.Expr // beyond the keys
	LeftWidth  int
	RightWidth int
}

// joiner matches left rows with candidates and builds output rows.
type joiner struct {
	JoinSpec
	run *Run
	row []types.Value // combined
}

func newJoiner(run *Run, spec JoinSpec) joiner {
	return joiner{JoinSpec: spec, run: run, row: make([]types.Value, spec.LeftWidth+spec.RightWidth)}
}

func (j *joiner) width() int {
	if j.Kind == Semi || j.Kind == Anti {
		return j.LeftWidth
	}
	return j.LeftWidth + j.RightWidth
}

// match tests one pair. The combined row is in j.row afterwards.
func (j *joiner) match(left, right []types.Value) (bool, error) {
	copy(j.row[j.LeftWidth:], right)
	if len(j.Conds) == 0 {
		if j.Kind == Inner || j.Kind == Left {
			copy(j.row, left)
		}
		return true, nil
	}
	copy(j.row, left)
	return allTrue(j.run.Env, j.Conds, j.row)
}

// unmatched appends what a left row without a partner gives.
func (j *joiner) unmatched(b *types.Batch, left []types.Value) {
	switch j.Kind {
	case Left:
		b.Vals = append(b.Vals, left...)
		for range j.RightWidth {
			b.Vals = append(b.Vals, types.Null)
		}
	case Anti:
		b.Vals = append(b.Vals, left...)
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
		b.Vals = append(b.Vals, left...)
		return true, true, nil
	case Anti:
		return true, true, nil
	}
	b.Vals = append(b.Vals, j.row...)
	return true, false, nil
}

// KeyPart computes one component of a hash key. Values that compare as doubles are turned into them.
type KeyPart struct {
	Expr      expr.Expr
	Collation types.Collation
	AsFloat   bool
	NullSafe  bool // <=>: NULL equals NULL
}

// appendKey appends the hash key of row; ok is false where a NULL cannot match anything.
func appendKey(dst []byte, env *expr.Env, parts []KeyPart, row []types.Value) (key []byte, ok bool, err error) {
	for i := range parts {
		p := &parts[i]
		v, err := p.Expr.Eval(env, row)
		if err != nil {
			return dst, false, err
		}
		switch {
		case v.IsNull() && !p.NullSafe:
			return dst, false, nil
		case p.AsFloat && !v.IsNull():
			v = types.Float(v.ToFloat(env.Warn))
		}
		dst = types.HashKey(dst, v, p.Collation)
	}
	return dst, true, nil
}

// hashTable finds the stored rows of a key. Rows of one key are chained.
type hashTable struct {
	heads map[string]int32
	tails map[string]int32
	next  []int32
	store *rowStore
}

func newHashTable(run *Run) *hashTable {
	return &hashTable{heads: map[string]int32{}, tails: map[string]int32{}, store: newRowStore(run, memory.Join)}
}

const hashEntryBytes = 64 // of the maps, roughly, without the key

func (h *hashTable) add(key []byte, row []types.Value) error {
	if err := h.store.add(row); err != nil {
		return err
	}
	i := int32(len(h.next))
	h.next = append(h.next, -1)
	if t, ok := h.tails[string(key)]; ok {
		h.next[t] = i
	} else {
		if err := h.store.hold.Grow(2*len(key) + hashEntryBytes); err != nil {
			return err
		}
		h.heads[string(key)] = i
	}
	h.tails[string(key)] = i
	return nil
}

func (h *hashTable) first(key []byte) int32 {
	if i, ok := h.heads[string(key)]; ok {
		return i
	}
	return -1
}

// HashJoin builds a table of the right side and probes it with the left, whose order it keeps.
type HashJoin struct {
	joiner
	left, right         Operator
	leftKeys, rightKeys []KeyPart
	table               *hashTable
	batch               types.Batch
	at                  int // row of batch to go on with
	chain               int32
	matched             bool
	key                 []byte
}

// NewHashJoin joins left and right on equal keys.
func NewHashJoin(run *Run, left, right Operator, leftKeys, rightKeys []KeyPart, spec JoinSpec) *HashJoin {
	return &HashJoin{joiner: newJoiner(run, spec), left: left, right: right, leftKeys: leftKeys, rightKeys: rightKeys, chain: -1}
}

func (h *HashJoin) build(ctx context.Context) error {
	h.table = newHashTable(h.run)
	var b types.Batch
	for {
		ok, err := h.right.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for i, n := 0, b.Len(); i < n; i++ {
			row := b.Row(i)
			key, ok, err := appendKey(h.key[:0], h.run.Env, h.rightKeys, row)
			h.key = key
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if (h.Kind == Semi || h.Kind == Anti) && len(h.Conds) == 0 && h.table.first(key) >= 0 {
				continue // one partner is as good as many
			}
			if err := h.table.add(key, row); err != nil {
				return err
			}
		}
	}
	h.right.Close()
	h.right = nil
	return nil
}

// Next gives joined rows.
func (h *HashJoin) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if h.table == nil {
		if err := h.build(ctx); err != nil {
			return false, err
		}
		if len(h.table.next) == 0 && (h.Kind == Inner || h.Kind == Semi) {
			return false, nil
		}
	}
	for {
		b.Reset(h.width())
		if h.at >= h.batch.Len() {
			ok, err := h.left.Next(ctx, &h.batch)
			if err != nil || !ok {
				return false, err
			}
			h.at, h.chain = 0, -1
		}
		if err := h.probe(b); err != nil {
			return false, err
		}
		if b.Len() > 0 {
			return true, nil
		}
		if err := canceled(ctx); err != nil {
			return false, err
		}
	}
}

// probe joins rows of the left batch until the output is full. chain is where a row's candidates go on, -1 for a row
// that is new.
func (h *HashJoin) probe(b *types.Batch) error {
	for n := h.batch.Len(); h.at < n; h.at++ {
		row := h.batch.Row(h.at)
		if h.chain < 0 {
			key, ok, err := appendKey(h.key[:0], h.run.Env, h.leftKeys, row)
			h.key = key
			if err != nil {
				return err
			}
			h.matched = false
			if ok {
				h.chain = h.table.first(key)
			}
		}
		for h.chain >= 0 {
			matched, done, err := h.candidate(b, row, h.table.store.rows[h.chain])
			if err != nil {
				return err
			}
			h.matched = h.matched || matched
			h.chain = h.table.next[h.chain]
			if done {
				h.chain = -1
			}
			if h.chain >= 0 && b.Len() >= maxBatch {
				return nil
			}
		}
		if !h.matched {
			h.unmatched(b, row)
		}
		if b.Len() >= maxBatch {
			h.at++
			return nil
		}
	}
	return nil
}

// Close releases the table and both sides.
func (h *HashJoin) Close() {
	h.left.Close()
	if h.right != nil {
		h.right.Close()
	}
	if h.table != nil {
		h.table.store.reset()
	}
}

// NestedLoop compares each left row with all rows of the right side, which it keeps.
type NestedLoop struct {
	joiner
	left, right Operator
	store       *rowStore
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
	if l.store == nil {
		l.store = newRowStore(l.run, memory.Join)
		right := l.right
		l.right = nil
		if err := l.store.fill(ctx, right); err != nil {
			return false, err
		}
		if len(l.store.rows) == 0 && (l.Kind == Inner || l.Kind == Semi) {
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
		if err := canceled(ctx); err != nil {
			return false, err
		}
	}
}

// step joins one left row; it tells when the output is full.
func (l *NestedLoop) step(b *types.Batch) (bool, error) {
	row := l.batch.Row(l.at)
	for l.inner < len(l.store.rows) {
		matched, done, err := l.candidate(b, row, l.store.rows[l.inner])
		if err != nil {
			return false, err
		}
		l.inner++
		l.matched = l.matched || matched
		if done {
			break
		}
		if b.Len() >= maxBatch {
			return true, nil
		}
	}
	if !l.matched {
		l.unmatched(b, row)
	}
	l.at++
	l.inner, l.matched = 0, false
	return b.Len() >= maxBatch, nil
}

// Close releases the rows and both sides.
func (l *NestedLoop) Close() {
	l.left.Close()
	if l.right != nil {
		l.right.Close()
	}
	if l.store != nil {
		l.store.reset()
	}
}
