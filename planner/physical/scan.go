package physical

import (
	"context"
	"errors"
	"math"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/inshard"
	"cloudsql/planner/locate"
	"cloudsql/planner/partition"
	"cloudsql/planner/probe"
	"cloudsql/planner/scalar"
	"cloudsql/planner/section"
	"cloudsql/planner/spill"
	"cloudsql/planner/termorder"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// tableScan reads one table through one path; what can run inside the shards has been pushed into it.
type tableScan struct {
	base
	table *algebra.Table
	path  *access.Path
	lock  algebra.Lock

	parts   *partition.Map      // nil: the table has no partitions
	columns []int               // positions of table columns in the fragment's row
	filter  expr.Expr           // over columns
	written expr.Expr           // the filter as it was written, where that is another order; nil otherwise
	project []expr.Expr         // over columns; nil: columns as they are
	joins   []*inshard.Join     // of the rows that pass
	row     []int               // numbers of what the joins give; nil: those of columns
	agg     *fragment.Aggregate // over columns, or row

	partners []func(x *explainer, depth int) // of joins, in their order
	topN     []expr.SortKey                  // over the output
	limit    *scalar.Limit                   // for topN, or alone
	keep     bool                            // the order of the path must be kept
	sealed   bool                            // the output has column numbers of its own: nothing more can be pushed
}

// newScan makes a scan of a path that gives the columns that are read of t.
func newScan(t *algebra.Table, p *access.Path, keep bool) (*tableScan, error) {
	s := &tableScan{table: t, path: p, lock: t.Lock, columns: t.Used, keep: keep || p.Ordered}
	ids := s.columnIDs()
	var err error
	if s.parts, err = partition.Of(t.Desc); err != nil {
		return nil, err
	}
	if s.filter, s.written, err = termorder.Filter(t, p.Filter, ids); err != nil {
		return nil, err
	}
	s.base = base{cols: ids, est: p.Out, price: p.Price}
	if s.keep {
		s.order = p.OrderOf(&t.Table)
	}
	return s, nil
}

// plain tells that nothing but the source, the filter and the columns has been set, so that more may be pushed.
func (s *tableScan) plain() bool {
	return !s.sealed && s.project == nil && s.agg == nil && s.topN == nil && s.limit == nil
}

// columnIDs are the numbers of the fragment's row, behind its joins.
func (s *tableScan) columnIDs() []int {
	if s.row != nil {
		return s.row
	}
	ids := make([]int, len(s.columns))
	for i, pos := range s.columns {
		ids[i] = s.table.First + pos
	}
	return ids
}

// template is a fragment of this scan without its tablet and ranges.
func (s *tableScan) template(ctx context.Context, run *exec.Run) (*fragment.Read, error) {
	t := s.table.Desc
	f := &fragment.Read{
		SchemaVersion: t.Version, Index: s.path.Index.ID, Reverse: s.path.Reverse, Table: t, Ordered: s.keep,
		Columns: make([]schema.ColumnID, len(s.columns)), Env: run.FragmentEnv(), Report: true,
		RowsOnly: run.RT.RowsOnly,
	}
	var err error
	if f.Filter, err = termorder.Ship(run, s.filter, s.written); err != nil {
		return nil, err
	}
	if f.Filter, err = probe.Narrow(ctx, s, f.Filter); err != nil {
		return nil, err
	}
	for i, pos := range s.columns {
		f.Columns[i] = t.Columns[pos].ID
	}
	for _, e := range s.project {
		e, err := run.Ship(e)
		if err != nil {
			return nil, err
		}
		f.Project = append(f.Project, e)
	}
	if s.agg != nil {
		if f.Agg, err = inshard.ShipAggregate(run, s.agg); err != nil {
			return nil, err
		}
	}
	if len(s.joins) > 0 {
		f.Table = nil // where its rows have gone, others may not be
		for _, j := range s.joins {
			join, err := j.Ship(ctx, run, f.Env)
			if err != nil {
				return nil, err
			}
			f.Joins = append(f.Joins, join)
		}
		if f.Filter, err = inshard.Narrow(f.Filter, f.Joins, len(s.columns), s.mostKeys); err != nil {
			return nil, err
		}
	}
	for _, k := range s.topN {
		e, err := run.Ship(k.Expr)
		if err != nil {
			return nil, err
		}
		f.Order = append(f.Order, expr.SortKey{Expr: e, Desc: k.Desc})
	}
	if s.limit == nil {
		return f, nil
	}
	n, err := s.limit.Within(run.Env)
	if err != nil {
		return nil, err
	}
	if n == math.MaxUint64 || s.topN != nil && n > maxTopN {
		n, f.Order = 0, nil // no limit in effect
	}
	f.Limit = n
	return f, nil
}

func (s *tableScan) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	if s.limit != nil {
		if n, err := s.limit.Within(run.Env); err != nil || n == 0 {
			return spill.NewRows(nil, len(s.cols)), err
		}
	}
	spans, points, err := s.path.Spans(s.table.Desc, run.Env)
	if err != nil {
		return nil, err
	}
	if len(spans) == 0 && !s.aggregatesAll() {
		return spill.NewRows(nil, len(s.cols)), nil
	}
	if len(s.path.Access) == 0 {
		run.RT.Used.AddFullScan()
	}
	return s.read(ctx, run, spans, points && s.path.Whole)
}

