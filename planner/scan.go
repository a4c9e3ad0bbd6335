package planner

import (
	"bytes"
	"context"
	"math"
	"slices"

	"cloudsql/distributed"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
)

// path is a way to read a table: an index, the conditions that bound it, and what is left to filter.
type path struct {
	index  *schema.Index
	access [][]*rangeCond // for each leading column of index that is bounded: its conditions
	point  bool           // every column has single values and the index is unique: keys instead of spans
	points int            // number of keys or of spans
	filter []expr.Expr    // conditions that the spans do not settle

	reverse bool
	ordered bool // rows come in the wanted order
	cover   bool
	est     float64 // rows in the spans
	out     float64 // rows after the filter
	price   float64
}

// lockSpec is how rows are locked.
type lockSpec struct {
	mode distributed.ReadMode
	opts distributed.LockOptions
}

// isExplicit tells that the statement says so.
func (l *lockSpec) isExplicit() bool {
	return l.mode == distributed.ReadForShare || l.mode == distributed.ReadForUpdate
}

// tableScan reads one table through one path; what can run inside the shards has been pushed into it.
type tableScan struct {
	base
	rel  *tableRel
	path *path
	lock lockSpec

	columns []int          // positions of table columns in the fragment's row
	filter  expr.Expr      // over columns
	project []expr.Expr    // over columns; nil: columns as they are
	agg     *pushedAgg     // over columns
	topN    []expr.SortKey // over the output
	limit   *limitSpec     // for topN, or alone
	withKey bool
	keep    bool // the order of the path must be kept
	sealed  bool // the output has column numbers of its own: nothing more can be pushed
}

// pushedAgg is a partial aggregation inside the shards.
type pushedAgg struct {
	groupBy []expr.Expr
	aggs    []*expr.Agg
}

// newScan makes a scan of a path that gives the used columns of rel.
func newScan(rel *tableRel, p *path, keep bool) (*tableScan, error) {
	s := &tableScan{rel: rel, path: p, lock: rel.lock, keep: keep}
	var ids []int
	for _, pos := range rel.usedColumns() {
		s.columns = append(s.columns, pos)
		ids = append(ids, rel.first+pos)
	}
	cond, err := joinAnd(p.filter)
	if err != nil {
		return nil, err
	}
	if s.filter, err = resolve(cond, ids); err != nil {
		return nil, err
	}
	if rel.keyID != 0 {
		s.withKey = true
		ids = append(ids, rel.keyID)
	}
	s.base = base{cols: ids, est: p.out, price: p.price}
	if keep || p.ordered {
		s.order = p.orderOf(rel)
		s.keep = s.keep || p.ordered
	}
	return s, nil
}

// orderOf is the order of an index's entries.
func (p *path) orderOf(rel *tableRel) []orderCol {
	var order []orderCol
	add := func(ix *schema.Index) {
		for i := range ix.Columns {
			c := &ix.Columns[i]
			if c.Prefix > 0 {
				return
			}
			order = append(order, orderCol{rel.first + c.Column, c.Desc != p.reverse})
		}
	}
	add(p.index)
	if p.index.ID != schema.PrimaryIndex && len(order) == len(p.index.Columns) {
		add(rel.table.Primary())
	}
	return order
}

// plain tells that nothing but the source, the filter and the columns has been set, so that more may be pushed.
func (s *tableScan) plain() bool {
	return !s.sealed && s.project == nil && s.agg == nil && s.topN == nil && s.limit == nil && !s.withKey
}

// columnIDs are the numbers of the fragment's row.
func (s *tableScan) columnIDs() []int {
	ids := make([]int, len(s.columns))
	for i, pos := range s.columns {
		ids[i] = s.rel.first + pos
	}
	return ids
}

func (s *tableScan) keyColumn(i int) keyColumn {
	c := &s.path.index.Columns[i]
	return keyColumn{typ: &s.rel.table.Columns[c.Column].Type, prefix: c.Prefix, desc: c.Desc}
}

