package shard

import (
	"bytes"
	"errors"
	"slices"
	"sort"

	"cloudsql/storage/columnar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// columnScan reads the rows of a scan out of a tablet's columnar copy, and from the row store what the copy does not have: rows that were
// changed since, and regions that it has given up. Rows come in the order of their keys all the same.
type columnScan struct {
	rd      *reader
	copy    *columnar.Copy
	changes columnar.Changes
	begun   bool
	places  []int // of the fragment's columns in the copy
	filter  columnFilter
	agg     *columnAggregation // nil: rows are aggregated one by one

	// Of the block that is being read.
	columns []*columnar.Column
	keys    *columnar.Column // nil: not needed
	changed []changedRow
	picked  []int32
	scratch []byte
}

// changedRow is a key that was changed since the copy's timestamp: at is where it is among the block's rows, or would be.
type changedRow struct {
	key    string
	at     int
	copied bool // the block has a row of that key
}

const (
	// minColumnarRead is how many rows a scan that pays has in the copy at least.
	minColumnarRead = 512
	// columnChunk is how many rows are picked before those are given that pass: a page may end within a block.
	columnChunk = 2048
)

// columnsFor is how the scan reads the tablet's columnar copy; nil: it does not. It is asked before the state of the engine is opened, so that
// all that the copy has is in the state.
func columnsFor(rd *reader) *columnScan {
	c := rd.t.counters.copies.current.Load()
	if c == nil || !scansColumns(rd, c) || !c.Fits(rd.plan.layout.table) {
		return nil
	}
	cs := &columnScan{rd: rd, copy: c, places: make([]int, len(rd.r.Columns)), columns: make([]*columnar.Column, len(rd.r.Columns))}
	for i, id := range rd.r.Columns {
		if cs.places[i] = slices.IndexFunc(c.Columns, func(col schema.Column) bool { return col.ID == id }); cs.places[i] < 0 {
			return nil
		}
	}
	cs.filter.prepare(rd)
	if rd.agg != nil && !rd.agg.together && rd.joins == nil {
		cs.agg = newColumnAggregation(rd.r.Agg)
	}
	return cs
}

// scansColumns tells whether a copy serves the read, and is the cheaper way: a scan of many rows that nobody locks.
func scansColumns(rd *reader, c *columnar.Copy) bool {
	r := rd.r
	switch {
	case r.RowsOnly, r.Keys != nil, r.Index != schema.PrimaryIndex, r.Reverse, rd.o.Locker != nil, rd.single:
		return false
	case !rd.o.Workspace.Empty():
		return false
	case rd.at != 0 && rd.at < c.At:
		return false
	case r.Limit > 0 && r.Limit < minColumnarRead && r.Agg == nil && len(r.Order) == 0 && r.Filter == nil:
		return false
	}
	rows, blocks := 0, c.Blocks()
	for i := uint64(0); i < rd.spans() && len(blocks) > 0 && rows < minColumnarRead; i++ {
		span := rd.spanAt(i)
		first, last := c.Find(span.Start), len(blocks)-1
		if span.End != nil {
			last = c.Find(span.End)
		}
		for k := first; k <= last && rows < minColumnarRead; k++ {
			share := 1
			if k == first && span.Start != nil || k == last && span.End != nil {
				share = 4 // a part of it
			}
			rows += blocks[k].Rows / share
		}
	}
	return rows >= minColumnarRead
}

// span reads the rest of a span.
func (cs *columnScan) span(span fragment.Span) (done bool, err error) {
	rd := cs.rd
	if !cs.begun {
		cs.begun = true
		if err := rd.open(span, rd.pos.after); err != nil {
			return false, err
		}
		var ok bool
		if cs.changes, ok = cs.copy.Changes(); !ok || rd.t.counters.copies.current.Load() != cs.copy {
			rd.columns = nil // another one has taken its place, and has been told what this one was not
			return rd.walk(span)
		}
	}
	start := span.Start
	if rd.pos.after != nil {
		start = mvcc.AppendVersion(bytes.Clone(rd.pos.after), 0) // behind all versions of it
		rd.pos.after = nil
	}
	for i := cs.copy.Find(start); i < len(cs.copy.Blocks()); i++ {
		from, to := cs.copy.Region(i)
		if bytes.Compare(from, start) < 0 {
			from = start
		}
		if to == nil || span.End != nil && bytes.Compare(span.End, to) < 0 {
			to = span.End
		}
		if to != nil && bytes.Compare(from, to) >= 0 {
			break
		}
		if done, err = cs.region(i, fragment.Span{Start: from, End: to}); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// region reads what a span has of a block's region.
func (cs *columnScan) region(i int, span fragment.Span) (done bool, err error) {
	if cs.changes.GivenUp(i) {
		return cs.rd.walk(span)
	}
	switch none, err := cs.load(i, span); {
	case errors.Is(err, columnar.ErrDamaged):
		cs.copy.Lose(err)
		return cs.rd.walk(span)
	case err != nil:
		return false, err
	case none:
		return false, nil
	}
	if len(cs.changed) > 0 {
		if err := cs.rd.src.begin(span, nil); err != nil { // they are looked up within these bounds
			return false, err
		}
	}
	return cs.rows(i, span)
}

// load decodes what is needed of a block. none: no row of it passes the filter, and none was changed.
func (cs *columnScan) load(i int, span fragment.Span) (none bool, err error) {
	r, block := cs.rd.r, cs.copy.Blocks()[i]
	cs.changed = cs.changed[:0]
	for k := range cs.changes.Within(span.Start, span.End) {
		cs.changed = append(cs.changed, changedRow{key: k})
	}
	start, end := cs.copy.Region(i)
	whole := bytes.Equal(start, span.Start) && bytes.Equal(end, span.End)
	cs.keys = nil
	if pages := r.Agg == nil && len(r.Order) == 0 || r.Agg != nil && len(r.Agg.GroupBy) > 0; pages || !whole || len(cs.changed) > 0 {
		if cs.keys, err = block.Keys(); err != nil {
			return false, err
		}
	}
	cs.filter.reset()
	if none, err := cs.excluded(block); none && len(cs.changed) == 0 || err != nil {
		return none, err
	}
	for place, at := range cs.places {
		if cs.columns[place], err = block.Column(at); err != nil {
			return false, err
		}
	}
	for k := range cs.changed {
		c := &cs.changed[k]
		c.at = cs.find([]byte(c.key), block.Rows)
		c.copied = c.at < block.Rows && string(cs.keys.Raw(c.at)) == c.key
	}
	return false, nil
}

// excluded tells that the filter refuses all rows of a block. No term is asked behind one that might have something to say of rows.
func (cs *columnScan) excluded(block *columnar.Block) (bool, error) {
	for k := range cs.filter.terms {
		t := &cs.filter.terms[k]
		if !t.quiet {
			return false, nil
		}
		if cs.filter.outside(t, block, cs.places) {
			return true, nil
		}
		for _, place := range t.places {
			var err error
			if cs.columns[place], err = block.Column(cs.places[place]); err != nil {
				return false, err
			}
		}
		if cs.filter.excludes(t, cs.columns) {
			return true, nil
		}
	}
	return false, nil
}

// find is the place of the first row of the block whose key is not below key.
func (cs *columnScan) find(key []byte, rows int) int {
	return sort.Search(rows, func(i int) bool { return bytes.Compare(cs.keys.Raw(i), key) >= 0 })
}

// rows gives the block's rows within a span, and the changed ones between them.
func (cs *columnScan) rows(i int, span fragment.Span) (done bool, err error) {
	rd, block := cs.rd, cs.copy.Blocks()[i]
	from, to := 0, block.Rows
	if cs.keys != nil {
		if span.Start != nil {
			from = cs.find(span.Start, block.Rows)
		}
		if span.End != nil {
			to = cs.find(span.End, block.Rows)
		}
	}
	changed := cs.changed
	step := columnChunk
	if cs.agg != nil {
		step = block.Rows
	}
	for from < to {
		if err := rd.ctx.Err(); err != nil {
			return false, err
		}
		next := min(from+step, to)
		inside := sort.Search(len(changed), func(k int) bool { return changed[k].at >= next })
		if done, err = cs.chunk(from, next, changed[:inside]); done || err != nil {
			return done, err
		}
		from, changed = next, changed[inside:]
	}
	for k := range changed {
		if done, err = cs.changedRow(&changed[k]); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// chunk gives some rows of the block, with the changed ones before each of them.
func (cs *columnScan) chunk(from, to int, changed []changedRow) (done bool, err error) {
	rd := cs.rd
	cs.pick(from, to, changed)
	rd.page.Seen += uint64(len(cs.picked))
	rd.page.Columnar += uint64(len(cs.picked))
	picked := cs.filter.run(cs, cs.picked)
	if cs.agg != nil && len(picked) > 0 && !cs.filter.anyOdd(picked) {
		if did, err := cs.agg.run(cs, picked, changed); did || err != nil {
			return did && err == nil && rd.ends(func() []byte { return cs.lastOf(picked, changed) }), err
		}
	}
	for _, p := range picked {
		at, odd := unmark(p)
		for len(changed) > 0 && changed[0].at <= at {
			if done, err = cs.changedRow(&changed[0]); done || err != nil {
				return done, err
			}
			changed = changed[1:]
		}
		if done, err = cs.row(at, odd); done || err != nil {
			return done, err
		}
	}
	for k := range changed {
		if done, err = cs.changedRow(&changed[k]); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// pick lists the rows that were not changed.
func (cs *columnScan) pick(from, to int, changed []changedRow) {
	cs.picked = cs.picked[:0]
	for i := from; i < to; i++ {
		for len(changed) > 0 && (changed[0].at < i || changed[0].at == i && !changed[0].copied) {
			changed = changed[1:]
		}
		if len(changed) > 0 && changed[0].at == i {
			continue
		}
		cs.picked = append(cs.picked, int32(i)) //nolint:gosec // a block has few rows
	}
}

// row gives a row of the block. Of an odd one it is not known yet whether it passes the filter.
func (cs *columnScan) row(at int, odd bool) (done bool, err error) {
	rd := cs.rd
	rd.place()
	if err := cs.fill(at, rd.row); err != nil {
		return false, err
	}
	if odd {
		if passed, err := expr.Truth(rd.r.Filter, &rd.env, rd.row); err != nil {
			return false, mysqlerr.From(err)
		} else if !passed {
			return false, nil
		}
	}
	var key []byte
	if cs.keys != nil {
		key = cs.keys.Raw(at)
	}
	if err := rd.emit(key); err != nil {
		return false, err
	}
	return rd.ends(func() []byte { return key }), nil
}

// fill decodes a row of the block.
func (cs *columnScan) fill(at int, row []types.Value) error {
	for i, c := range cs.columns {
		if err := cs.value(c, at, &row[i]); err != nil {
			return err
		}
	}
	return nil
}

func (cs *columnScan) value(c *columnar.Column, at int, v *types.Value) (err error) {
	if *v, err = c.Value(at); err == nil && v.Kind() == types.KindTimestamp {
		*v = types.ToLocal(*v, cs.rd.loc)
	}
	return err
}

// lastOf is the last key among rows that were picked and such that were changed. A page that ends behind it has had all of them.
func (cs *columnScan) lastOf(picked []int32, changed []changedRow) []byte {
	last := cs.keys.Raw(int(picked[len(picked)-1]))
	if n := len(changed); n > 0 && changed[n-1].key > string(last) {
		return []byte(changed[n-1].key)
	}
	return last
}

// changedRow gives a row that was changed since, if there is one.
func (cs *columnScan) changedRow(c *changedRow) (done bool, err error) {
	if emitted, err := cs.emitChanged(c); !emitted || err != nil {
		return false, err
	}
	return cs.rd.ends(func() []byte { return []byte(c.key) }), nil
}

// emitChanged is changedRow of a page that does not end behind it.
func (cs *columnScan) emitChanged(c *changedRow) (emitted bool, err error) {
	rd := cs.rd
	if err := rd.tick(); err != nil {
		return false, err
	}
	cs.scratch = rd.s.appendKey(cs.scratch[:0], rd.r.Tablet, schema.PrimaryIndex, []byte(c.key))
	v, err := rd.src.base.Get(cs.scratch)
	if err != nil || !v.Live() {
		return false, err
	}
	passed, err := rd.filterStored(v.Value)
	if err != nil || !passed {
		return false, err
	}
	return true, rd.emit(bare(cs.scratch))
}
