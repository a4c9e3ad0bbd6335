package planner

import (
	"context"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/change"
	"cloudsql/planner/dml"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/locate"
	"cloudsql/planner/logical"
	"cloudsql/planner/rules"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// changePlan is UPDATE or DELETE of one table's rows, found by their keys (one consensus round when autocommit) or by a
// query that locks them.
type changePlan struct {
	dml.Target
	kind   fragment.Kind // Update or Delete
	ignore bool
	spares bool           // spares(…)
	counts bool           // the first assignment is what LAST_INSERT_ID() gives afterwards
	lookup *locate.Lookup // rows by primary key; nil: source finds them
	where  expr.Expr      // beside the key, over the full row
	set    []fragment.Assignment
	checks []fragment.Check // that set may violate
	place  locate.Place
	source Rows // gives the columns by which rows are located (place.Found), locked
	tables []TableVersion
	change.Ties
}

func buildUpdate(ctx *Context, s *ast.UpdateStmt, params int) (Modify, error) {
	name, alias := bind.SingleTable(s.TableRefs)
	if name == nil || s.With != nil || s.MultipleTable || logical.IsView(ctx, name) {
		return buildComputedUpdate(ctx, s, params)
	}
	p, err := newChange(ctx, name, alias, fragment.Update, s.IgnoreErr)
	if err != nil {
		return nil, err
	}
	if err := ctx.Check(mysql.UpdatePriv, p.DB, p.Table.Name); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(s.List, func(a *ast.Assignment) bool { return bind.HasSubquery(a.Expr) }) {
		return buildComputedUpdate(ctx, s, params)
	}
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	set, err := p.Assignments(b, p.scope(ctx), s.List, p.Position)
	if err != nil {
		return nil, err
	}
	set = p.asSequence(ctx, set)
	if slices.ContainsFunc(set, func(a fragment.Assignment) bool { return !shipping(ctx).Pushable(a.Expr) }) {
		return buildComputedUpdate(ctx, s, params)
	}
	r, err := rules.Of(ctx.Catalog, p.Table, ctx.Env)
	if err != nil {
		return nil, err
	}
	if p.set, err = onUpdate(p.Table, set, r); err != nil {
		return nil, err
	}
	p.checks = r.ChecksOf(p.set)
	keyed, err := p.findByKey(ctx, s.Where, s.Order, s.Limit)
	if err == nil && p.counts && (!keyed || p.lookup.Most() > 1) {
		return buildComputedUpdate(ctx, s, params)
	}
	if err != nil || keyed {
		if err == nil {
			err = p.tie(ctx)
		}
		return p, err
	}
	q, err := logical.BindUpdate(ctx, s, params, set)
	if err != nil {
		return nil, err
	}
	return p, p.findBy(ctx, q)
}

// asSequence lets the row's shard do SET id = LAST_INSERT_ID(id + 1), and tell the value: a sequence in one consensus round. Entries of
// version 1 can't say so.
func (p *changePlan) asSequence(ctx *Context, set []fragment.Assignment) []fragment.Assignment {
	if len(set) == 0 { // a generated column SET to DEFAULT
		return set
	}
	call := scalar.AsCall(set[0].Expr, "last_insert_id")
	if call == nil || len(call.Args()) != 1 || !shipping(ctx).Allows(fragment.UpdateSequence.Since()) || ctx.Catalog.Related(p.Table) ||
		p.place.Moves(set) {
		return set
	}
	value := call.Args()[0]
	if value.Type().Class() != types.ClassInt || !shipping(ctx).Pushable(value) {
		return set
	}
	p.counts, set = true, slices.Clone(set)
	set[0].Expr = scalar.Convert(value, *call.Type())
	return set
}

func buildDelete(ctx *Context, s *ast.DeleteStmt, params int) (Modify, error) {
	if s.IsMultiTable {
		return buildComputedDelete(ctx, s, params)
	}
	if bind.OfPartitions(s.TableRefs) {
		return buildComputedDelete(ctx, s, params)
	}
	name, alias := bind.SingleTable(s.TableRefs)
	if name == nil {
		return nil, mysqlerr.NotSupported("DELETE from something that is not a table")
	}
	if logical.IsView(ctx, name) || namesCTE(s.With, name) {
		return buildComputedDelete(ctx, s, params)
	}
	p, err := newChange(ctx, name, alias, fragment.Delete, s.IgnoreErr)
	if err != nil {
		return nil, err
	}
	if err := ctx.Check(mysql.DeletePriv, p.DB, p.Table.Name); err != nil {
		return nil, err
	}
	keyed, err := p.findByKey(ctx, s.Where, s.Order, s.Limit)
	if err != nil || keyed {
		if err == nil {
			err = p.tie(ctx)
		}
		return p, err
	}
	q, err := logical.BindDelete(ctx, s, params)
	if err != nil {
		return nil, err
	}
	return p, p.findBy(ctx, q)
}

// namesCTE tells whether a name is one of WITH's.
func namesCTE(with *ast.WithClause, name *ast.TableName) bool {
	return with != nil && name.Schema.L == "" &&
		slices.ContainsFunc(with.CTEs, func(c *ast.CommonTableExpression) bool { return c.Name.L == name.Name.L })
}

// spares tells whether a change leaves rows as they are that checks or unique keys keep from changing (IGNORE). Entries of version 1
// can't say so: unique keys are errors there, and checks are none.
func spares(ctx *Context, kind fragment.Kind, ignore bool) bool {
	return ignore && (kind == fragment.Update || kind == fragment.InsertOrUpdate) && ctx.Catalog.ClusterVersion().Active >= version.V2
}

func newChange(ctx *Context, name *ast.TableName, alias string, kind fragment.Kind, ignore bool) (*changePlan, error) {
	tgt, err := logical.BaseTable(ctx, name)
	if err != nil {
		return nil, err
	}
	tgt.Alias = alias
	p := &changePlan{Target: tgt, kind: kind, ignore: ignore, spares: spares(ctx, kind, ignore), tables: []TableVersion{{ID: tgt.Table.ID, Version: tgt.Table.Version}}}
	p.place, err = locate.PlaceOf(tgt.Table, nil)
	return p, err
}

func (p *changePlan) scope(ctx *Context) *bind.Scope {
	return &bind.Scope{Cols: bind.Padded(ctx.Env, p.Columns())}
}

// findByKey tells whether the statement reaches its rows by their primary keys, without a query.
func (p *changePlan) findByKey(ctx *Context, where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) (bool, error) {
	if order != nil || limit != nil || where == nil || ctx.NoPasses || !p.ownRowsOnly() {
		return false, nil
	}
	k, err := locate.MatchKey(&bind.Binder{Env: ctx.Env, Clause: bind.Where}, p.Table, p.Alias, where)
	if err != nil || k == nil || k.Index.ID != schema.PrimaryIndex || !p.bindRest(ctx, k.Rest) {
		return false, err
	}
	p.lookup = k
	return true, nil
}

// findBy lets a query find the rows.
func (p *changePlan) findBy(ctx *Context, q *logical.Query) error {
	source, err := planQuery(ctx, q.Below())
	if err != nil {
		return err
	}
	p.source = source
	p.tables = append(p.tables, source.Tables()...)
	return p.tie(ctx)
}

func (p *changePlan) tie(ctx *Context) (err error) {
	p.Ties, err = change.Tie(ctx, p.ignore, &p.tables, change.Target{DB: p.DB, Table: p.Table, Kind: p.kind, Set: p.set})
	return err
}

// ownRowsOnly tells whether the change touches no unique key but those of the rows it names: then it needs no lock but
// theirs, and a shard may do it at apply. (The claim of a new unique key has to be locked first.)
func (p *changePlan) ownRowsOnly() bool {
	changed := make(map[int]bool)
	for i := range p.set {
		if expr.ClassOf(p.set[i].Expr) == expr.Volatile {
			return false
		}
		changed[p.Table.ColumnByID(p.set[i].Column)] = true
	}
	for i := range p.Table.Indexes {
		ix := &p.Table.Indexes[i]
		if !ix.IsUnique() && ix.ID != schema.PrimaryIndex {
			continue
		}
		for _, c := range ix.Columns {
			if changed[c.Column] {
				return false
			}
		}
	}
	return true
}

// bindRest binds the conditions beside the key; false where a shard cannot evaluate them.
func (p *changePlan) bindRest(ctx *Context, rest []ast.ExprNode) bool {
	b := &bind.Binder{Env: ctx.Env, Clause: bind.Where}
	p.where = nil
	for _, n := range rest {
		e, err := bind.Condition(b, p.scope(ctx), n)
		if err != nil || !shipping(ctx).Pushable(e) {
			return false // the optimizer tells the error, or computes it at the gateway
		}
		if e = expr.Condition(e); p.where == nil {
			p.where = e
		} else if p.where, err = expr.New("and", p.where, e); err != nil {
			return false
		}
	}
	if p.where == nil {
		return true
	}
	if p.where.Type().Class() == types.ClassString { // a shard takes it for a condition without a word about text that is no number
		e, err := expr.New("is true", p.where)
		if err != nil {
			return false
		}
		p.where = e
	}
	return expr.Fits(p.where)
}

// Run changes the rows.
func (p *changePlan) Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error) {
	env := change.Env(rt, p.ignore)
	w := p.Writer(rt)
	set, err := scalar.PureSet(p.set, env)
	if err != nil {
		return nil, err
	}
	where, err := scalar.PureFor(p.where, env)
	if err != nil {
		return nil, err
	}
	if p.lookup != nil {
		err = p.changeLookedUp(ctx, w, set, where, env)
	} else {
		err = p.changeFound(ctx, rt, w, set, env)
	}
	if p.counts && (w.Sum.Matched > 0 || w.Sum.LastUpdated != 0) { // of a statement that failed, too
		rt.Env.Session.SetLastInsertID(w.Sum.LastUpdated)
	}
	if err != nil {
		return nil, err
	}
	return w.Result(p.kind), nil
}

