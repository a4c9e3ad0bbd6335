package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// AggSpec is a GROUP BY.
type AggSpec struct {
	GroupBy []expr.Expr
	Aggs    []*expr.Agg
	// Final merges partial results of fragments: input rows are the group values and then each aggregate's partial
	// values. GroupBy then reads the leading columns.
	Final bool
	// Rollup adds the super-aggregates of WITH ROLLUP, in order of the groups.
	Rollup bool
	// Level appends how many of GroupBy a group of Rollup goes by.
	Level bool
}

// HashAgg groups its input. Groups come in the order of their first rows; output rows are the group values followed by
// the aggregates' results. Without GroupBy there is exactly one.
//
// Where the groups find no room in memory, rows of new ones go to temporary files, divided into partitions by their keys, and each
// partition is grouped after the input has ended. Groups whose states grow with their rows go there as well, as they are. Of a group
// that is too large by itself, the values of DISTINCT go to files (apart); one that is too large otherwise is the statement's error 1038.
type HashAgg struct {
	run   *Run
	in    Operator // of the present task
	spec  AggSpec
	colls []collation.ID
	width []int // of each aggregate's partial values
	plain bool  // GroupBy are columns

	index  map[string]int32
	groups [][]types.Value
	level  []int // Rollup: how many leading group columns count
	states [][]expr.State
	arena  types.Arena
	hold   memory.Hold
	bytes  []int // of each group's states, as last looked at
	stated int   // the sum of bytes
	grows  bool  // some states grow with each row
	ready  bool
	at     int
	size   int

	key   []byte
	vals  []types.Value
	more  []types.Value // behind a row in a file
	saved []types.Value
	seqs  []int64 // of each group, where the input comes from a file: the number of its first row
	rows  int64   // numbers given
	file  *aggFiles
	apart *apart      // a group that is too large by itself; nil: none
	tasks spill.Tasks // of the files' rows and states
	out   Operator    // puts the output of all tasks in order
}

// aggFiles is where what finds no room goes.
//
//	row of rows    input row, group values where they are not columns, level with ROLLUP, number
//	row of states  group values, saved states, level with ROLLUP, number
type aggFiles struct {
	rows, states *spill.RowFile // states may be nil
}

// NewHashAgg groups in.
func NewHashAgg(run *Run, in Operator, spec AggSpec) *HashAgg {
	h := &HashAgg{run: run, in: in, spec: spec, index: map[string]int32{}, size: spill.FirstBatch,
		hold: run.RT.Memory.Hold(memory.Group), plain: true, vals: make([]types.Value, len(spec.GroupBy))}
	for _, g := range spec.GroupBy {
		_, column := g.(*expr.Column)
		h.plain = h.plain && column
		h.colls = append(h.colls, g.Type().Collation)
	}
	for _, a := range spec.Aggs {
		h.grows = h.grows || a.Grows()
		n := 0
		if spec.Final {
			n = len(a.PartialTypes())
		}
		h.width = append(h.width, n)
	}
	return h
}

const (
	groupBytes = 160  // of a group's bookkeeping, roughly
	lookEvery  = 4096 // rows, at least, between two looks at all groups
)

// Next reads the whole input at first.
func (h *HashAgg) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if !h.ready {
		if err := h.load(ctx); err != nil {
			return false, err
		}
		h.ready = true
		if len(h.tasks.Coming) > 0 {
			h.out = h.reorder()
		}
	}
	if h.out != nil {
		return h.out.Next(ctx, b)
	}
	return h.emit(b)
}

// next gives the groups of one task after the other.
func (h *HashAgg) next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		if ok, err := h.emit(b); ok || err != nil {
			return ok, err
		}
		h.closeInput()
		if !h.tasks.Next() {
			return false, nil
		}
		if err := h.startTask(ctx); err != nil {
			return false, err
		}
	}
}

// emit gives the groups that are in memory.
func (h *HashAgg) emit(b *types.Batch) (bool, error) {
	if h.at >= len(h.groups) {
		return false, nil
	}
	b.Reset(h.outWidth() + h.tags())
	for n := 0; n < h.size && h.at < len(h.groups); n++ {
		if err := h.result(b, h.at); err != nil {
			return false, err
		}
		h.at++
	}
	h.size = min(h.size*4, spill.MaxBatch)
	return true, nil
}

// outWidth is the number of the output's columns.
func (h *HashAgg) outWidth() int {
	n := len(h.spec.GroupBy) + len(h.spec.Aggs)
	if h.spec.Level {
		n++
	}
	return max(n, spill.ZeroWidth)
}

func (h *HashAgg) result(b *types.Batch, g int) error {
	b.Vals = append(b.Vals, h.groups[g]...)
	for _, s := range h.states[g] {
		v, err := s.Result(h.run.Env)
		if err != nil {
			return err
		}
		b.Vals = append(b.Vals, v)
	}
	if h.spec.Level {
		b.Vals = append(b.Vals, types.Int(int64(h.level[g])))
	}
	if len(h.groups[g])+len(h.states[g]) == 0 {
		b.Vals = append(b.Vals, types.Null)
	}
	if h.out != nil {
		h.tag(b, g)
	}
	return nil
}

