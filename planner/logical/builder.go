package logical

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Context is what planning one statement may look at.
type Context struct {
	Catalog *catalog.Snapshot
	DB      string // current database, may be ""
	// Virtual finds a virtual table (information_schema, performance_schema, mysql, sys); nil: none.
	Virtual func(db, table string) (exec.VirtualTable, bool)
	// Env has the session's mode, time and answers. Params holds the present values of a prepared statement's
	// parameters; plans bind to their types, not to their values.
	Env   *expr.Env
	Stats func(t *schema.Table) (rows, bytes uint64)
	// Access is asked once for each table and privilege (parser/mysql.PrivilegeType); nil allows all.
	Access func(priv uint64, db, table string) error
	// ColumnType is the type that a column's definition says, of JSON_TABLE; nil: there is none.
	ColumnType bind.ColumnType
	// Implied is told of tables that a data change may look into, or change, because of foreign keys, and of those that SELECT … FOR UPDATE
	// locks, which counts as a change; nil: nobody wants to know.
	Implied func(db string, t *schema.Table, write bool)
	// ViewAccess gives Access for what a view's query names: by the privileges of its definer, or of who uses it. 1449 where there is no
	// such definer.
	ViewAccess func(v *schema.View) (func(priv uint64, db, table string) error, error)
	// Inserted is what sql_auto_is_null goes by; nil: nothing.
	Inserted *Inserted
	Settings
	// RowIDs: the row ids of tables without a primary key have a name, schema.RowIDName.
	RowIDs bool
	// NoPasses is for tests: no rewriting, every table is read whole, and nothing runs inside the shards.
	NoPasses bool
}

// Check asks for a privilege on a table.
func (ctx *Context) Check(priv mysql.PrivilegeType, db, table string) error {
	if ctx.Access == nil {
		return nil
	}
	return ctx.Access(uint64(priv), db, table)
}

// DefaultOf is DEFAULT(c), which MySQL gives for constants and the present time only.
func (ctx *Context) DefaultOf(c *bind.Column) (expr.Expr, error) {
	return bind.DefaultOf(ctx.Env, &c.Source.Columns[c.Pos])
}

// Options say what a query is for, beyond giving its rows to a client.
type Options struct {
	Params  int               // of the statement
	Changes bool              // the statement is a data change
	Into    []*types.Type     // the columns that the query's values go into; nil: a query for itself
	Notes   *Notes            // takes what binding learns of the statement's names; nil: nobody asks
	Also    []*ast.ColumnName // columns that are selected behind the select list
	Perhaps []*ast.ColumnName // and those that FROM has of these, of which Found is told
	Found   func(*ast.ColumnName)
	Asked   []ast.ExprNode    // subqueries that are selected behind those
	NotIn   []*ast.ColumnName // names that are ambiguous where the tables of FROM have them
}

// Bind binds a query.
func Bind(ctx *Context, stmt ast.ResultSetNode, o Options) (*Query, error) {
	b := newBuilder(ctx, o)
	b.first = syntax.FirstOptions(stmt)
	q, err := b.bindQuery(stmt, nil, nil)
	if err != nil {
		return nil, err
	}
	if o.Changes {
		return b.query(q.Node(), q, stmt) // sql_select_limit is for what a client gets
	}
	if s, ok := q.(*selectQuery); ok && s.Limit == nil && !s.locking {
		s.Limit = b.sessionLimit()
	} else if u, ok := q.(*block.Set); ok && u.Limit == nil {
		u.Limit = b.sessionLimit()
	}
	out, err := b.query(q.Node(), q, stmt)
	if err == nil && out.Locks && len(out.AsOf) > 0 {
		return nil, mysqlerr.NotSupported("locking reads AS OF TIMESTAMP")
	}
	return out, err
}

// query is the whole of what has been bound, of a statement.
func (b *builder) query(root Node, q block.Query, stmt ast.Node) (*Query, error) {
	if err := b.checkOrder(root); err != nil {
		return nil, err
	}
	out := &Query{
		Hints: b.hinted.all(), Root: root, Subs: b.subs, Tables: b.tables, Params: b.o.Params, Slots: b.slots, Reads: b.reads, Locks: b.locks,
		Cacheable: !b.once && (stmt == nil || !bind.NamesUserVariable(stmt)), AsOf: b.asOf, NextID: b.ids.Next,
	}
	for _, c := range q.Columns() {
		out.Fields = append(out.Fields, c.Field)
	}
	return out, nil
}