// changeLookedUp changes the rows that the statement names by their keys.
func (p *changePlan) changeLookedUp(ctx context.Context, w *change.Writer, set []fragment.Assignment, where expr.Expr, env *expr.Env) error {
	if p.place.Several() {
		list, err := p.lookedUp(env)
		if err != nil {
			return err
		}
		return p.change(ctx, w, list, 1, set, where, env)
	}
	found, _, err := p.lookup.Keys(env, nil, nil)
	if err != nil || len(found) == 0 {
		return err
	}
	return w.Write(ctx, p.fragment(&p.Table.Tablets[0], found, 1, set, where, env))
}

// fragment changes rows of one tablet.
func (p *changePlan) fragment(t *schema.Tablet, found [][]byte, first int, set []fragment.Assignment, where expr.Expr, env *expr.Env) *fragment.Write {
	kind := p.kind
	if p.counts {
		kind = fragment.UpdateSequence
	}
	return &fragment.Write{
		Kind: kind, Tablet: t.ID, SchemaVersion: p.Table.Version, Keys: found, Set: set, Where: where, Env: env, FirstRow: first,
		Checks: p.checks, Lenient: p.spares,
	}
}

// lookedUp locates the rows that the statement names by their keys.
func (p *changePlan) lookedUp(env *expr.Env) ([]locate.Row, error) {
	if p.place.Parts != nil {
		return p.lookup.Located(env, &p.place)
	}
	found, _, err := p.lookup.Keys(env, nil, nil)
	list := make([]locate.Row, len(found))
	for i, key := range found {
		list[i] = locate.Row{Key: key, Tablet: p.Table.TabletFor(key)}
	}
	return list, err
}

