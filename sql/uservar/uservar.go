// Package uservar is the user variables of a session, and the one row that a SELECT puts into some.
//
// Invariants: names are told apart without case; what variables hold is charged to the session's account.
package uservar

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudsql/sql"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Vars are the variables of a session.
type Vars struct {
	vars map[string]variable
	hold memory.Hold
}

type variable struct {
	val types.Value
	typ types.Type
}

// Open begins a session's; hold is where they are charged.
func (u *Vars) Open(hold memory.Hold) { u.hold = hold }

// Reset forgets all variables.
func (u *Vars) Reset() {
	u.hold.Close()
	u.vars = nil
}

const (
	varBytes = 200 // of a variable, besides its name and value
	maxName  = 64  // characters
)

// UserVar gives @name, NULL where it was never set.
func (u *Vars) UserVar(name string) (types.Value, types.Type) {
	if v, ok := u.vars[strings.ToLower(name)]; ok {
		return v.val, v.typ
	}
	return types.Null, types.TypeNull
}

// EachUserVar calls fn for each variable in order of name.
func (u *Vars) EachUserVar(fn func(name string, v types.Value, t *types.Type)) {
	for _, name := range slices.Sorted(maps.Keys(u.vars)) {
		v := u.vars[name]
		fn(name, v.val, &v.typ)
	}
}

// SetUserVar sets @name; v is the session's to keep. 3061 for a name that is too long, 3170 where the session keeps too much.
func (u *Vars) SetUserVar(name string, v types.Value, t types.Type) error {
	if utf8.RuneCountInString(name) > maxName {
		return mysqlerr.New(mysqlerr.IllegalUserVar, name)
	}
	name = strings.ToLower(name)
	grown := len(v.Raw())
	if old, ok := u.vars[name]; ok {
		grown -= len(old.val.Raw())
	} else {
		grown += varBytes + len(name)
	}
	if err := u.hold.Grow(grown); err != nil {
		return err
	}
	if u.vars == nil {
		u.vars = map[string]variable{}
	}
	if v.Kind() == types.KindDecimal && t.Class() == types.ClassDecimal {
		t.Decimals = v.Scale() // a variable shows all that was computed: more of a quotient than its type, less of a choice
	}
	u.vars[name] = variable{v, t}
	return nil
}

// Row is the result of a query that gives at most one row, of as many columns as there are names for.
type Row struct {
	Want  int
	Vals  []types.Value // nil where there was none
	Types []types.Type
}

var _ sql.ResultWriter = (*Row)(nil)

// Header implements sql.ResultWriter. 1222 for another number of columns.
func (r *Row) Header(h *sql.Header) error {
	if len(h.Columns) != r.Want {
		return mysqlerr.New(mysqlerr.WrongNumberOfColumnsInSelect)
	}
	for i := range h.Columns {
		r.Types = append(r.Types, h.Columns[i].Type)
	}
	return nil
}

// Row implements sql.ResultWriter. 1172 for a second row.
func (r *Row) Row(vals []types.Value) error {
	if r.Vals != nil {
		return mysqlerr.New(mysqlerr.TooManyRows)
	}
	for _, v := range vals {
		r.Vals = append(r.Vals, v.Clone())
	}
	return nil
}

// Done implements sql.ResultWriter.
func (r *Row) Done(*sql.Outcome) error { return nil }
