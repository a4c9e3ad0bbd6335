package online

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/bind"
	"cloudsql/planner/locate"
	"cloudsql/planner/rules"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// A change that rows or keys do not survive copies the table, under a lock that keeps every gateway off it:
//
//	lock the table everywhere → a second table with the new definition, under a name of its own → the rows, converted,
//	in chunks → the second table takes the name, the first leaves the catalog → unlock → drop the old tablets
//
// A gateway that dies midway leaves the second table, which the next change of the table removes, and the lock, which
// whoever waits for it removes.

// Bounds of the chunks in which rows are copied.
const (
	copyRows  = 500
	copyBytes = 1 << 20
)

// runCopy carries out a Change that copies the table; it gives the number of rows.
func (x *Executor) runCopy(ctx context.Context, env *ddl.Env, db *schema.Database, c *ddl.Change, rename *Name) (rows uint64, err error) {
	if env.Locks == nil {
		return 0, mysqlerr.NotSupported("ALTER TABLE that copies the table")
	}
	if err := ddl.CheckNewRules(x.DB.Catalog(), db.Name, c.Table); err != nil {
		return 0, err
	}
	unlock, err := env.Exclusive(ctx, kin(x.DB.Catalog(), c.From, c.Table, db.Name, true)...)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if err := x.checkNoRows(ctx, c); err != nil {
		return 0, err
	}
	next, err := x.AutoIncOf(ctx, c.From)
	if err != nil {
		return 0, err
	}
	second := c.Table.Clone()
	second.Name, second.Version, second.Tablets, second.ForeignKeys = names.Copy(c.From.ID), c.From.Version, nil, nil
	second.UniqueHere()
	if staysCut(c.From, second) {
		second.Tablets = c.From.Tablets
	}
	for i := range second.Columns {
		if c.From.ColumnByID(second.Columns[i].ID) >= 0 {
			second.Columns[i].Missing = nil // it was of the old type, and no row will lack the column
		}
	}
	if err := x.place(ctx, db, second); err != nil {
		return 0, err
	}
	entries := catalog.EntriesOf(x.DB.Catalog(), c.From.ID) // which go with the first table
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error { putSecond(tx, second, x.Owner); return nil })
	if err == nil {
		cp := &copier{x: x, env: env, from: c.From, to: second, unasked: c.Unasked}
		if rows, err = cp.run(ctx); err == nil {
			err = x.checkReferences(ctx, env, db.Name, second, c.Table, ddl.AddedKeys(c.From, c.Table))
		}
		if err == nil {
			err = x.swap(ctx, c, second, max(next, cp.numbered+1, cp.highest+1), rename)
		}
	}
	if err != nil {
		return 0, errors.Join(err, x.dropCopy(context.WithoutCancel(ctx), second))
	}
	if c.Unasked {
		rows = 0 // as far as the user knows
	}
	return rows, x.dropTablets(ctx, append(entries, c.From))
}

// staysCut tells whether the bounds of a table's tablets mean the same in another definition of it, which may be cut.
func staysCut(from, to *schema.Table) bool {
	was, is := from.Primary().Columns, to.Primary().Columns
	if !from.Cut() || !ddl.SameLeaves(from.Partitioning, to.Partitioning) || len(was) != len(is) {
		return false
	}
	for i := range was {
		a, b := &from.Columns[was[i].Column], &to.Columns[is[i].Column]
		if a.ID != b.ID || !reflect.DeepEqual(a.Type, b.Type) || was[i].Desc != is[i].Desc || was[i].Prefix != is[i].Prefix {
			return false
		}
	}
	return !slices.ContainsFunc(to.Indexes[1:], func(ix schema.Index) bool { return ix.IsUnique() })
}

// AutoIncOf is the next AUTO_INCREMENT value of a table, 1 where it has none.
func (x *Executor) AutoIncOf(ctx context.Context, t *schema.Table) (uint64, error) {
	if t.AutoIncColumn() < 0 {
		return 1, nil
	}
	return x.DB.AutoInc(ctx, t)
}

