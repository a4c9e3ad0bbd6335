package planner

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/physical"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// changePlan is UPDATE or DELETE of one table's rows, found by their keys (one consensus round when autocommit) or by a
// query that locks them.
type changePlan struct {
	target
	kind   fragment.Kind // Update or Delete
	ignore bool
	lookup *keyLookup // rows by primary key; nil: source finds them
	where  expr.Expr  // beside the key, over the full row
	set    []fragment.Assignment
	source Rows // gives the primary key columns of the rows, locked
	tables []TableVersion
}

// changeChunk is how many found rows go into one fragment.
const changeChunk = 1000

func buildUpdate(ctx *Context, s *ast.UpdateStmt, params int) (Modify, error) {
	name, alias := singleTable(s.TableRefs)
	if name == nil || s.With != nil || s.MultipleTable {
		return buildJoinUpdate(ctx, s, params)
	}
	p, err := newChange(ctx, name, alias, fragment.Update, s.IgnoreErr)
	if err != nil {
		return nil, err
	}
	if err := ctx.Check(mysql.UpdatePriv, p.db, p.table.Name); err != nil {
		return nil, err
	}
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	list, err := assignedDefaults(p.table, p.alias, s.List)
	if err != nil {
		return nil, err
	}
	if needsQuery(ctx, b, p.scope(), list) {
		return buildJoinUpdate(ctx, s, params)
	}
	if p.set, err = bindAssignments(ctx, b, p.scope(), p.table, p.alias, list); err != nil {
		return nil, err
	}
	if p.set, err = addOnUpdateNow(ctx, p.table, p.set); err != nil {
		return nil, err
	}
	if err := p.find(ctx, params, s.TableRefs, s.Where, s.Order, s.Limit); err != nil {
		return nil, err
	}
	return p, nil
}

func buildDelete(ctx *Context, s *ast.DeleteStmt, params int) (Modify, error) {
	name, alias := singleTable(s.TableRefs)
	if s.IsMultiTable {
		return buildJoinDelete(ctx, s, params)
	}
	if name == nil || s.With != nil {
		return nil, mysqlerr.NotSupported("DELETE from something that is not a table")
	}
	p, err := newChange(ctx, name, alias, fragment.Delete, s.IgnoreErr)
	if err != nil {
		return nil, err
	}
	if err := ctx.Check(mysql.DeletePriv, p.db, p.table.Name); err != nil {
		return nil, err
	}
	if err := p.find(ctx, params, s.TableRefs, s.Where, s.Order, s.Limit); err != nil {
		return nil, err
	}
	return p, nil
}

func newChange(ctx *Context, name *ast.TableName, alias string, kind fragment.Kind, ignore bool) (*changePlan, error) {
	tgt, err := baseTable(ctx, name)
	if err != nil {
		return nil, err
	}
	tgt.alias = alias
	return &changePlan{target: tgt, kind: kind, ignore: ignore, tables: []TableVersion{{ID: tgt.table.ID, Version: tgt.table.Version}}}, nil
}

func (p *changePlan) scope() *bind.Scope {
	return &bind.Scope{Cols: bind.TableColumns(p.table, p.db, p.alias, 0)}
}

// find decides how the statement reaches its rows.
func (p *changePlan) find(ctx *Context, params int, from *ast.TableRefsClause, where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) error {
	if order == nil && limit == nil && where != nil && p.ownRowsOnly() {
		k, err := matchKey(&bind.Binder{Env: ctx.Env, Clause: bind.Where}, p.table, p.alias, where)
		if err != nil {
			return err
		}
		if k != nil && k.index.ID == schema.PrimaryIndex && p.bindRest(ctx, k.rest) {
			p.lookup = k
			return nil
		}
	}
	if ctx.SafeUpdates && where == nil && limit == nil {
		return mysqlerr.New(mysqlerr.UpdateWithoutKeyInSafeMode)
	}
	source, err := changeSource(ctx, params, keyColumns(p.table, p.alias), nil, from, where, order, limit)
	if err != nil {
		return err
	}
	p.source = source
	p.tables = append(p.tables, source.Tables()...)
	return nil
}

