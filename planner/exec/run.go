package exec

import (
	"context"

	"cloudsql/distributed"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Run is one execution of a plan.
type Run struct {
	RT  *Runtime
	Env *expr.Env // the session's, with room for the plan's own parameters behind the statement's
	// Single tells that the plan reads one table once: if that is one tablet too, no snapshot is needed.
	Single bool

	ctx  context.Context
	at   mvcc.Timestamp
	memo map[any]any
	ends []func()
}

// Room is where the execution's operators have their rows.
func (r *Run) Room() *spill.Room { return &r.RT.Room }

// NewRun prepares an execution. params is how many parameters the statement has, slots how many the plan adds.
// Error 1210 when fewer are bound.
func NewRun(ctx context.Context, rt *Runtime, params, slots int, single bool) (*Run, error) {
	if len(rt.Env.Params) < params {
		return nil, mysqlerr.New(mysqlerr.WrongArguments, "EXECUTE")
	}
	r := &Run{ctx: ctx, RT: rt, Env: rt.Env, Single: single}
	if slots > 0 {
		env := *rt.Env
		env.Params = make([]types.Value, params+slots)
		copy(env.Params, rt.Env.Params[:params])
		env.Session = &runSession{Session: rt.Env.Session, run: r}
		r.Env = &env
	}
	return r, nil
}

// runSession lets expressions find the execution that they are part of.
type runSession struct {
	expr.Session
	run *Run
}

// RunOf finds the execution that an expression is evaluated in; only plans with slots have one.
func RunOf(env *expr.Env) *Run {
	s, ok := env.Session.(*runSession)
	if !ok {
		return nil
	}
	return s.run
}

// SetParam gives a value to a parameter that the plan added. v must stay valid while it is in use.
func (r *Run) SetParam(i int, v types.Value) { r.Env.Params[i] = v }

// Memo is the place where a plan's node keeps state for this execution.
func (r *Run) Memo(key any, make func() any) any {
	if v, ok := r.memo[key]; ok {
		return v
	}
	if r.memo == nil {
		r.memo = map[any]any{}
	}
	v := make()
	r.memo[key] = v
	return v
}

// OnClose has fn called when the execution ends: for what a memo holds beyond memory.
func (r *Run) OnClose(fn func()) { r.ends = append(r.ends, fn) }

// Close ends the execution, once its operators are closed.
func (r *Run) Close() {
	for _, fn := range r.ends {
		fn()
	}
	r.ends = nil
}

// FragmentEnv is the environment of one fragment: the constants without the session. What a fragment warns of comes with its pages.
func (r *Run) FragmentEnv() *expr.Env {
	env := *r.Env
	env.Session, env.Ctx, env.Clock, env.Rand, env.Warn = nil, nil, nil, nil, nil
	return &env
}

// Fold computes the parts of e that are the same for all rows of this execution: what only the gateway can answer, which
// no fragment could, and functions of constants and parameters, which would otherwise run for each row. Parameters become constants, which
// are made ready once for what they are compared with: a text beside dates is a date, a long list of IN a set.
func (r *Run) Fold(e expr.Expr) expr.Expr {
	if e == nil || !r.foldable(e) {
		return e
	}
	return expr.Fold(e, r.Env)
}

// Ship is Fold for a fragment, which can't ask for the values of subqueries.
func (r *Run) Ship(e expr.Expr) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	e, err := expr.Answer(e, r.Env)
	return r.Fold(e), err
}

// foldable tells whether e has a call, itself or below, that no column matters to, or one of a parameter.
func (r *Run) foldable(e expr.Expr) bool {
	c, ok := e.(*expr.Call)
	if !ok || c.Class() == expr.Volatile {
		return false
	}
	fixed, bound := true, false
	for _, a := range c.Args() {
		switch a := a.(type) {
		case *expr.Column:
			fixed = false
		case *expr.Param:
			bound = true
		case *expr.Call:
			if r.foldable(a) {
				return true
			}
			fixed = false
		}
	}
	return fixed || bound
}

// open starts one fragment's read.
func (r *Run) open(ctx context.Context, f *fragment.Read, alone bool, o *ReadOptions) (distributed.Rows, error) {
	r.RT.Used.AddTablet(r.RT.Catalog, f.Tablet)
	for _, j := range f.Joins {
		if j.Read != nil {
			r.RT.Used.AddTablet(r.RT.Catalog, j.Read.Tablet)
		}
	}
	if r.RT.Txn != nil {
		return r.RT.Txn.Read(ctx, f, o.Mode, o.Lock)
	}
	if alone && r.Single {
		return r.RT.DB.Read(ctx, f)
	}
	if r.at == 0 {
		at, err := r.RT.DB.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		r.at = at
	}
	return r.RT.DB.ReadAt(ctx, f, r.at)
}

// Context is what a subquery's evaluation runs under: that of the statement.
func (r *Run) Context() context.Context { return r.ctx }