// change sends the fragments for rows given by key.
func (p *changePlan) change(ctx context.Context, w *change.Writer, list []locate.Row, first int, set []fragment.Assignment, where expr.Expr, env *expr.Env) error {
	if len(list) == 0 {
		return nil
	}
	var writes []*fragment.Write
	for len(list) > 0 {
		tablet, n := list[0].Tablet, 1
		for n < len(list) && list[n].Tablet.ID == tablet.ID {
			n++
		}
		found := make([][]byte, n)
		for i := range found {
			found[i] = list[i].Key
		}
		writes = append(writes, p.fragment(tablet, found, first, set, where, env))
		list, first = list[n:], first+n
	}
	if p.place.Moves(set) {
		return w.WriteMoving(ctx, &p.place, p.ignore, writes...)
	}
	return w.Write(ctx, writes...)
}

// changeFound collects the keys of all rows first, so that the statement does not meet its own effects, then changes them.
func (p *changePlan) changeFound(ctx context.Context, rt *exec.Runtime, w *change.Writer, set []fragment.Assignment, env *expr.Env) error {
	hold := rt.Memory.Hold(memory.Rows)
	defer hold.Close()
	list, err := p.collect(ctx, rt, &hold)
	if err != nil {
		return err
	}
	for first := 0; first < len(list); first += change.Chunk {
		part := list[first:min(first+change.Chunk, len(list))]
		if err := p.change(ctx, w, part, first+1, set, nil, env); err != nil {
			return err
		}
	}
	return nil
}

func (p *changePlan) collect(ctx context.Context, rt *exec.Runtime, hold *memory.Hold) ([]locate.Row, error) {
	op, err := openStrict(ctx, p.source, rt, p.ignore)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	var list []locate.Row
	var rows types.Batch
	for {
		ok, err := op.Next(ctx, &rows)
		if err != nil || !ok {
			return list, err
		}
		for i := range rows.Len() {
			key, err := p.place.Locate(rows.Row(i), &rt.Env.Mode)
			if err != nil {
				return nil, err
			}
			if err := hold.Grow(len(key.Key) + 32); err != nil {
				return nil, err
			}
			list = append(list, key)
		}
	}
}

// NeedsTxn: rows that are found by a query are locked, then changed; rows of several tablets may be in several shards.
func (p *changePlan) NeedsTxn() bool {
	oneRow := p.lookup != nil && p.lookup.Most() == 1
	return p.source != nil || len(p.Table.Tablets) > 1 && !oneRow || p.place.Moves(p.set) || p.Related()
}
func (p *changePlan) Tables() []TableVersion { return p.tables }
func (p *changePlan) Cacheable() bool        { return p.source == nil || p.source.Cacheable() }

// Explain shows the change above how its rows are found.
func (p *changePlan) Explain() []ExplainLine {
	line := ExplainLine{Operator: kindNames[p.kind], Where: explain.ShardName(&p.Table.Tablets[0]), Object: "table:" + p.Table.Name}
	if p.lookup != nil {
		l := p.lookup.Explain("KeyLookup", &p.place)
		l.Depth = 1
		if p.where != nil {
			l.Info += ", " + p.where.String()
		}
		return []ExplainLine{line, l}
	}
	return below([]ExplainLine{line}, p.source.Explain())
}
