package planner

import (
	"slices"

	"cloudsql/planner/exec"
	"cloudsql/storage/fragment"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Warnings of new rows come in the order of the rows, as in MySQL, which converts one row and writes it before it looks at the next. Here
// the rows of a batch are converted first: what is to be said of them waits until the shards have said what became of which row.

// maxNotes bounds what waits: max_error_count's largest value. What comes behind it is only counted, in any order.
const maxNotes = 65535

// rowNote is a warning about a row, by its number in the statement.
type rowNote struct {
	row int
	fragment.Warning
}

// rowNotes is what waits.
type rowNotes struct {
	list []rowNote
	warn types.Warner // the client's
}

func (n *rowNotes) add(row int, w fragment.Warning) {
	if len(n.list) == maxNotes {
		n.tell()
	}
	n.list = append(n.list, rowNote{row, w})
}

// tell says all that waits: of one row, what was noted first.
func (n *rowNotes) tell() {
	slices.SortStableFunc(n.list, func(a, b rowNote) int { return a.row - b.row })
	for i := range n.list {
		n.list[i].Tell(n.warn)
	}
	n.list = n.list[:0]
}

// collectNotes has what is said of rows wait from now on.
func (r *insertRun) collectNotes() {
	r.notes.warn = r.env.Warn
	r.env.Warn = func(code uint16, message string) { r.note(r.records, fragment.Condition(code, message)) }
	r.w.Numbered = r.note
}

// note has something said of a row when its turn comes.
func (r *insertRun) note(row int, w fragment.Warning) {
	if r.notes.warn == nil {
		w.Tell(r.env.Warn)
		return
	}
	r.notes.add(row, w)
}

// noting is the runtime of the query that gives the rows: what is said of them while they are computed comes before what is said of the
// first of them.
func (r *insertRun) noting() *exec.Runtime {
	rt, env := *r.rt, *r.rt.Env
	rt.Env, rt.Warn = &env, func(w fragment.Warning) { r.note(r.records+1, w) }
	env.Warn = func(code uint16, message string) { rt.Warn(fragment.Condition(code, message)) }
	return &rt
}

// numbersRows tells whether the shards are to tell which of the batch's rows they warn of: where something may be said of others.
func (r *insertRun) numbersRows() bool {
	warned := r.Kind == fragment.InsertIgnore || r.Kind == fragment.InsertOrUpdate
	return warned && (len(r.notes.list) > 0 || r.Ignore && r.place.Several()) && r.rt.Catalog.Allows(version.V2)
}

// number gives a fragment's rows their numbers.
func (r *insertRun) number(f *fragment.Write, rows ...int) {
	if r.numbered {
		f.Numbers = append(f.Numbers, rows...)
	}
}