// swap puts the second table in the place of the first.
func (x *Executor) swap(ctx context.Context, c *ddl.Change, second *schema.Table, autoInc uint64, rename *Name) error {
	t := second.Clone()
	t.Name, t.Version, t.ForeignKeys = c.From.Name, second.Version+1, c.Table.Clone().ForeignKeys
	for i := range t.Columns {
		t.Columns[i].Missing = nil // every row is new
	}
	if rename != nil {
		db, ok := x.DB.Catalog().Database(rename.DB)
		if !ok {
			return mysqlerr.New(mysqlerr.BadDB, rename.DB)
		}
		t.Name, t.Database = rename.Table, db.ID
		if err := ddl.RenameChecks(t, c.From.Name); err != nil {
			return err
		}
		first := &schema.Table{ID: c.From.ID, Database: c.From.Database} // whose names are free again
		if err := ddl.CheckNewRules(x.DB.Catalog(), rename.DB, t, first); err != nil {
			return err
		}
	}
	since, err := x.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	t.RowsSince = uint64(since) // what was copied is newer than it was in the first table
	if err := x.DB.InstallTable(ctx, t); err != nil {
		return err
	}
	if autoInc = max(autoInc, c.AutoInc); t.AutoIncColumn() >= 0 && autoInc > 1 {
		if err := x.DB.SetAutoInc(ctx, second, autoInc); err != nil {
			return err
		}
	}
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		now, ok := tx.Snapshot.TableByID(c.From.ID)
		if !ok {
			return noSuchTable(tx.Snapshot, c.From)
		}
		if rename != nil {
			if err := x.checkTarget(tx.Snapshot, *rename); err != nil {
				return err
			}
		}
		tx.PutStatistics(t.ID, tx.Snapshot.Statistics(c.From.ID).Of(c.From, t))
		deleteTable(tx, c.From.ID)
		tx.PutRecord(jobKind, jobKey(t.ID), nil)
		if err := putRelated(tx, now, t); err != nil {
			return err
		}
		if x.Moved != nil {
			x.Moved(tx, c.From.ID, t.ID)
		}
		return nil
	})
}

// putSecond has the catalog know a table that is being filled. It counts as being defined, so that its tablets stay where they are.
func putSecond(tx *catalog.Tx, second *schema.Table, owner string) {
	tx.PutTable(second)
	tx.PutRecord(jobKind, jobKey(second.ID), catalog.DefinitionJob{Owner: owner, Statement: "ALTER TABLE", Started: time.Now()})
}

// dropCopy removes a second table that did not become the first.
func (x *Executor) dropCopy(ctx context.Context, second *schema.Table) error {
	err := x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		deleteTable(tx, second.ID)
		return nil
	})
	return errors.Join(err, x.dropTablets(ctx, []*schema.Table{second}))
}

// copier moves the rows of one table into another.
type copier struct {
	x        *Executor
	env      *ddl.Env
	from, to *schema.Table

	source   []int // for each column of to its position in the rows that are read, or -1
	read     []schema.ColumnID
	batch    types.Batch
	row      []types.Value
	missing  []types.Value // for columns that from lacks
	perRow   []expr.Expr   // for those of them with DEFAULT (expression), or generated where unasked; nil for others
	exprEnv  expr.Env
	rules    *rules.Rows     // nil: to has none
	place    locate.Place    // of rows in to
	same     bool            // both tables have the same columns, and rows are copied as they are
	unasked  bool            // rows are copied as they are, and new columns generated without strict mode (ddl.Change)
	only     []int           // the places of the partitions that rows must belong into; nil: any
	tablets  []schema.Tablet // of a leaf, where all rows go by their keys; nil: where they belong
	autoInc  int             // a column of to that numbers the rows, or -1
	rows     uint64
	numbered uint64 // the last number given
	highest  uint64 // of an AUTO_INCREMENT column that was there before, or was filled by the rows
}

func (cp *copier) run(ctx context.Context) (uint64, error) {
	if err := cp.prepare(); err != nil {
		return 0, err
	}
	loc := cp.env.Mode
	for i := range cp.from.Tablets {
		r := &fragment.Read{
			Tablet: cp.from.Tablets[i].ID, SchemaVersion: cp.from.Version, Index: schema.PrimaryIndex,
			Spans: []fragment.Span{{}}, Columns: cp.read, Env: &expr.Env{Mode: loc},
		}
		err := cp.x.scanTablet(ctx, r, func(page *fragment.Page) error { return cp.page(ctx, &page.Batch) })
		if err != nil {
			return 0, err
		}
	}
	return cp.rows, nil
}

