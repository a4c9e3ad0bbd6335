package change

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed"
	"cloudsql/planner/locate"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// A write of rows that foreign keys concern, in a transaction:
//
//	the write, whose result tells what became of which row ─┬─ parents of what came or changed: looked for, locked shared
//	                                                        └─ children of what went or changed: none may be there, or
//	                                                           they are changed, too, which is a write like the first
//
// Why nobody makes an orphan meanwhile: who writes a child holds a lock on its parent until the end, and a parent's row is locked
// exclusively before children are looked for. So the two wait for each other, whichever comes first, and whatever shards they are
// in; a lock that a failover lost ends its transaction at COMMIT. Children are read with a lock on the range of the index, too.
//
// Rows of a fragment are written and checked together. Where that fails, all of them are taken back and come again one by one, so
// that the row that fails is MySQL's, and IGNORE leaves out the right ones.

// maxCascade is how many levels a cascade may have, of which the statement's own change is one, as InnoDB counts (3008).
const maxCascade = 15

// writeRelated writes rows and does to other tables what foreign keys call for.
func (w *Writer) writeRelated(ctx context.Context, f *fragment.Write) error {
	r := w.relations.tablets[f.Tablet]
	if r == nil {
		return w.buffered(ctx, f)
	}
	n := max(len(f.Keys), f.Rows.Len())
	if n <= 1 {
		return w.writeRow(ctx, r, f)
	}
	if !w.relations.single {
		mark := w.rt.Txn.Savepoint()
		_, failed, err := w.writeOnce(ctx, r, f)
		if failed == nil || err != nil {
			return err
		}
		if err := w.rt.Txn.RollbackTo(ctx, mark); err != nil {
			return err
		}
	}
	for i := range n {
		if err := w.writeRow(ctx, r, f.Row(i)); err != nil {
			return err
		}
	}
	return nil
}

// writeRow writes a fragment of one row. What has failed leaves nothing behind; IGNORE forgives it, and REPLACE takes away the rows that are in
// the way by unique keys that are none of the row's shard's, or whose going could take the new row along.
func (w *Writer) writeRow(ctx context.Context, r *related, f *fragment.Write) error {
	for {
		mark := w.rt.Txn.Savepoint()
		told, failed, err := w.writeOnce(ctx, r, f)
		if failed == nil || err != nil {
			return err
		}
		inTheWay := w.inTheWay
		if err := w.rt.Txn.RollbackTo(ctx, mark); err != nil {
			return err
		}
		switch {
		case f.Kind == fragment.Replace && inTheWay != nil:
			if err := w.replace(ctx, r, f, inTheWay); err != nil {
				return err
			}
		case w.forgives(failed) && !(w.Upserting && f.Kind == fragment.Insert && failed.Code == mysqlerr.DupEntry):
			w.forgive(f, told, failed)
			return nil
		default:
			return failed
		}
	}
}

// forgives tells of errors that IGNORE makes warnings of.
func (w *Writer) forgives(e *mysqlerr.Error) bool {
	switch e.Code {
	case mysqlerr.NoReferencedRow, mysqlerr.NoReferencedRow2, mysqlerr.RowIsReferenced, mysqlerr.RowIsReferenced2,
		mysqlerr.DupEntry: // of a row that would have gone to another tablet; shards leave out their own
		return w.relations.ignore
	}
	return false
}

// forgive leaves out a row, of which something may have been told before it failed.
func (w *Writer) forgive(f *fragment.Write, told []fragment.Warning, e *mysqlerr.Error) {
	switch f.Kind {
	case fragment.Update:
		w.Sum.Matched++
	case fragment.Delete:
	default:
		w.Sum.Duplicates++
		if w.LeftOut != nil {
			w.LeftOut(f.Rows.Row(0))
		}
	}
	c := fragment.Condition(e.Code, e.Message)
	if f.Numbers != nil {
		c.Row = 1
	}
	w.warn(f, append(slices.Clip(told), c))
}

// writeOnce writes a fragment with all that follows from it. A failure of the statement's own, which may have left something behind,
// is failed; told is what was to be told of the rows before.
func (w *Writer) writeOnce(ctx context.Context, r *related, f *fragment.Write) (told []fragment.Warning, failed *mysqlerr.Error, err error) {
	f.Report, w.inTheWay = r.report, nil
	res, err := w.rt.Txn.Write(ctx, f)
	if err != nil || res.Err != nil {
		return nil, resultError(res), err
	}
	if w.inTheWay = r.goesFirst(f, res.Images); w.inTheWay != nil {
		return nil, mysqlerr.New(mysqlerr.DupEntry, "", ""), nil
	}
	if failed, err := w.settle(ctx, r, f, res.Images, nil, nil); failed != nil || err != nil {
		return res.Warnings, failed, err
	}
	return nil, nil, w.add(f, res)
}

