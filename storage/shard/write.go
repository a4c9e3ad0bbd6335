package shard

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// rowAccess is what a write is evaluated on: the newest state in log order with the log entry's own changes (applying),
// or the newest state under locks with a transaction's own writes (evaluating). Keys are full engine keys without a
// timestamp.
type rowAccess interface {
	// lock claims a key before it is looked at, if locks are needed at all.
	lock(ix schema.IndexID, key []byte) error
	// read gives the newest payload under a key, valid until the next call.
	read(key []byte) (payload []byte, live bool, err error)
	// put makes stored the row under key, remove takes a row away; with them go index entries that vanish and appear.
	// hides tells that there was a row under the key.
	put(key, stored []byte, hides bool, removed, added []entry) error
	remove(key []byte, removed []entry) error
}

// statusError ends a proposal with a status other than a statement's own failure.
type statusError Status

func (e statusError) Error() string {
	return fmt.Sprintf("shard: proposal ends with status %d", Status(e))
}

// lockError is a Locker's refusal (1205, 1213 …): it ends more than the statement, so it stays an error.
type lockError struct{ err error }

func (e *lockError) Error() string { return e.err.Error() }
func (e *lockError) Unwrap() error { return e.err }

// entry is one secondary index entry; its memory is reused from row to row.
type entry struct {
	index  *schema.Index
	key    []byte // full engine key
	value  []byte
	unique bool
}

// image is a row as it is worked on.
type image struct {
	values []types.Value // the current descriptor's columns, storage form
	key    []byte        // full engine key of the primary index
	stored []byte        // encoded row that values were decoded from
}

func (i *image) primary() []byte { return i.key[keys.PrefixLen:] }

// writer evaluates write fragments. One writer serves one goroutine; all memory is kept from row to row.
type writer struct {
	shard  *Shard
	access rowAccess
	t      *tablet
	cur    *layout // rows are stored by this descriptor
	plan   *layout // the fragment's column positions are those of this one
	w      *fragment.Write
	res    *fragment.WriteResult
	env    expr.Env
	deltas []counterDelta
	// buffering: the writes go to a Workspace, under locks. A changed row's kept entries are put again with it, because
	// it hides the engine's; and what was found in the way is looked at again once it is locked.
	buffering bool

	old, next image
	row       []types.Value // what expressions see: the plan's columns in local form, for VALUES() twice
	changed   []bool        // by column of cur
	columns   []int         // position in cur of each of w.Columns
	named     []bool        // by column of cur: the fragment gives it
	removed   []entry
	added     []entry
	ownerKey  []byte
	lockedKey []byte
}

// counterDelta is what a proposal did to a tablet's counters.
type counterDelta struct {
	t       *tablet
	rows    int64
	autoInc uint64
}

// run evaluates w on t. A statement's own failure is in res.Err; an error is a statusError or the engine's.
func (w *writer) run(t *tablet, f *fragment.Write, res *fragment.WriteResult) error {
	plan, ok := t.layoutOf(f.SchemaVersion)
	if !ok {
		return statusError(SchemaChanged)
	}
	w.t, w.cur, w.plan, w.w, w.res = t, t.current, plan, f, res
	w.prepareEnv()
	w.prepareImages()
	err := w.rows()
	var lock *lockError
	if errors.As(err, &lock) {
		return err
	}
	var failure *mysqlerr.Error
	if errors.As(err, &failure) {
		*res = fragment.WriteResult{Err: failure}
		return nil
	}
	return err
}

func (w *writer) prepareEnv() {
	w.env = expr.Env{Mode: *types.DefaultMode()}
	if w.w.Env != nil {
		w.env = *w.w.Env
	}
	if w.env.Mode.Loc == nil {
		w.env.Mode.Loc = time.UTC
	}
	w.env.InDML = true
	w.env.Warn = w.warn
}

func (w *writer) warn(code uint16, message string) {
	w.res.Warnings = append(w.res.Warnings, fragment.Warning{Level: "Warning", Code: code, Message: message})
}