// prepare works out where each column's values come from.
func (cp *copier) prepare() error {
	cp.autoInc = -1
	cp.missing = make([]types.Value, len(cp.to.Columns))
	cp.row = make([]types.Value, len(cp.to.Columns))
	cp.perRow = make([]expr.Expr, len(cp.to.Columns))
	cp.exprEnv = expr.Env{Mode: cp.env.Mode, Now: cp.env.Now, InDML: true, Warn: cp.warn}
	if cp.unasked {
		cp.exprEnv.Mode.Strict, cp.exprEnv.Warn = false, func(uint16, string) {}
	}
	for i := range cp.to.Columns {
		c := &cp.to.Columns[i]
		if cp.same {
			cp.source = append(cp.source, i)
			cp.read = append(cp.read, cp.from.Columns[i].ID)
			continue
		}
		if (c.Generated == "" || cp.unasked) && cp.from.ColumnByID(c.ID) >= 0 {
			cp.source = append(cp.source, len(cp.read))
			cp.read = append(cp.read, c.ID)
			continue
		}
		cp.source = append(cp.source, -1)
		switch {
		case c.AutoIncrement:
			cp.autoInc = i
		case bind.DefaultPerRow(c):
			e, err := bind.RowDefault(nil, "", cp.to, i)
			if err != nil {
				return err
			}
			cp.perRow[i] = e
		case c.Generated != "" && cp.unasked:
			e, err := bind.Generated(nil, "", cp.to, i)
			if err != nil {
				return err
			}
			cp.perRow[i] = e
		case c.Missing != nil:
			v, _, err := types.DecodeValue(c.Missing)
			if err != nil {
				return err
			}
			cp.missing[i] = v
		}
	}
	if len(cp.read) == 0 { // at least something, so that there are rows
		cp.read = []schema.ColumnID{cp.from.Columns[0].ID}
	}
	cp.batch.Reset(len(cp.to.Columns))
	var err error
	if cp.place, err = locate.PlaceOf(cp.to, cp.only); err != nil || cp.same || cp.unasked {
		return err
	}
	named := *cp.to
	named.Name = cp.from.Name // as errors name its columns
	cp.rules, err = rules.NewRows(cp.x.DB.Catalog(), &named, &cp.exprEnv)
	return err
}

// page copies some rows.
func (cp *copier) page(ctx context.Context, page *types.Batch) error {
	size := 0
	for i := range page.Len() {
		n, err := cp.convert(ctx, page.Row(i))
		if err != nil {
			return err
		}
		if size += n; cp.batch.Len() >= copyRows || size >= copyBytes {
			if err := cp.flush(ctx); err != nil {
				return err
			}
			size = 0
		}
	}
	return cp.flush(ctx) // the batch aliases the page
}

// convert appends a row to the batch and tells its rough size. Errors are those of storing: 1265, 1366, 1406 …, 1138.
func (cp *copier) convert(ctx context.Context, row []types.Value) (size int, err error) {
	cp.rows++
	for i := range cp.to.Columns {
		c := &cp.to.Columns[i]
		v := cp.missing[i]
		switch {
		case cp.perRow[i] != nil || c.Generated != "" && cp.source[i] < 0:
			continue // when the columns are there that it may refer to
		case cp.source[i] >= 0:
			if v = row[cp.source[i]]; c.Type.IsBinary() {
				v = conversion.InBytes(v, &cp.from.Columns[cp.from.ColumnByID(cp.read[cp.source[i]])].Type)
			}
			v, err = conversion.Assign(v, &c.Type, c.Name, int(cp.rows), &cp.env.Mode, cp.warn) //nolint:gosec // a row number
			if err != nil {
				return 0, err
			}
		case i == cp.autoInc:
			cp.numbered++
			if v, err = conversion.Assign(types.Uint(cp.numbered), &c.Type, c.Name, int(cp.rows), &cp.env.Mode, cp.warn); err != nil { //nolint:gosec // a row number
				return 0, err
			}
		case c.RowID():
			id, err := cp.x.DB.NextRowIDs(ctx, 1)
			if err != nil {
				return 0, err
			}
			v = types.Uint(id)
		}
		if v.IsNull() && c.NotNull {
			return 0, mysqlerr.New(mysqlerr.InvalidUseOfNull)
		}
		if c.AutoIncrement && (v.Kind() == types.KindUint || v.Int() > 0) {
			cp.highest = max(cp.highest, v.Uint())
		}
		size += 16 + len(v.Raw())
		cp.row[i] = v
	}
	n, err := cp.defaults()
	if err == nil && cp.rules != nil {
		err = cp.follow()
	}
	cp.batch.Append(cp.row)
	return size + n, err
}