// goesFirst gives the key of a row that REPLACE took away, where this has to have happened, with all that follows, before the new row comes:
// the new one may refer to the same row, or to itself, and is none of the children of what went. nil: there is none.
func (r *related) goesFirst(f *fragment.Write, images *fragment.Images) []byte {
	if f.Kind != fragment.Replace || !r.circular || images == nil {
		return nil
	}
	i := slices.Index(images.Kinds, fragment.RowWent)
	if i < 0 {
		return nil
	}
	return keys.AppendPrimary(nil, r.table, images.Rows.Row(i)[:len(r.report)])
}

func resultError(res *fragment.WriteResult) *mysqlerr.Error {
	if res == nil {
		return nil
	}
	return res.Err
}

// cascade is a change that is about to be made because of another.
type cascade struct {
	table   schema.TableID
	deletes bool
	level   int
	above   *cascade
}

// updates tells whether a table is among those that are being updated already.
func (c *cascade) updates(id schema.TableID) bool {
	for ; c != nil; c = c.above {
		if c.table == id && !c.deletes {
			return true
		}
	}
	return false
}

// settle does what is called for when f has written rows: those that belong to another tablet go there, and foreign keys have their say;
// by is the key that had them written, if any.
func (w *Writer) settle(ctx context.Context, r *related, f *fragment.Write, images *fragment.Images, by *schema.ForeignKey, above *cascade) (*mysqlerr.Error, error) {
	if images == nil {
		return nil, errors.New("planner: a write did not tell what it did to rows")
	}
	if r.table.Split() {
		if failed, err := w.relocate(ctx, &locate.Place{Table: r.table}, f, images); failed != nil || err != nil {
			return failed, err
		}
	}
	if failed, err := w.enter(ctx, r, f, images); failed != nil || err != nil {
		return failed, err
	}
	for i := range r.parents {
		if k := &r.parents[i]; k.key != by {
			if failed, err := w.findParents(ctx, r, k, images); failed != nil || err != nil {
				return failed, err
			}
		}
	}
	for i := range r.children {
		for _, kind := range [...]fragment.ImageKind{fragment.RowWent, fragment.RowChanged} {
			here := &cascade{table: r.table.ID, deletes: kind == fragment.RowWent, above: above}
			if above != nil {
				here.level = above.level + 1
			}
			if failed, err := w.visitChildren(ctx, &r.children[i], images, kind, here); failed != nil || err != nil {
				return failed, err
			}
		}
	}
	return nil, nil
}

// findParents looks for the parents of rows that came or changed, and locks them. 1452.
func (w *Writer) findParents(ctx context.Context, r *related, k *parentKey, images *fragment.Images) (*mysqlerr.Error, error) {
	var wanted keyList
	n := len(r.report)
	for i, kind := range images.Kinds {
		row := images.Rows.Row(i)
		if kind == fragment.RowWent || kind == fragment.RowChanged && same(row[:n], row[n:], k.columns) {
			continue
		}
		values := pick(row[n:], k.columns)
		if anyNull(values) {
			continue
		}
		if k.parent == nil {
			return k.noParent(r), nil
		}
		wanted.add(encodeKey(k.parent, k.index, values))
	}
	if len(wanted.keys) == 0 {
		return nil, nil
	}
	missing := map[string]bool{}
	for _, key := range wanted.sorted() {
		missing[string(key)] = true
	}
	l := lookup{table: k.parent, index: k.index, width: len(k.columns), mode: distributed.ReadForShare, values: true}
	err := w.look(ctx, &l, wanted.keys, func(_ []byte, values []types.Value) error {
		delete(missing, string(encodeKey(k.parent, k.index, values)))
		return nil
	})
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	return k.noParent(r), nil
}

// visitChildren does what a key says to the children of rows that went, or changed. 1451, 3008.
func (w *Writer) visitChildren(ctx context.Context, k *childKey, images *fragment.Images, kind fragment.ImageKind, here *cascade) (*mysqlerr.Error, error) {
	var gone keyList
	next := map[string][]types.Value{} // what children get, by their key
	n := images.Rows.Width / 2
	for i, is := range images.Kinds {
		row := images.Rows.Row(i)
		if is != kind || kind == fragment.RowChanged && same(row[:n], row[n:], k.columns) {
			continue
		}
		values := pick(row[:n], k.columns)
		if anyNull(values) {
			continue
		}
		key := encodeKey(k.child, k.index, values)
		if k.own != nil && k.action(kind).Refuses() && bytes.Equal(key, encodeKey(k.child, k.index, pick(row[:n], k.own))) {
			return k.hasChild(), nil // itself, as InnoDB sees it
		}
		if gone.add(key) {
			next[string(key)] = pick(row[n:], k.columns)
		}
	}
	if len(gone.keys) == 0 {
		return nil, nil
	}
	action := k.action(kind)
	l := lookup{table: k.child, index: k.index, width: len(k.columns), mode: distributed.ReadForShare}
	if action.Refuses() {
		l.limit = 1
		found := false
		err := w.look(ctx, &l, gone.sorted(), func([]byte, []types.Value) error { found = true; return nil })
		if err != nil || !found {
			return nil, err
		}
		return k.hasChild(), nil
	}
	return w.cascade(ctx, k, &l, action, gone.sorted(), next, here)
}

