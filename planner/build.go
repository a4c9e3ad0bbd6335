package planner

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/logical"
	"cloudsql/planner/physical"
	"cloudsql/planner/rewrite"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Build plans a SELECT (and kin) or a data change. Errors are MySQL's (1146, 1054, 1052, …). For a statement inside
// EXPLAIN pass the inner one.
func Build(ctx *Context, stmt ast.StmtNode) (Plan, error) {
	params := bind.NumberParams(stmt)
	switch s := stmt.(type) {
	case *ast.SelectStmt:
		p, err := buildPoint(ctx, s)
		if err != nil {
			return nil, err
		}
		if p != nil {
			return p, nil
		}
		return buildQuery(ctx, s, logical.Options{Params: params})
	case *ast.SetOprStmt:
		return buildQuery(ctx, s, logical.Options{Params: params})
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.LoadDataStmt:
		m, err := buildModify(ctx, s, params)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, mysqlerr.NotSupported("this statement")
}

// queryPlan is a plan that gives rows.
type queryPlan struct {
	ops       *physical.Plan
	fields    []types.Field
	tables    []TableVersion
	params    int
	slots     int
	single    bool
	locks     bool
	cacheable bool
	asOf      []expr.Expr
}

func buildQuery(ctx *Context, stmt ast.ResultSetNode, o logical.Options) (Rows, error) {
	q, err := logical.Bind(ctx, stmt, o)
	if err != nil {
		return nil, err
	}
	return planQuery(ctx, q)
}

// planQuery rewrites a bound query and makes its operators.
func planQuery(ctx *Context, q *logical.Query) (Rows, error) {
	p, err := planOperators(ctx, q)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func planOperators(ctx *Context, q *logical.Query) (*queryPlan, error) {
	ship := shipping(ctx)
	if !ctx.NoPasses {
		var err error
		if q, err = rewrite.Apply(q, ship, rewrite.Passes); err != nil {
			return nil, err
		}
	}
	ops, err := physical.New(q, physical.Options{Ship: ship, Plain: ctx.NoPasses, InShards: ctx.Joining})
	if err != nil {
		return nil, err
	}
	p := &queryPlan{
		ops: ops, fields: q.Fields, tables: q.Tables, params: q.Params, slots: q.Slots, single: q.Reads <= 1 && !ops.Subqueries(),
		locks: q.Locks, cacheable: q.Cacheable, asOf: q.AsOf,
	}
	if ops.Subqueries() && p.slots == 0 {
		p.slots = 1 // subqueries find their execution through the environment that slots call for
	}
	return p, nil
}

// shipping tells what fragments may hold at the version that the cluster works at.
func shipping(ctx *Context) scalar.Shipping {
	return scalar.Shipping{Version: ctx.Catalog.ClusterVersion().Active}
}

// The Rows interface.

func (p *queryPlan) Tables() []TableVersion { return p.tables }
func (p *queryPlan) Cacheable() bool        { return p.cacheable }
func (p *queryPlan) Fields() []types.Field  { return p.fields }
func (p *queryPlan) Point() *PointGet       { return nil }
func (p *queryPlan) ForUpdate() bool        { return p.locks }

// Past is a plan whose tables are read as of times in the past. It must run in a transaction of that state.
type Past interface {
	// AsOf gives the times, one for each table, as expressions without columns; none where the plan reads the present.
	// All must come to the same time.
	AsOf() []expr.Expr
}

// AsOf gives the times that p's tables are read as of; none where it is no Past.
func AsOf(p Plan) []expr.Expr {
	if p, ok := p.(Past); ok {
		return p.AsOf()
	}
	return nil
}

// AsOf implements Past.
func (p *queryPlan) AsOf() []expr.Expr { return p.asOf }

// Open starts an execution.
func (p *queryPlan) Open(ctx context.Context, rt *exec.Runtime) (exec.Operator, error) {
	run, err := exec.NewRun(ctx, rt, p.params, p.slots, p.single)
	if err != nil {
		return nil, err
	}
	if p.slots == 0 { // no subquery, that is, nothing beside the operators that holds anything
		return p.ops.Open(ctx, run)
	}
	op, err := p.ops.Open(ctx, run)
	if err != nil {
		run.Close()
		return nil, err
	}
	return exec.NewOwned(op, run.Close), nil
}

// Explain shows the operators, outermost first, then the subqueries.
func (p *queryPlan) Explain() []ExplainLine { return p.ops.Explain() }