// ownRowsOnly tells whether the change touches no unique key but those of the rows it names: then it needs no lock but
// theirs, and a shard may do it at apply. (The claim of a new unique key has to be locked first.)
func (p *changePlan) ownRowsOnly() bool {
	changed := make(map[int]bool)
	for i := range p.set {
		if expr.ClassOf(p.set[i].Expr) == expr.Volatile {
			return false
		}
		changed[p.table.ColumnByID(p.set[i].Column)] = true
	}
	for i := range p.table.Indexes {
		ix := &p.table.Indexes[i]
		if !ix.Unique && ix.ID != schema.PrimaryIndex {
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
		e, err := bind.Expr(b, p.scope(), n)
		if err != nil || !shipping(ctx).Pushable(e) {
			return false // the optimizer tells the error, or computes it at the gateway
		}
		if e = expr.Condition(e); p.where == nil {
			p.where = e
		} else if p.where, err = expr.New("and", p.where, e); err != nil {
			return false
		}
	}
	return p.where == nil || expr.Fits(p.where)
}

// bindAssignments binds SET a = …, b = … over a table's row.
func bindAssignments(ctx *Context, b *bind.Binder, sc *bind.Scope, t *schema.Table, alias string, list []*ast.Assignment) ([]fragment.Assignment, error) {
	set := make([]fragment.Assignment, 0, len(list)+1)
	for _, a := range list {
		pos := t.ColumnByName(a.Column.Name.L)
		if pos < 0 || a.Column.Table.O != "" && !strings.EqualFold(a.Column.Table.O, alias) {
			return nil, mysqlerr.New(mysqlerr.BadField, bind.FullName(a.Column), bind.FieldList)
		}
		e, err := bindAssigned(ctx, b, sc, t, pos, a.Expr)
		if err != nil {
			return nil, err
		}
		set = append(set, fragment.Assignment{Column: t.Columns[pos].ID, Expr: e})
	}
	return set, nil
}

func bindAssigned(ctx *Context, b *bind.Binder, sc *bind.Scope, t *schema.Table, pos int, n ast.ExprNode) (expr.Expr, error) {
	d, ok := n.(*ast.DefaultExpr)
	c := &t.Columns[pos]
	if !ok || d.Name != nil {
		e, err := bind.Expr(b, sc, n)
		return expr.ForColumn(e, &c.Type), err
	}
	if c.DefaultExpr != "" {
		return bind.Text(ctx.Env, c.DefaultExpr)
	}
	return b.Value(&bind.Column{Source: t, Pos: pos})
}

// addOnUpdateNow adds the assignments of ON UPDATE CURRENT_TIMESTAMP columns that the statement does not name. A shard
// makes them only where another column changes (fragment.Assignment.OnlyIfChanged).
func addOnUpdateNow(ctx *Context, t *schema.Table, set []fragment.Assignment) ([]fragment.Assignment, error) {
	named := make(map[schema.ColumnID]bool)
	for i := range set {
		named[set[i].Column] = true
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.OnUpdateNow || named[c.ID] {
			continue
		}
		now := "NOW()"
		if c.Type.Decimals > 0 {
			now = "NOW(" + string(rune('0'+c.Type.Decimals)) + ")"
		}
		e, err := bind.Text(ctx.Env, now)
		if err != nil {
			return nil, err
		}
		set = append(set, fragment.Assignment{Column: c.ID, Expr: e, OnlyIfChanged: true})
	}
	return set, nil
}

// Run changes the rows.
func (p *changePlan) Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error) {
	env := changeEnv(rt, p.ignore)
	w := &writer{rt: rt}
	set, err := pureSet(p.set, env)
	if err != nil {
		return nil, err
	}
	where, err := pureFor(p.where, env)
	if err != nil {
		return nil, err
	}
	if p.lookup != nil {
		var list [][]byte
		if list, _, err = p.lookup.keys(env, nil, nil); err == nil {
			err = p.change(ctx, w, list, 1, set, where, env)
		}
	} else {
		err = p.changeFound(ctx, rt, w, set, env)
	}
	if err != nil {
		return nil, err
	}
	return w.changeResult(p.kind), nil
}