// spans computes the index ranges of an execution, in key order; none means that nothing matches. points tells that each
// is one value of all columns.
func (s *tableScan) spans(env *expr.Env) (spans []fragment.Span, points bool, err error) {
	if len(s.path.access) == 0 {
		return []fragment.Span{{}}, false, nil
	}
	prefixes := [][]byte{nil}
	for i, conds := range s.path.access {
		k := s.keyColumn(i)
		list, err := k.all(env, conds)
		if err != nil || len(list) == 0 {
			return nil, false, err
		}
		if last := i == len(s.path.access)-1; last || !allPoints(list) {
			return expand(prefixes, list), last && allPoints(list), nil
		}
		next := make([][]byte, 0, len(prefixes)*len(list))
		for _, p := range prefixes {
			for _, r := range list {
				next = append(next, append(append([]byte(nil), p...), r.lo...))
			}
		}
		prefixes = next
	}
	return nil, false, nil
}

// all intersects the conditions of one column.
func (k *keyColumn) all(env *expr.Env, conds []*rangeCond) ([]interval, error) {
	list := everything
	for i, c := range conds {
		l, err := c.intervals(env, nil, k)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			list = l
		} else {
			list = intersect(list, l)
		}
	}
	return list, nil
}

// allPoints tells whether each interval is one value, which its lower bound then encodes.
func allPoints(list []interval) bool {
	for _, r := range list {
		if len(r.lo) == 0 || !bytes.Equal(keys.SpanSuccessor(r.lo), r.hi) {
			return false
		}
	}
	return true
}

// expand puts each interval behind each prefix.
func expand(prefixes [][]byte, list []interval) []fragment.Span {
	spans := make([]fragment.Span, 0, len(prefixes)*len(list))
	for _, p := range prefixes {
		for _, r := range list {
			var sp fragment.Span
			if len(p)+len(r.lo) > 0 {
				sp.Start = append(append([]byte{}, p...), r.lo...)
			}
			switch {
			case r.hi != nil:
				sp.End = append(append([]byte{}, p...), r.hi...)
			case len(p) > 0:
				sp.End = keys.SpanSuccessor(p)
			}
			spans = append(spans, sp)
		}
	}
	return spans
}

