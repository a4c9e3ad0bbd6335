package shard

import (
	"cloudsql/storage/columnar"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// columnFilter picks the rows of a block that pass a filter, one term after the other. A term over one column that has a dictionary is
// decided once for each value that is met. What a term says of a row is what the evaluator says: rows of which it says more than yes or no (an
// error, a warning, NULL) are odd, and looked at again when their turn comes.
type columnFilter struct {
	terms []columnTerm
	env   expr.Env
	odd   bool // the evaluation has warned
	row   []types.Value
}

type columnTerm struct {
	expr    expr.Expr
	quiet   bool     // it never warns, nor fails
	places  []int    // of the columns that it looks at, in the fragment's row
	decided []answer // of the values of the only column's dictionary
}

// answer is what a term says of a value.
type answer uint8

const (
	unasked answer = iota
	yes
	no
	odd
)

// mark and unmark carry with a row's place that it is odd.
func mark(i int32) int32 { return ^i }

func unmark(i int32) (at int, odd bool) {
	if i < 0 {
		return int(^i), true
	}
	return int(i), false
}

func (f *columnFilter) prepare(rd *reader) {
	if rd.r.Filter == nil {
		return
	}
	f.row = make([]types.Value, len(rd.r.Columns))
	f.env = rd.env
	f.env.Warn = func(uint16, string) { f.odd = true }
	for _, e := range expr.Terms(rd.r.Filter) {
		t := columnTerm{expr: e, quiet: quiet(e)}
		set := map[int]bool{}
		expr.Columns(e, set)
		for place := range rd.r.Columns {
			if set[place] {
				t.places = append(t.places, place)
			}
		}
		f.terms = append(f.terms, t)
	}
}

// reset forgets what was decided of another block's values.
func (f *columnFilter) reset() {
	for i := range f.terms {
		f.terms[i].decided = nil
	}
}

// ask decides a term over f.row.
func (f *columnFilter) ask(t *columnTerm) answer {
	f.odd = false
	holds, ends, err := expr.Term(t.expr, &f.env, f.row)
	switch {
	case err != nil || f.odd:
		return odd
	case holds:
		return yes
	case ends:
		return no
	}
	return odd
}

// dictionary is the dictionary that decides a term; nil: there is none.
func (t *columnTerm) dictionary(columns []*columnar.Column) *columnar.Column {
	if len(t.places) != 1 {
		return nil
	}
	c := columns[t.places[0]]
	if c.Codes == nil {
		return nil
	}
	if t.decided == nil {
		t.decided = make([]answer, len(c.Dict))
	}
	return c
}

// comparing are the operators that are quiet where they compare a column with constants of its kind.
var comparing = map[string]bool{"=": true, "<=>": true, "<>": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true, "in": true, "between": true}

// quiet tells whether a term compares a column with constants without a conversion that might warn.
func quiet(e expr.Expr) bool {
	call, ok := e.(*expr.Call)
	if !ok || !comparing[call.Name()] {
		return false
	}
	class := types.ClassNull
	for _, a := range call.Args() {
		if c, ok := a.(*expr.Column); ok {
			class = c.Typ.Class()
		}
	}
	for _, a := range call.Args() {
		switch a := a.(type) {
		case *expr.Column:
		case *expr.Const:
			if k := a.Val.Kind(); !ordered(class, k) && (class != types.ClassString || k != types.KindString) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// maxAsked is how many different values are looked at to find that no row of a block passes.
const maxAsked = 64

// excludes tells that a term refuses all values of a small dictionary.
func (f *columnFilter) excludes(t *columnTerm, columns []*columnar.Column) bool {
	c := t.dictionary(columns)
	if c == nil || len(c.Dict) > maxAsked || timestamps(c) {
		return false
	}
	for code := range c.Dict {
		if f.decide(t, c, code) != no {
			return false
		}
	}
	return true
}

// comparisons are the operators that say of all values on one side of another what they say of it: with the column on their left, those that hold
// for large values only, and those that hold for small ones only.
var comparisons = map[string]int{">": 1, ">=": 1, "<": -1, "<=": -1}

// outside tells that a comparison with a constant refuses the largest of a block's values, or the smallest, and so all of them.
func (f *columnFilter) outside(t *columnTerm, block *columnar.Block, places []int) bool {
	call, ok := t.expr.(*expr.Call)
	if !ok || len(call.Args()) != 2 || len(t.places) != 1 {
		return false
	}
	low, high, ok := block.Zone(places[t.places[0]])
	if !ok {
		return false
	}
	side := comparisons[call.Name()]
	left, right := call.Args()[0], call.Args()[1]
	if _, turned := left.(*expr.Const); turned {
		left, right, side = right, left, -side
	}
	column, ok := left.(*expr.Column)
	k, constant := right.(*expr.Const)
	if !ok || !constant || side == 0 || !ordered(column.Typ.Class(), k.Val.Kind()) {
		return false
	}
	end := high
	if side < 0 {
		end = low
	}
	f.row[t.places[0]] = end
	return f.ask(t) == no
}

// ordered tells whether a column's numbers compare with a constant in the order of the numbers.
func ordered(class types.Class, k types.Kind) bool {
	switch class {
	case types.ClassInt, types.ClassDecimal:
		return k == types.KindInt || k == types.KindUint || k == types.KindDecimal
	case types.ClassDate, types.ClassDatetime:
		return k == types.KindDate || k == types.KindDatetime
	}
	return false
}

func (f *columnFilter) decide(t *columnTerm, c *columnar.Column, code int) answer {
	if t.decided[code] == unasked {
		f.row[t.places[0]] = c.Dict[code]
		t.decided[code] = f.ask(t)
	}
	return t.decided[code]
}

// run gives the rows among picked that pass, and those that are odd, in place.
func (f *columnFilter) run(cs *columnScan, picked []int32) []int32 {
	for k := range f.terms {
		t := &f.terms[k]
		if len(t.places) == 0 {
			return markAll(picked) // it says the same of all, but no column of it is asked
		}
		if c := t.dictionary(cs.columns); c != nil && !timestamps(c) {
			picked = f.runCodes(t, c, picked)
		} else {
			picked = f.runRows(t, cs, picked)
		}
	}
	return picked
}

func markAll(picked []int32) []int32 {
	for i, p := range picked {
		if p >= 0 {
			picked[i] = mark(p)
		}
	}
	return picked
}

// timestamps tells whether values must be made local first.
func timestamps(c *columnar.Column) bool {
	for _, v := range c.Dict {
		if !v.IsNull() {
			return v.Kind() == types.KindTimestamp
		}
	}
	return false
}

func (f *columnFilter) runCodes(t *columnTerm, c *columnar.Column, picked []int32) []int32 {
	kept := picked[:0]
	for _, p := range picked {
		if p >= 0 {
			code := c.Codes[p]
			a := t.decided[code]
			if a == unasked {
				a = f.decide(t, c, int(code))
			}
			kept = keep(kept, p, a)
		} else {
			kept = append(kept, p)
		}
	}
	return kept
}

func (f *columnFilter) runRows(t *columnTerm, cs *columnScan, picked []int32) []int32 {
	kept := picked[:0]
	for _, p := range picked {
		if p >= 0 {
			a := odd
			if f.fill(t, cs, int(p)) {
				a = f.ask(t)
			}
			kept = keep(kept, p, a)
		} else {
			kept = append(kept, p)
		}
	}
	return kept
}

// keep appends a row of which a term says what, unless that is no.
func keep(kept []int32, p int32, a answer) []int32 {
	switch a {
	case no:
		return kept
	case odd:
		p = mark(p)
	case yes, unasked:
	}
	return append(kept, p)
}

// fill decodes the columns that a term looks at.
func (f *columnFilter) fill(t *columnTerm, cs *columnScan, at int) bool {
	for _, place := range t.places {
		if cs.value(cs.columns[place], at, &f.row[place]) != nil {
			return false
		}
	}
	return true
}

func (f *columnFilter) anyOdd(picked []int32) bool {
	for _, p := range picked {
		if p < 0 {
			return true
		}
	}
	return false
}
