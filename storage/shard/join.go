package shard

import (
	"bytes"
	"errors"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Joins in the shard. Each row of the scan is joined before the next one is looked at, so nothing is kept but what the aggregation keeps, and
// a page ends as ever. What the joins read of other tablets they read from the scan's own state of the engine, merged with the same
// transaction's writes.
//
//	row of the scan   steps[0]'s right side   steps[1]'s   …
//	└ rd.row ───────┘
//	└ rowJoins.row ──────────────────────────────────────┘

// rowJoins joins the rows of a scan.
type rowJoins struct {
	rd     *reader
	steps  []*joinStep
	row    []types.Value // rd.row, and what the joins have put behind it
	made   uint64        // rows that the joins have made of it
	within bool          // the page ends with some of them
}

// joinStep is one of a reader's joins.
type joinStep struct {
	spec    *fragment.Join
	at, end int // where the right side's columns are in the row

	// Of another tablet.
	t     *tablet
	plan  *readPlan
	types []*types.Type // of the index's columns that Keys are for
	point bool          // Keys name one row of the primary index
	src   source
	key   []byte // of the present row
	succ  []byte // behind all keys that begin with it
	full  []byte // of a point: the engine's key that was read last, and what stands there
	live  bool

	// Of rows that came along.
	table *joinTable
	row   int32 // candidate; -1: none is left
}

// errPageEnds ends the work on a row whose joins have filled the page.
var errPageEnds = errors.New("shard: the page ends within a row's joins")

// newRowJoins finds what the joins of rd's read; nil: it has none.
func newRowJoins(rd *reader) (*rowJoins, error) {
	r := rd.r
	if len(r.Joins) == 0 {
		return nil, nil
	}
	if r.Agg == nil || len(r.Order) > 0 || rd.o.Locker != nil {
		return nil, mysqlerr.NotSupported("joins of rows that are locked, or not aggregated, in a read fragment")
	}
	rj := &rowJoins{rd: rd}
	width := len(r.Columns)
	for _, j := range r.Joins {
		s := &joinStep{spec: j, at: width, end: width + j.Width()}
		rj.steps = append(rj.steps, s)
		if err := s.prepare(rd); err != nil {
			return nil, err
		}
		rd.scratch = resize(rd.scratch, max(s.end, len(rd.scratch)))
		if j.Kind.Joins() {
			width = s.end
		}
	}
	rj.row, rd.row = rd.scratch, rd.scratch[:len(r.Columns)]
	return rj, nil
}

func (s *joinStep) prepare(rd *reader) (err error) {
	j := s.spec
	if j.Read == nil {
		s.table = joinTableOf(j, rd.env)
		return s.table.err
	}
	var l *layout
	if s.t, l, err = rd.tabletOf(j.Read); err != nil {
		return err
	}
	if s.plan, err = l.plans.find(l, j.Read); err != nil {
		return err
	}
	ix := s.plan.index
	if len(j.Keys) == 0 || len(j.Keys) > len(ix.Columns) {
		return mysqlerr.NotSupported("a join by more columns than an index has")
	}
	for i := range j.Keys {
		s.types = append(s.types, &l.table.Columns[ix.Columns[i].Column].Type)
	}
	s.point = ix.ID == schema.PrimaryIndex && len(j.Keys) == len(ix.Columns)
	src := &s.src
	src.s, src.tablet, src.table, src.index, src.at, src.ws = rd.s, j.Read.Tablet, l.table, ix, rd.at, rd.o.Workspace
	return rd.usable(s.t, ix)
}

// open opens what the joins read, beside the scan.
func (rj *rowJoins) open() error {
	if rj == nil {
		return nil
	}
	for _, s := range rj.steps {
		if s.t == nil {
			continue
		}
		s.src.bounds(fragment.Span{})
		if err := s.src.base.OpenBeside(&rj.rd.src.base, s.src.lower, s.src.upper); err != nil {
			return err
		}
		s.src.open = true
	}
	return nil
}

func (rj *rowJoins) close() (err error) {
	if rj == nil {
		return nil
	}
	for _, s := range rj.steps {
		err = errors.Join(err, s.src.close())
	}
	return err
}

// stand looks again at the tablets that are joined, if they have changed since.
func (rj *rowJoins) stand() error {
	if rj == nil {
		return nil
	}
	for _, s := range rj.steps {
		if s.t == nil {
			continue
		}
		if err := rj.rd.stands(&s.t, s.spec.Read, s.plan); err != nil {
			return err
		}
	}
	return nil
}

// ends tells whether the page ends within the joins of a row.
func (rj *rowJoins) ends() bool { return rj != nil && rj.within }

// join gives what the joins from the i-th on make of the row so far.
func (rj *rowJoins) join(i int) error {
	if i == len(rj.steps) {
		return rj.take()
	}
	s := rj.steps[i]
	kind, matched := s.spec.Kind, false
	more, err := s.first(rj)
	for ; more && err == nil; more, err = s.next() {
		if err := rj.rd.tick(); err != nil {
			return err
		}
		ok, err := s.matches(rj)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if matched = true; !kind.Joins() {
			break
		}
		if err := rj.pass(i); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	switch {
	case kind == fragment.Left && !matched:
		for k := s.at; k < s.end; k++ {
			rj.row[k] = types.Null
		}
		return rj.pass(i)
	case kind == fragment.Semi && matched, kind == fragment.Anti && !matched:
		return rj.pass(i)
	}
	return nil
}

// pass hands a row that the i-th join gives on.
func (rj *rowJoins) pass(i int) error {
	ok, err := rj.holds(rj.steps[i].spec.Where)
	if !ok || err != nil {
		return err
	}
	return rj.join(i + 1)
}

// holds tells whether the row so far meets a condition.
func (rj *rowJoins) holds(cond expr.Expr) (bool, error) {
	if cond == nil {
		return true, nil
	}
	ok, err := expr.Truth(cond, &rj.rd.env, rj.row)
	return ok, evalError(err)
}

// evalError is a client's error for what the evaluation of an expression met; nil for nothing.
func evalError(err error) error {
	if err == nil {
		return nil
	}
	return mysqlerr.From(err)
}

// take aggregates a row that all joins have given. Where the groups must leave then, the page ends within the joins of one row, and
// the next one begins with it: without what was given of it already.
func (rj *rowJoins) take() error {
	rd := rj.rd
	if rj.made++; rj.made <= rd.pos.skip {
		return nil
	}
	if err := rd.agg.add(&rd.env, rj.row); err != nil {
		return err
	}
	if rd.agg.overflows() {
		return errPageEnds
	}
	return nil
}

// ofRow gives what the joins make of the scan's row.
func (rj *rowJoins) ofRow() error {
	rj.made = 0
	switch err := rj.join(0); {
	case errors.Is(err, errPageEnds):
		rj.within, rj.rd.pos.skip = true, rj.made
		return nil
	case err != nil:
		return err
	}
	rj.rd.pos.skip = 0
	return nil
}

// matches decodes the present candidate and tells whether it is a partner.
func (s *joinStep) matches(rj *rowJoins) (bool, error) {
	rd, row := rj.rd, rj.row[s.at:s.end]
	if s.table != nil {
		copy(row, s.spec.Rows.Row(int(s.row)))
		return rj.holds(s.spec.On)
	}
	rd.page.Seen++
	if err := s.decode(rd, row); err != nil {
		return false, err
	}
	if f := s.spec.Read.Filter; f != nil {
		if ok, err := expr.Truth(f, &rd.env, row); !ok || err != nil {
			return false, evalError(err)
		}
	}
	return rj.holds(s.spec.On)
}

func (s *joinStep) decode(rd *reader, row []types.Value) (err error) {
	stored := s.src.value
	switch {
	case s.plan.index.ID == schema.PrimaryIndex:
	case s.plan.cover != nil:
		rd.out, err = s.plan.uncover(rd.out[:0], row, bare(s.src.key), s.src.primary, rd.loc)
		return err
	default:
		if stored, _, err = s.src.lookup(); err != nil {
			return err
		}
	}
	if err := s.plan.decoder.Decode(stored, row, rd.loc); err != nil {
		return rd.undecodable(err)
	}
	return nil
}

// first goes to the first candidate for the row so far.
func (s *joinStep) first(rj *rowJoins) (bool, error) {
	if s.table != nil {
		return s.table.find(s, rj)
	}
	rd := rj.rd
	s.key = s.key[:0]
	for i := range s.spec.Keys {
		v, err := s.spec.Keys[i].Expr.Eval(&rd.env, rj.row)
		if err != nil || v.IsNull() {
			return false, evalError(err)
		}
		s.key = keys.AppendValue(s.key, v, s.types[i], 0, s.plan.index.Columns[i].Desc)
	}
	if s.point {
		return s.get(rd)
	}
	s.succ = keys.AppendSuccessor(s.succ[:0], s.key)
	if err := s.src.begin(fragment.Span{Start: s.key, End: s.succ}, nil); err != nil {
		return false, err
	}
	return s.src.next()
}

// get reads the only candidate, unless it was the one of the row before.
func (s *joinStep) get(rd *reader) (bool, error) {
	rd.key = rd.s.appendKey(rd.key[:0], s.spec.Read.Tablet, schema.PrimaryIndex, s.key)
	if s.full != nil && bytes.Equal(rd.key, s.full) {
		return s.live, nil
	}
	s.full = append(s.full[:0], rd.key...)
	var err error
	s.src.value, s.live, err = rd.point(&s.src.base)
	return s.live, err
}

// next goes to the next candidate.
func (s *joinStep) next() (bool, error) {
	if s.table != nil {
		s.row = s.table.next[s.row]
		return s.row >= 0, nil
	}
	if s.point {
		return false, nil
	}
	return s.src.next()
}

// again is a span from a row on whose joins a page ended within.
func again(span fragment.Span, key []byte, reverse bool) fragment.Span {
	if reverse {
		span.End = mvcc.AppendVersion(bytes.Clone(key), 0) // behind all versions of it
	} else {
		span.Start = bytes.Clone(key)
	}
	return span
}

// joinTable finds the rows that came along by their keys. Those of one key are chained in their order.
type joinTable struct {
	first map[string]int32
	next  []int32
	err   error
}

// joinTableOf is the table of a join's rows. It is small: who sends them sees to that.
func joinTableOf(j *fragment.Join, env expr.Env) *joinTable {
	env.Ctx, env.Warn = nil, nil // of whoever happens to be the first
	return j.Built(func() any { return newJoinTable(j, &env) }).(*joinTable)
}

func newJoinTable(j *fragment.Join, env *expr.Env) *joinTable {
	n := j.Rows.Len()
	t := &joinTable{first: make(map[string]int32, n), next: make([]int32, n)}
	var key []byte
	var ok bool
	for i := n - 1; i >= 0; i-- {
		if key, ok, t.err = fragment.AppendKey(key[:0], env, j.RowKeys, j.Rows.Row(i)); t.err != nil {
			return t
		}
		if t.next[i] = -1; !ok {
			continue
		}
		if after, more := t.first[string(key)]; more {
			t.next[i] = after
		}
		t.first[string(key)] = int32(i) //nolint:gosec // a batch has few rows
	}
	return t
}

// find gives a step the first row with the key of the row so far.
func (t *joinTable) find(s *joinStep, rj *rowJoins) (ok bool, err error) {
	if s.key, ok, err = fragment.AppendKey(s.key[:0], &rj.rd.env, s.spec.Keys, rj.row); !ok || err != nil {
		return false, evalError(err)
	}
	s.row, ok = t.first[string(s.key)]
	return ok, nil
}
