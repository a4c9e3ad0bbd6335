// Package subquery is the subqueries of expressions while they are evaluated: functions of the outer columns that they name, which
// put the columns' values into parameters, run a plan, and make a value of its rows.
//
// Invariants: what an execution remembers of a subquery is in its Run; a value is computed when it is asked for and not before; what
// is remembered by arguments is bounded.
package subquery

import (
	"context"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// One is the value of the only row.
func One(ctx context.Context, op exec.Operator) (types.Value, error) {
	row, err := exec.ReadOne(ctx, op, 1, nil)
	if err != nil {
		return types.Null, err
	}
	return row[0], nil
}

// Some is whether there is a row, or with not whether there is none.
func Some(not bool) func(context.Context, exec.Operator) (types.Value, error) {
	return func(ctx context.Context, op exec.Operator) (types.Value, error) {
		found, err := exec.Any(ctx, op)
		return types.Bool(found != not), err
	}
}

// Plan is a planned subquery.
type Plan struct {
	Open func(ctx context.Context, run *exec.Run) (exec.Operator, error)
	Refs []algebra.OuterRef
}

// Result makes a value of a subquery's rows.
type Result func(ctx context.Context, op exec.Operator) (types.Value, error)

// Once is a scalar or EXISTS subquery without outer columns: computed when its value is first asked for.
type Once struct {
	Plan   Plan
	Result Result
}

// onceResult is what an execution remembers of a Once.
type onceResult struct {
	done  bool
	value types.Value
	err   error
}

// Eval gives the value.
func (o *Once) Eval(env *expr.Env, _ []types.Value) (types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return types.Null, errOutsidePlan()
	}
	r := run.Memo(o, func() any { return &onceResult{} }).(*onceResult)
	if !r.done {
		op, err := o.Plan.Open(run.Context(), run)
		if err == nil {
			r.value, err = o.Result(run.Context(), op)
			err = forgive(env, err)
		}
		r.value, r.err, r.done = r.value.Clone(), err, true
	}
	return r.value, r.err
}

// forgive makes a warning of a subquery's second row in a statement with IGNORE. Its value is NULL then.
func forgive(env *expr.Env, err error) error {
	if env.Ignore && mysqlerr.Code(err) == mysqlerr.SubqueryNo1Row {
		if e := mysqlerr.From(err); env.Warn != nil {
			env.Warn(e.Code, e.Message)
		}
		return nil
	}
	return err
}

func errOutsidePlan() error {
	return mysqlerr.Internal("planner: a subquery is evaluated outside of its plan")
}

// Correlated is a subquery as a function of outer columns.
type Correlated struct {
	Plan   Plan
	Result Result
}

// maxRemembered bounds the results that one execution remembers of a correlated subquery.
const maxRemembered = 4096

// remembered is what one execution remembers of a correlated subquery.
type remembered struct {
	vals map[string]types.Value
	hold memory.Hold
}

// keep remembers a value where there is room for it.
func (m *remembered) keep(key []byte, v types.Value) error {
	size := len(key) + len(v.Raw()) + rememberedBytes
	if len(m.vals) >= maxRemembered || m.hold.Crowded(size) {
		return nil
	}
	m.vals[string(key)] = v.Clone()
	return m.hold.Grow(size)
}

const rememberedBytes = 100 // of an entry, besides its bytes

// Eval gives the value for one outer row.
func (f *Correlated) Eval(env *expr.Env, args []types.Value) (types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return types.Null, errOutsidePlan()
	}
	cache := run.Memo(f, func() any {
		m := &remembered{vals: map[string]types.Value{}, hold: run.RT.Memory.Hold(memory.Rows)}
		run.OnClose(m.hold.Close)
		return m
	}).(*remembered)
	key := keyOf(args)
	if v, ok := cache.vals[string(key)]; ok {
		return v, nil
	}
	op, err := f.Plan.open(run, args)
	if err != nil {
		return types.Null, err
	}
	v, err := f.Result(run.Context(), op)
	if err != nil {
		return types.Null, forgive(env, err) // not kept: each row is warned of
	}
	err = cache.keep(key, v)
	return v, err
}

// keyOf is what rows are remembered by: the outer values that they are of.
func keyOf(outer []types.Value) (key []byte) {
	for _, v := range outer {
		key = types.AppendValue(key, v)
	}
	return key
}

