package planner

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Build plans a SELECT (and kin) or a data change. Errors are MySQL's (1146, 1054, 1052, …). For a statement inside
// EXPLAIN pass the inner one.
func Build(ctx *Context, stmt ast.StmtNode) (Plan, error) {
	params := bind.NumberParams(stmt)
	switch s := stmt.(type) {
	case *ast.SelectStmt:
		if !ctx.rowIDs {
			p, err := buildPoint(ctx, s)
			if err != nil {
				return nil, err
			}
			if p != nil {
				return p, nil
			}
		}
		return buildQuery(ctx, s, params)
	case *ast.SetOprStmt:
		return buildQuery(ctx, s, params)
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		ctx.changes = true
		m, err := buildModify(ctx, s, params)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, mysqlerr.NotSupported("this statement")
}

// builder plans one statement.
type builder struct {
	ctx    *Context
	nextID int
	used   scalar.ColSet // columns that the statement reads
	env    *expr.Env

	params int            // of the statement
	slots  int            // parameters that the plan adds
	outer  map[int]int    // outer column → its parameter
	once   []*subplan     // subqueries that are computed once, for EXPLAIN
	perRow []*subplan     // those that are functions of rows, for EXPLAIN
	stack  []*selectQuery // blocks being bound, outermost first

	tables    []TableVersion
	seen      map[schema.TableID]bool
	reads     int // accesses to tables
	subplans  bool
	locks     bool
	cacheable bool

	present bool        // a table is read as it is now
	asOf    []expr.Expr // the times as of which tables are read
}

func newBuilder(ctx *Context, params int) *builder {
	b := &builder{ctx: ctx, nextID: 1, used: scalar.ColSet{}, params: params, outer: map[int]int{}, seen: map[schema.TableID]bool{}, cacheable: true}
	b.env = &expr.Env{}
	if ctx.Env != nil {
		b.env.Mode = ctx.Env.Mode
		b.env.Mode.Today = 0 // that of the execution
	}
	return b
}

// newIDs draws n column numbers and gives the first.
func (b *builder) newIDs(n int) int {
	first := b.nextID
	b.nextID += n
	return first
}

// newSlot adds a parameter to the plan.
func (b *builder) newSlot() int {
	b.slots++
	return b.params + b.slots - 1
}

// fold computes what is constant whatever the execution.
func (b *builder) fold(e expr.Expr) expr.Expr { return expr.Fold(e, b.env) }

func (b *builder) dependOn(t *schema.Table) {
	if !b.seen[t.ID] {
		b.seen[t.ID] = true
		b.tables = append(b.tables, TableVersion{t.ID, t.Version})
	}
}

func (b *builder) tableRows(t *schema.Table) float64 {
	if b.ctx.Stats == nil {
		return access.MinTableRows
	}
	rows, _ := b.ctx.Stats(t)
	return math.Max(float64(rows), access.MinTableRows)
}

// queryPlan is a plan that gives rows.
type queryPlan struct {
	root      node
	fields    []types.Field
	tables    []TableVersion
	params    int
	slots     int
	once      []*subplan
	perRow    []*subplan
	single    bool
	locks     bool
	cacheable bool
	asOf      []expr.Expr
}

func buildQuery(ctx *Context, stmt ast.ResultSetNode, params int) (Rows, error) {
	b := newBuilder(ctx, params)
	b.cacheable = !namesUserVariable(stmt)
	q, err := b.bindQuery(stmt, nil, nil)
	if err != nil {
		return nil, err
	}
	if s, ok := q.(*selectQuery); ok && s.limit == nil && !s.isLocking() {
		s.limit = b.sessionLimit()
	} else if u, ok := q.(*setQuery); ok && u.limit == nil {
		u.limit = b.sessionLimit()
	}
	root, err := q.plan(nil)
	if err != nil {
		return nil, err
	}
	p := &queryPlan{
		root: root, tables: b.tables, params: params, slots: b.slots, once: b.once, perRow: b.perRow,
		single: b.reads <= 1 && !b.subplans, locks: b.locks, cacheable: b.cacheable,
	}
	if b.subplans && p.slots == 0 {
		p.slots = 1 // subplans find their execution through the environment that slots call for
	}
	for _, c := range q.columns() {
		p.fields = append(p.fields, c.Field)
	}
	if p.asOf = b.asOf; p.locks && len(p.asOf) > 0 {
		return nil, mysqlerr.NotSupported("locking reads AS OF TIMESTAMP")
	}
	return p, nil
}

// variableFinder looks for user variables, whose types a plan is made for and any statement may change.
type variableFinder struct{ found bool }

func (f *variableFinder) Enter(n ast.Node) (ast.Node, bool) {
	if v, ok := n.(*ast.VariableExpr); ok && !v.IsSystem {
		f.found = true
	}
	return n, f.found
}

func (f *variableFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func namesUserVariable(n ast.Node) bool {
	f := &variableFinder{}
	n.Accept(f)
	return f.found
}

// sessionLimit is sql_select_limit.
func (b *builder) sessionLimit() *limitSpec {
	if b.ctx.SelectLimit == 0 || b.ctx.SelectLimit == math.MaxUint64 {
		return nil
	}
	return fixedLimit(b.ctx.SelectLimit)
}

// The Rows interface.

func (p *queryPlan) Tables() []TableVersion { return p.tables }
func (p *queryPlan) Cacheable() bool        { return p.cacheable }
func (p *queryPlan) Fields() []types.Field  { return p.fields }
func (p *queryPlan) Point() *PointGet       { return nil }
func (p *queryPlan) ForUpdate() bool        { return p.locks }

// Open starts an execution.
func (p *queryPlan) Open(ctx context.Context, rt *exec.Runtime) (exec.Operator, error) {
	run, err := exec.NewRun(ctx, rt, p.params, p.slots, p.single)
	if err != nil {
		return nil, err
	}
	if p.slots == 0 { // no subquery, that is, nothing beside the operators that holds anything
		return p.root.open(ctx, run)
	}
	op, err := p.root.open(ctx, run)
	if err != nil {
		run.Close()
		return nil, err
	}
	return exec.NewOwned(op, run.Close), nil
}

// Explain shows the operators, outermost first, then the subqueries.
func (p *queryPlan) Explain() []ExplainLine {
	x := &explainer{where: scanPlace}
	p.root.explain(x, 0)
	for _, s := range slices.Concat(p.once, p.perRow) {
		s.explain(x)
	}
	return x.lines
}

// scanPlace names the shards that a scan's fragments run in.
func scanPlace(s *tableScan) string {
	t := s.rel.Desc
	if len(t.Tablets) == 1 {
		return shardName(&t.Tablets[0])
	}
	shards := map[schema.ShardID]bool{}
	for i := range t.Tablets {
		shards[t.Tablets[i].Shard] = true
	}
	if len(shards) == 1 {
		return fmt.Sprintf("%s, %d tablets", shardName(&t.Tablets[0]), len(t.Tablets))
	}
	return fmt.Sprintf("%d shards, %d tablets", len(shards), len(t.Tablets))
}