func (w *writer) prepareImages() {
	n := len(w.cur.table.Columns)
	w.old.values, w.next.values = resize(w.old.values, n), resize(w.next.values, n)
	w.changed, w.named = resize(w.changed, n), resize(w.named, n)
	w.row = resize(w.row, 2*len(w.plan.table.Columns))
	w.deltas = append(w.deltas, counterDelta{t: w.t})
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (w *writer) rows() error {
	switch w.w.Kind {
	case fragment.Insert, fragment.InsertIgnore, fragment.Replace, fragment.InsertOrUpdate:
		return w.inserts()
	case fragment.Update, fragment.Delete, fragment.Reindex:
		for i, key := range w.w.Keys {
			if err := w.keyed(i, key); err != nil {
				return err
			}
		}
		return nil
	case fragment.Put:
		return w.puts()
	}
	return fmt.Errorf("shard: write fragment of kind %d, which this program version does not know", w.w.Kind)
}

// inserts executes the kinds that bring new rows.
func (w *writer) inserts() error {
	if err := w.mapColumns(); err != nil {
		return err
	}
	generated := w.w.Generated
	for i := range w.w.Rows.Len() {
		w.startRow()
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
		return mysqlerr.New(mysql.ErrWrongValueCountOnRow, w.w.FirstRow)
	}
	return nil
}

// startRow forgets what the row before left.
func (w *writer) startRow() {
	w.removed, w.added = w.removed[:0], w.added[:0]
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
			return mysqlerr.New(mysql.ErrBadNull, c.Name)
		case v.IsNull() && c.NotNull:
			return mysqlerr.New(mysql.ErrNoDefaultForField, c.Name)
		case !v.IsNull() && !storable(v.Kind(), &c.Type):
			return mysqlerr.Newf(mysql.ErrUnknown, "Internal error: a value of kind %d for column '%s'", v.Kind(), c.Name)
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
		ix, taken, err := w.settledConflict(true)
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
	return true, w.store(&w.next, nil)
}

// conflict looks for a row in the way of w.next: under its primary key, then under its unique entries in w.added, in
// the order of the indexes. The row's full key is left in w.ownerKey.
func (w *writer) conflict(primary bool) (ix *schema.Index, taken bool, err error) {
	if primary {
		if err := w.access.lock(schema.PrimaryIndex, w.next.primary()); err != nil {
			return nil, false, err
		}
		_, live, err := w.access.read(w.next.key)
		if err != nil || live {
			w.ownerKey = append(w.ownerKey[:0], w.next.key...)
			return w.cur.primary, live, err
		}
	}
	for i := range w.added {
		e := &w.added[i]
		if !e.unique {
			continue
		}
		taken, err := w.owner(e)
		if err != nil || taken {
			return e.index, taken, err
		}
	}
	return nil, false, nil
}

// settledConflict is conflict for a row in the way that stays there: under locks, another transaction may be about to
// remove it, or to change its unique key.
func (w *writer) settledConflict(primary bool) (ix *schema.Index, taken bool, err error) {
	ix, taken, err = w.conflict(primary)
	for err == nil && taken && w.buffering {
		w.lockedKey = append(w.lockedKey[:0], w.ownerKey...)
		if err := w.access.lock(schema.PrimaryIndex, bare(w.lockedKey)); err != nil {
			return nil, false, err
		}
		if ix, taken, err = w.conflict(primary); bytes.Equal(w.ownerKey, w.lockedKey) {
			break
		}
	}
	return ix, taken, err
}

// lockRemoved claims the unique keys that a row gives up: until the transaction has ended, they are not free.
func (w *writer) lockRemoved() error {
	for i := range w.removed {
		if e := &w.removed[i]; e.unique && w.buffering {
			if err := w.access.lock(e.index.ID, bare(e.key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// owner finds the row that holds a unique entry's key, leaving its full key in w.ownerKey.
func (w *writer) owner(e *entry) (taken bool, err error) {
	bare := e.key[keys.PrefixLen:]
	if err := w.access.lock(e.index.ID, bare); err != nil {
		return false, err
	}
	value, live, err := w.access.read(e.key)
	if err != nil || !live {
		return false, err
	}
	primary, err := keys.PrimaryOfEntry(w.cur.table, e.index, bare, value)
	if err != nil {
		return false, err
	}
	w.ownerKey = w.shard.appendKey(w.ownerKey[:0], w.t.id, schema.PrimaryIndex, primary)
	return true, nil
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
		return true, nil
	}
	w.res.Duplicates++
	w.res.Affected++
	return false, w.removeOld()
}

// errDanglingEntry: an entry leads to no row, which no sequence of writes brings about.
var errDanglingEntry = fmt.Errorf("%w: an index entry without its row", ErrCorrupt)

func (w *writer) lastUnique(ix *schema.Index) bool {
	for i := len(w.cur.table.Indexes) - 1; i > 0; i-- {
		if w.cur.table.Indexes[i].Unique {
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
	if err := w.change(); err != nil {
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

// keyed executes UPDATE, DELETE and Reindex for one key.
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
		return w.removeOld()
	}
	changed, err := w.assign(i)
	if err != nil || !changed {
		return err
	}
	w.res.Changed++
	w.res.Affected++
	return w.change()
}

// load reads a row into w.old and, in the form that expressions see, into w.row.
func (w *writer) load(key []byte) (found bool, err error) {
	stored, live, err := w.access.read(key)
	if err != nil || !live {
		return false, err
	}
	w.old.key = append(w.old.key[:0], key...)
	w.old.stored = append(w.old.stored[:0], stored...)
	if err := w.cur.full.Decode(w.old.stored, w.old.values, nil); err != nil {
		return false, err
	}
	n := len(w.plan.table.Columns)
	if w.plan != w.cur {
		return true, w.plan.full.Decode(w.old.stored, w.row[:n], w.env.Mode.Loc)
	}
	copy(w.row[:n], w.old.values)
	w.localize(w.row[:n])
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
		c := &w.cur.table.Columns[pos]
		if v, err = types.Assign(v, &c.Type, c.Name, i+max(w.w.FirstRow, 1), &w.env.Mode, w.warn); err != nil {
			return mysqlerr.From(err)
		}
		if v.IsNull() && c.NotNull {
			return mysqlerr.New(mysql.ErrBadNull, c.Name)
		}
		w.next.values[pos] = v
		w.row[planned] = types.ToLocal(v, w.env.Mode.Loc)
	}
	return nil
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

// change replaces w.old by w.next, w.changed telling what differs.
func (w *writer) change() error {
	moved := false
	w.next.key = append(w.next.key[:0], w.old.key...)
	if w.touches(w.cur.primary) {
		w.keyNew()
		moved = !bytes.Equal(w.next.key, w.old.key)
	}
	if moved && !w.t.holds(w.next.primary()) {
		return mysqlerr.NotSupported("UPDATE that moves a row to another tablet")
	}
	w.entriesOfChange(moved)
	if err := w.lockRemoved(); err != nil {
		return err
	}
	ix, taken, err := w.settledConflict(moved)
	if err != nil {
		return err
	}
	if taken {
		return w.duplicate(ix)
	}
	if !moved {
		return w.store(&w.next, w.old.key)
	}
	if err := w.access.remove(w.old.key, w.removed); err != nil {
		return err
	}
	w.count(-1)
	w.removed = w.removed[:0]
	return w.store(&w.next, nil)
}

func (w *writer) touches(ix *schema.Index) bool {
	for i := range ix.Columns {
		if w.changed[ix.Columns[i].Column] {
			return true
		}
	}
	return false
}

// store writes an image; replaced is the key of the row that it takes the place of, nil for a new row.
func (w *writer) store(img *image, replaced []byte) error {
	img.stored = row.Encode(img.stored[:0], w.cur.table, img.values)
	if replaced == nil {
		w.count(1)
	}
	w.noteAutoInc(img)
	return w.access.put(img.key, img.stored, replaced != nil, w.removed, w.added)
}

// removeOld deletes w.old with its entries.
func (w *writer) removeOld() error {
	w.removed = w.removed[:0]
	for _, ix := range w.cur.secondary {
		w.removed = w.appendEntry(w.removed, ix, &w.old)
	}
	for _, ix := range w.cur.removed {
		w.removed = w.appendEntry(w.removed, ix, &w.old)
	}
	if err := w.lockRemoved(); err != nil {
		return err
	}
	w.count(-1)
	err := w.access.remove(w.old.key, w.removed)
	w.removed = w.removed[:0]
	return err
}

// entriesOfNew collects the entries that w.next will have.
func (w *writer) entriesOfNew() {
	w.added = w.added[:0]
	for _, ix := range w.cur.secondary {
		w.added = w.appendEntry(w.added, ix, &w.next)
	}
}

// entriesOfChange collects the entries that differ between w.old and w.next. A moved row's entries all differ: they
// lead to its primary key.
func (w *writer) entriesOfChange(moved bool) {
	w.removed, w.added = w.removed[:0], w.added[:0]
	for _, ix := range w.cur.secondary {
		if !moved && !w.touches(ix) {
			w.keepEntry(ix)
			continue
		}
		w.removed = w.appendEntry(w.removed, ix, &w.old)
		w.added = w.appendEntry(w.added, ix, &w.next)
		before, after := &w.removed[len(w.removed)-1], &w.added[len(w.added)-1]
		if !bytes.Equal(before.key, after.key) {
			continue
		}
		w.removed = w.removed[:len(w.removed)-1]
		after.unique = false // the row holds this key already and keeps it, perhaps under a new primary key
		if bytes.Equal(before.value, after.value) && !w.buffering {
			w.added = w.added[:len(w.added)-1] // 'a' became 'A' under a collation that does not tell them apart
		}
	}
	for _, ix := range w.cur.removed {
		if moved || w.touches(ix) {
			w.removed = w.appendEntry(w.removed, ix, &w.old)
		}
	}
}

// keepEntry puts an entry that does not change again where all of a row's entries must go together.
func (w *writer) keepEntry(ix *schema.Index) {
	if w.buffering {
		w.added = w.appendEntry(w.added, ix, &w.next)
		w.added[len(w.added)-1].unique = false
	}
}

// appendEntry appends the entry of an image, reusing the memory of an earlier one.
func (w *writer) appendEntry(entries []entry, ix *schema.Index, img *image) []entry {
	if len(entries) == cap(entries) {
		entries = append(entries, entry{})
	} else {
		entries = entries[:len(entries)+1]
	}
	e := &entries[len(entries)-1]
	e.index = ix
	prefix := keys.AppendPrefix(e.key[:0], w.shard.id, w.t.id, ix.ID)
	e.key, e.value, e.unique = keys.AppendIndex(prefix, w.cur.table, ix, img.values, img.primary())
	return entries
}

// puts executes Put: whole rows under keys that are locked.
func (w *writer) puts() error {
	if err := w.mapColumns(); err != nil {
		return err
	}
	if w.w.Rows.Len() != len(w.w.Keys) {
		return mysqlerr.New(mysql.ErrWrongValueCountOnRow, w.w.FirstRow)
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
		return w.change()
	}
	w.entriesOfNew()
	ix, taken, err := w.settledConflict(true)
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
		e := &w.added[0]
		taken, err := w.owner(e)
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

// eval evaluates an expression over w.row. A panic becomes the statement's failure: at apply it would otherwise take
// down every replica, again after each restart.
func (w *writer) eval(e expr.Expr) (v types.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = mysqlerr.Newf(mysql.ErrUnknown, "Internal error: evaluation failed: %v", p)
		}
	}()
	if v, err = e.Eval(&w.env, w.row); err != nil {
		return v, mysqlerr.From(err)
	}
	return v, nil
}

// count and noteAutoInc gather what the fragment does to the tablet's counters.
func (w *writer) count(rows int64) { w.deltas[len(w.deltas)-1].rows += rows }

func (w *writer) noteAutoInc(img *image) {
	d := &w.deltas[len(w.deltas)-1]
	d.autoInc = max(d.autoInc, w.autoIncOf(img))
}

// autoIncOf is a row's AUTO_INCREMENT value, 0 if it has none above it.
func (w *writer) autoIncOf(img *image) uint64 {
	if w.cur.autoInc < 0 {
		return 0
	}
	u, _ := autoIncValue(img.values[w.cur.autoInc])
	return u
}

// duplicate is error 1062 for w.next under an index.
func (w *writer) duplicate(ix *schema.Index) *mysqlerr.Error {
	var text []byte
	t := w.cur.table
	for i := range ix.Columns {
		if i > 0 {
			text = append(text, '-')
		}
		c := &ix.Columns[i]
		text = appendKeyText(text, types.ToLocal(w.next.values[c.Column], w.env.Mode.Loc), &t.Columns[c.Column].Type, c.Prefix)
	}
	return mysqlerr.Newf(mysql.ErrDupEntry, "Duplicate entry '%s' for key '%s.%s'", text, t.Name, ix.Name)
}

// appendKeyText appends a key column as error 1062 shows it: binary strings with unprintable bytes as \xHH.
func appendKeyText(dst []byte, v types.Value, t *types.Type, prefix int) []byte {
	if v.IsNull() {
		return append(dst, "NULL"...)
	}
	start := len(dst)
	if dst = v.AppendText(dst, t); prefix > 0 {
		dst = append(dst[:start], keys.Prefix(dst[start:], prefix, t.IsBinary())...)
	}
	if v.Kind() != types.KindBytes && v.Kind() != types.KindBit {
		return dst
	}
	raw := append([]byte(nil), dst[start:]...)
	dst = dst[:start]
	for _, b := range raw {
		if b < ' ' || b > '~' {
			dst = fmt.Appendf(dst, "\\x%02X", b)
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}

// applyAccess evaluates on the newest state in log order.
type applyAccess struct {
	a  *applier
	ts mvcc.Timestamp
}

func (x *applyAccess) lock(schema.IndexID, []byte) error { return nil } // the log is the order

func (x *applyAccess) read(key []byte) (payload []byte, live bool, err error) {
	v, err := x.a.read(key)
	if err != nil {
		return nil, false, err
	}
	if v.TS > x.ts {
		return nil, false, statusError(StaleTimestamp)
	}
	return v.Value, v.Live(), nil
}

func (x *applyAccess) put(key, stored []byte, hides bool, removed, added []entry) error {
	o := &x.a.overlay
	if key != nil {
		o.put(key, x.ts, stored)
		o.changes[len(o.changes)-1].hides = hides
	}
	for i := range removed {
		o.delete(removed[i].key, x.ts)
	}
	for i := range added {
		o.put(added[i].key, x.ts, added[i].value)
	}
	return nil
}

func (x *applyAccess) remove(key []byte, removed []entry) error {
	x.a.overlay.delete(key, x.ts)
	return x.put(nil, nil, false, removed, nil)
}

// begin readies the writer for a proposal at apply.
func (w *writer) begin(a *applier, ts mvcc.Timestamp) {
	x := w.access.(*applyAccess)
	x.a, x.ts = a, ts
	w.deltas = w.deltas[:0]
}

// commitCounters adds what a committed proposal did to the tablets' counters.
func (a *applier) commitCounters(deltas []counterDelta) {
	for i := range deltas {
		d := &deltas[i]
		if d.rows == 0 && d.autoInc <= d.t.counters.autoInc.Load() {
			continue
		}
		c := d.t.counters
		c.rows.Add(d.rows)
		c.autoInc.Store(max(c.autoInc.Load(), d.autoInc))
		a.touched[d.t.id] = d.t
	}
}
