package planner

import (
	"context"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/logical"
	"cloudsql/planner/physical"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// insertPlan is INSERT and REPLACE, from VALUES or from a query.
type insertPlan struct {
	target
	kind      fragment.Kind
	ignore    bool
	strict    bool
	columns   []schema.ColumnID // of full rows
	defaults  []columnDefault
	named     []int         // positions of the columns that the statement gives values for
	rows      [][]expr.Expr // VALUES: one expression for each of named; nil stands for DEFAULT
	source    Rows          // INSERT … SELECT
	set       []fragment.Assignment
	outside   []bind.Column // of the query's tables, which set names; their values come behind those of named
	conflicts []conflict    // where set has what only a gateway can compute: how it finds the rows to update
	setsID    bool          // set calls LAST_INSERT_ID(expr)
	autoInc   int           // position, or -1
	zeroAuto  bool          // NO_AUTO_VALUE_ON_ZERO: 0 is a value like others
	series    Series        // of AUTO_INCREMENT values
	hidden    int           // position of the row id, or -1
	tables    []TableVersion
}

// insertChunk is how many rows of a query go into one fragment.
const insertChunk = 1000

func buildInsert(ctx *Context, s *ast.InsertStmt, params int) (Modify, error) {
	name, _ := singleTable(s.Table)
	if name == nil || len(s.PartitionNames) > 0 {
		return nil, mysqlerr.NotSupported("INSERT into something that is not a table")
	}
	tgt, err := baseTable(ctx, name)
	if err != nil {
		return nil, err
	}
	p := &insertPlan{target: tgt, kind: insertKind(s), ignore: s.IgnoreErr, columns: tgt.table.ColumnIDs(), autoInc: tgt.table.AutoIncColumn(), hidden: -1}
	p.strict = ctx.Env.Mode.Strict && !s.IgnoreErr
	p.series = ctx.AutoIncrement
	p.zeroAuto = ctx.Has(mysql.ModeNoAutoValueOnZero)
	p.tables = []TableVersion{{ID: tgt.table.ID, Version: tgt.table.Version}}
	for i := range tgt.table.Columns {
		if tgt.table.Columns[i].Hidden {
			p.hidden = i
		}
	}
	if err := p.privileges(ctx, s); err != nil {
		return nil, err
	}
	if p.defaults, err = defaultsOf(ctx, tgt.table); err != nil {
		return nil, err
	}
	if err := p.nameColumns(s); err != nil {
		return nil, err
	}
	if query := valuesQuery(s.Lists); s.Select != nil || query != nil {
		if s.Select != nil {
			query = s.Select
		}
		err = p.bindQuery(ctx, query, params, s.OnDuplicate)
	} else {
		err = p.bindValues(ctx, s.Lists)
	}
	if err == nil {
		err = p.bindOnDuplicate(ctx, s.OnDuplicate)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func insertKind(s *ast.InsertStmt) fragment.Kind {
	switch {
	case s.IsReplace:
		return fragment.Replace
	case len(s.OnDuplicate) > 0:
		return fragment.InsertOrUpdate
	case s.IgnoreErr:
		return fragment.InsertIgnore
	}
	return fragment.Insert
}

func (p *insertPlan) privileges(ctx *Context, s *ast.InsertStmt) error {
	privs := []mysql.PrivilegeType{mysql.InsertPriv}
	if s.IsReplace {
		privs = append(privs, mysql.DeletePriv)
	}
	if len(s.OnDuplicate) > 0 {
		privs = append(privs, mysql.UpdatePriv)
	}
	for _, priv := range privs {
		if err := ctx.Check(priv, p.db, p.table.Name); err != nil {
			return err
		}
	}
	return nil
}

// nameColumns finds the columns of the column list (all visible ones without one).
func (p *insertPlan) nameColumns(s *ast.InsertStmt) error {
	if len(s.Columns) == 0 {
		if s.Select == nil && len(s.Lists) > 0 && len(s.Lists[0]) == 0 {
			return nil // INSERT INTO t () VALUES ()
		}
		for i := range p.table.Columns {
			if !p.table.Columns[i].Hidden {
				p.named = append(p.named, i)
			}
		}
		return nil
	}
	seen := make(map[int]bool)
	for _, c := range s.Columns {
		pos := p.table.ColumnByName(c.Name.L)
		if pos < 0 || c.Table.O != "" && !strings.EqualFold(c.Table.O, p.alias) {
			return mysqlerr.New(mysqlerr.BadField, c.Name.O, bind.FieldList)
		}
		if seen[pos] {
			return mysqlerr.New(mysqlerr.FieldSpecifiedTwice, c.Name.O)
		}
		seen[pos] = true
		p.named = append(p.named, pos)
	}
	return nil
}

func (p *insertPlan) bindValues(ctx *Context, lists [][]ast.ExprNode) error {
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	sc := &bind.Scope{Cols: bind.TableColumns(p.table, p.db, p.alias, 0)}
	for i, list := range lists {
		if len(list) != len(p.named) {
			return mysqlerr.New(mysqlerr.WrongValueCountOnRow, i+1)
		}
		row := make([]expr.Expr, len(list))
		for j, n := range list {
			if d, ok := n.(*ast.DefaultExpr); ok && d.Name == nil {
				continue
			}
			var err error
			if row[j], err = bind.Expr(b, sc, n); err != nil {
				return err
			}
			row[j] = expr.ForColumn(row[j], &p.table.Columns[p.named[j]].Type)
		}
		p.rows = append(p.rows, row)
	}
	return p.checkDefaults(lists)
}

// valuesQuery takes VALUES with subqueries in them as SELECT … UNION ALL SELECT …; nil where there are none.
func valuesQuery(lists [][]ast.ExprNode) ast.ResultSetNode {
	if !slices.ContainsFunc(lists, func(list []ast.ExprNode) bool { return slices.ContainsFunc(list, hasSubquery) }) {
		return nil
	}
	all := ast.UnionAll
	set := &ast.SetOprStmt{SelectList: &ast.SetOprSelectList{}}
	for i, list := range lists {
		sel := &ast.SelectStmt{SelectStmtOpts: &ast.SelectStmtOpts{SQLCache: true}, Fields: &ast.FieldList{}, Kind: ast.SelectStmtKindSelect}
		for _, n := range list {
			sel.Fields.Fields = append(sel.Fields.Fields, &ast.SelectField{Expr: n})
		}
		if len(lists) == 1 {
			return sel
		}
		if i > 0 {
			sel.AfterSetOperator = &all
		}
		set.SelectList.Selects = append(set.SelectList.Selects, sel)
	}
	return set
}

// checkDefaults gives 1364 for a column that has neither a value nor a default, in strict mode.
func (p *insertPlan) checkDefaults(lists [][]ast.ExprNode) error {
	if !p.strict {
		return nil
	}
	named := make([]bool, len(p.table.Columns))
	for j, pos := range p.named {
		named[pos] = true
		for i := range lists {
			if p.rows[i][j] == nil && p.defaults[pos].none {
				return mysqlerr.New(mysqlerr.NoDefaultForField, p.table.Columns[pos].Name)
			}
		}
	}
	for pos := range p.table.Columns {
		if !named[pos] && p.defaults[pos].none {
			return mysqlerr.New(mysqlerr.NoDefaultForField, p.table.Columns[pos].Name)
		}
	}
	return nil
}

func (p *insertPlan) bindQuery(ctx *Context, n ast.ResultSetNode, params int, onDuplicate []*ast.Assignment) error {
	n, err := p.selectOutside(n, onDuplicate)
	if err != nil {
		return err
	}
	o := logical.Options{Params: params, Changes: true}
	for _, pos := range p.named {
		o.Into = append(o.Into, &p.table.Columns[pos].Type)
	}
	if p.source, err = buildQuery(ctx, n, o); err != nil {
		return err
	}
	fields := p.source.Fields()
	if len(fields) != len(p.named)+len(p.outside) {
		return mysqlerr.New(mysqlerr.WrongValueCountOnRow, 1)
	}
	for i := range p.outside {
		p.outside[i].Field.Type = fields[len(p.named)+i].Type
	}
	p.tables = append(p.tables, p.source.Tables()...)
	return p.checkDefaults(nil)
}

func (p *insertPlan) bindOnDuplicate(ctx *Context, list []*ast.Assignment) error {
	if len(list) == 0 {
		return nil
	}
	width := len(p.table.Columns)
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	sc := &bind.Scope{Cols: append(bind.TableColumns(p.table, p.db, p.alias, 0), p.outside...)}
	list, err := assignedDefaults(p.table, p.alias, list)
	if err != nil {
		return err
	}
	b.Values = func(name *ast.ColumnName) (expr.Expr, error) {
		pos := p.table.ColumnByName(name.Name.L)
		if pos < 0 {
			return nil, mysqlerr.New(mysqlerr.BadField, name.Name.O, bind.FieldList)
		}
		c := &p.table.Columns[pos]
		return &expr.Column{Index: width + pos, Typ: c.Type, Name: "VALUES(" + c.Name + ")"}, nil
	}
	p.set, err = bindAssignments(ctx, b, sc, p.table, p.alias, list)
	if err != nil {
		return err
	}
	for i := range p.set {
		p.set[i].Expr = expr.Rewrite(p.set[i].Expr, p.lastInsertIDOfColumn)
		p.setsID = p.setsID || setsLastInsertID(p.set[i].Expr)
	}
	if p.set, err = addOnUpdateNow(ctx, p.table, p.set); err != nil {
		return err
	}
	if slices.ContainsFunc(p.set, func(a fragment.Assignment) bool { return !shipping(ctx).Pushable(a.Expr) }) {
		return p.bindConflicts(ctx)
	}
	return nil
}

func setsLastInsertID(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		c := scalar.AsCall(x, "last_insert_id")
		found = found || c != nil && len(c.Args()) > 0
		return !found
	})
	return found
}

// lastInsertIDOfColumn takes the idiom id = LAST_INSERT_ID(id) as id = id: the shard reports the AUTO_INCREMENT value of
// the row that it updated, which is what LAST_INSERT_ID() is to give afterwards.
func (p *insertPlan) lastInsertIDOfColumn(e expr.Expr) expr.Expr {
	call, ok := e.(*expr.Call)
	if !ok || call.Name() != "last_insert_id" || len(call.Args()) != 1 {
		return e
	}
	if c, ok := call.Args()[0].(*expr.Column); ok && c.Index == p.autoInc {
		return c
	}
	return e
}

// Run computes the rows and sends them.
func (p *insertPlan) Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error) {
	env := changeEnv(rt, p.ignore)
	w := &writer{rt: rt}
	w.countWarnings(env)
	var set []fragment.Assignment
	var err error
	if p.conflicts == nil {
		if set, err = pureSet(p.set, env); err != nil {
			return nil, err
		}
	}
	run := &insertRun{insertPlan: p, rt: rt, env: env, eval: env, w: w, set: set, first: 1}
	if env.Mode.Strict {
		eval := *env
		run.strict.Next = env.Warn
		eval.Warn = run.strict.Warn
		run.eval = &eval
	}
	run.batch.Reset(len(p.columns))
	if err := run.computeDefaults(); err != nil {
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
	return run.result(), nil
}

// insertRun is one execution.
type insertRun struct {
	*insertPlan
	rt       *exec.Runtime
	env      *expr.Env
	eval     *expr.Env // env of expressions: what strict mode does not forgive in them becomes strict's error
	strict   expr.StrictWarnings
	w        *writer
	set      []fragment.Assignment
	seen     [][]types.Value // of the batch's rows: the values of outside
	computed []types.Value   // the row of all defaults; expressions among them are computed once a statement
	batch    types.Batch
	first    int // number of the batch's first row in the statement
	records  int
	explicit uint64 // last AUTO_INCREMENT value that the statement named
}

func (r *insertRun) fromValues(ctx context.Context) error {
	for _, exprs := range r.rows {
		row := r.next()
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
			if row[r.named[j]], err = r.assign(v, r.named[j]); err != nil {
				return err
			}
		}
		err := r.fillDefaults(row, exprs)
		if err == nil && r.conflicts != nil {
			err = r.upsert(ctx)
		}
		if err != nil {
			return err
		}
	}
	return r.flush(ctx)
}

