package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// crowded tells that the groups take more than they should.
func (h *HashAgg) crowded() bool { return h.hold.Crowded(h.used() - h.hold.Used()) }

// divisible tells whether dividing what is in memory would help.
func (h *HashAgg) divisible() bool { return len(h.groups) > 1 && h.tasks.Divisible() }

// full tells that there is no room for a group more, and charges for those that there are.
func (h *HashAgg) full() (bool, error) {
	if h.file != nil {
		return true, nil
	}
	if h.apart != nil && h.tasks.Divisible() {
		return true, h.begin()
	}
	if h.divisible() && h.crowded() {
		if h.grows {
			return true, h.evict()
		}
		return true, h.begin()
	}
	return false, h.hold.Set(h.used())
}

// begin opens a file for rows whose groups are not in memory.
func (h *HashAgg) begin() error {
	f, err := spill.NewRowFile(h.run.Room(), memory.Group, spill.Partitions)
	if err == nil {
		h.file = &aggFiles{rows: f}
	}
	return err
}

// putAside writes a row for the group of the first values of h.vals, whose key is h.key.
func (h *HashAgg) putAside(level int, row []types.Value, number int64) error {
	h.more = h.more[:0]
	if h.tasks.Now == nil {
		if !h.plain {
			h.more = append(h.more, h.vals...)
		}
		h.more = h.number(h.more, level, number)
	}
	return h.file.rows.Add(spill.PartitionOf(h.key, h.tasks.Division()), row, h.more)
}

// number appends what stands at the end of rows in files.
func (h *HashAgg) number(dst []types.Value, level int, number int64) []types.Value {
	if h.spec.Rollup {
		dst = append(dst, types.Int(int64(level)))
	}
	return append(dst, types.Int(number))
}

// unnumber reads what number appended, and gives what stands before it.
func (h *HashAgg) unnumber(row []types.Value) (rest []types.Value, level int, number int64) {
	last := len(row) - 1
	number, level = row[last].Int(), len(h.spec.GroupBy)
	if h.spec.Rollup {
		last--
		level = int(row[last].Int())
	}
	return row[:last], level, number
}

// evict writes all groups with their states, and lets all rows that follow go to files.
func (h *HashAgg) evict() error {
	if h.file == nil {
		if err := h.begin(); err != nil {
			return err
		}
	}
	var err error
	if h.file.states, err = spill.NewRowFile(h.run.Room(), memory.Group, spill.Partitions); err != nil {
		return err
	}
	for key, g := range h.index {
		h.saved = h.saved[:0]
		for i, s := range h.states[g] {
			h.saved = h.spec.Aggs[i].SaveState(h.saved, s)
		}
		// Every row so far has a smaller number than those that follow, and the groups are numbered in the order of their first.
		number := int64(g) - int64(len(h.groups))
		if h.tasks.Now != nil {
			number = h.seqs[g]
		}
		h.saved = h.number(h.saved, h.level[g], number)
		if err := h.file.states.Add(spill.PartitionOf([]byte(key), h.tasks.Division()), h.groups[g], h.saved); err != nil {
			return err
		}
	}
	h.forget()
	return h.file.states.Finish()
}

// forget drops all groups.
func (h *HashAgg) forget() {
	clear(h.index)
	h.groups, h.states, h.level, h.bytes, h.seqs, h.stated = nil, nil, nil, nil, nil, 0
	h.arena.Reset()
	h.hold.Close()
	h.apart, h.at = nil, 0
}

// endFiles makes tasks of what was put aside.
func (h *HashAgg) endFiles() error {
	f := h.file
	if f == nil {
		return nil
	}
	if err := f.rows.Finish(); err != nil {
		return err
	}
	h.file = nil
	for i := range spill.Partitions {
		if f.rows.RowsOf(i) == 0 && (f.states == nil || f.states.RowsOf(i) == 0) {
			continue
		}
		h.tasks.Push(f.rows, f.states, i, false)
	}
	return nil
}

// startTask groups the next partition.
func (h *HashAgg) startTask(ctx context.Context) error {
	t := h.tasks.Now
	h.forget()
	if t.Second != nil {
		if err := h.restore(ctx, t.Second.Open(t.Part)); err != nil {
			return err
		}
	}
	h.in = t.First.Open(t.Part)
	return h.load(ctx)
}

func (h *HashAgg) closeInput() {
	if h.in != nil {
		h.in.Close()
		h.in = nil
	}
}

// restore reads the groups that were written as they were.
func (h *HashAgg) restore(ctx context.Context, in Operator) error {
	defer in.Close()
	return spill.Each(ctx, in, func(row []types.Value) (err error) {
		row, level, number := h.unnumber(row)
		h.key = spill.HashRow(append(h.key[:0], byte(level)), row[:level], h.colls)
		g := h.newGroup(h.key, row[:level], level)
		h.seqs = append(h.seqs, number)
		at := len(h.spec.GroupBy)
		for k, a := range h.spec.Aggs {
			next := at + a.SavedWidth()
			if h.states[g][k], err = a.LoadState(row[at:next]); err != nil {
				return err
			}
			at = next
		}
		h.look(int(g))
		return h.hold.Set(h.used()) // they were in memory together once, but others may have more of it now
	})
}

// addSpilled gives a row of a file to its group.
func (h *HashAgg) addSpilled(row []types.Value) error {
	own, level, number := h.unnumber(row)
	n := len(h.spec.GroupBy)
	if h.plain {
		for i, g := range h.spec.GroupBy {
			h.vals[i] = own[g.(*expr.Column).Index]
		}
	} else {
		copy(h.vals, own[len(own)-n:])
	}
	return h.addTo(level, row, number)
}

// tags is how many columns stand behind those of the output while it is put in order.
func (h *HashAgg) tags() int {
	switch {
	case h.out == nil:
		return 0
	case h.spec.Rollup:
		return len(h.spec.GroupBy)
	}
	return 1
}

// tag appends what a group's place in the output goes by.
func (h *HashAgg) tag(b *types.Batch, g int) {
	switch {
	case h.spec.Rollup: // for each column, whether the row sums it up
		for i := range h.spec.GroupBy {
			b.Vals = append(b.Vals, types.Bool(i >= h.level[g]))
		}
	case h.seqs != nil:
		b.Vals = append(b.Vals, types.Int(h.seqs[g]))
	default: // those that stayed in memory came before all others
		b.Vals = append(b.Vals, types.Int(int64(g-len(h.groups))))
	}
}

// reorder puts the groups of all tasks in order: that of their first rows, or with Rollup that of their values, each
// super-aggregate behind the groups that it sums up.
func (h *HashAgg) reorder() Operator {
	width := h.outWidth()
	if !h.spec.Rollup {
		return spill.NewReorder(h.run.Room(), h.next, width)
	}
	var keys []expr.SortKey
	for i, g := range h.spec.GroupBy {
		typ := *g.Type()
		typ.Collation = h.colls[i]
		keys = append(keys, expr.SortKey{Expr: &expr.Column{Index: width + i, Typ: types.TypeInt}},
			expr.SortKey{Expr: &expr.Column{Index: i, Typ: typ}})
	}
	return spill.NewReorderBy(h.run.Room(), h.next, keys, len(h.spec.GroupBy))
}