// change sends the fragments for rows given by key.
func (p *changePlan) change(ctx context.Context, w *writer, list [][]byte, first int, set []fragment.Assignment, where expr.Expr, env *expr.Env) error {
	if len(list) == 0 {
		return nil
	}
	var writes []*fragment.Write
	for len(list) > 0 {
		tablet, n := p.table.TabletFor(list[0]), len(list)
		if len(p.table.Tablets) > 1 {
			for n = 1; n < len(list) && p.table.TabletFor(list[n]).ID == tablet.ID; n++ {
			}
		}
		writes = append(writes, &fragment.Write{
			Kind: p.kind, Tablet: tablet.ID, SchemaVersion: p.table.Version, Keys: list[:n:n], Set: set, Where: where, Env: env, FirstRow: first,
		})
		list, first = list[n:], first+n
	}
	return w.write(ctx, writes...)
}

// changeFound collects the keys of all rows first, so that the statement does not meet its own effects, then changes them.
func (p *changePlan) changeFound(ctx context.Context, rt *exec.Runtime, w *writer, set []fragment.Assignment, env *expr.Env) error {
	hold := rt.Memory.Hold(memory.Rows)
	defer hold.Close()
	list, err := p.collect(ctx, rt, &hold)
	if err != nil {
		return err
	}
	for first := 0; first < len(list); first += changeChunk {
		part := list[first:min(first+changeChunk, len(list))]
		if err := p.change(ctx, w, part, first+1, set, nil, env); err != nil {
			return err
		}
	}
	return nil
}

func (p *changePlan) collect(ctx context.Context, rt *exec.Runtime, hold *memory.Hold) ([][]byte, error) {
	op, err := p.source.Open(ctx, rt)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	var list [][]byte
	var rows types.Batch
	for {
		ok, err := op.Next(ctx, &rows)
		if err != nil || !ok {
			return list, err
		}
		for i := range rows.Len() {
			key, err := primaryKey(p.table, rows.Row(i), &rt.Env.Mode)
			if err != nil {
				return nil, err
			}
			if err := hold.Grow(len(key) + 24); err != nil {
				return nil, err
			}
			list = append(list, key)
		}
	}
}

// primaryKey encodes the primary key columns that a source gave.
func primaryKey(t *schema.Table, row []types.Value, m *types.Mode) (key []byte, err error) {
	for i, c := range t.Primary().Columns {
		col := &t.Columns[c.Column]
		v, err := types.Assign(row[i], &col.Type, col.Name, 1, m, nil)
		if err != nil {
			return nil, err
		}
		key = keys.AppendValue(key, v, &col.Type, c.Prefix, c.Desc)
	}
	return key, nil
}

// NeedsTxn: rows that are found by a query are locked, then changed; rows of several tablets may be in several shards.
func (p *changePlan) NeedsTxn() bool         { return p.source != nil || len(p.table.Tablets) > 1 }
func (p *changePlan) Tables() []TableVersion { return p.tables }
func (p *changePlan) Cacheable() bool        { return p.source == nil || p.source.Cacheable() }

// Explain shows the change above how its rows are found.
func (p *changePlan) Explain() []ExplainLine {
	line := ExplainLine{Operator: kindNames[p.kind], Where: physical.ShardName(&p.table.Tablets[0]), Object: "table:" + p.table.Name}
	if p.lookup != nil {
		l := p.lookup.explain("KeyLookup")
		l.Depth = 1
		if p.where != nil {
			l.Info += ", " + p.where.String()
		}
		return []ExplainLine{line, l}
	}
	return below([]ExplainLine{line}, p.source.Explain())
}
