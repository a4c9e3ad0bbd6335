package exec

import (
	"context"

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
}

// HashAgg groups its input. Groups come in the order of their first rows; output rows are the group values followed by
// the aggregates' results. Without GroupBy there is exactly one.
type HashAgg struct {
	run   *Run
	in    Operator
	spec  AggSpec
	colls []types.Collation
	width []int // of each aggregate's partial values

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
}

// NewHashAgg groups in.
func NewHashAgg(run *Run, in Operator, spec AggSpec) *HashAgg {
	h := &HashAgg{run: run, in: in, spec: spec, index: map[string]int32{}, size: firstBatch,
		hold: run.RT.Memory.Hold(memory.Group)}
	for _, g := range spec.GroupBy {
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

const groupBytes = 160 // of a group's bookkeeping, roughly

// Next reads the whole input at first.
func (h *HashAgg) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if !h.ready {
		if err := h.load(ctx); err != nil {
			return false, err
		}
		h.ready = true
	}
	if h.at >= len(h.groups) {
		return false, nil
	}
	b.Reset(max(len(h.spec.GroupBy)+len(h.spec.Aggs), zeroWidth))
	for n := 0; n < h.size && h.at < len(h.groups); n++ {
		if err := h.result(b, h.at); err != nil {
			return false, err
		}
		h.at++
	}
	h.size = min(h.size*4, maxBatch)
	return true, nil
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
	if len(h.groups[g])+len(h.states[g]) == 0 {
		b.Vals = append(b.Vals, types.Null)
	}
	return nil
}

func (h *HashAgg) load(ctx context.Context) error {
	var b types.Batch
	vals := make([]types.Value, len(h.spec.GroupBy))
	var key []byte
	for {
		ok, err := h.in.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for i, n := 0, b.Len(); i < n; i++ {
			if key, err = h.addRow(b.Row(i), vals, key); err != nil {
				return err
			}
		}
		if err := h.account(); err != nil {
			return err
		}
	}
	if len(h.groups) == 0 && (len(h.spec.GroupBy) == 0) {
		h.newGroup(nil, nil, 0)
	}
	if h.spec.Rollup {
		h.sortRollup()
	}
	return nil
}

func (h *HashAgg) addRow(row, vals []types.Value, key []byte) ([]byte, error) {
	for i, g := range h.spec.GroupBy {
		v, err := g.Eval(h.run.Env, row)
		if err != nil {
			return key, err
		}
		vals[i] = v
	}
	least := len(vals)
	if h.spec.Rollup {
		least = 0
	}
	for level := len(vals); level >= least; level-- {
		key = hashRow(append(key[:0], byte(level)), vals[:level], h.colls)
		g, ok := h.index[string(key)]
		if !ok {
			if err := h.charge(); err != nil {
				return key, err
			}
			g = h.newGroup(key, vals[:level], level)
		}
		if err := h.feed(int(g), row); err != nil {
			return key, err
		}
	}
	return key, nil
}

// feed gives a row, or a fragment's partial result, to a group's aggregates.
func (h *HashAgg) feed(g int, row []types.Value) error {
	at := len(h.spec.GroupBy)
	for i, s := range h.states[g] {
		var err error
		if h.spec.Final {
			err = s.Merge(row[at : at+h.width[i]])
			at += h.width[i]
		} else {
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

// account measures the groups anew: their states grow on their own.
func (h *HashAgg) account() error {
	if !h.grows { // otherwise they are looked at with each row
		for g := range h.states {
			h.look(g)
		}
	}
	return h.charge()
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

// charge accounts for the groups, as far as they were looked at. The keys are kept twice: as values, and in the index.
func (h *HashAgg) charge() error {
	return h.hold.Set(h.stated + 2*h.arena.Used() + len(h.groups)*(groupBytes+valueBytes*len(h.spec.GroupBy)))
}

// Close releases the groups and the input.
func (h *HashAgg) Close() {
	h.in.Close()
	h.hold.Close()
	h.groups, h.states, h.index = nil, nil, nil
}