func (h *HashAgg) load(ctx context.Context) error {
	var b types.Batch
	unlooked := 0 // rows since all groups were looked at
	for {
		ok, err := h.in.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for i, n := 0, b.Len(); i < n; i++ {
			if err := h.addRow(b.Row(i)); err != nil {
				return err
			}
		}
		if unlooked += b.Len(); unlooked >= max(lookEvery, len(h.groups)) {
			h.lookAll()
			unlooked = 0
		}
		if err := h.charge(); err != nil {
			return err
		}
	}
	if h.apart != nil {
		if err := h.apart.end(ctx, h.run); err != nil {
			return err
		}
	}
	if err := h.endFiles(); err != nil {
		return err
	}
	if len(h.groups) == 0 && len(h.spec.GroupBy) == 0 && len(h.tasks.Coming) == 0 {
		h.newGroup(nil, nil, 0)
	}
	if h.spec.Rollup && len(h.tasks.Coming) == 0 && h.tasks.Now == nil {
		h.sortRollup()
	}
	return nil
}

// addRow gives a row to its group, or with Rollup to its groups.
func (h *HashAgg) addRow(row []types.Value) error {
	if h.tasks.Now != nil {
		return h.addSpilled(row)
	}
	h.rows++
	for i, g := range h.spec.GroupBy {
		v, err := g.Eval(h.run.Env, row)
		if err != nil {
			return err
		}
		h.vals[i] = v
	}
	least := len(h.vals)
	if h.spec.Rollup {
		least = 0
	}
	for level := len(h.vals); level >= least; level-- {
		if err := h.addTo(level, row, h.rows); err != nil {
			return err
		}
	}
	return nil
}

// addTo gives a row to the group of the first values of h.vals.
func (h *HashAgg) addTo(level int, row []types.Value, number int64) error {
	h.key = spill.HashRow(append(h.key[:0], byte(level)), h.vals[:level], h.colls)
	g, ok := h.index[string(h.key)]
	if !ok {
		full, err := h.full()
		if err != nil {
			return err
		}
		if full {
			return h.putAside(level, row, number)
		}
		g = h.newGroup(h.key, h.vals[:level], level)
		if h.tasks.Now != nil {
			h.seqs = append(h.seqs, number)
		}
	}
	err := h.feed(int(g), row)
	if !ok && !h.grows {
		h.look(int(g)) // the next new group has to know of it
	}
	return err
}

// feed gives a row, or a fragment's partial result, to a group's aggregates.
func (h *HashAgg) feed(g int, row []types.Value) error {
	at := len(h.spec.GroupBy)
	for i, s := range h.states[g] {
		var err error
		switch {
		case h.spec.Final:
			err = s.Merge(row[at : at+h.width[i]])
			at += h.width[i]
		case h.apart != nil && g == 0:
			err = h.apart.add(h.run.Env, i, s, row)
		default:
			err = s.Add(h.run.Env, row)
		}
		if err != nil {
			return err
		}
	}
	if h.grows {
		h.look(g)
		return h.charge()
	}
	return nil
}

func (h *HashAgg) newGroup(key []byte, vals []types.Value, level int) int32 {
	g := int32(len(h.groups))
	row := make([]types.Value, len(h.spec.GroupBy))
	for i, v := range vals {
		row[i] = h.arena.Value(v)
	}
	states := make([]expr.State, len(h.spec.Aggs))
	for i, a := range h.spec.Aggs {
		states[i] = a.NewState()
	}
	if key != nil {
		h.index[string(key)] = g
	}
	h.groups = append(h.groups, row)
	h.states = append(h.states, states)
	h.level = append(h.level, level)
	h.bytes = append(h.bytes, 0)
	return g
}

// lookAll measures all groups anew: their states grow on their own.
func (h *HashAgg) lookAll() {
	if h.grows {
		return // they are looked at with each row
	}
	for g := range h.states {
		h.look(g)
	}
}

// look measures a group's states.
func (h *HashAgg) look(g int) {
	bytes := 0
	for _, s := range h.states[g] {
		bytes += s.Bytes()
	}
	h.stated += bytes - h.bytes[g]
	h.bytes[g] = bytes
}

// charge accounts for the groups, as far as they were looked at. States that have grown too large are put aside.
func (h *HashAgg) charge() error {
	if h.grows && h.crowded() {
		if h.divisible() {
			return h.evict()
		}
		if len(h.groups) == 1 && h.apart == nil {
			if err := h.setApart(); err != nil {
				return err
			}
		}
	}
	return h.hold.Set(h.used())
}

// used is what the groups take, as far as they were looked at. The keys are kept twice: as values, and in the index.
func (h *HashAgg) used() int {
	return h.stated + 2*h.arena.Used() + len(h.groups)*(groupBytes+spill.ValueBytes*len(h.spec.GroupBy))
}

// Close releases the groups, the files and the input.
func (h *HashAgg) Close() {
	if h.out != nil {
		h.out.Close()
	}
	h.closeInput()
	if h.file != nil {
		spill.CloseFiles(h.file.rows, h.file.states)
	}
	h.apart.close()
	h.tasks.Close()
	h.hold.Close()
	h.groups, h.states, h.index = nil, nil, nil
}