// action is what the key has for children of rows of a kind.
func (k *childKey) action(kind fragment.ImageKind) schema.ReferenceAction {
	if kind == fragment.RowWent {
		return k.key.OnDelete
	}
	return k.key.OnUpdate
}

// cascade deletes or updates the children under keys.
func (w *Writer) cascade(ctx context.Context, k *childKey, l *lookup, action schema.ReferenceAction, gone [][]byte, next map[string][]types.Value, here *cascade) (*mysqlerr.Error, error) {
	deletes := here.deletes && action == schema.Cascade
	l.mode, l.keys, l.values = distributed.ReadForUpdate, true, !deletes && action == schema.Cascade
	hold := w.rt.Memory.Hold(memory.Rows)
	defer hold.Close()
	found := map[string][][]byte{} // primary keys; by what they get, where that differs
	var order []string
	err := w.look(ctx, l, gone, func(primary []byte, values []types.Value) error {
		under := ""
		if l.values {
			under = string(encodeKey(k.child, k.index, values))
		}
		if _, ok := found[under]; !ok {
			order = append(order, under)
		}
		found[under] = append(found[under], slices.Clone(primary))
		return hold.Grow(len(primary) + 48)
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	switch {
	case here.level+1 >= maxCascade:
		return mysqlerr.New(mysqlerr.ForeignKeyCascadeDepth, maxCascade), nil
	case !deletes && here.updates(k.child.ID):
		return k.hasChild(), nil
	}
	for _, under := range order {
		f := &fragment.Write{Kind: fragment.Delete, SchemaVersion: k.child.Version, Env: w.cascadeEnv()}
		if !deletes {
			f.Kind, f.Set = fragment.Update, k.assignments(next[under], action, f.Env)
			f.Checks = k.rows.rules.ChecksOf(f.Set)
		}
		if failed, err := w.writeChildren(ctx, k, f, found[under], here); failed != nil || err != nil {
			return failed, err
		}
	}
	return nil, nil
}

// cascadeEnv is the environment of what is done to children: nobody gave the values, so nothing is bent into shape.
func (w *Writer) cascadeEnv() *expr.Env {
	env := Env(w.rt, false)
	env.Mode.Loc, env.Mode.Strict = time.UTC, true
	return env
}

// assignments are what children get for what their parent got.
func (k *childKey) assignments(values []types.Value, action schema.ReferenceAction, env *expr.Env) []fragment.Assignment {
	set := make([]fragment.Assignment, len(k.key.Columns))
	for i, id := range k.key.Columns {
		set[i].Column = id
		if action == schema.SetNull {
			set[i].Expr = expr.NewNull()
			continue
		}
		c := &k.child.Columns[k.child.ColumnByID(id)]
		set[i].Expr = &expr.Const{Val: AsParam(values[i], &env.Mode), Typ: c.Type}
	}
	if k.rows.rules == nil {
		return set
	}
	named := map[int]bool{}
	for i := range set {
		named[k.child.ColumnByID(set[i].Column)] = true
	}
	return k.rows.rules.Assign(set, named, false)
}

// writeChildren changes children by their primary keys, and what follows from that.
func (w *Writer) writeChildren(ctx context.Context, k *childKey, f *fragment.Write, primary [][]byte, here *cascade) (*mysqlerr.Error, error) {
	f.Report = k.rows.report
	slices.SortFunc(primary, bytes.Compare)
	for len(primary) > 0 {
		part := *f
		tablet, n := k.child.TabletFor(primary[0]), 1
		for n < min(len(primary), Chunk) && k.child.TabletFor(primary[n]).ID == tablet.ID {
			n++
		}
		part.Tablet, part.Keys = tablet.ID, primary[:n:n]
		primary = primary[n:]
		w.rt.Used.AddTablet(w.rt.Catalog, part.Tablet)
		res, err := w.rt.Txn.Write(ctx, &part)
		if err != nil || res.Err != nil {
			return resultError(res), err
		}
		w.rt.Used.AddRows(res.Matched)
		if failed, err := w.settle(ctx, k.rows, &part, res.Images, k.key, here); failed != nil || err != nil {
			return failed, err
		}
	}
	return nil, nil
}

// lookup is a read of rows by the first columns of an index.
type lookup struct {
	table  *schema.Table
	index  *schema.Index
	width  int // columns of the index that keys have
	mode   distributed.ReadMode
	limit  uint64
	values bool // the columns of the keys are wanted
	keys   bool // the primary keys are
}

// look reads the rows under keys, which rise, and locks them and where more could come.
func (w *Writer) look(ctx context.Context, l *lookup, list [][]byte, fn func(primary []byte, values []types.Value) error) error {
	r := fragment.Read{
		SchemaVersion: l.table.Version, Index: l.index.ID, WithKeys: l.keys, Limit: l.limit, Env: &expr.Env{Mode: types.Mode{Loc: time.UTC}},
	}
	for i := range l.width {
		r.Columns = append(r.Columns, l.table.Columns[l.index.Columns[i].Column].ID)
	}
	whole := l.index.Unique && l.width == len(l.index.Columns)
	if len(l.table.Tablets) == 1 {
		r.Tablet = l.table.Tablets[0].ID
		return w.lookIn(ctx, l, &r, list, whole, fn)
	}
	for i := range l.table.Tablets {
		t := &l.table.Tablets[i]
		part := list
		if l.index.ID == schema.PrimaryIndex && whole {
			part = slices.DeleteFunc(slices.Clone(list), func(key []byte) bool { return l.table.TabletFor(key).ID != t.ID })
		}
		if len(part) == 0 {
			continue
		}
		one := r
		one.Tablet = t.ID
		if err := w.lookIn(ctx, l, &one, part, whole, fn); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) lookIn(ctx context.Context, l *lookup, r *fragment.Read, list [][]byte, whole bool, fn func([]byte, []types.Value) error) error {
	if whole {
		r.Keys = list
	} else {
		for _, key := range list {
			r.Spans = append(r.Spans, fragment.Span{Start: key, End: keys.SpanSuccessor(key)})
		}
	}
	w.rt.Used.AddTablet(w.rt.Catalog, r.Tablet)
	rows, err := w.rt.Txn.Read(ctx, r, l.mode, distributed.LockOptions{Ranges: true})
	if err != nil {
		return err
	}
	utc := types.Mode{Loc: time.UTC}
	return distributed.EachPage(ctx, rows, func(page *fragment.Page) error {
		w.rt.Used.AddRows(uint64(page.Batch.Len())) //nolint:gosec // a length
		for i := range page.Batch.Len() {
			var primary []byte
			var values []types.Value
			if l.keys {
				primary = page.Keys[i]
			}
			if l.values {
				if values, err = l.stored(page.Batch.Row(i), &utc); err != nil {
					return err
				}
			}
			if err := fn(primary, values); err != nil {
				return err
			}
		}
		return nil
	})
}

// stored gives the values of a row that was read in the form in which they are stored.
func (l *lookup) stored(row []types.Value, m *types.Mode) ([]types.Value, error) {
	values := make([]types.Value, l.width)
	for i := range values {
		c := &l.table.Columns[l.index.Columns[i].Column]
		if values[i] = row[i]; !c.Type.IsTimestamp() || row[i].IsNull() {
			continue
		}
		var err error
		if values[i], err = conversion.Assign(row[i], &c.Type, c.Name, 1, m, nil); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// encodeKey encodes values of other columns, in storage form, as the first of an index's.
func encodeKey(t *schema.Table, ix *schema.Index, values []types.Value) []byte {
	var key []byte
	for i, v := range values {
		c := &ix.Columns[i]
		key = keys.AppendValue(key, v, &t.Columns[c.Column].Type, 0, c.Desc)
	}
	return key
}

// keyList is a set of encoded keys.
type keyList struct {
	keys [][]byte
	seen map[string]bool
}

func (l *keyList) add(key []byte) (added bool) {
	if l.seen[string(key)] {
		return false
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[string(key)] = true
	l.keys = append(l.keys, key)
	return true
}

func (l *keyList) sorted() [][]byte {
	slices.SortFunc(l.keys, bytes.Compare)
	return l.keys
}

func pick(row []types.Value, at []int) []types.Value {
	out := make([]types.Value, len(at))
	for i, p := range at {
		out[i] = row[p]
	}
	return out
}

func anyNull(values []types.Value) bool {
	return slices.ContainsFunc(values, func(v types.Value) bool { return v.IsNull() })
}

// same tells whether two images of a row have the same values in some places.
func same(a, b []types.Value, at []int) bool {
	return !slices.ContainsFunc(at, func(p int) bool { return !types.Identical(a[p], b[p]) })
}