// aggregatesAll tells that the scan gives a row even where nothing matches.
func (s *tableScan) aggregatesAll() bool { return s.agg != nil && len(s.agg.GroupBy) == 0 }

// read opens the fragments of spans, each of which is a whole key of a unique index where they are points.
func (s *tableScan) read(ctx context.Context, run *exec.Run, spans []fragment.Span, points bool) (exec.Operator, error) {
	f, err := s.template(ctx, run)
	switch {
	case err != nil && len(s.joins) > 0:
		return nil, errors.Join(err, inshard.ErrElsewhere)
	case err != nil:
		return s.failing(ctx, run, spans, points, err)
	}
	if inshard.Nothing(f.Joins) {
		spans = nil
	}
	if len(spans) == 0 { // an aggregate over nothing
		points = false
		spans = []fragment.Span{{Start: []byte{0xff, 0xff}, End: []byte{0xff, 0xff}}}
	}
	tablets := s.tablets(run.Env)
	if len(tablets) == 0 && !s.aggregatesAll() {
		return spill.NewRows(nil, len(s.cols)), nil
	}
	o := exec.ReadOptions{Actual: run.RT.Analysis.Of(s.self())}
	if run.RT.Txn != nil {
		o.Mode, o.Lock = s.lock.Mode, s.lock.Opts
	}
	frags, err := s.fragments(ctx, run, f, tablets, spans, points, &o)
	if err != nil {
		return nil, err
	}
	frags = inshard.Fragments(frags, s.joins, s.table.Desc)
	if cut := section.Cut(run, s.table.Desc, frags); cut != nil {
		return exec.NewSectionRead(ctx, run, cut, o)
	}
	if s.keep && len(frags) > 1 {
		if s.table.Desc.InOrder(s.path.Index) {
			return exec.NewOrderedRead(run, frags, o), nil
		}
		if o.Merge, err = s.mergeOrder(); err != nil {
			return nil, err
		}
	}
	return exec.NewTableRead(ctx, run, frags, o)
}

// mergeOrder is the order of the output by the index's columns.
func (s *tableScan) mergeOrder() (*spill.Order, error) {
	var list []expr.SortKey
	for _, o := range s.order {
		pos := slices.Index(s.cols, o.ID)
		if pos < 0 { // nobody asks for the order of what is not read, or it has one value
			continue
		}
		c := &s.table.Desc.Columns[o.ID-s.table.First]
		list = append(list, expr.SortKey{Expr: &expr.Column{Index: pos, Typ: c.Type, Name: c.Name}, Desc: o.Desc})
	}
	return spill.NewOrder(list), nil
}

