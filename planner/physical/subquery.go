package physical

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

// Subqueries. One that depends on no outer row is computed once, when its value is first asked for: by a row, or where the
// plan is opened to bound an index range or to be a constant of a fragment. One that does is a function of the outer columns
// that it names; the function puts their values into parameters, runs the inner plan and remembers results by arguments.

// planSubquery gives a subquery's expressions their code.
func (p *planner) planSubquery(s *algebra.Subquery) error {
	root, err := p.plan(s.Node, required{})
	if err != nil {
		return err
	}
	if s.Kind == algebra.Exists {
		root = newLimit(root, scalar.FixedLimit(1))
	}
	sub := &subplan{root: root, refs: s.Refs, what: s.What}
	if s.Once {
		p.once = append(p.once, sub)
	} else {
		p.perRow = append(p.perRow, sub)
	}
	result := scalarResult
	switch s.Kind {
	case algebra.Quantified:
		s.Code().Eval = newQuantifier(sub, s).eval
		return nil
	case algebra.Exists:
		result = existsResult(s.Negate)
	}
	if s.Once {
		s.Code().Eval = (&onceQuery{sub: sub, result: result}).eval
	} else {
		s.Code().Eval = (&correlated{sub: sub, result: result}).eval
	}
	return nil
}

func scalarResult(ctx context.Context, op exec.Operator) (types.Value, error) {
	row, err := exec.ReadOne(ctx, op, 1, nil)
	if err != nil {
		return types.Null, err
	}
	return row[0], nil
}

func existsResult(not bool) func(context.Context, exec.Operator) (types.Value, error) {
	return func(ctx context.Context, op exec.Operator) (types.Value, error) {
		found, err := exec.Any(ctx, op)
		return types.Bool(found != not), err
	}
}

func newQuantifier(sub *subplan, s *algebra.Subquery) *quantifier {
	f := &quantifier{sub: sub, compare: s.Compare, n: len(s.Parts), all: s.All, negate: s.Negate, equal: s.Equal}
	for i, p := range s.Parts {
		f.hash = append(f.hash, scalar.HashOf(p.Type(), &s.Types[i], s.Compare[i]))
	}
	return f
}

// subplan is a planned subquery.
type subplan struct {
	root node
	refs []algebra.OuterRef
	what string
}

// onceQuery is a scalar or EXISTS subquery without outer columns: computed when its value is first asked for.
type onceQuery struct {
	sub    *subplan
	result func(ctx context.Context, op exec.Operator) (types.Value, error)
}

// onceResult is what an execution remembers of a onceQuery.
type onceResult struct {
	done  bool
	value types.Value
	err   error
}

func (o *onceQuery) eval(env *expr.Env, _ []types.Value) (types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return types.Null, errOutsidePlan()
	}
	r := run.Memo(o, func() any { return &onceResult{} }).(*onceResult)
	if !r.done {
		op, err := o.sub.root.open(run.Context(), run)
		if err == nil {
			r.value, err = o.result(run.Context(), op)
		}
		r.value, r.err, r.done = r.value.Clone(), err, true
	}
	return r.value, r.err
}

func errOutsidePlan() error {
	return mysqlerr.Internal("planner: a subquery is evaluated outside of its plan")
}

// explain shows a subquery that runs while rows are computed: once for each set of outer values.
func (s *subplan) explain(x *explainer) {
	x.add(0, "Subquery", &base{est: s.root.rows(), price: s.root.cost()}, "", s.what)
	s.root.explain(x, 1)
}

// correlated is a subquery as a function of outer columns.
type correlated struct {
	sub    *subplan
	result func(ctx context.Context, op exec.Operator) (types.Value, error)
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

func (f *correlated) eval(env *expr.Env, args []types.Value) (types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return types.Null, errOutsidePlan()
	}
	cache := run.Memo(f, func() any {
		m := &remembered{vals: map[string]types.Value{}, hold: run.RT.Memory.Hold(memory.Rows)}
		run.OnClose(m.hold.Close)
		return m
	}).(*remembered)
	var key []byte
	for _, a := range args {
		key = types.AppendValue(key, a)
	}
	if v, ok := cache.vals[string(key)]; ok {
		return v, nil
	}
	op, err := f.sub.open(run, args)
	if err != nil {
		return types.Null, err
	}
	v, err := f.result(run.Context(), op)
	if err == nil {
		err = cache.keep(key, v)
	}
	return v, err
}

// open starts the inner plan for one outer row.
func (s *subplan) open(run *exec.Run, args []types.Value) (exec.Operator, error) {
	for i, r := range s.refs {
		run.SetParam(r.Slot, args[i])
	}
	return s.root.open(run.Context(), run)
}

