package rules

import (
	"slices"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/bind"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Rules are what a table's definition says of its rows by expressions over them: generated columns and CHECK constraints. New rows
// follow them here, at the gateway, which knows all of their values; changed rows at their shard, which has the others: there the
// generated columns are assignments behind the statement's, and the checks conditions of the fragment.
type Rules struct {
	table     *schema.Table
	generated []rule // in the order of the columns: each refers to earlier ones only
	checks    []rule
}

// rule is one expression.
type rule struct {
	column int    // of a generated column
	name   string // of a check
	expr   expr.Expr
	uses   map[int]bool // positions of columns
}

// Of binds the rules of a table for rows that are written in env, which may be nil; nil for none. Messages of errors name its columns with
// their database.
func Of(c *catalog.Snapshot, t *schema.Table, env *expr.Env) (*Rules, error) {
	if !t.Ruled() {
		return nil, nil
	}
	r, db := &Rules{table: t}, ""
	if d, ok := c.DatabaseByID(t.Database); ok {
		db = d.Name
	}
	for i := range t.Columns {
		if t.Columns[i].Generated == "" {
			continue
		}
		e, err := bind.Generated(env, db, t, i)
		if err != nil {
			return nil, err
		}
		r.generated = append(r.generated, newRule(rule{column: i, expr: e}))
	}
	for i := range t.Checks {
		c := &t.Checks[i]
		if !c.Enforced {
			continue
		}
		e, err := bind.Check(env, db, t, c)
		if err != nil {
			return nil, err
		}
		r.checks = append(r.checks, newRule(rule{name: c.Name, expr: e}))
	}
	return r, nil
}

func newRule(r rule) rule {
	r.uses = map[int]bool{}
	expr.Columns(r.expr, r.uses)
	return r
}

// touched tells whether a rule has one of some columns in it.
func (r *rule) touched(changed map[int]bool) bool {
	for pos := range r.uses {
		if changed[pos] {
			return true
		}
	}
	return false
}

// Assign appends the assignments of generated columns that follow from changed ones, which they join.
func (r *Rules) Assign(set []fragment.Assignment, changed map[int]bool, onlyIfChanged bool) []fragment.Assignment {
	for i := range r.generated {
		g := &r.generated[i]
		if g.touched(changed) {
			changed[g.column] = true
			set = append(set[:len(set):len(set)], fragment.Assignment{
				Column: r.table.Columns[g.column].ID, Expr: g.expr, OnlyIfChanged: onlyIfChanged,
			})
		}
	}
	return set
}

// ChecksOf are the checks that assignments may violate: those of the columns that they change, and those of none.
func (r *Rules) ChecksOf(set []fragment.Assignment) (list []fragment.Check) {
	if r == nil {
		return nil
	}
	changed := map[int]bool{}
	for i := range set {
		changed[r.table.ColumnByID(set[i].Column)] = true
	}
	for i := range r.checks {
		if c := &r.checks[i]; len(c.uses) == 0 || c.touched(changed) {
			list = append(list, fragment.Check{Name: c.name, Expr: c.expr})
		}
	}
	return list
}

// Rows makes whole rows follow a table's definition, where not a shard but whoever has all of their values writes them.
type Rows struct {
	*Rules
	Env    *expr.Env
	local  []types.Value
	strict expr.StrictWarnings
}

// NewRows prepares for rows of t; nil where its definition says nothing of them.
func NewRows(c *catalog.Snapshot, t *schema.Table, env *expr.Env) (*Rows, error) {
	r, err := Of(c, t, env)
	if r == nil || err != nil {
		return nil, err
	}
	return r.ForRows(env), nil
}

// ForRows prepares for rows of the table.
func (r *Rules) ForRows(env *expr.Env) *Rows {
	out := &Rows{Rules: r}
	eval := *env
	if env.Mode.Strict {
		out.strict.Next = env.Warn
		eval.Warn = out.strict.Warn
	}
	out.Env = &eval
	return out
}

// Generate computes the generated columns of a row in storage form; assign converts a value for the column at a position.
func (r *Rows) Generate(row []types.Value, assign func(v types.Value, pos int) (types.Value, error)) error {
	if len(r.generated) == 0 {
		return nil
	}
	r.local = append(r.local[:0], LocalRow(row, &r.Env.Mode)...)
	for i := range r.generated {
		g := &r.generated[i]
		v, err := r.eval(g.expr)
		if err != nil {
			return err
		}
		if row[g.column], err = assign(v, g.column); err != nil {
			return err
		}
		r.local[g.column] = types.ToLocal(row[g.column], r.Env.Mode.Loc)
	}
	return nil
}

func (r *Rows) eval(e expr.Expr) (types.Value, error) {
	v, err := e.Eval(r.Env, r.local)
	if err == nil {
		err = r.strict.Err()
	}
	return v, err
}

// Violated gives 3819 for a complete row in storage form that a check is against.
func (r *Rows) Violated(row []types.Value) error {
	if len(r.checks) == 0 {
		return nil
	}
	r.local = append(r.local[:0], LocalRow(row, &r.Env.Mode)...)
	for i := range r.checks {
		v, err := r.eval(r.checks[i].expr)
		if err != nil {
			return err
		}
		if !v.IsNull() && !v.ToBool(nil) {
			return mysqlerr.New(mysqlerr.CheckViolated, r.checks[i].name)
		}
	}
	return nil
}

// LocalRow is a row in storage form as expressions see it: TIMESTAMPs are local times. The row is not changed.
func LocalRow(row []types.Value, m *types.Mode) []types.Value {
	copied := false
	for i := range row {
		if row[i].Kind() != types.KindTimestamp {
			continue
		}
		if !copied {
			row, copied = slices.Clone(row), true
		}
		row[i] = types.ToLocal(row[i], m.Loc)
	}
	return row
}