// open starts the inner plan for one outer row.
func (s *Plan) open(run *exec.Run, args []types.Value) (exec.Operator, error) {
	for i, r := range s.Refs {
		run.SetParam(r.Slot, args[i])
	}
	return s.Open(run.Context(), run)
}

// Row is a subquery's only row, as functions of its outer columns, one for each value.
type Row struct {
	Plan  Plan
	Width int
}

// lastRow is what an execution has read last of a Row, and for which outer values.
type lastRow struct {
	outer []byte
	row   []types.Value // nil: none yet
}

// Member gives the i-th value: NULL where there is no row, 1242 where there are several.
func (r *Row) Member(i int) func(*expr.Env, []types.Value) (types.Value, error) {
	return func(env *expr.Env, args []types.Value) (types.Value, error) {
		row, err := r.load(env, args)
		if err != nil {
			return types.Null, err
		}
		return row[i], nil
	}
}

// load gives the row. The one of the outer values asked for last is kept, so that all members are read at once.
func (r *Row) load(env *expr.Env, outer []types.Value) ([]types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return nil, errOutsidePlan()
	}
	last := run.Memo(r, func() any { return &lastRow{} }).(*lastRow)
	key := keyOf(outer)
	if last.row != nil && string(last.outer) == string(key) {
		return last.row, nil
	}
	op, err := r.Plan.open(run, outer)
	if err != nil {
		return nil, err
	}
	row, err := exec.ReadOne(run.Context(), op, r.Width, nil)
	if err != nil {
		row, err = make([]types.Value, r.Width), forgive(env, err)
	}
	if err != nil {
		return nil, err
	}
	last.outer, last.row = key, row
	return row, nil
}

// Quantifier is left op ANY|ALL (subquery) as a function of the left values and the subquery's outer columns.
type Quantifier struct {
	Plan    Plan
	Compare []expr.Expr
	Hash    []scalar.Hashing
	N       int
	Width   int // of a row
	All     bool
	Negate  bool
	Equal   bool // the comparison is =: rows can be looked up
}

// innerSet is a subquery's rows for one set of outer values.
type innerSet struct {
	rows  *spill.RowBuffer // all, nil until they are wanted; with keys of one value none
	keys  *spill.KeySet    // of rows without NULL; nil when they must be compared one by one
	nulls *spill.RowBuffer // with keys: the rows that have a NULL
	asked bool             // some is known
	some  bool             // there are rows
	key   []byte           // of the row at hand
	outer []byte           // the outer values
}

func (s *innerSet) close() {
	if s.rows != nil {
		s.rows.Close()
	}
	if s.keys != nil {
		s.keys.Close()
		s.nulls.Close()
	}
}

// Eval compares the left values with the rows for the outer ones behind them.
func (f *Quantifier) Eval(env *expr.Env, args []types.Value) (types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return types.Null, errOutsidePlan()
	}
	left, outer := args[:f.N], args[f.N:]
	v, err := f.compare(run, env, left, outer)
	if err != nil || v.IsNull() || !f.Negate {
		return v, err
	}
	return types.Bool(v.Int() == 0), nil
}

// compare is the result before it is negated. A NULL is compared with no row, whose values would be converted for that: it matters only
// whether there is one.
func (f *Quantifier) compare(run *exec.Run, env *expr.Env, left, outer []types.Value) (types.Value, error) {
	set := f.setOf(run, outer)
	if f.N == 1 && left[0].IsNull() {
		some, err := f.some(run, set, outer)
		if err != nil || some {
			return types.Null, err
		}
		return types.Bool(f.All), nil
	}
	if set.rows == nil {
		if err := f.load(run, env, set, outer); err != nil {
			return types.Null, err
		}
	}
	return f.test(env, left, set)
}

// some tells whether the subquery has rows.
func (f *Quantifier) some(run *exec.Run, s *innerSet, outer []types.Value) (bool, error) {
	if s.asked {
		return s.some, nil
	}
	op, err := f.Plan.open(run, outer)
	if err == nil {
		s.some, err = exec.Any(run.Context(), op)
	}
	s.asked = err == nil
	return s.some, err
}

// setOf is the set for some outer values, of which perhaps nothing is known. That of the outer values asked for last is kept.
func (f *Quantifier) setOf(run *exec.Run, outer []types.Value) *innerSet {
	last := run.Memo(f, func() any {
		var last *innerSet
		run.OnClose(func() {
			if last != nil {
				last.close()
			}
		})
		return &last
	}).(**innerSet)
	key := keyOf(outer)
	if s := *last; s != nil {
		if string(s.outer) == string(key) {
			return s
		}
		s.close()
	}
	*last = &innerSet{outer: key}
	return *last
}