// quantifier is left op ANY|ALL (subquery) as a function of the left values and the subquery's outer columns.
type quantifier struct {
	sub     *subplan
	compare []expr.Expr
	hash    []scalar.Hashing
	n       int
	all     bool
	negate  bool
	equal   bool // the comparison is =: rows can be looked up
}

// innerSet is a subquery's rows for one set of outer values.
type innerSet struct {
	rows  *spill.RowBuffer // all; with keys of one value none
	keys  *spill.KeySet    // of rows without NULL; nil when they must be compared one by one
	nulls *spill.RowBuffer // with keys: the rows that have a NULL
	some  bool             // there are rows
	key   []byte           // of the row at hand
	outer []byte           // the outer values
}

func (s *innerSet) close() {
	s.rows.Close()
	if s.keys != nil {
		s.keys.Close()
		s.nulls.Close()
	}
}

func (f *quantifier) eval(env *expr.Env, args []types.Value) (types.Value, error) {
	run := exec.RunOf(env)
	if run == nil {
		return types.Null, errOutsidePlan()
	}
	left, outer := args[:f.n], args[f.n:]
	set, err := f.load(run, env, outer)
	if err != nil {
		return types.Null, err
	}
	v, err := f.test(env, left, set)
	if err != nil || v.IsNull() || !f.negate {
		return v, err
	}
	return types.Bool(v.Int() == 0), nil
}

// load gives the subquery's rows. Those of the outer values asked for last are kept.
func (f *quantifier) load(run *exec.Run, env *expr.Env, outer []types.Value) (*innerSet, error) {
	last := run.Memo(f, func() any {
		var last *innerSet
		run.OnClose(func() {
			if last != nil {
				last.close()
			}
		})
		return &last
	}).(**innerSet)
	var key []byte
	for _, a := range outer {
		key = types.AppendValue(key, a)
	}
	if s := *last; s != nil {
		if string(s.outer) == string(key) {
			return s, nil
		}
		s.close()
		*last = nil
	}
	op, err := f.sub.open(run, outer)
	if err != nil {
		return nil, err
	}
	s := &innerSet{rows: spill.NewRowBuffer(run.Room(), memory.Join), outer: key}
	if err := f.fill(run, env, s, op); err != nil {
		s.close()
		return nil, err
	}
	*last = s
	return s, nil
}

// fill reads the subquery's rows, and closes op.
func (f *quantifier) fill(run *exec.Run, env *expr.Env, s *innerSet, op exec.Operator) error {
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
func (f *quantifier) add(ctx context.Context, env *expr.Env, s *innerSet, row []types.Value) error {
	if s.keys != nil {
		var whole bool
		var err error
		if s.key, whole = f.key(s.key[:0], env, row); whole {
			err = s.keys.Add(ctx, s.key)
		} else {
			err = s.nulls.Add(row)
		}
		if err != nil || f.n == 1 {
			return err
		}
	}
	return s.rows.Add(row)
}

func (f *quantifier) hashable() bool {
	if f.all || !f.equal {
		return false
	}
	for _, h := range f.hash {
		if !h.OK {
			return false
		}
	}
	return true
}

// key is the hash key of a list of values; ok is false where one is NULL.
func (f *quantifier) key(dst []byte, env *expr.Env, vals []types.Value) ([]byte, bool) {
	for i, h := range f.hash {
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
func (f *quantifier) test(env *expr.Env, left []types.Value, s *innerSet) (types.Value, error) {
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
		} else if f.n == 1 {
			return types.Null, nil
		}
	}
	return f.scan(env, left, rows)
}

// scan compares with one row after the other.
func (f *quantifier) scan(env *expr.Env, left []types.Value, rows *spill.RowBuffer) (types.Value, error) {
	row := make([]types.Value, 2*f.n)
	copy(row, left)
	null := false
	for i := range rows.Len() {
		r, err := rows.At(i)
		if err != nil {
			return types.Null, err
		}
		copy(row[f.n:], r)
		v, err := f.compareRow(env, row)
		if err != nil {
			return types.Null, err
		}
		switch {
		case v.IsNull():
			null = true
		case (v.Int() != 0) != f.all:
			return types.Bool(!f.all), nil
		}
	}
	if null {
		return types.Null, nil
	}
	return types.Bool(f.all), nil
}

// compareRow is the conjunction of the comparisons of the members.
func (f *quantifier) compareRow(env *expr.Env, row []types.Value) (types.Value, error) {
	result := types.Bool(true)
	for _, c := range f.compare {
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
