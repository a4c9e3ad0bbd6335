package shard

import (
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// inserts executes the kinds that bring new rows.
func (w *writer) inserts() error {
	if err := w.mapColumns(); err != nil {
		return err
	}
	generated := w.w.Generated
	for i := range w.w.Rows.Len() {
		w.startRow()
		w.number = i + 1
		w.fillNew(w.w.Rows.Row(i))
		if err := w.checkNew(); err != nil {
			return err
		}
		inserted, err := w.insert(i)
		if err != nil {
			return err
		}
		if len(generated) > 0 && generated[0] == uint32(i) {
			generated = generated[1:]
			if inserted && w.res.FirstAutoInc == 0 {
				w.res.FirstAutoInc = w.autoIncOf(&w.next)
			}
		}
	}
	return nil
}

// mapColumns finds the fragment's columns in the current descriptor.
func (w *writer) mapColumns() error {
	clear(w.named)
	w.columns = w.columns[:0]
	for i, id := range w.w.Columns {
		pos := i
		if i >= len(w.cur.table.Columns) || w.cur.table.Columns[i].ID != id {
			pos = w.cur.table.ColumnByID(id)
		}
		if pos < 0 {
			return statusError(SchemaChanged)
		}
		w.columns = append(w.columns, pos)
		w.named[pos] = true
	}
	if w.w.Rows.Len() > 0 && w.w.Rows.Width != len(w.columns) {
		return mysqlerr.New(mysqlerr.WrongValueCountOnRow, w.w.FirstRow)
	}
	return nil
}

// fillNew makes the new row of the fragment's values and the columns' defaults.
func (w *writer) fillNew(values []types.Value) {
	copy(w.next.values, w.cur.defaults)
	for i, pos := range w.columns {
		w.next.values[pos] = values[i]
	}
	w.keyNew()
}

func (w *writer) keyNew() {
	w.next.key = keys.AppendPrefix(w.next.key[:0], w.shard.id, w.t.id, schema.PrimaryIndex)
	w.next.key = keys.AppendPrimary(w.next.key, w.cur.table, w.next.values)
}

// checkNew refuses NULL where the column forbids it (the gateway has replaced what sql_mode and IGNORE let pass), and
// values that are not in their column's storage form: once stored, nobody could read the row.
func (w *writer) checkNew() error {
	for p := range w.cur.table.Columns {
		c, v := &w.cur.table.Columns[p], w.next.values[p]
		switch {
		case v.IsNull() && c.NotNull && w.named[p]:
			return mysqlerr.New(mysqlerr.BadNull, c.Name)
		case v.IsNull() && c.NotNull:
			return mysqlerr.New(mysqlerr.NoDefaultForField, c.Name)
		case !v.IsNull() && !storable(v.Kind(), &c.Type):
			return mysqlerr.Internal("Internal error: a value of kind %d for column '%s'", v.Kind(), c.Name)
		}
	}
	if !w.t.holds(w.next.primary()) {
		return statusError(SchemaChanged) // routed by a tablet map of old
	}
	return nil
}

// storable tells whether a column of type t stores values of a kind.
func storable(k types.Kind, t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt:
		return k == types.KindUint && t.Unsigned || k == types.KindInt && !t.Unsigned
	case types.ClassFloat:
		return k == types.KindFloat
	case types.ClassDecimal:
		return k == types.KindDecimal
	case types.ClassString:
		return k == types.KindString || k == types.KindBytes
	case types.ClassDate:
		return k == types.KindDate
	case types.ClassDatetime:
		return k == types.KindTimestamp && t.IsTimestamp() || k == types.KindDatetime && !t.IsTimestamp()
	case types.ClassTime:
		return k == types.KindTime
	case types.ClassJSON:
		return k == types.KindJSON
	case types.ClassEnum:
		return k == types.KindEnum
	case types.ClassSet:
		return k == types.KindSet
	case types.ClassBit:
		return k == types.KindBit
	}
	return false
}

// insert brings in w.next, as the fragment's kind has it. inserted tells that it went in as a new row.
func (w *writer) insert(i int) (inserted bool, err error) {
	w.entriesOfNew()
	for {
		ix, taken, err := w.lastingConflict(true)
		if err != nil {
			return false, err
		}
		if !taken {
			break
		}
		switch w.w.Kind {
		case fragment.InsertIgnore:
			dup := w.duplicate(ix)
			w.warn(dup.Code, dup.Message)
			w.res.Duplicates++
			return false, nil
		case fragment.InsertOrUpdate:
			return false, w.updateDuplicate(i)
		case fragment.Replace:
			done, err := w.replaceDuplicate(ix)
			if done || err != nil {
				return false, err
			}
		default:
			return false, w.duplicate(ix)
		}
	}
	w.res.Changed++
	w.res.Affected++
	w.report(fragment.RowCame)
	return true, w.store(&w.next, nil)
}

// replaceDuplicate removes the row at w.ownerKey for REPLACE. done tells that it is the very row that was to come, so
// that nothing is left to do: as MySQL does it, only the last unique key's conflict is spared that way.
func (w *writer) replaceDuplicate(ix *schema.Index) (done bool, err error) {
	found, err := w.load(w.ownerKey)
	if err != nil {
		return false, err
	}
	if !found {
		return false, errDanglingEntry
	}
	if w.lastUnique(ix) && w.compare() == 0 {
		w.res.Changed++
		w.res.Affected++
		w.report(fragment.RowWent) // and comes again, which those who refer to it are told
		w.report(fragment.RowCame)
		return true, nil
	}
	w.res.Duplicates++
	w.res.Affected++
	w.report(fragment.RowWent)
	return false, w.removeOld()
}

func (w *writer) lastUnique(ix *schema.Index) bool {
	for i := len(w.cur.table.Indexes) - 1; i > 0; i-- {
		if w.cur.table.Indexes[i].IsUnique() {
			return w.cur.table.Indexes[i].ID == ix.ID
		}
	}
	return ix.ID == schema.PrimaryIndex
}

// updateDuplicate executes ON DUPLICATE KEY UPDATE on the row at w.ownerKey.
func (w *writer) updateDuplicate(i int) error {
	n := len(w.plan.table.Columns)
	w.localNew(w.row[n : 2*n])
	found, err := w.load(w.ownerKey)
	if err != nil {
		return err
	}
	if !found {
		return errDanglingEntry
	}
	w.res.Matched++
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
	w.res.Duplicates++
	w.res.Affected += 2
	w.res.LastUpdated = w.autoIncOf(&w.next)
	return nil
}

// localNew fills dst with the new row as VALUES() sees it: the plan's columns, in local time.
func (w *writer) localNew(dst []types.Value) {
	if w.plan == w.cur {
		copy(dst, w.next.values)
	} else {
		for i := range w.plan.table.Columns {
			dst[i] = types.Null
			if pos := w.cur.table.ColumnByID(w.plan.table.Columns[i].ID); pos >= 0 {
				dst[i] = w.next.values[pos]
			}
		}
	}
	w.localize(dst)
}

func (w *writer) localize(row []types.Value) {
	for _, p := range w.plan.timestamps {
		if row[p].Kind() == types.KindTimestamp {
			row[p] = types.ToLocal(row[p], w.env.Mode.Loc)
		}
	}
}
