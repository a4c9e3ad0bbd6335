package shard

import (
	"bytes"

	"cloudsql/storage/conversion"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// keyed executes Update, UpdateSequence, Delete and Reindex for one key.
func (w *writer) keyed(i int, key []byte) error {
	w.startRow()
	if err := w.access.lock(schema.PrimaryIndex, key); err != nil {
		return err
	}
	w.ownerKey = w.shard.appendKey(w.ownerKey[:0], w.t.id, schema.PrimaryIndex, key)
	found, err := w.load(w.ownerKey)
	if err != nil || !found {
		return err
	}
	if w.w.Kind == fragment.Reindex {
		return w.reindex()
	}
	if w.w.Where != nil {
		v, err := w.eval(w.w.Where)
		if err != nil || !v.ToBool(nil) {
			return err
		}
	}
	w.res.Matched++
	if w.w.Kind == fragment.Delete {
		w.res.Changed++
		w.res.Affected++
		w.report(fragment.RowWent)
		return w.removeOld()
	}
	changed, err := w.assign(i)
	if err != nil || !changed {
		return err
	}
	if ok, err := w.checked(); err != nil || !ok {
		return err
	}
	if done, err := w.change(); err != nil || !done {
		return err
	}
	w.res.Changed++
	w.res.Affected++
	return nil
}

// checked holds the row in w.row, after the assignments, to the fragment's checks. ok is false where it stays as it was.
func (w *writer) checked() (ok bool, err error) {
	for i := range w.w.Checks {
		c := &w.w.Checks[i]
		v, err := w.eval(c.Expr)
		if err != nil {
			return false, err
		}
		if v.IsNull() || v.ToBool(nil) {
			continue
		}
		violated := mysqlerr.New(mysqlerr.CheckViolated, c.Name)
		if !w.w.Lenient {
			return false, violated
		}
		w.warn(violated.Code, violated.Message)
		return false, nil
	}
	return true, nil
}

// assign makes w.next of w.old and the fragment's assignments. changed tells that it differs.
func (w *writer) assign(i int) (changed bool, err error) {
	copy(w.next.values, w.old.values)
	if err := w.assignments(i, false); err != nil {
		return false, err
	}
	if w.compare() == 0 {
		return false, nil
	}
	if err := w.assignments(i, true); err != nil {
		return false, err
	}
	w.compare()
	return true, nil
}

// nullsPass tells whether NULL becomes the implicit default, with a warning, in a column that has none: where no strict mode holds. What
// ON DUPLICATE KEY UPDATE assigns for the only row of an INSERT is refused then as that row's own is, but under IGNORE.
func (w *writer) nullsPass(c *schema.Column) bool {
	m := &w.env.Mode
	return !m.Strict && !m.Legacy && c.Generated == "" && (w.w.Kind != fragment.InsertOrUpdate || w.w.Lenient || w.w.NullsPass)
}

// assignments makes the assignments that are always made, or those that only a changed row gets.
func (w *writer) assignments(i int, onlyIfChanged bool) error {
	for k := range w.w.Set {
		a := &w.w.Set[k]
		if a.OnlyIfChanged != onlyIfChanged {
			continue
		}
		pos, planned := w.cur.table.ColumnByID(a.Column), w.plan.table.ColumnByID(a.Column)
		if pos < 0 || planned < 0 {
			return statusError(SchemaChanged)
		}
		v, err := w.eval(a.Expr)
		if err != nil {
			return err
		}
		if k == 0 && w.w.Kind == fragment.UpdateSequence {
			w.res.LastUpdated = sequenceValue(v)
		}
		c, name := &w.cur.table.Columns[pos], w.cur.table.Called(pos)
		if w.env.Mode.Legacy {
			name = c.Name
		}
		if v, err = conversion.Assign(v, &c.Type, name, i+max(w.w.FirstRow, 1), &w.env.Mode, w.warn); err != nil {
			return mysqlerr.From(err)
		}
		if v.IsNull() && c.NotNull {
			refused := mysqlerr.New(mysqlerr.BadNull, c.Name)
			if !w.nullsPass(c) {
				return refused
			}
			w.warn(refused.Code, refused.Message)
			v = conversion.ImplicitDefault(&c.Type)
		}
		w.next.values[pos] = v
		w.row[planned] = types.ToLocal(v, w.env.Mode.Loc)
	}
	return nil
}

// sequenceValue is what UpdateSequence tells of a value: 0 of NULL, and of what is no integer.
func sequenceValue(v types.Value) uint64 {
	switch v.Kind() {
	case types.KindInt:
		return uint64(v.Int()) //nolint:gosec // as LAST_INSERT_ID does
	case types.KindUint:
		return v.Uint()
	}
	return 0
}

// compare notes which columns differ between w.old and w.next, and counts them.
func (w *writer) compare() (differ int) {
	for p := range w.old.values {
		w.changed[p] = !types.Identical(w.old.values[p], w.next.values[p])
		if w.changed[p] {
			differ++
		}
	}
	return differ
}

// change replaces w.old by w.next, w.changed telling what differs. done is false where the row stays as it was, since another has
// one of its new keys and the fragment is lenient.
func (w *writer) change() (done bool, err error) {
	moved := false
	w.next.key = append(w.next.key[:0], w.old.key...)
	if w.touches(w.cur.primary) {
		w.keyNew()
		moved = !bytes.Equal(w.next.key, w.old.key)
	}
	if moved && w.res.Images == nil && !w.t.holds(w.next.primary()) {
		return false, statusError(SchemaChanged) // only who is told of the row can take it to where it belongs
	}
	w.entriesOfChange(moved)
	if err := w.lockRemoved(); err != nil {
		return false, err
	}
	ix, taken, err := w.lastingConflict(moved)
	if err != nil {
		return false, err
	}
	if taken {
		dup := w.duplicate(ix)
		if !w.w.Lenient {
			return false, dup
		}
		w.warn(dup.Code, dup.Message)
		return false, nil
	}
	w.report(fragment.RowChanged)
	if !moved {
		return true, w.store(&w.next, w.old.key)
	}
	if err := w.access.remove(w.old.key, w.removed); err != nil {
		return false, err
	}
	w.count(-1)
	w.removed = w.removed[:0]
	return true, w.store(&w.next, nil)
}

// report tells of a row what the fragment's Report asks for. The images are the statement's: values of their own.
func (w *writer) report(kind fragment.ImageKind) {
	images := w.res.Images
	if images == nil {
		return
	}
	images.Kinds = append(images.Kinds, kind)
	row := images.Rows.Extend()
	n := len(w.w.Report)
	for i, id := range w.w.Report {
		pos := w.cur.table.ColumnByID(id)
		row[i], row[n+i] = types.Null, types.Null
		if pos < 0 {
			continue
		}
		if kind != fragment.RowCame {
			row[i] = w.old.values[pos].Clone()
		}
		if kind != fragment.RowWent {
			row[n+i] = w.next.values[pos].Clone()
		}
	}
}

func (w *rowWriter) touches(ix *schema.Index) bool {
	for i := range ix.Columns {
		if w.changed[ix.Columns[i].Column] {
			return true
		}
	}
	return false
}

// puts executes Put: whole rows under keys that are locked.
func (w *writer) puts() error {
	if err := w.mapColumns(); err != nil {
		return err
	}
	if w.w.Rows.Len() != len(w.w.Keys) {
		return mysqlerr.New(mysqlerr.WrongValueCountOnRow, w.w.FirstRow)
	}
	for i, key := range w.w.Keys {
		w.startRow()
		if err := w.access.lock(schema.PrimaryIndex, key); err != nil {
			return err
		}
		w.ownerKey = w.shard.appendKey(w.ownerKey[:0], w.t.id, schema.PrimaryIndex, key)
		found, err := w.load(w.ownerKey)
		if err != nil {
			return err
		}
		if err := w.put(i, found); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) put(i int, found bool) error {
	base := w.cur.defaults
	if found {
		base = w.old.values
		w.res.Matched++
	}
	copy(w.next.values, base)
	for k, pos := range w.columns {
		w.next.values[pos] = w.w.Rows.Row(i)[k]
	}
	if found && w.compare() == 0 {
		return nil
	}
	w.keyNew()
	if err := w.checkNew(); err != nil {
		return err
	}
	w.res.Changed++
	w.res.Affected++
	if found {
		_, err := w.change()
		return err
	}
	w.entriesOfNew()
	ix, taken, err := w.lastingConflict(true)
	if err != nil {
		return err
	}
	if taken {
		return w.duplicate(ix)
	}
	return w.store(&w.next, nil)
}

// reindex derives the entries of the indexes being built from the row in w.old.
func (w *writer) reindex() error {
	for _, ix := range w.cur.secondary {
		if ix.State != schema.WriteOnly {
			continue
		}
		w.added = w.appendEntry(w.added[:0], ix, &w.old)
		taken, err := w.entered(ix, &w.added[0])
		if err != nil {
			return err
		}
		if taken && !bytes.Equal(w.ownerKey, w.old.key) {
			copy(w.next.values, w.old.values)
			return w.duplicate(ix)
		}
		if taken {
			continue
		}
		w.res.Changed++
		if err := w.access.put(nil, nil, false, nil, w.added); err != nil {
			return err
		}
	}
	w.res.Matched++
	return nil
}

// entered tells whether the entry of the row in w.old is there, or, of a unique index, that of another with its key. One that is not unique has none
// of a row that was not written since the index is kept, unless this is done once more, which makes the same entry.
func (w *writer) entered(ix *schema.Index, e *entry) (bool, error) {
	if !ix.Unique && !w.env.Mode.Legacy && w.access.asOld(w.t.since[ix.ID]) {
		return false, nil
	}
	return w.owner(e)
}
