package exec

import (
	"context"
	"slices"

	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// apart is a group of a HashAgg that is too large by itself: dividing groups does not help, so the values that its aggregates with
// DISTINCT have met go to files, and are told from each other when the input has ended. No other group comes beside it: those go to
// files as well.
type apart struct {
	sets []apartSet // of the aggregates; the zero one takes rows as before
	row  []types.Value
}

// apartSet is one aggregate's values.
//
//	row of values  key, whether it counts already, values (nothing where it does)
type apartSet struct {
	state *expr.Apart
	file  *spill.RowFile
	width int
}

// setApart puts what the aggregates with DISTINCT of the only group have met into files, if there are any.
func (h *HashAgg) setApart() error {
	if !slices.ContainsFunc(h.spec.Aggs, func(a *expr.Agg) bool { return a.Distinct }) {
		return nil
	}
	h.apart = &apart{sets: make([]apartSet, len(h.spec.Aggs))}
	for i, agg := range h.spec.Aggs {
		if err := h.apart.begin(h.run, i, agg, h.states[0][i]); err != nil {
			return err
		}
	}
	h.look(0)
	return nil
}

// begin takes over what s, a state of the i-th aggregate, has met.
func (a *apart) begin(run *Run, i int, agg *expr.Agg, s expr.State) (err error) {
	set := &a.sets[i]
	if set.state, err = agg.Apart(s); err != nil || set.state == nil {
		return err
	}
	if set.file, err = spill.NewRowFile(run.Room(), memory.Group, 1); err != nil {
		return err
	}
	set.width = 2 + len(agg.Args)
	row := make([]types.Value, set.width)
	row[1] = types.Int(1)
	return set.state.Keys(func(key []byte) error {
		row[0] = types.Bytes(key)
		return set.file.Add(0, row, nil)
	})
}

// add gives a row to one of the aggregates, s being its state.
func (a *apart) add(env *expr.Env, i int, s expr.State, row []types.Value) error {
	set := &a.sets[i]
	if set.state == nil {
		return s.Add(env, row)
	}
	vals, key, err := set.state.Values(env, row, append(a.row[:0], types.Null, types.Int(0)))
	if a.row = vals; err != nil || key == nil {
		return err
	}
	vals[0] = types.Bytes(key)
	return set.file.Add(0, vals, nil)
}

// end counts the values of the files, each once.
func (a *apart) end(ctx context.Context, run *Run) error {
	for i := range a.sets {
		s := &a.sets[i]
		if s.state == nil {
			continue
		}
		if err := s.file.Finish(); err != nil {
			return err
		}
		d := NewDistinct(run, s.file.Open(0), []collation.ID{collation.Binary})
		d.unordered = true
		err := spill.Each(ctx, d, func(row []types.Value) error {
			if row[1].Int() != 0 {
				return nil
			}
			return s.state.Add(run.Env, row[2:s.width])
		})
		d.Close()
		if err != nil {
			return err
		}
	}
	a.close()
	return nil
}

// close removes the files; a may be nil.
func (a *apart) close() {
	if a == nil {
		return
	}
	for i := range a.sets {
		a.sets[i].file.Close()
	}
}