// load reads the subquery's rows. A set that was left half filled is empty.
func (f *Quantifier) load(run *exec.Run, env *expr.Env, s *innerSet, outer []types.Value) error {
	op, err := f.Plan.open(run, outer)
	if err != nil {
		return err
	}
	s.rows, s.some = spill.NewRowBuffer(run.Room(), memory.Join), false
	if err := f.fill(run, env, s, op); err != nil {
		s.close()
		*s = innerSet{outer: s.outer}
		return err
	}
	s.asked = true
	return nil
}

// fill reads the subquery's rows, and closes op.
func (f *Quantifier) fill(run *exec.Run, env *expr.Env, s *innerSet, op exec.Operator) error {
	defer op.Close()
	ctx := run.Context()
	if f.hashable() {
		s.keys, s.nulls = spill.NewKeySet(run.Room()), spill.NewRowBuffer(run.Room(), memory.Join)
	}
	err := spill.Each(ctx, op, func(row []types.Value) error {
		s.some = true
		return f.add(ctx, env, s, row)
	})
	if err != nil {
		return err
	}
	if s.keys != nil {
		if err := s.keys.Finish(ctx); err != nil {
			return err
		}
		if err := s.nulls.Finish(); err != nil {
			return err
		}
	}
	return s.rows.Finish()
}

// add puts a row into the set.
func (f *Quantifier) add(ctx context.Context, env *expr.Env, s *innerSet, row []types.Value) error {
	if s.keys != nil {
		var whole bool
		var err error
		if s.key, whole = f.key(s.key[:0], env, row); whole {
			err = s.keys.Add(ctx, s.key)
		} else {
			err = s.nulls.Add(row)
		}
		if err != nil || f.N == 1 {
			return err
		}
	}
	return s.rows.Add(row)
}

func (f *Quantifier) hashable() bool {
	if f.All || !f.Equal {
		return false
	}
	for _, h := range f.Hash {
		if !h.OK {
			return false
		}
	}
	return true
}

// key is the hash key of a list of values; ok is false where one is NULL.
func (f *Quantifier) key(dst []byte, env *expr.Env, vals []types.Value) ([]byte, bool) {
	for i, h := range f.Hash {
		v := vals[i]
		if v.IsNull() {
			return dst, false
		}
		if h.Float {
			v = types.Float(v.ToFloat(env.Warn))
		}
		dst = types.HashKey(dst, v, h.Coll)
	}
	return dst, true
}

// test gives MySQL's three-valued result.
func (f *Quantifier) test(env *expr.Env, left []types.Value, s *innerSet) (types.Value, error) {
	rows := s.rows
	if s.keys != nil {
		if !s.some {
			return types.Bool(false), nil
		}
		var whole bool
		if s.key, whole = f.key(s.key[:0], env, left); whole {
			if found, err := s.keys.Has(s.key); err != nil || found {
				return types.Bool(true), err
			}
			rows = s.nulls
		}
	}
	return f.scan(env, left, rows)
}

// scan compares with one row after the other.
func (f *Quantifier) scan(env *expr.Env, left []types.Value, rows *spill.RowBuffer) (types.Value, error) {
	row := make([]types.Value, f.N+f.Width)
	copy(row, left)
	null := false
	for i := range rows.Len() {
		r, err := rows.At(i)
		if err != nil {
			return types.Null, err
		}
		copy(row[f.N:], r)
		v, err := f.compareRow(env, row)
		if err != nil {
			return types.Null, err
		}
		switch {
		case v.IsNull():
			null = true
		case (v.Int() != 0) != f.All:
			return types.Bool(!f.All), nil
		}
	}
	if null {
		return types.Null, nil
	}
	return types.Bool(f.All), nil
}

// compareRow is the conjunction of the comparisons of the members.
func (f *Quantifier) compareRow(env *expr.Env, row []types.Value) (types.Value, error) {
	result := types.Bool(true)
	for _, c := range f.Compare {
		v, err := c.Eval(env, row)
		if err != nil {
			return types.Null, err
		}
		if v.IsNull() {
			result = v
			continue
		}
		if v.Int() == 0 {
			return v, nil
		}
	}
	return result, nil
}