func (r *insertRun) fromQuery(ctx context.Context) error {
	op, err := r.source.Open(ctx, r.rt)
	if err != nil {
		return err
	}
	if r.readsTarget() { // it would meet the rows that it has inserted, and never end
		op = exec.NewSpool(ctx, r.rt, op)
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
			err := r.addQueryRow(in.Row(i))
			if err == nil && r.conflicts != nil {
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
	return slices.ContainsFunc(r.source.Tables(), func(t TableVersion) bool { return t.ID == r.table.ID })
}

func (r *insertRun) addQueryRow(in []types.Value) error {
	row := r.next()
	for j, pos := range r.named {
		v, err := r.assign(in[j].Clone(), pos)
		if err != nil {
			return err
		}
		row[pos] = v
	}
	if len(r.outside) > 0 {
		r.seen = append(r.seen, cloneRow(in[len(r.named):]))
	}
	return r.fillDefaults(row, nil)
}

// fillDefaults computes DEFAULT (expression) of the columns that a row gives no value for: exprs are those of VALUES, in the
// order of named; nil where a query gives all.
func (r *insertRun) fillDefaults(row []types.Value, exprs []expr.Expr) error {
	for pos := range r.defaults {
		e := r.defaults[pos].perRow
		if e == nil {
			continue
		}
		if j := slices.Index(r.named, pos); j >= 0 && (exprs == nil || exprs[j] != nil) {
			continue
		}
		v, err := e.Eval(r.eval, LocalRow(row, &r.env.Mode))
		if err == nil {
			err = r.strict.Err()
		}
		if err != nil {
			return err
		}
		if row[pos], err = r.assign(v, pos); err != nil {
			return err
		}
	}
	return nil
}

// next adds a row to the batch, with defaults in it.
func (r *insertRun) next() []types.Value {
	r.batch.Append(r.computed)
	r.records++
	row := r.batch.Row(r.batch.Len() - 1)
	if r.hidden >= 0 {
		row[r.hidden] = types.Uint(r.rt.DB.NextRowIDs(1))
	}
	return row
}

// assign converts a value for a column.
func (r *insertRun) assign(v types.Value, pos int) (types.Value, error) {
	c := &r.table.Columns[pos]
	if v.IsNull() {
		if !c.NotNull || c.AutoIncrement {
			return v, nil
		}
		if r.ignore {
			r.env.Warn(mysqlerr.BadNull, mysqlerr.New(mysqlerr.BadNull, c.Name).Message)
			return types.ImplicitDefault(&c.Type), nil
		}
		return v, mysqlerr.New(mysqlerr.BadNull, c.Name)
	}
	v, err := types.Assign(v, &c.Type, c.Name, r.records, &r.env.Mode, r.env.Warn)
	if err == nil && c.AutoIncrement {
		if v.Int() == 0 && !r.zeroAuto && v.Kind() != types.KindFloat {
			return types.Null, nil
		}
		r.explicit = v.Uint()
	}
	return v, err
}

// computeDefaults evaluates the defaults of all columns once a statement; a missing one is a warning by now.
func (r *insertRun) computeDefaults() error {
	r.computed = make([]types.Value, len(r.defaults))
	for i := range r.defaults {
		d, c := &r.defaults[i], &r.table.Columns[i]
		r.computed[i] = d.value
		switch {
		case d.expr != nil:
			v, err := d.expr.Eval(r.env, nil)
			if err == nil {
				v, err = types.Assign(v, &c.Type, c.Name, 1, &r.env.Mode, r.env.Warn)
			}
			if err != nil {
				return err
			}
			r.computed[i] = v
		case d.none && !c.AutoIncrement && !c.Hidden:
			r.computed[i] = types.ImplicitDefault(&c.Type)
			if !slices.Contains(r.named, i) {
				r.env.Warn(mysqlerr.NoDefaultForField, mysqlerr.New(mysqlerr.NoDefaultForField, c.Name).Message)
			}
		}
	}
	return nil
}

// flush sends the batch.
func (r *insertRun) flush(ctx context.Context) error {
	if r.batch.Len() == 0 {
		return nil
	}
	var err error
	if len(r.table.Tablets) > 1 || r.series.Step > 1 { // a shard generates every number, for rows of its own
		err = r.reserve(ctx)
	}
	switch {
	case err != nil:
	case len(r.outside) > 0:
		err = r.flushEach(ctx)
	case len(r.table.Tablets) == 1:
		err = r.w.write(ctx, r.fragment(&r.table.Tablets[0], r.batch, r.first))
	default:
		err = r.flushSplit(ctx)
	}
	r.first = r.records + 1
	r.batch, r.seen = types.Batch{Width: r.batch.Width}, nil
	return err
}

// flushEach sends a fragment for each row, whose assignments have the values of the query's columns in them.
func (r *insertRun) flushEach(ctx context.Context) error {
	writes := make([]*fragment.Write, r.batch.Len())
	for i := range writes {
		row := r.batch.Row(i)
		one := types.Batch{Width: r.batch.Width}
		one.Append(row)
		w := r.fragment(r.table.TabletFor(keys.AppendPrimary(nil, r.table, row)), one, r.first+i)
		w.Set = slices.Clone(r.set)
		for j := range w.Set {
			w.Set[j].Expr = r.insertOutside(w.Set[j].Expr, r.seen[i])
		}
		writes[i] = w
	}
	return r.w.write(ctx, writes...)
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
		Kind: r.kind, Tablet: t.ID, SchemaVersion: r.table.Version, Columns: r.columns, Rows: rows,
		AutoInc: r.autoInc >= 0, Set: r.set, Env: r.env, FirstRow: first,
	}
}

// flushSplit distributes rows over the tablets of a split table; generated values are needed to know where rows go.
func (r *insertRun) flushSplit(ctx context.Context) error {
	parts := make(map[schema.TabletID]*fragment.Write)
	var writes []*fragment.Write
	for i := range r.batch.Len() {
		row := r.batch.Row(i)
		tablet := r.table.TabletFor(keys.AppendPrimary(nil, r.table, row))
		w := parts[tablet.ID]
		if w == nil {
			w = r.fragment(tablet, types.Batch{Width: r.batch.Width}, r.first+i)
			parts[tablet.ID] = w
			writes = append(writes, w)
		}
		w.Rows.Append(row)
	}
	return r.w.write(ctx, writes...)
}

// reserve generates the batch's AUTO_INCREMENT values at the gateway.
func (r *insertRun) reserve(ctx context.Context) error {
	if r.autoInc < 0 {
		return nil
	}
	n := uint64(0)
	for i := range r.batch.Len() {
		if r.batch.Row(i)[r.autoInc].IsNull() {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	step := max(r.series.Step, 1)
	next, err := r.rt.DB.ReserveAutoInc(ctx, r.table, n*step)
	if err != nil {
		return err
	}
	if step > 1 {
		next = r.series.From(next)
	}
	if r.w.sum.FirstAutoInc == 0 {
		r.w.sum.FirstAutoInc = next
	}
	for i := range r.batch.Len() {
		if v := &r.batch.Row(i)[r.autoInc]; v.IsNull() {
			*v, _ = access.UnsignedKey(next, &r.table.Columns[r.autoInc].Type)
			next += step
		}
	}
	return nil
}

func (r *insertRun) result() *exec.ModifyResult {
	sum := &r.w.sum
	m := &exec.ModifyResult{Affected: sum.Affected, LastInsertID: sum.FirstAutoInc}
	if m.LastInsertID == 0 && sum.LastUpdated != 0 {
		m.LastInsertID = sum.LastUpdated
	}
	if m.LastInsertID == 0 {
		m.ExplicitID = r.explicit
	}
	if r.rt.FoundRowsFlag && r.kind == fragment.InsertOrUpdate {
		// With CLIENT_FOUND_ROWS a row that is found and left as it was counts 1.
		m.Affected += sum.Matched - min(sum.Matched, sum.Duplicates)
	}
	if r.source != nil || len(r.rows) > 1 {
		m.Info = r.w.insertInfo(r.records)
	}
	return m
}

// NeedsTxn: rows from a query arrive in chunks; rows of a split table may go to several shards.
func (p *insertPlan) NeedsTxn() bool {
	return p.source != nil || len(p.table.Tablets) > 1 || p.conflicts != nil
}
func (p *insertPlan) Tables() []TableVersion { return p.tables }
func (p *insertPlan) Cacheable() bool        { return p.source == nil || p.source.Cacheable() }

// Explain shows the write fragment, and the query below it.
func (p *insertPlan) Explain() []ExplainLine {
	lines := []ExplainLine{{Operator: kindNames[p.kind], EstRows: float64(len(p.rows)), Where: physical.ShardName(&p.table.Tablets[0]), Object: "table:" + p.table.Name}}
	if p.source == nil {
		return lines
	}
	return below(lines, p.source.Explain())
}