// checkOrder refuses orders that there are no tables for, in subqueries too.
func (b *builder) checkOrder(root Node) error {
	for _, s := range b.subs {
		if err := algebra.CheckOrder(s.Node); err != nil {
			return err
		}
	}
	return algebra.CheckOrder(root)
}

// builder binds one query.
type builder struct {
	ctx *Context
	o   Options
	ids block.Numbers
	env *expr.Env

	slots int                 // parameters that the plan adds
	outer map[int]int         // outer column → its parameter
	subs  []*Subquery         // those that expressions call, inner ones first
	onces int                 // how many of them are computed once
	stack []*selectQuery      // blocks being bound, outermost first
	first *ast.SelectStmtOpts // of the statement's first SELECT, which alone may have some

	tables []TableVersion
	seen   map[schema.TableID]bool
	reads  int // accesses to tables
	locks  bool
	once   bool // the plan serves one execution only

	view       *viewUse            // the view whose query is being bound; nil: none
	via        map[*Table]*viewUse // tables that views name, and which
	views      int                 // that were expanded
	inherit    *Lock               // for the tables of the block that is bound next: what the one around says of them
	plainConds bool                // conditions are kept as expressions, for CHECK OPTION

	changes []changed                                // what the statement changes: no subquery may read it, but for one whose rows are kept apart
	verb    string                                   // UPDATE, DELETE or INSERT
	newRow  func(*ast.ColumnName) (expr.Expr, error) // VALUES(c) of the row that a ByRow is for; nil: none

	hinted hinted

	present bool        // a table is read as it is now
	asOf    []expr.Expr // the times as of which tables are read
}

func newBuilder(ctx *Context, o Options) *builder {
	b := &builder{ctx: ctx, o: o, ids: block.Numbers{Next: 1}, env: &expr.Env{}}
	if ctx.Env != nil {
		b.env.Mode = ctx.Env.Mode
		b.env.Mode.Today = 0 // that of the execution
	}
	return b
}

// newBlock begins a query block.
func (b *builder) newBlock() *selectQuery {
	return &selectQuery{Select: block.Select{IDs: &b.ids}, b: b}
}

// newSlot adds a parameter to the plan.
func (b *builder) newSlot() int {
	b.slots++
	return b.o.Params + b.slots - 1
}

// typing is how the session types calls.
func (b *builder) typing() *expr.Typing {
	if b.ctx.Env == nil {
		return nil
	}
	return b.ctx.Env.Typing
}

// fold computes what is constant whatever the execution.
func (b *builder) fold(e expr.Expr) expr.Expr { return expr.Fold(e, b.env) }

func (b *builder) dependOn(t *schema.Table) { b.depend(t.ID, t.Version) }

func (b *builder) depend(id schema.TableID, version uint64) {
	if b.seen == nil {
		b.seen = map[schema.TableID]bool{}
	}
	if !b.seen[id] {
		b.seen[id] = true
		b.tables = append(b.tables, TableVersion{ID: id, Version: version})
	}
}

// apart begins the binding of a query whose rows are kept apart, as those of a derived table; the result ends it.
func (b *builder) apart() func() {
	changes := b.changes
	b.changes = nil
	return func() { b.changes = changes }
}

func (b *builder) tableRows(t *schema.Table) float64 {
	if b.ctx.Stats == nil {
		return access.MinTableRows
	}
	rows, _ := b.ctx.Stats(t)
	return access.ExpectedRows(rows, b.ctx.Catalog.Statistics(t.ID))
}

// sessionLimit is sql_select_limit.
func (b *builder) sessionLimit() *scalar.Limit {
	if b.ctx.SelectLimit == 0 || b.ctx.SelectLimit == math.MaxUint64 {
		return nil
	}
	return scalar.FixedLimit(b.ctx.SelectLimit)
}
