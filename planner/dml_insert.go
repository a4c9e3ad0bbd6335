package planner

import (
	"math"

	"context"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/change"
	"cloudsql/planner/dml"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/locate"
	"cloudsql/planner/rules"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// insertPlan is INSERT and REPLACE, from VALUES or from a query.
type insertPlan struct {
	*dml.Insert
	columns   []schema.ColumnID // of full rows
	defaults  []columnDefault
	source    Rows                  // of In
	byRow     *queryPlan            // runs subqueries of Set; nil: none
	checking  *queryPlan            // runs subqueries of View.Check; nil: none
	set       []fragment.Assignment // Set, and what the table's definition adds
	rules     *rules.Rules          // nil: none
	checks    []fragment.Check      // that set may violate
	spares    bool                  // spares(…)
	nulls     bool                  // assignsNulls(…)
	conflicts []conflict            // where set has what only a gateway can compute: how it finds the rows to update
	telling   []conflict            // how the row is found whose id LAST_INSERT_ID(id) tells
	autoInc   int                   // position, or -1
	zeroAuto  bool                  // NO_AUTO_VALUE_ON_ZERO: 0 is a value like others
	series    Series                // of AUTO_INCREMENT values
	tellsRow  bool                  // sql_warnings
	hidden    int                   // position of the row id, or -1
	tables    []TableVersion
	place     locate.Place
	change.Ties
}

// insertChunk is how many rows of a query go into one fragment.
const insertChunk = 1000

func buildInsert(ctx *Context, s *ast.InsertStmt, params int) (Modify, error) {
	n, q, err := bindInsert(ctx, s, params)
	if err != nil {
		return nil, err
	}
	p, err := newInsertPlan(ctx, n)
	if err != nil {
		return nil, err
	}
	if q != nil {
		if p.source, err = planQuery(ctx, q.Below()); err != nil {
			return nil, err
		}
		p.tables = append(p.tables, p.source.Tables()...)
	}
	if n.ByRow != nil {
		if p.byRow, err = planOperators(ctx, n.ByRow); err != nil {
			return nil, err
		}
		p.tables = append(p.tables, p.byRow.Tables()...)
	}
	if len(n.Set) > 0 {
		if p.set, err = onUpdate(n.Table, n.Set, p.rules); err != nil {
			return nil, err
		}
		p.checks, p.spares, p.nulls = p.rules.ChecksOf(p.set), spares(ctx, n.Kind, n.Ignore), p.assignsNulls(ctx)
	}
	checked := n.View != nil && len(n.View.Check) > 0 && len(p.set) > 0 // rows that are updated are checked, too
	atGateway := func(a fragment.Assignment) bool { return !shipping(ctx).Pushable(a.Expr) }
	entered := n.Kind == fragment.InsertOrUpdate && n.Table.HasEntries() // the row that is met may be in another shard
	if checked || entered || p.byRow != nil || slices.ContainsFunc(p.set, atGateway) || readsWhatItSets(s) {
		p.conflicts, err = p.planConflicts(ctx)
	} else if n.TellsID && !hasPrefixKey(n.Table) {
		p.telling, err = p.planConflicts(ctx)
	}
	if err != nil {
		return nil, err
	}
	p.Ties, err = change.Tie(ctx, n.Ignore, &p.tables, change.Target{DB: n.DB, Table: n.Table, Kind: n.Kind, Set: p.set})
	return p, err
}

// assignsNulls tells whether ON DUPLICATE KEY UPDATE may assign NULL to columns without it: in a statement of several rows, where no strict
// mode holds. Entries of version 1 can't say so: it is an error there.
func (p *insertPlan) assignsNulls(ctx *Context) bool {
	if ctx.Env.Mode.Strict || p.Ignore || p.OneRow || ctx.Catalog.ClusterVersion().Active < version.V2 {
		return false
	}
	return slices.ContainsFunc(p.set, func(a fragment.Assignment) bool { return p.Table.Columns[p.Table.ColumnByID(a.Column)].NotNull })
}

func hasPrefixKey(t *schema.Table) bool {
	return slices.ContainsFunc(t.Indexes, func(ix schema.Index) bool {
		return ix.IsUnique() && slices.ContainsFunc(ix.Columns, func(c schema.IndexColumn) bool { return c.Prefix > 0 })
	})
}

// readsWhatItSets tells whether ON DUPLICATE KEY UPDATE reads a user variable in a statement that sets one, so that its value
// is another for each row.
func readsWhatItSets(s *ast.InsertStmt) bool {
	return bind.SetsUserVariable(s) && slices.ContainsFunc(s.OnDuplicate, func(a *ast.Assignment) bool { return bind.NamesUserVariable(a.Expr) })
}

// newInsertPlan is what all plans that insert rows have in common.
func newInsertPlan(ctx *Context, n *dml.Insert) (*insertPlan, error) {
	p := &insertPlan{Insert: n, columns: n.Table.ColumnIDs(), autoInc: n.Table.AutoIncColumn(), hidden: -1, set: n.Set}
	p.series, p.tellsRow = ctx.AutoIncrement, ctx.TellsRow
	p.zeroAuto = ctx.Has(mysql.ModeNoAutoValueOnZero)
	p.tables = []TableVersion{{ID: n.Table.ID, Version: n.Table.Version}}
	if err := p.planCheck(ctx); err != nil {
		return nil, err
	}
	for i := range n.Table.Columns {
		if n.Table.Columns[i].RowID() {
			p.hidden = i
		}
	}
	var err error
	if p.place, err = locate.PlaceOf(n.Table, n.Only); err != nil {
		return nil, err
	}
	if p.defaults, err = defaultsOf(ctx, n.DB, n.Table); err != nil {
		return nil, err
	}
	if ctx.Env.Mode.Strict && !n.Ignore {
		if err := p.checkDefaults(); err != nil {
			return nil, err
		}
	}
	p.rules, err = rules.Of(ctx.Catalog, n.Table, ctx.Env)
	return p, err
}

// planCheck plans what a view holds rows to.
func (p *insertPlan) planCheck(ctx *Context) (err error) {
	if p.View == nil {
		return nil
	}
	p.tables = append(p.tables, p.View.Tables...)
	if p.View.Asking != nil {
		if p.checking, err = planOperators(ctx, p.View.Asking); err == nil {
			p.tables = append(p.tables, p.checking.Tables()...)
		}
	}
	return err
}

// Run computes the rows and sends them.
func (p *insertPlan) Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error) {
	run, err := p.newRun(rt)
	if err != nil {
		return nil, err
	}
	defer run.notes.tell()
	defer run.close()
	if err := run.ask(ctx); err != nil {
		return nil, err
	}
	if p.source != nil {
		err = run.fromQuery(ctx)
	} else {
		err = run.fromValues(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := run.tellID(ctx); err != nil {
		return nil, err
	}
	return run.result(), nil
}

// newRun begins an execution.
func (p *insertPlan) newRun(rt *exec.Runtime) (*insertRun, error) {
	env := change.Env(rt, p.Ignore)
	w := p.Writer(rt)
	w.Upserting = p.conflicts != nil
	w.CountWarnings(env)
	var set []fragment.Assignment
	var err error
	if p.conflicts == nil {
		if set, err = scalar.PureSet(p.set, env); err != nil {
			return nil, err
		}
	}
	run := &insertRun{insertPlan: p, rt: rt, env: env, eval: env, w: w, set: set}
	if p.conflicts == nil {
		run.collectNotes()
	}
	if env.Mode.Strict {
		eval := *env
		run.strict.Next = env.Warn
		eval.Warn = run.strict.Warn
		run.eval = &eval
	}
	if p.rules != nil {
		run.rows = p.rules.ForRows(env)
	}
	if p.Ignore && p.autoInc >= 0 && p.place.Several() {
		w.LeftOut = run.leaveOut
	}
	run.batch.Reset(len(p.columns))
	return run, run.computeDefaults()
}

// insertRun is one execution.
type insertRun struct {
	*insertPlan
	rt       *exec.Runtime
	env      *expr.Env
	eval     *expr.Env // env of expressions: what strict mode does not forgive in them becomes strict's error
	checkEnv *expr.Env // eval of the view's conditions
	strict   expr.StrictWarnings
	asked    []*exec.Run // that subqueries run in
	rows     *rules.Rows // of the table; nil: none
	w        *change.Writer
	set      []fragment.Assignment
	seen     [][]types.Value // of the batch's rows: the values of outside
	computed []types.Value   // the row of all defaults; expressions among them are computed once a statement
	batch    types.Batch
	last     []types.Value // the last row that was sent, where telling needs it
	ordinals []int         // of the batch's rows in the statement
	numbered bool          // shards are told of them
	records  int
	notes    rowNotes
	explicit uint64 // last AUTO_INCREMENT value that the statement named

	generated []uint64 // AUTO_INCREMENT values of the batch's rows that were generated here, where IGNORE may leave rows out
}

func (r *insertRun) fromValues(ctx context.Context) error {
	for _, exprs := range r.Rows {
		row, err := r.next(ctx)
		if err != nil {
			return err
		}
		for j, e := range exprs {
			if e == nil {
				continue // DEFAULT: it is there already
			}
			v, err := e.Eval(r.eval, row)
			if err == nil {
				err = r.strict.Err()
			}
			if err != nil {
				return err
			}
			if row[r.Named[j]], err = r.assign(v, r.Named[j]); err != nil {
				return err
			}
		}
		keep, err := false, r.fillDefaults(row, exprs)
		if err == nil {
			keep, err = r.follow(row)
		}
		if keep && r.conflicts != nil {
			err = r.upsert(ctx)
		}
		if err != nil {
			return err
		}
	}
	return r.flush(ctx)
}

func (r *insertRun) fromQuery(ctx context.Context) error {
	op, err := openStrict(ctx, r.source, r.noting(), r.Ignore)
	if err != nil {
		return err
	}
	if r.readsTarget() { // it would meet the rows that it has inserted, and never end
		op = spill.NewSpool(&r.rt.Room, op)
	}
	defer op.Close()
	var in types.Batch
	for {
		ok, err := op.Next(ctx, &in)
		if err != nil {
			return err
		}
		if !ok {
			return r.flush(ctx)
		}
		for i := range in.Len() {
			keep, err := r.addQueryRow(ctx, in.Row(i))
			if keep && r.conflicts != nil {
				err = r.upsert(ctx)
			}
			if err != nil {
				return err
			}
		}
		if r.batch.Len() >= insertChunk {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// readsTarget tells whether the query reads the table that its rows go to.
func (r *insertRun) readsTarget() bool {
	return slices.ContainsFunc(r.source.Tables(), func(t TableVersion) bool { return t.ID == r.Table.ID })
}

// addQueryRow adds a row to the batch; keep is false where IGNORE has left it out.
func (r *insertRun) addQueryRow(ctx context.Context, in []types.Value) (keep bool, err error) {
	row, err := r.next(ctx)
	if err != nil {
		return false, err
	}
	for j, pos := range r.Named {
		if r.Table.Columns[pos].Generated != "" {
			continue // DEFAULT
		}
		if row[pos], err = r.assign(in[j].Clone(), pos); err != nil {
			return false, err
		}
	}
	if err = r.fillDefaults(row, nil); err == nil {
		keep, err = r.follow(row)
	}
	if keep && len(r.Outside) > 0 {
		r.seen = append(r.seen, cloneRow(in[len(r.Named):]))
	}
	return keep, err
}

// flush sends the batch.
func (r *insertRun) flush(ctx context.Context) error {
	defer r.notes.tell()
	if r.batch.Len() == 0 {
		return nil
	}
	r.numbered = r.numbersRows()
	if r.telling != nil {
		r.last = cloneRow(r.batch.Row(r.batch.Len() - 1))
	}
	var err error
	if r.place.Several() || r.series.Step > 1 || r.insertID() != 0 { // a shard generates every number, for rows of its own
		err = r.reserve(ctx)
	}
	switch {
	case err != nil:
	case len(r.Outside) > 0:
		err = r.flushEach(ctx)
	case !r.place.Several():
		f := r.fragment(&r.Table.Tablets[0], r.batch, r.ordinals[0])
		r.number(f, r.ordinals...)
		err = r.w.Write(ctx, f)
	default:
		err = r.flushSplit(ctx)
	}
	r.forget()
	return err
}

// forget begins the next batch.
func (r *insertRun) forget() {
	r.batch, r.seen, r.ordinals = types.Batch{Width: r.batch.Width}, nil, r.ordinals[:0]
}

// flushEach sends a fragment for each row, whose assignments have the values of the query's columns in them.
func (r *insertRun) flushEach(ctx context.Context) error {
	var writes []*fragment.Write
	for i := range r.batch.Len() {
		row := r.batch.Row(i)
		one := types.Batch{Width: r.batch.Width}
		one.Append(row)
		tablet, err := r.tablet(ctx, i, writes)
		if err != nil {
			return err
		}
		if tablet == nil {
			continue
		}
		w := r.fragment(tablet, one, r.ordinals[i])
		r.number(w, r.ordinals[i])
		w.Set = slices.Clone(r.set)
		for j := range w.Set {
			w.Set[j].Expr = r.insertOutside(w.Set[j].Expr, r.seen[i])
		}
		writes = append(writes, w)
	}
	return r.send(ctx, writes...)
}

// tablet finds where a row of the batch belongs. One that belongs nowhere ends the statement, after what came before it, or is left out: nil.
func (r *insertRun) tablet(ctx context.Context, i int, before []*fragment.Write) (*schema.Tablet, error) {
	tablet, err := r.place.Of(r.batch.Row(i))
	switch {
	case err == nil:
		return tablet, nil
	case !r.Ignore || !change.Spared(err):
		if failed := r.send(ctx, before...); failed != nil {
			return nil, failed
		}
		return nil, err
	}
	r.w.Sum.Duplicates++
	e := mysqlerr.From(err)
	r.note(r.ordinals[i], fragment.Condition(e.Code, e.Message))
	return nil, nil
}

// send writes the batch's fragments.
func (r *insertRun) send(ctx context.Context, writes ...*fragment.Write) error {
	if r.place.Moves(r.set) {
		return r.w.WriteMoving(ctx, &r.place, r.Ignore, writes...)
	}
	return r.w.Write(ctx, writes...)
}

// insertOutside puts a row's values in the places of the query's columns.
func (r *insertRun) insertOutside(e expr.Expr, seen []types.Value) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, ok := x.(*expr.Column); ok && c.Index >= 2*len(r.columns) {
			return &expr.Const{Val: seen[c.Index-2*len(r.columns)], Typ: c.Typ}
		}
		return x
	})
}

func (r *insertRun) fragment(t *schema.Tablet, rows types.Batch, first int) *fragment.Write {
	return &fragment.Write{
		Kind: r.Kind, Tablet: t.ID, SchemaVersion: r.Table.Version, Columns: r.columns, Rows: rows,
		AutoInc: r.autoInc >= 0, Set: r.set, Env: r.env, Checks: r.checks, Lenient: r.spares, NullsPass: r.nulls, FirstRow: first,
	}
}

// flushSplit distributes rows over the tablets of a split table; generated values are needed to know where rows go. Where rows of different
// tablets are in each other's way they keep their order, by which it is told what becomes of them.
func (r *insertRun) flushSplit(ctx context.Context) error {
	if !r.Table.HasEntries() || r.Kind != fragment.Insert {
		return r.distribute(ctx, r.Table.HasEntries())
	}
	mark, sum, noted := r.rt.Txn.Savepoint(), r.w.Sum, len(r.notes.list)
	err := r.distribute(ctx, false)
	if mysqlerr.Code(err) != mysqlerr.DupEntry {
		return err
	}
	if err := r.rt.Txn.RollbackTo(ctx, mark); err != nil {
		return err
	}
	r.w.Sum, r.notes.list = sum, r.notes.list[:noted]
	return r.distribute(ctx, true)
}

// distribute sends the batch by tablets; ordered: a fragment ends where the next row is of another tablet.
func (r *insertRun) distribute(ctx context.Context, ordered bool) error {
	parts := make(map[schema.TabletID]*fragment.Write)
	var writes []*fragment.Write
	for i := range r.batch.Len() {
		tablet, err := r.tablet(ctx, i, writes)
		if err != nil {
			return err
		}
		if tablet == nil {
			continue
		}
		w := parts[tablet.ID]
		if w == nil || ordered && writes[len(writes)-1] != w {
			w = r.fragment(tablet, types.Batch{Width: r.batch.Width}, r.ordinals[i])
			parts[tablet.ID] = w
			writes = append(writes, w)
		}
		w.Rows.Append(r.batch.Row(i))
		r.number(w, r.ordinals[i])
	}
	return r.send(ctx, writes...)
}

// reserve generates the batch's AUTO_INCREMENT values at the gateway: a value that is given moves those behind it, as at a shard.
func (r *insertRun) reserve(ctx context.Context) error {
	if r.autoInc < 0 {
		return nil
	}
	left := uint64(0)
	r.generated = r.generated[:0]
	for i := range r.batch.Len() {
		if r.batch.Row(i)[r.autoInc].IsNull() {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	next, err := r.numbers(ctx, left)
	for i := 0; i < r.batch.Len() && left > 0 && err == nil; i++ {
		v := &r.batch.Row(i)[r.autoInc]
		if !v.IsNull() {
			if given := v.Uint(); r.place.Several() && v.Kind() != types.KindFloat && int64(given) > 0 && given >= next { //nolint:gosec // its sign
				if err = r.rt.DB.SetAutoInc(ctx, r.Table, given+1); err == nil {
					next, err = r.numbers(ctx, left)
				}
			}
			continue
		}
		typ := &r.Table.Columns[r.autoInc].Type
		if limit := typ.MaxAutoIncrement(); next > limit && limit == math.MaxUint64-1 {
			return mysqlerr.New(mysqlerr.AutoincReadFailed)
		} else if next > limit {
			next = limit // again, which its key refuses
		}
		*v, _ = access.UnsignedKey(next, typ)
		if r.w.Sum.FirstAutoInc == 0 {
			r.w.Sum.FirstAutoInc = next
		}
		if r.w.LeftOut != nil {
			r.generated = append(r.generated, next)
		}
		next += max(r.series.Step, 1)
		left--
	}
	return err
}

// leaveOut has LAST_INSERT_ID() be that of a row that came, where IGNORE leaves out the first one that has a generated value.
func (r *insertRun) leaveOut(row []types.Value) {
	first := &r.w.Sum.FirstAutoInc
	if r.autoInc < 0 || *first == 0 || row[r.autoInc].IsNull() || row[r.autoInc].Uint() != *first {
		return
	}
	if i := slices.Index(r.generated, *first); i >= 0 {
		if *first = 0; i+1 < len(r.generated) {
			*first = r.generated[i+1]
		}
	}
}

// numbers reserves n AUTO_INCREMENT values, and gives the first.
func (r *insertRun) numbers(ctx context.Context, n uint64) (first uint64, err error) {
	if first = r.insertID(); first != 0 {
		*r.rt.InsertID = 0
		if next := first + n*max(r.series.Step, 1); r.place.Several() && next > first {
			err = r.rt.DB.SetAutoInc(ctx, r.Table, next)
		}
		return first, err
	}
	first, err = r.rt.DB.ReserveAutoInc(ctx, r.Table, n*max(r.series.Step, 1))
	if r.series.Step > 1 {
		first = r.series.From(first)
	}
	return first, err
}

// insertID is the session's insert_id; 0: none.
func (r *insertRun) insertID() uint64 {
	if r.rt.InsertID == nil {
		return 0
	}
	return *r.rt.InsertID
}

func (r *insertRun) result() *exec.ModifyResult {
	sum := &r.w.Sum
	m := &exec.ModifyResult{Affected: sum.Affected, LastInsertID: sum.FirstAutoInc}
	if m.LastInsertID == 0 && r.TellsID {
		m.LastInsertID = sum.LastUpdated
	}
	if m.LastInsertID == 0 {
		// A row that is updated changes nothing of LAST_INSERT_ID(); the OK packet tells its id.
		if m.ExplicitID = r.explicit; sum.LastUpdated != 0 {
			m.ExplicitID = sum.LastUpdated
		}
	}
	if r.rt.FoundRowsFlag && r.Kind == fragment.InsertOrUpdate {
		// With CLIENT_FOUND_ROWS a row that is found and left as it was counts 1.
		m.Affected += sum.Matched - min(sum.Matched, sum.Duplicates)
	}
	if r.source != nil || len(r.Rows) > 1 || r.tellsRow && r.w.Warnings > 0 {
		m.Info = r.w.InsertInfo(r.records)
	}
	return m
}

// NeedsTxn: rows from a query arrive in chunks; rows of a split table may go to several shards.
func (p *insertPlan) NeedsTxn() bool {
	return p.source != nil || len(p.Table.Tablets) > 1 && len(p.Rows) != 1 || p.place.Moves(p.set) || p.conflicts != nil || p.Related()
}
func (p *insertPlan) Tables() []TableVersion { return p.tables }
func (p *insertPlan) Cacheable() bool {
	return (p.source == nil || p.source.Cacheable()) && (p.byRow == nil || p.byRow.Cacheable())
}

// Explain shows the write fragment, and the query below it.
func (p *insertPlan) Explain() []ExplainLine {
	lines := []ExplainLine{{Operator: kindNames[p.Kind], EstRows: float64(len(p.Rows)), Where: explain.ShardName(&p.Table.Tablets[0]), Object: "table:" + p.Table.Name}}
	if p.source != nil {
		lines = below(lines, p.source.Explain())
	}
	if p.byRow != nil {
		lines = below(lines, p.byRow.ops.ExplainSubqueries())
	}
	return lines
}
