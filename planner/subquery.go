package planner

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Subqueries. One that depends on no outer row is computed once, when its value is first asked for: by a row, or where the
// plan is opened to bound an index range or to be a constant of a fragment. One that does is a function of the outer columns that it names; the function
// puts their values into parameters, runs the inner plan and remembers results by arguments. EXISTS and IN at the top of
// WHERE become semi and anti joins where that is possible (see semijoin.go).

// subplan is a planned subquery.
type subplan struct {
	root  node
	width int
	refs  []outerRef
	what  string
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

func (o *onceQuery) eval(env *expr.Env) (types.Value, error) {
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
	x.add(0, "Subquery", s.root.rows(), "", s.what)
	s.root.explain(x, 1)
}

// subquery is the binder's hook.
func (q *selectQuery) subquery(sc *bind.Scope, n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		return q.scalar(sc, n)
	case *ast.ExistsSubqueryExpr:
		return q.exists(sc, n)
	case *ast.PatternInExpr:
		left, err := bind.Expr(q.inner(sc), sc, n.Expr)
		if err != nil {
			return nil, err
		}
		return q.quantified(sc, left, "=", n.Sel, false, n.Not)
	case *ast.CompareSubqueryExpr:
		left, err := bind.Expr(q.inner(sc), sc, n.L)
		if err != nil {
			return nil, err
		}
		op := bind.OperatorName(n.Op)
		if n.Op == opcode.EQ && !n.All || n.Op == opcode.NE && n.All {
			return q.quantified(sc, left, "=", n.R, false, n.All)
		}
		return q.quantified(sc, left, op, n.R, n.All, false)
	}
	return nil, mysqlerr.NotSupported("this kind of subquery")
}

// inner is the binder for the left side of IN and ANY: the aggregates of the clause around it are allowed.
func (q *selectQuery) inner(*bind.Scope) *bind.Binder { return q.aggBinder(bind.FieldList, false) }

// bindInner binds and plans the query of a subquery expression.
func (q *selectQuery) bindInner(sc *bind.Scope, n ast.ExprNode, width int) (*subplan, query, error) {
	s, ok := n.(*ast.SubqueryExpr)
	if !ok {
		return nil, nil, mysqlerr.NotSupported("this kind of subquery")
	}
	in, err := q.bound[s], error(nil)
	if in == nil {
		in, err = q.b.bindQuery(s.Query, sc, q.ctes)
	}
	if err != nil {
		return nil, nil, err
	}
	if width > 0 && len(in.columns()) != width {
		return nil, nil, mysqlerr.New(mysql.ErrOperandColumns, width)
	}
	root, err := in.plan(nil)
	if err != nil {
		return nil, nil, err
	}
	q.b.subplans = true
	return &subplan{root: root, width: len(in.columns()), refs: in.refs()}, in, nil
}

// arguments are the outer columns that a subplan depends on, as its enclosing block sees them: columns of its own, or
// parameters that blocks further out have set.
func (q *selectQuery) arguments(refs []outerRef) []expr.Expr {
	args := make([]expr.Expr, len(refs))
	for i, r := range refs {
		if r.owner == q {
			q.b.used[r.col.Index] = true
			args[i] = r.col
		} else {
			args[i] = &expr.Param{Index: r.slot, Typ: r.col.Typ}
		}
	}
	return args
}

// scalar binds (SELECT …) as a value, or as a row where it has several columns.
func (q *selectQuery) scalar(sc *bind.Scope, n *ast.SubqueryExpr) (expr.Expr, error) {
	sub, in, err := q.bindInner(sc, n, 1)
	if err != nil {
		return nil, err
	}
	return q.call("subquery", in.columns()[0].Field.Type, sub, func(ctx context.Context, op exec.Operator) (types.Value, error) {
		row, err := exec.ReadOne(ctx, op, 1, nil)
		if err != nil {
			return types.Null, err
		}
		return row[0], nil
	}), nil
}

func (q *selectQuery) exists(sc *bind.Scope, n *ast.ExistsSubqueryExpr) (expr.Expr, error) {
	sub, _, err := q.bindInner(sc, n.Sel, 0)
	if err != nil {
		return nil, err
	}
	sub.root = newLimit(sub.root, fixedLimit(1))
	not := n.Not
	return q.call("exists", types.TypeBool, sub, func(ctx context.Context, op exec.Operator) (types.Value, error) {
		found, err := exec.Any(ctx, op)
		return types.Bool(found != not), err
	}), nil
}

// call makes the expression of a subquery's value: a function of the outer columns that it names, if any.
func (q *selectQuery) call(name string, t types.Type, sub *subplan, result func(context.Context, exec.Operator) (types.Value, error)) expr.Expr {
	if len(sub.refs) == 0 {
		q.b.once = append(q.b.once, sub)
		name += " " + itoa(len(q.b.once))
		sub.what = name + ", once"
		return expr.NewOnce(name, t, (&onceQuery{sub: sub, result: result}).eval)
	}
	args := q.arguments(sub.refs)
	q.b.perRow = append(q.b.perRow, sub)
	sub.what = name + "(" + scalar.Texts(args) + ")"
	return expr.NewFunc(name, t, expr.Volatile, args, (&correlated{sub: sub, result: result}).eval)
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
		run.SetParam(r.slot, args[i])
	}
	return s.root.open(run.Context(), run)
}

// quantified binds left op ANY|ALL (SELECT …); IN is = ANY, NOT IN its negation.
func (q *selectQuery) quantified(sc *bind.Scope, left expr.Expr, op string, n ast.ExprNode, all, negate bool) (expr.Expr, error) {
	parts := []expr.Expr{left}
	if r := scalar.AsCall(left, "row"); r != nil {
		parts = r.Args()
	}
	sub, in, err := q.bindInner(sc, n, len(parts))
	if err != nil {
		return nil, err
	}
	if len(parts) > 1 && op != "=" {
		return nil, mysqlerr.New(mysql.ErrOperandColumns, 1)
	}
	f := &quantifier{sub: sub, all: all, negate: negate, n: len(parts), equal: op == "="}
	// The comparison is evaluated over the left values followed by an inner row.
	for i, p := range parts {
		l := &expr.Column{Index: i, Typ: *p.Type()}
		r := &expr.Column{Index: len(parts) + i, Typ: in.columns()[i].Field.Type}
		c, err := expr.New(op, l, r)
		if err != nil {
			return nil, err
		}
		f.compare = append(f.compare, c)
		f.hash = append(f.hash, scalar.HashOf(p.Type(), &r.Typ, c))
	}
	args := append(append([]expr.Expr(nil), parts...), q.arguments(sub.refs)...)
	q.b.perRow = append(q.b.perRow, sub)
	sub.what = "in subquery(" + scalar.Texts(args) + ")"
	return expr.NewFunc("in subquery", types.TypeBool, expr.Volatile, args, f.eval), nil
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
	rows  *exec.RowBuffer // all; with keys of one value none
	keys  *exec.KeySet    // of rows without NULL; nil when they must be compared one by one
	nulls *exec.RowBuffer // with keys: the rows that have a NULL
	some  bool            // there are rows
	key   []byte          // of the row at hand
	outer []byte          // the outer values
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
	s := &innerSet{rows: exec.NewRowBuffer(run, memory.Join), outer: key}
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
		s.keys, s.nulls = exec.NewKeySet(run), exec.NewRowBuffer(run, memory.Join)
	}
	err := exec.Each(ctx, op, func(row []types.Value) error {
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
func (f *quantifier) scan(env *expr.Env, left []types.Value, rows *exec.RowBuffer) (types.Value, error) {
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
