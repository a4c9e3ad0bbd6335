package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Filter passes the rows that meet all conditions.
type Filter struct {
	run   *Run
	in    Operator
	conds []expr.Expr
	batch types.Batch
}

// NewFilter filters in.
func NewFilter(run *Run, in Operator, conds []expr.Expr) *Filter {
	return &Filter{run: run, in: in, conds: conds}
}

// Next gives the next rows that pass.
func (f *Filter) Next(ctx context.Context, b *types.Batch) (bool, error) {
	return Pass(ctx, f.in, &f.batch, b, func(row []types.Value) (bool, error) { return allTrue(f.run.Env, f.conds, row) })
}

// Pass gives b the next of in's rows that pass, by way of batch.
func Pass(ctx context.Context, in Operator, batch, b *types.Batch, passes func(row []types.Value) (bool, error)) (bool, error) {
	for {
		ok, err := in.Next(ctx, batch)
		if err != nil || !ok {
			return false, err
		}
		b.Reset(batch.Width)
		for i, n := 0, batch.Len(); i < n; i++ {
			row := batch.Row(i)
			pass, err := passes(row)
			if err != nil {
				return false, err
			}
			if pass {
				b.Append(row)
			}
		}
		if b.Len() > 0 {
			return true, nil
		}
	}
}

// Close closes the input.
func (f *Filter) Close() { f.in.Close() }

func allTrue(env *expr.Env, conds []expr.Expr, row []types.Value) (bool, error) {
	for _, c := range conds {
		ok, err := expr.Truth(c, env, row)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// Project computes expressions over each row.
type Project struct {
	run   *Run
	in    Operator
	exprs []expr.Expr
	batch types.Batch
	at    int // row of batch to go on with
	hold  memory.Hold
}

// NewProject projects in.
func NewProject(run *Run, in Operator, exprs []expr.Expr) *Project {
	return &Project{run: run, in: in, exprs: exprs, hold: run.RT.Memory.Hold(memory.Rows)}
}

// Next computes the next batch.
func (p *Project) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if p.at >= p.batch.Len() {
		ok, err := p.in.Next(ctx, &p.batch)
		if err != nil || !ok {
			return false, err
		}
		p.at = 0
	}
	b.Reset(len(p.exprs))
	bytes := 0
	for n := p.batch.Len(); p.at < n && bytes < spill.MaxBatchBytes; p.at++ {
		row := p.batch.Row(p.at)
		for _, e := range p.exprs {
			v, err := e.Eval(p.run.Env, row)
			if err != nil {
				return false, err
			}
			b.Vals = append(b.Vals, v)
			bytes += len(v.Raw())
		}
	}
	if bytes >= spill.MaxBatchBytes || p.hold.Used() > 0 {
		return true, p.hold.Set(bytes)
	}
	return true, nil
}

// Close closes the input.
func (p *Project) Close() {
	p.in.Close()
	p.hold.Close()
}

// Values computes each row from constant expressions: SELECT without FROM, VALUES.
type Values struct {
	run  *Run
	rows [][]expr.Expr
	at   int
}

// NewValues gives one row for each list.
func NewValues(run *Run, rows [][]expr.Expr) *Values { return &Values{run: run, rows: rows} }

// Next computes the next rows.
func (v *Values) Next(_ context.Context, b *types.Batch) (bool, error) {
	if v.at >= len(v.rows) {
		return false, nil
	}
	b.Reset(max(len(v.rows[0]), spill.ZeroWidth))
	for bytes := 0; v.at < len(v.rows) && b.Len() < spill.MaxBatch && bytes < spill.MaxBatchBytes; v.at++ {
		if len(v.rows[v.at]) == 0 {
			b.Vals = append(b.Vals, types.Null)
		}
		for _, e := range v.rows[v.at] {
			val, err := e.Eval(v.run.Env, nil)
			if err != nil {
				return false, err
			}
			b.Vals = append(b.Vals, val)
			bytes += len(val.Raw())
		}
	}
	return true, nil
}

// Close does nothing.
func (v *Values) Close() {}

// Concat gives the rows of its inputs one after the other: UNION ALL. Inputs are opened when their turn comes.
type Concat struct {
	open []func(ctx context.Context) (Operator, error)
	cur  Operator
}

// NewConcat concatenates what the functions open.
func NewConcat(open []func(ctx context.Context) (Operator, error)) *Concat {
	return &Concat{open: open}
}

// Next gives the next rows of whichever input has some.
func (c *Concat) Next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		if c.cur == nil {
			if len(c.open) == 0 {
				return false, nil
			}
			op, err := c.open[0](ctx)
			if err != nil {
				return false, err
			}
			c.cur, c.open = op, c.open[1:]
		}
		ok, err := c.cur.Next(ctx, b)
		if err != nil || ok {
			return ok, err
		}
		c.cur.Close()
		c.cur = nil
	}
}

// Close closes the present input.
func (c *Concat) Close() {
	if c.cur != nil {
		c.cur.Close()
		c.cur = nil
	}
}

// Guard gives an operator's rows only while a condition that has no columns holds: WHERE 1 = 0, or a subquery's value.
type Guard struct {
	run   *Run
	conds []expr.Expr
	open  func(ctx context.Context) (Operator, error)
	in    Operator
	done  bool
}

// NewGuard opens the input when all conditions are true.
func NewGuard(run *Run, conds []expr.Expr, open func(ctx context.Context) (Operator, error)) *Guard {
	return &Guard{run: run, conds: conds, open: open}
}

// Next gives the input's rows.
func (g *Guard) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if g.in == nil {
		if g.done {
			return false, nil
		}
		g.done = true
		ok, err := allTrue(g.run.Env, g.conds, nil)
		if err != nil || !ok {
			return false, err
		}
		if g.in, err = g.open(ctx); err != nil {
			return false, err
		}
	}
	return g.in.Next(ctx, b)
}

// Close closes the input.
func (g *Guard) Close() {
	if g.in != nil {
		g.in.Close()
	}
}

// ReadOne gives the one row of op and closes it: NULLs where there is none, 1242 where there are several.
func ReadOne(ctx context.Context, op Operator, width int, dst []types.Value) ([]types.Value, error) {
	defer op.Close()
	var b types.Batch
	found := false
	for {
		ok, err := op.Next(ctx, &b)
		if err != nil {
			return dst, err
		}
		if !ok {
			break
		}
		if found || b.Len() > 1 {
			return dst, mysqlerr.New(mysqlerr.SubqueryNo1Row)
		}
		found = true
		for _, v := range b.Row(0) {
			dst = append(dst, v.Clone())
		}
	}
	if !found {
		for range width {
			dst = append(dst, types.Null)
		}
	}
	return dst, nil
}

// Any tells whether op has a row, and closes it.
func Any(ctx context.Context, op Operator) (bool, error) {
	defer op.Close()
	var b types.Batch
	return op.Next(ctx, &b)
}