// follow makes a row follow the new definition: generated columns and checks. 1138, 3819.
func (cp *copier) follow() error {
	err := cp.rules.Generate(cp.row, func(v types.Value, pos int) (types.Value, error) {
		c := &cp.to.Columns[pos]
		v, err := conversion.Assign(v, &c.Type, c.Name, int(cp.rows), &cp.env.Mode, cp.warn) //nolint:gosec // a row number
		if err == nil && v.IsNull() && c.NotNull {
			err = mysqlerr.New(mysqlerr.InvalidUseOfNull)
		}
		return v, err
	})
	if err != nil {
		return err
	}
	return cp.rules.Violated(cp.row)
}

// defaults computes what perRow says of new columns over the row's others.
func (cp *copier) defaults() (size int, err error) {
	for i, e := range cp.perRow {
		if e == nil {
			continue
		}
		c := &cp.to.Columns[i]
		v, err := e.Eval(&cp.exprEnv, rules.LocalRow(cp.row, &cp.env.Mode))
		if err == nil {
			v, err = conversion.Assign(v, &c.Type, c.Name, int(cp.rows), &cp.exprEnv.Mode, cp.exprEnv.Warn) //nolint:gosec // a row number
		}
		if err != nil {
			return 0, err
		}
		if v.IsNull() && c.NotNull {
			if !cp.unasked {
				return 0, mysqlerr.New(mysqlerr.InvalidUseOfNull)
			}
			v = conversion.ImplicitDefault(&c.Type)
		}
		cp.row[i] = v
		size += 16 + len(v.Raw())
	}
	return size, nil
}

func (cp *copier) warn(code uint16, message string) {
	if cp.env.Note != nil {
		c := fragment.Condition(code, message)
		cp.env.Note(c.Level, c.Code, c.Message)
	}
}

// flush writes the batch, each row where it belongs. 1062 for rows that the new keys do not allow, 1526 for those that the new
// partitions do not take.
func (cp *copier) flush(ctx context.Context) error {
	defer cp.batch.Reset(len(cp.to.Columns))
	if !cp.place.Several() {
		return cp.write(ctx, &cp.to.Tablets[0], cp.batch)
	}
	batches := map[schema.TabletID]*types.Batch{}
	for i := range cp.batch.Len() {
		row := cp.batch.Row(i)
		tb, err := cp.tabletOf(row)
		if err != nil {
			return err
		}
		if batches[tb.ID] == nil {
			batches[tb.ID] = &types.Batch{Width: cp.batch.Width}
		}
		batches[tb.ID].Append(row)
	}
	for i := range cp.to.Tablets {
		tb := &cp.to.Tablets[i]
		if rows := batches[tb.ID]; rows != nil {
			if err := cp.write(ctx, tb, *rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// tabletOf finds where a row goes.
func (cp *copier) tabletOf(row []types.Value) (*schema.Tablet, error) {
	if cp.tablets != nil {
		return schema.TabletFor(cp.tablets, keys.AppendPrimary(nil, cp.to, row)), nil
	}
	return cp.place.Of(row)
}

func (cp *copier) write(ctx context.Context, tablet *schema.Tablet, rows types.Batch) error {
	if rows.Len() == 0 {
		return nil
	}
	w := &fragment.Write{
		Kind: fragment.Insert, Tablet: tablet.ID, SchemaVersion: cp.to.Version, Columns: cp.to.ColumnIDs(),
		Rows: rows, Env: &expr.Env{Mode: cp.env.Mode}, FirstRow: 1,
	}
	results, err := cp.x.DB.Write(ctx, &distributed.TxnOptions{LockWait: backfillLockWait}, w)
	if err != nil {
		return err
	}
	for i := range results {
		if e := results[i].Err; e != nil {
			// The key belongs to a table of another name, as far as the user knows.
			e.Message = strings.ReplaceAll(e.Message, "'"+cp.to.Name+".", "'"+cp.from.Name+".")
			return e
		}
	}
	return nil
}