// template is a fragment of this scan without its tablet and ranges.
func (s *tableScan) template(run *exec.Run) (*fragment.Read, error) {
	t := s.rel.table
	f := &fragment.Read{
		SchemaVersion: t.Version, Index: s.path.index.ID, Reverse: s.path.reverse,
		Columns: make([]schema.ColumnID, len(s.columns)), WithKeys: s.withKey, Env: run.FragmentEnv(),
	}
	var err error
	if f.Filter, err = run.Ship(s.filter); err != nil {
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
		if f.Agg, err = s.agg.fold(run); err != nil {
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
	n, err := s.limit.within(run.Env)
	if err != nil {
		return nil, err
	}
	if n == math.MaxUint64 || s.topN != nil && n > maxTopN {
		n, f.Order = 0, nil // no limit in effect
	}
	f.Limit = n
	return f, nil
}

func (a *pushedAgg) fold(run *exec.Run) (*fragment.Aggregate, error) {
	out := &fragment.Aggregate{Aggs: a.aggs}
	for _, g := range a.groupBy {
		g, err := run.Ship(g)
		if err != nil {
			return nil, err
		}
		out.GroupBy = append(out.GroupBy, g)
	}
	for i, g := range a.aggs {
		folded := *g
		folded.Args = make([]expr.Expr, len(g.Args))
		changed := false
		for j, e := range g.Args {
			var err error
			if folded.Args[j], err = run.Ship(e); err != nil {
				return nil, err
			}
			changed = changed || folded.Args[j] != e
		}
		if changed {
			if &out.Aggs[0] == &a.aggs[0] {
				out.Aggs = slices.Clone(a.aggs)
			}
			out.Aggs[i] = &folded
		}
	}
	return out, nil
}

func (s *tableScan) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	if s.limit != nil {
		if n, err := s.limit.within(run.Env); err != nil || n == 0 {
			return exec.NewRows(nil, len(s.cols)), err
		}
	}
	spans, points, err := s.spans(run.Env)
	if err != nil {
		return nil, err
	}
	if len(spans) == 0 && !s.aggregatesAll() {
		return exec.NewRows(nil, len(s.cols)), nil
	}
	return s.read(ctx, run, spans, points && s.path.point)
}

// aggregatesAll tells that the scan gives a row even where nothing matches.
func (s *tableScan) aggregatesAll() bool { return s.agg != nil && len(s.agg.groupBy) == 0 }

// read opens the fragments of spans, or of keys where they are points of a unique index.
func (s *tableScan) read(ctx context.Context, run *exec.Run, spans []fragment.Span, points bool) (exec.Operator, error) {
	f, err := s.template(run)
	if err != nil {
		return nil, err
	}
	if len(spans) == 0 { // an aggregate over nothing
		points = false
		spans = []fragment.Span{{Start: []byte{0xff, 0xff}, End: []byte{0xff, 0xff}}}
	}
	frags := s.fragments(f, spans, points)
	o := exec.ReadOptions{Key: s.withKey}
	if run.RT.Txn != nil {
		o.Mode, o.Lock = s.lock.mode, s.lock.opts
	}
	if s.keep && len(frags) > 1 {
		if s.path.index.ID == schema.PrimaryIndex {
			return exec.NewOrderedRead(run, frags, o), nil
		}
		if o.Merge, err = s.mergeOrder(); err != nil {
			return nil, err
		}
	}
	return exec.NewTableRead(ctx, run, frags, o)
}

// mergeOrder is the order of the output by the index's columns.
func (s *tableScan) mergeOrder() (*exec.Order, error) {
	var list []expr.SortKey
	for _, o := range s.order {
		pos := slices.Index(s.cols, o.id)
		if pos < 0 {
			break
		}
		c := &s.rel.table.Columns[o.id-s.rel.first]
		list = append(list, expr.SortKey{Expr: &expr.Column{Index: pos, Typ: c.Type, Name: c.Name}, Desc: o.desc})
	}
	return exec.NewOrder(list), nil
}

// fragments cuts a read along the tablets. A tablet of the primary index gets the spans that it overlaps; entries of a
// secondary index may be anywhere.
func (s *tableScan) fragments(f *fragment.Read, spans []fragment.Span, points bool) []*fragment.Read {
	tablets := s.rel.table.Tablets
	if points {
		list := make([][]byte, len(spans))
		for i, sp := range spans {
			list[i] = sp.Start
		}
		if s.path.reverse {
			slices.Reverse(list)
		}
		return pointFragments(f, s.rel.table, s.path.index, list)
	}
	var out []*fragment.Read
	for i := range tablets {
		mine := spans
		if s.path.index.ID == schema.PrimaryIndex && len(tablets) > 1 {
			mine = clipSpans(spans, tablets[i].Start, tablets[i].End)
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
		one.Tablet, one.Spans = tablets[0].ID, spans
		out = append(out, &one)
	}
	if len(out) > 1 {
		for _, one := range out {
			env := *f.Env
			one.Env = &env
		}
	}
	if s.path.reverse {
		slices.Reverse(out)
	}
	return out
}

// pointFragments sends each key to the tablet that can have it; keys of a unique secondary index go to all.
func pointFragments(f *fragment.Read, t *schema.Table, ix *schema.Index, list [][]byte) []*fragment.Read {
	if len(t.Tablets) == 1 || ix.ID != schema.PrimaryIndex {
		out := make([]*fragment.Read, len(t.Tablets))
		for i := range t.Tablets {
			one := *f
			env := *f.Env
			one.Tablet, one.Keys, one.Reverse, one.Env = t.Tablets[i].ID, list, false, &env
			out[i] = &one
		}
		return out
	}
	byTablet := map[schema.TabletID]*fragment.Read{}
	var out []*fragment.Read
	for _, k := range list {
		id := t.TabletFor(k).ID
		one := byTablet[id]
		if one == nil {
			copied := *f
			one = &copied
			env := *f.Env
			one.Tablet, one.Reverse, one.Env = id, false, &env
			byTablet[id] = one
			out = append(out, one)
		}
		one.Keys = append(one.Keys, k)
	}
	return out
}

// clipSpans cuts spans to a tablet's range.
func clipSpans(spans []fragment.Span, start, end []byte) []fragment.Span {
	var out []fragment.Span
	for _, sp := range spans {
		if start != nil && bytes.Compare(sp.Start, start) < 0 {
			sp.Start = start
		}
		if end != nil && (sp.End == nil || bytes.Compare(sp.End, end) > 0) {
			sp.End = end
		}
		if sp.End == nil || bytes.Compare(sp.Start, sp.End) < 0 {
			out = append(out, sp)
		}
	}
	return out
}
