package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/limits"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// rowAccess is what a write is evaluated on: the newest state in log order with the log entry's own changes (applying),
// or the newest state under locks with a transaction's own writes (evaluating). Keys are full engine keys without a
// timestamp.
type rowAccess interface {
	// lock claims a key before it is looked at, if locks are needed at all.
	lock(ix schema.IndexID, key []byte) error
	// claim announces an entry of an index that is not unique before it comes or goes.
	claim(e *entry) error
	// read gives the newest payload under a key, valid until the next call.
	read(key []byte) (payload []byte, live bool, err error)
	// asOld tells whether the version of the row that was read last is known to be as old as that.
	asOld(ts mvcc.Timestamp) bool
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

// image is a row as it is worked on.
type image struct {
	values []types.Value // the current descriptor's columns, storage form
	key    []byte        // full engine key of the primary index
	stored []byte        // encoded row that values were decoded from
}

func (i *image) primary() []byte { return i.key[keys.PrefixLen:] }

// writer evaluates write fragments. One writer serves one goroutine; all memory is kept from row to row.
type writer struct{ rowWriter }

// rowWriter is a writer's lower half: one row's old and new image, and the entries that go and come with it.
type rowWriter struct {
	shard   *Shard
	access  rowAccess
	t       *tablet
	cur     *layout // rows are stored by this descriptor
	plan    *layout // the fragment's column positions are those of this one
	w       *fragment.Write
	res     *fragment.WriteResult
	env     expr.Env
	budget  expr.Budget         // of the proposal
	strict  expr.StrictWarnings // what strict mode does not forgive in expressions
	note    types.Warner        // warn, bound once, as forgive is strict.Warn
	forgive types.Warner
	deltas  []counterDelta
	number  int // of the new row that is being written, from 1
	// buffering: the writes go to a Workspace, under locks. A changed row's kept entries are put again with it, because
	// it hides the engine's; and what was found in the way is looked at again once it is locked.
	buffering bool
	ctx       context.Context // of the statement, which may be cancelled then; nil while a log is applied

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
	if !ok || plan != t.current && t.current.ruled && !t.alike && f.Kind != fragment.Delete && f.Kind != fragment.Reindex {
		return statusError(SchemaChanged)
	}
	w.t, w.cur, w.plan, w.w, w.res, w.number = t, t.current, plan, f, res, 0
	w.prepareEnv()
	w.prepareImages()
	if f.Report != nil && w.buffering {
		res.Images = &fragment.Images{Rows: types.Batch{Width: 2 * len(f.Report)}}
	}
	if err := w.affordable(); err != nil {
		return w.failed(err)
	}
	if err := w.rows(); err != nil {
		return w.failed(err)
	}
	return nil
}

// affordable refuses a fragment that would evaluate too much: apply does bounded work.
func (w *writer) affordable() error {
	const few = 64 // rows of any expression
	rows := max(len(w.w.Keys), w.w.Rows.Len())
	if rows <= few || w.env.Mode.Legacy {
		return nil
	}
	calls := expr.Calls(w.w.Where)
	for i := range w.w.Set {
		calls += expr.Calls(w.w.Set[i].Expr)
	}
	for i := range w.w.Checks {
		calls += expr.Calls(w.w.Checks[i].Expr)
	}
	if calls > limits.EvalCalls/rows {
		return mysqlerr.NotSupported(fmt.Sprintf("evaluating %d functions for each of %d rows at once", calls, rows))
	}
	return nil
}

// failed tells a statement's own failure, which becomes its result, from other errors.
func (w *writer) failed(err error) error {
	var lock *lockError
	if errors.As(err, &lock) {
		return err
	}
	var failure *mysqlerr.Error
	if errors.As(err, &failure) {
		told := uint64(0)
		if w.w.Kind == fragment.UpdateSequence { // LAST_INSERT_ID(expr) has been evaluated
			told = w.res.LastUpdated
		}
		*w.res = fragment.WriteResult{Err: failure, LastUpdated: told}
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
	w.env.InDML, w.env.Ctx = true, w.ctx
	w.env.Budget = &w.budget
	if w.note == nil {
		w.note, w.forgive = w.warn, w.strict.Warn
	}
	w.env.Warn = w.note
	w.strict = expr.StrictWarnings{Next: w.note}
	if w.env.Mode.Strict {
		w.env.Warn = w.forgive
	}
}

func (w *rowWriter) warn(code uint16, message string) {
	c := fragment.Condition(code, message)
	if w.w.Numbers != nil {
		c.Row = w.number
	}
	w.res.Warnings = append(w.res.Warnings, c)
}

func (w *rowWriter) prepareImages() {
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
	//exhaustive:enforce
	switch w.w.Kind {
	case fragment.Insert, fragment.InsertIgnore, fragment.Replace, fragment.InsertOrUpdate:
		return w.inserts()
	case fragment.Update, fragment.UpdateSequence, fragment.Delete, fragment.Reindex:
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

// startRow forgets what the row before left.
func (w *rowWriter) startRow() {
	w.removed, w.added = w.removed[:0], w.added[:0]
}

// load reads a row into w.old and, in the form that expressions see, into w.row.
func (w *writer) load(key []byte) (found bool, err error) {
	stored, live, err := w.access.read(key)
	if err != nil || !live {
		return false, err
	}
	if err := w.spend(len(stored)); err != nil {
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

// spend takes steps of the budget: the proposal's; what is evaluated under locks has one without end (borrowWriter).
func (w *rowWriter) spend(steps int) error {
	if w.env.Mode.Legacy {
		return nil
	}
	return w.budget.Spend(steps)
}

// eval evaluates an expression over w.row.
func (w *writer) eval(e expr.Expr) (v types.Value, err error) {
	if err := w.spend(expr.Cost(e, w.row)); err != nil {
		return v, err
	}
	if v, err = e.Eval(&w.env, w.row); err != nil {
		return v, mysqlerr.From(err)
	}
	return v, w.strict.Err()
}

// count and noteAutoInc gather what the fragment does to the tablet's counters.
func (w *rowWriter) count(rows int64) { w.deltas[len(w.deltas)-1].rows += rows }

func (w *rowWriter) noteAutoInc(img *image) {
	d := &w.deltas[len(w.deltas)-1]
	d.autoInc = max(d.autoInc, w.autoIncOf(img))
}

// autoIncOf is a row's AUTO_INCREMENT value, 0 if it has none above it.
func (w *rowWriter) autoIncOf(img *image) uint64 {
	if w.cur.autoInc < 0 {
		return 0
	}
	u, _ := autoIncValue(img.values[w.cur.autoInc])
	return u
}
