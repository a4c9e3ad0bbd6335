package planner

import (
	"context"
	"slices"

	"cloudsql/distributed"
	"cloudsql/planner/bind"
	"cloudsql/planner/change"
	"cloudsql/planner/exec"
	"cloudsql/planner/logical"
	"cloudsql/planner/rules"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// ON DUPLICATE KEY UPDATE with what only a gateway can compute, for each row anew: RAND(), @c := @c + 1,
// LAST_INSERT_ID(c + 1), subqueries about the row; and of tables with unique keys over tablets (decision 51). In a transaction the row that the new one would meet is looked for by each unique key, and locked;
// then it is updated by its key with the values that were computed, or the new row is inserted.

// conflict finds the row that has the values of a new row in a unique key.
type conflict struct {
	index   *schema.Index
	direct  bool          // of a table with keys over tablets: the key is looked for as it is encoded
	entries *schema.Table // of an index that is unique over tablets
	rows    Rows          // unless direct: all columns of the table; parameters are the key's values
}

// planConflicts plans a look for each unique key, the primary one first.
func (p *insertPlan) planConflicts(ctx *Context) (looks []conflict, err error) {
	for i := range p.Table.Indexes {
		ix := &p.Table.Indexes[i]
		primary := ix.ID == schema.PrimaryIndex
		if primary && p.hidden >= 0 || !primary && !ix.IsUnique() {
			continue
		}
		if p.Table.HasEntries() {
			c := conflict{index: ix, direct: true}
			if ix.Entries != 0 {
				c.entries, _ = ctx.Catalog.TableByID(ix.Entries)
			}
			looks = append(looks, c)
			continue
		}
		if slices.ContainsFunc(ix.Columns, func(c schema.IndexColumn) bool { return c.Prefix > 0 }) {
			return nil, mysqlerr.NotSupported("a function that differs from row to row in ON DUPLICATE KEY UPDATE of a table with a unique key of prefixes")
		}
		var params []types.Type
		for _, c := range ix.Columns {
			params = append(params, bind.ParamType(change.AsParam(conversion.ImplicitDefault(&p.Table.Columns[c.Column].Type), &ctx.Env.Mode)))
		}
		q, err := logical.BindKey(ctx, p.Target, ix, params)
		if err != nil {
			return nil, err
		}
		c := conflict{index: ix}
		if c.rows, err = planQuery(ctx, q); err != nil {
			return nil, err
		}
		p.tables = append(p.tables, c.rows.Tables()...)
		looks = append(looks, c)
	}
	return looks, nil
}

// maxUpsertTries bounds how often a row is looked for that another transaction inserts between the look and the insertion.
const maxUpsertTries = 10

// upsert inserts the batch's only row, or updates the one that it meets.
func (r *insertRun) upsert(ctx context.Context) error {
	firstID := r.w.Sum.FirstAutoInc
	if r.place.Several() {
		if err := r.reserve(ctx); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		old, err := r.meets(ctx, r.conflicts, r.batch.Row(0))
		switch {
		case err != nil:
		case old != nil:
			r.w.Sum.FirstAutoInc = firstID // the value that was taken for the new row is none's
			err = r.updateMet(ctx, old)
		default:
			var tablet *schema.Tablet
			if tablet, err = r.tablet(ctx, 0, nil); err != nil || tablet == nil {
				break
			}
			w := r.fragment(tablet, r.batch, r.records)
			w.Kind, w.Set, w.Checks, w.Lenient, w.NullsPass = fragment.Insert, nil, nil, false, false
			if err = r.w.Write(ctx, w); mysqlerr.Code(err) == mysqlerr.DupEntry && try < maxUpsertTries {
				continue
			}
		}
		r.forget()
		return err
	}
}

// meets gives the row that a new one would meet, as expressions see it; nil for none.
func (r *insertRun) meets(ctx context.Context, looks []conflict, row []types.Value) ([]types.Value, error) {
	for i := range looks {
		c := &looks[i]
		if c.direct {
			if old, err := r.read(ctx, c, row); err != nil || old != nil {
				return old, err
			}
			continue
		}
		env := *r.rt.Env
		env.Params = nil
		null := false
		for _, k := range c.index.Columns {
			v := row[k.Column]
			null = null || v.IsNull()
			env.Params = append(env.Params, change.AsParam(v, &env.Mode))
		}
		if null {
			continue
		}
		rt := *r.rt
		rt.Env = &env
		op, err := c.rows.Open(ctx, &rt)
		if err != nil {
			return nil, err
		}
		old, err := firstRow(ctx, op)
		if err != nil || old != nil {
			return old, err
		}
	}
	return nil, nil
}

// read is meets of a table with keys over tablets, by the encoded key, which is locked also where nobody has it. An entry leads to its row.
func (r *insertRun) read(ctx context.Context, c *conflict, row []types.Value) ([]types.Value, error) {
	key, ok := keys.AppendEntry(nil, r.Table, c.index, row)
	if !ok {
		return nil, nil
	}
	read := &fragment.Read{
		Tablet: r.Table.Tablets[0].ID, SchemaVersion: r.Table.Version, Index: c.index.ID, Keys: [][]byte{key}, Columns: r.columns, Env: &expr.Env{Mode: r.env.Mode},
	}
	if c.entries != nil {
		primary, err := change.EntryRow(ctx, r.rt.Txn, c.entries, key)
		if err != nil || primary == nil {
			return nil, err
		}
		read.Index, read.Keys[0] = schema.PrimaryIndex, primary
	}
	if read.Index == schema.PrimaryIndex {
		read.Tablet = r.Table.TabletFor(read.Keys[0]).ID
	}
	var page fragment.Page
	r.rt.Used.AddTablet(r.rt.Catalog, read.Tablet)
	err := r.rt.Txn.ReadPoint(ctx, read, distributed.ReadForUpdate, distributed.LockOptions{Ranges: true}, &page)
	if err != nil || page.Batch.Len() == 0 {
		return nil, err
	}
	return cloneRow(page.Batch.Row(0)), nil
}

// tellID finds the AUTO_INCREMENT value of the row that the last new one met where LAST_INSERT_ID(id) is to tell it: shards
// report those of rows that they changed.
func (r *insertRun) tellID(ctx context.Context) error {
	sum := &r.w.Sum
	if r.telling == nil || r.last == nil || sum.FirstAutoInc != 0 || sum.Matched == sum.Changed {
		return nil
	}
	old, err := r.meets(ctx, r.telling, r.last)
	if err == nil && old != nil {
		sum.LastUpdated = old[r.autoInc].Uint()
	}
	return err
}

// firstRow takes the first row of op, nil where there is none, and closes it.
func firstRow(ctx context.Context, op exec.Operator) ([]types.Value, error) {
	defer op.Close()
	var b types.Batch
	for {
		ok, err := op.Next(ctx, &b)
		if err != nil || !ok {
			return nil, err
		}
		if b.Len() > 0 {
			return cloneRow(b.Row(0)), nil
		}
	}
}

// ask begins the executions that the subqueries of the view's conditions and of assignments run in, and has expressions find them.
func (r *insertRun) ask(ctx context.Context) (err error) {
	if r.checkEnv, err = r.askBy(ctx, r.checking); err == nil {
		r.eval, err = r.askBy(ctx, r.byRow)
	}
	return err
}

// askBy begins the execution of one plan, if there is one, and gives the environment of the expressions that call its subqueries.
func (r *insertRun) askBy(ctx context.Context, p *queryPlan) (*expr.Env, error) {
	if p == nil {
		return r.eval, nil
	}
	rt := *r.rt
	rt.Env = r.eval
	warn := r.eval.Warn
	rt.Warn = func(w fragment.Warning) { w.Tell(warn) }
	run, err := exec.NewRun(ctx, &rt, p.params, p.slots, false)
	if err != nil {
		return nil, err
	}
	r.asked = append(r.asked, run)
	return run.Env, nil
}

// close ends what ask has begun.
func (r *insertRun) close() {
	for _, run := range r.asked {
		run.Close()
	}
}

// updateMet makes the assignments over the row that was met, the new one, and what is visible of the query's.
func (r *insertRun) updateMet(ctx context.Context, old []types.Value) error {
	row := append(slices.Clone(old), rules.LocalRow(r.batch.Row(0), &r.env.Mode)...)
	if len(r.seen) > 0 {
		row = append(row, r.seen[0]...)
	}
	var found []types.Value
	for _, pos := range r.place.Found {
		found = append(found, old[pos])
	}
	at, err := r.place.Locate(found, &r.env.Mode)
	if err != nil {
		return err
	}
	w := &fragment.Write{
		Kind: fragment.Update, Tablet: at.Tablet.ID, SchemaVersion: r.Table.Version, Keys: [][]byte{at.Key}, Env: r.env, FirstRow: r.records,
		Checks: r.checks, Lenient: r.spares,
	}
	for _, a := range r.insertPlan.set {
		pos := r.Table.ColumnByID(a.Column)
		if r.Table.Columns[pos].Generated != "" { // behind all of the statement's own
			w.Set = append(w.Set, a)
			continue
		}
		v, err := a.Expr.Eval(r.eval, row)
		if err == nil {
			err = r.strict.Err()
		}
		if err != nil {
			return err
		}
		a.Expr = &expr.Const{Val: v.Clone(), Typ: *a.Expr.Type()}
		w.Set = append(w.Set, a)
		if a.OnlyIfChanged {
			continue
		}
		c := &r.Table.Columns[pos]
		if v.IsNull() && c.NotNull && !r.nullsPass(c) {
			return mysqlerr.New(mysqlerr.BadNull, c.Name)
		}
		if !v.IsNull() {
			if v, err = conversion.Assign(v, &c.Type, r.Table.Called(pos), r.records, &r.env.Mode, nil); err != nil {
				return err
			}
		}
		row[pos] = types.ToLocal(v, r.env.Mode.Loc)
	}
	if ok, err := r.checkOption(row[:len(old)]); !ok {
		return err
	}
	before := r.w.Sum
	if r.place.Moves(w.Set) {
		err = r.w.WriteMoving(ctx, &r.place, r.Ignore, w)
	} else {
		err = r.w.Write(ctx, w)
	}
	if err != nil {
		return err
	}
	sum := &r.w.Sum
	changed := sum.Changed - before.Changed
	sum.Affected = before.Affected + 2*changed
	sum.Duplicates += changed
	if r.autoInc >= 0 && changed > 0 && !r.SetsID {
		sum.LastUpdated = row[r.autoInc].Uint()
	}
	return nil
}

func cloneRow(row []types.Value) []types.Value {
	out := make([]types.Value, len(row))
	for i := range row {
		out[i] = row[i].Clone()
	}
	return out
}
