package planner

import (
	"context"
	"sync"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/locate"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// PointGet reads rows by whole unique keys and gives plain columns: SELECT a, b FROM t WHERE id = ?. It is planned from
// the syntax tree without the optimizer and runs without operators.
type PointGet struct {
	lookup  *locate.Lookup
	place   locate.Place
	fields  []types.Field
	columns []schema.ColumnID
	mode    distributed.ReadMode
	lock    distributed.LockOptions
	tables  []TableVersion
}

// buildPoint plans sel as a PointGet; nil where it is more than that.
func buildPoint(ctx *Context, sel *ast.SelectStmt) (*PointGet, error) {
	if !pointShaped(sel) || ctx.Env != nil && ctx.Env.Mode.PadChar {
		return nil, nil
	}
	name, alias := bind.SingleTable(sel.From)
	if name == nil || sel.Where == nil {
		return nil, nil
	}
	db := name.Schema.O
	if db == "" {
		db = ctx.DB
	}
	t, ok := ctx.Catalog.Table(db, name.Name.O)
	if !ok {
		return nil, nil
	}
	k, err := locate.MatchKey(&bind.Binder{Env: ctx.Env, Clause: bind.Where}, t, alias, sel.Where)
	if err != nil || k == nil || len(k.Rest) > 0 {
		return nil, err
	}
	p := &PointGet{lookup: k, tables: []TableVersion{{ID: t.ID, Version: t.Version}}}
	if p.place, err = locate.PlaceOf(t, nil); err != nil {
		return nil, err
	}
	if !p.project(sel.Fields.Fields, db, alias) {
		return nil, nil
	}
	if err := ctx.Check(mysql.SelectPriv, db, t.Name); err != nil {
		return nil, err
	}
	if p.locking(sel.LockInfo); p.mode == distributed.ReadForUpdate {
		ctx.LockForUpdate(db, t)
	}
	return p, nil
}

// pointShaped tells whether a SELECT has nothing but a select list, a table and a condition.
func pointShaped(sel *ast.SelectStmt) bool {
	if sel.LockInfo != nil && len(sel.LockInfo.Tables) > 0 {
		return false // FOR UPDATE OF names tables that must be found
	}
	return sel.From != nil && sel.GroupBy == nil && sel.Having == nil && sel.OrderBy == nil && sel.Limit == nil && !sel.Distinct &&
		sel.WindowSpecs == nil && sel.SelectIntoOpt == nil && sel.With == nil && len(sel.TableHints) == 0 && sel.Kind == ast.SelectStmtKindSelect
}

// project takes a select list of plain columns and stars.
func (p *PointGet) project(list []*ast.SelectField, db, alias string) bool {
	all := bind.TableColumns(p.lookup.Table, db, alias, 0)
	for _, f := range list {
		if f.WildCard != nil {
			if f.WildCard.Schema.O != "" || f.WildCard.Table.O != "" && f.WildCard.Table.O != alias {
				return false
			}
			for i := range all {
				if !all[i].Hidden && !all[i].Invisible {
					p.add(&all[i], "")
				}
			}
			continue
		}
		pos := locate.ColumnPos(p.lookup.Table, alias, f.Expr)
		if pos < 0 {
			return false
		}
		p.add(&all[pos], f.AsName.O)
	}
	return true
}

func (p *PointGet) add(c *bind.Column, as string) {
	f := c.Field
	if as != "" {
		f.Name = as
	}
	p.fields = append(p.fields, f)
	p.columns = append(p.columns, p.lookup.Table.Columns[c.Pos].ID)
}

func (p *PointGet) locking(l *ast.SelectLockInfo) {
	if l == nil {
		return
	}
	switch l.LockType {
	case ast.SelectLockForUpdate, ast.SelectLockForUpdateNoWait, ast.SelectLockForUpdateSkipLocked, ast.SelectLockForUpdateWaitN:
		p.mode = distributed.ReadForUpdate
	case ast.SelectLockForShare, ast.SelectLockForShareNoWait, ast.SelectLockForShareSkipLocked:
		p.mode = distributed.ReadForShare
	}
	p.lock.NoWait = l.LockType == ast.SelectLockForUpdateNoWait || l.LockType == ast.SelectLockForShareNoWait
	p.lock.SkipLocked = l.LockType == ast.SelectLockForUpdateSkipLocked || l.LockType == ast.SelectLockForShareSkipLocked
}

// pointRun is the memory of one execution, reused.
type pointRun struct {
	read fragment.Read
	keys [][]byte
	buf  []byte
}

var pointRuns = sync.Pool{New: func() any { return new(pointRun) }}

// Run reads the rows into page. A key that cannot match reads nothing.
func (p *PointGet) Run(ctx context.Context, rt *exec.Runtime, page *fragment.Page) error {
	if p.place.Parts != nil {
		return p.runParts(ctx, rt, page)
	}
	run := pointRuns.Get().(*pointRun)
	defer pointRuns.Put(run)
	var err error
	if run.keys, run.buf, err = p.lookup.Keys(rt.Env, run.keys[:0], run.buf[:0]); err != nil {
		return err
	}
	page.Batch.Reset(len(p.columns))
	page.Keys, page.Next = page.Keys[:0], nil
	if len(run.keys) == 0 {
		return nil
	}
	t := p.lookup.Table
	run.read = fragment.Read{SchemaVersion: t.Version, Index: p.lookup.Index.ID, Columns: p.columns, Env: rt.Env, Keys: run.keys}
	if len(t.Tablets) == 1 {
		run.read.Tablet = t.Tablets[0].ID
		rt.Used.AddShard(t.Tablets[0].Shard)
		return p.read(ctx, rt, &run.read, page)
	}
	return p.runSplit(ctx, rt, &run.read, page)
}

func (p *PointGet) read(ctx context.Context, rt *exec.Runtime, r *fragment.Read, page *fragment.Page) error {
	var err error
	if rt.Txn != nil {
		err = rt.Txn.ReadPoint(ctx, r, p.mode, p.lock, page)
	} else {
		err = rt.DB.ReadPoint(ctx, r, page)
	}
	rt.Used.AddRows(uint64(page.Batch.Len()))
	return err
}

// runSplit reads from a table of several tablets: a primary key says which one has it; a secondary index is asked on every tablet.
func (p *PointGet) runSplit(ctx context.Context, rt *exec.Runtime, r *fragment.Read, page *fragment.Page) error {
	t := p.lookup.Table
	var list []locate.Row
	together := p.lookup.Index.ID == schema.PrimaryIndex
	for _, key := range r.Keys {
		if p.lookup.Index.ID == schema.PrimaryIndex {
			list = append(list, locate.Row{Key: key, Tablet: t.TabletFor(key)})
			together = together && list[0].Tablet == list[len(list)-1].Tablet
			continue
		}
		for i := range t.Tablets {
			list = append(list, locate.Row{Key: key, Tablet: &t.Tablets[i]})
		}
	}
	if together {
		r.Tablet = list[0].Tablet.ID
		rt.Used.AddShard(list[0].Tablet.Shard)
		return p.read(ctx, rt, r, page)
	}
	return p.readEach(ctx, rt, list, page)
}

// runParts reads from a partitioned table: a key says which partition has it.
func (p *PointGet) runParts(ctx context.Context, rt *exec.Runtime, page *fragment.Page) error {
	page.Batch.Reset(len(p.columns))
	page.Keys, page.Next = page.Keys[:0], nil
	list, err := p.lookup.Located(rt.Env, &p.place)
	if err != nil {
		return err
	}
	return p.readEach(ctx, rt, list, page)
}

// readEach reads keys one after the other, all as of one state.
func (p *PointGet) readEach(ctx context.Context, rt *exec.Runtime, list []locate.Row, page *fragment.Page) (err error) {
	var at mvcc.Timestamp
	if rt.Txn == nil && len(list) > 1 {
		if at, err = rt.DB.Snapshot(ctx); err != nil {
			return err
		}
	}
	var part fragment.Page
	for _, k := range list {
		one := fragment.Read{
			Tablet: k.Tablet.ID, SchemaVersion: p.lookup.Table.Version, Index: p.lookup.Index.ID, Columns: p.columns, Env: rt.Env,
			Keys: [][]byte{k.Key},
		}
		rt.Used.AddShard(k.Tablet.Shard)
		switch {
		case len(list) == 1:
			return p.read(ctx, rt, &one, page)
		case at != 0:
			err = p.readAt(ctx, rt, &one, at, page)
		default:
			if err = p.read(ctx, rt, &one, &part); err == nil {
				page.Batch.Vals = append(page.Batch.Vals, part.Batch.Vals...)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readAt adds what a fragment shows at a timestamp.
func (p *PointGet) readAt(ctx context.Context, rt *exec.Runtime, r *fragment.Read, at mvcc.Timestamp, page *fragment.Page) error {
	rows, err := rt.DB.ReadAt(ctx, r, at)
	if err != nil {
		return err
	}
	defer rows.Close()
	var part fragment.Page
	for {
		more, err := rows.Next(ctx, &part)
		if err != nil || !more {
			return err
		}
		rt.Used.AddRows(uint64(part.Batch.Len()))
		page.Batch.Vals = append(page.Batch.Vals, part.Batch.Vals...)
	}
}

// The Rows interface.

func (p *PointGet) Fields() []types.Field  { return p.fields }
func (p *PointGet) Point() *PointGet       { return p }
func (p *PointGet) ForUpdate() bool        { return p.mode != distributed.ReadSnapshot }
func (p *PointGet) Tables() []TableVersion { return p.tables }
func (p *PointGet) Cacheable() bool        { return true }

// Open gives the rows as an operator, for those who take any plan.
func (p *PointGet) Open(ctx context.Context, rt *exec.Runtime) (exec.Operator, error) {
	if rt.Analysis != nil {
		return rt.Analysis.Open(p, func() (exec.Operator, error) { return p.open(ctx, rt) })
	}
	return p.open(ctx, rt)
}

func (p *PointGet) open(ctx context.Context, rt *exec.Runtime) (exec.Operator, error) {
	op := &pointOperator{}
	return op, p.Run(ctx, rt, &op.page)
}

type pointOperator struct {
	page fragment.Page
	done bool
}

func (o *pointOperator) Next(_ context.Context, b *types.Batch) (bool, error) {
	if o.done || o.page.Batch.Len() == 0 {
		return false, nil
	}
	o.done = true
	b.Reset(o.page.Batch.Width)
	b.Vals = append(b.Vals, o.page.Batch.Vals...)
	return true, nil
}

func (o *pointOperator) Close() {}

// Explain shows the one step.
func (p *PointGet) Explain() []ExplainLine {
	l := p.lookup.Explain("PointGet", &p.place)
	l.Node = p
	return []ExplainLine{l}
}