// tablets are those that have rows for the scan: of a partitioned table, the tablets of the partitions that the statement names and
// its conditions allow.
func (s *tableScan) tablets(env *expr.Env) []schema.Tablet {
	t := s.table.Desc
	if s.parts == nil {
		return t.Tablets
	}
	var list []schema.Tablet
	for _, leaf := range s.leaves(env) {
		list = append(list, s.parts.Tablets(leaf)...)
	}
	return list
}

// leaves are the places of those partitions.
func (s *tableScan) leaves(env *expr.Env) []int {
	leaves, only := s.parts.Leaves(s.path.Bounded, env), s.table.Only
	switch {
	case leaves == nil && only == nil:
		leaves = make([]int, s.parts.Count())
		for i := range leaves {
			leaves[i] = i
		}
	case leaves == nil:
		return only
	case only != nil:
		leaves = slices.DeleteFunc(leaves, func(i int) bool { return !slices.Contains(only, i) })
	}
	return leaves
}

// fragments cuts a read along the tablets. A tablet of the primary index gets the spans that it overlaps; entries of a
// secondary index, and rows of several partitions, may be anywhere, but for those of keys that are unique over tablets.
func (s *tableScan) fragments(ctx context.Context, run *exec.Run, f *fragment.Read, tablets []schema.Tablet, spans []fragment.Span, points bool,
	o *exec.ReadOptions) ([]*fragment.Read, error) {
	if points && len(tablets) > 1 && s.path.Index.Entries != 0 {
		if dealt, err := s.byEntries(ctx, run, spans, o); dealt != nil || err != nil {
			return locate.Reads(f, dealt), err
		}
	}
	if points && s.path.Point && s.path.Index.Entries == 0 && len(tablets) > 0 {
		list := access.Starts(spans)
		if s.path.Reverse {
			slices.Reverse(list)
		}
		return access.PointReads(f, s.table.Desc, tablets, s.path.Index, list), nil
	}
	return s.spread(f, tablets, spans), nil
}

// byEntries finds the tablets of the rows that whole keys are of; nil: they may be anywhere. Entries are locked as the rows are, so that a read that
// passes over locked rows, or ends before its last key, is better off without them.
func (s *tableScan) byEntries(ctx context.Context, run *exec.Run, spans []fragment.Span, o *exec.ReadOptions) ([]locate.Keyed, error) {
	if run.RT.Txn != nil && (o.Lock.SkipLocked || s.limit != nil && len(spans) > 1) {
		return nil, nil
	}
	run.Single = false // the entries and the rows are read at one state
	return locate.ByEntries(run.RT.Catalog, s.table.Desc, s.path.Index, access.Starts(spans), func(frags []*fragment.Read, each func([]types.Value) error) error {
		op, err := exec.NewTableRead(ctx, run, frags, exec.ReadOptions{Mode: o.Mode, Lock: o.Lock, Actual: o.Actual})
		if err != nil {
			return err
		}
		defer op.Close()
		return spill.Each(ctx, op, each)
	})
}

// spread are the reads of spans in the tablets that may have rows in them.
func (s *tableScan) spread(f *fragment.Read, tablets []schema.Tablet, spans []fragment.Span) []*fragment.Read {
	var out []*fragment.Read
	for i := range tablets {
		mine := spans
		if s.path.Index.ID == schema.PrimaryIndex && !tablets[i].Whole() {
			mine = access.Clip(spans, tablets[i].Start, tablets[i].End)
		}
		if len(mine) == 0 {
			continue
		}
		one := *f
		one.Tablet, one.Spans = tablets[i].ID, mine
		out = append(out, &one)
	}
	if len(out) == 0 { // an aggregate over nothing still needs one tablet to say so
		one := *f
		one.Tablet, one.Spans = s.table.Desc.Tablets[0].ID, []fragment.Span{{Start: []byte{0xff, 0xff}, End: []byte{0xff, 0xff}}}
		out = append(out, &one)
	}
	if len(out) > 1 {
		for _, one := range out {
			env := *f.Env
			one.Env = &env
		}
	}
	if s.path.Reverse {
		slices.Reverse(out)
	}
	return out
}
