package planner

import (
	"context"
	"slices"

	"cloudsql/planner/bind"
	"cloudsql/planner/rules"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Rows that are about to be written are completed and checked here, whatever statement writes them: what a table's definition says
// of its rows beyond the values that the statement gives stands in this file alone.
//
//	INSERT, REPLACE         next (defaults) → the statement's values, each through assign → fillDefaults → follow (rules.go);
//	                        missing ones: checkDefaults
//	UPDATE, ON DUPLICATE    the statement's assignments → onUpdate; a shard converts and checks what it assigns
//
// What other tables have to do with a row belongs to writer.write, through which all rows go.

// columnDefault is what a column gets that a statement does not name.
type columnDefault struct {
	value  types.Value // storage form
	expr   expr.Expr   // instead of value: CURRENT_TIMESTAMP and kin, assigned per statement
	perRow expr.Expr   // instead of value: over the row's other columns
	none   bool        // NOT NULL without a default: 1364
}

func defaultsOf(ctx *Context, db string, t *schema.Table) ([]columnDefault, error) {
	defaults := make([]columnDefault, len(t.Columns))
	for i := range t.Columns {
		c, d := &t.Columns[i], &defaults[i]
		switch {
		case c.AutoIncrement || c.Hidden || c.Generated != "":
		case bind.DefaultPerRow(c):
			e, err := bind.RowDefault(ctx.Env, db, t, i)
			if err != nil {
				return nil, err
			}
			d.perRow = e
		case c.DefaultExpr != "":
			e, err := bind.Text(ctx.Env, c.DefaultExpr)
			if err != nil {
				return nil, err
			}
			d.expr = e
		case len(c.Default) > 0:
			v, _, err := types.DecodeValue(c.Default)
			if err != nil {
				return nil, err
			}
			d.value = v
		case c.NotNull && c.Type.Class() == types.ClassEnum && !c.HasDefault:
			d.value = conversion.ImplicitDefault(&c.Type) // MySQL: an ENUM's default is its first element
		default:
			d.none = c.NotNull || c.NoDefault && c.Type.Class() != types.ClassEnum
		}
	}
	return defaults, nil
}

// checkDefaults gives 1364 for a column that has neither a value nor a default: strict mode's.
func (p *insertPlan) checkDefaults() error {
	for pos := range p.defaults {
		if !p.defaults[pos].none {
			continue
		}
		j := slices.Index(p.Named, pos)
		if j < 0 || slices.ContainsFunc(p.Rows, func(row []expr.Expr) bool { return row[j] == nil }) {
			if j < 0 {
				return p.noDefault(pos)
			}
			return mysqlerr.New(mysqlerr.NoDefaultForField, p.Table.Columns[pos].Name)
		}
	}
	return nil
}

// noDefault is 1364 for a column that a statement does not name, 1423 where it goes through a view.
func (p *insertPlan) noDefault(pos int) *mysqlerr.Error {
	if p.View != nil {
		return mysqlerr.New(mysqlerr.NoDefaultForViewField, p.View.DB, p.View.Name)
	}
	return mysqlerr.New(mysqlerr.NoDefaultForField, p.Table.Columns[pos].Name)
}

// computeDefaults evaluates the defaults of all columns once a statement; a missing one is a warning by now.
func (r *insertRun) computeDefaults() error {
	r.computed = make([]types.Value, len(r.defaults))
	for i := range r.defaults {
		d, c := &r.defaults[i], &r.Table.Columns[i]
		r.computed[i] = d.value
		switch {
		case d.expr != nil:
			v, err := d.expr.Eval(r.env, nil)
			if err == nil {
				v, err = conversion.Assign(v, &c.Type, r.Table.Called(i), 1, &r.env.Mode, r.env.Warn)
			}
			if err != nil {
				return err
			}
			r.computed[i] = v
		case d.none && !c.AutoIncrement && !c.Hidden:
			if r.computed[i] = types.Null; c.NotNull {
				r.computed[i] = conversion.ImplicitDefault(&c.Type)
			}
			if !slices.Contains(r.Named, i) {
				e := r.noDefault(i)
				r.env.Warn(e.Code, e.Message)
			}
		}
	}
	return nil
}

// next adds a row to the batch, with defaults in it.
func (r *insertRun) next(ctx context.Context) (row []types.Value, err error) {
	r.batch.Append(r.computed)
	r.records++
	r.ordinals = append(r.ordinals, r.records)
	row = r.batch.Row(r.batch.Len() - 1)
	if r.hidden >= 0 {
		id, err := r.rt.DB.NextRowIDs(ctx, 1)
		if err != nil {
			return nil, err
		}
		row[r.hidden] = types.Uint(id)
	}
	return row, nil
}

// nullsPass tells whether NULL becomes the implicit default, with a warning, in a column that has none: under IGNORE, and where no strict
// mode holds, but for the only row of a statement and for generated columns.
func (r *insertRun) nullsPass(c *schema.Column) bool {
	return r.Ignore || !r.env.Mode.Strict && c.Generated == "" && !r.OneRow
}

// assign converts a value for a column.
func (r *insertRun) assign(v types.Value, pos int) (types.Value, error) {
	c := &r.Table.Columns[pos]
	if v.IsNull() {
		if !c.NotNull || c.AutoIncrement {
			return v, nil
		}
		if r.nullsPass(c) {
			r.env.Warn(mysqlerr.BadNull, mysqlerr.New(mysqlerr.BadNull, c.Name).Message)
			return conversion.ImplicitDefault(&c.Type), nil
		}
		return v, mysqlerr.New(mysqlerr.BadNull, c.Name)
	}
	v, err := conversion.Assign(v, &c.Type, r.Table.Called(pos), r.records, &r.env.Mode, r.env.Warn)
	if err == nil && c.AutoIncrement {
		if v.Int() == 0 && !r.zeroAuto && v.Kind() != types.KindFloat {
			return types.Null, nil
		}
		r.explicit = v.Uint()
	}
	return v, err
}

// checkOption holds a complete row to the view that it comes through: 1369; ok is false where IGNORE leaves it out.
func (r *insertRun) checkOption(row []types.Value) (ok bool, err error) {
	if r.View == nil || len(r.View.Check) == 0 {
		return true, nil
	}
	row = rules.LocalRow(row, &r.env.Mode)
	for _, cond := range r.View.Check {
		meets, err := expr.Truth(cond, r.checkEnv, row)
		if err != nil {
			return false, err
		}
		if !meets {
			return false, refuseChecked(r.env, r.Ignore, r.View.DB, r.View.Name)
		}
	}
	return true, nil
}

// refuseChecked is 1369 for a row that a view does not show, or a warning.
func refuseChecked(env *expr.Env, ignore bool, db, view string) error {
	err := mysqlerr.New(mysqlerr.ViewCheckFailed, db, view)
	if !ignore {
		return err
	}
	if env.Warn != nil {
		env.Warn(err.Code, err.Message)
	}
	return nil
}

// fillDefaults computes DEFAULT (expression) of the columns that a row gives no value for: exprs are those of VALUES, in the
// order of named; nil where a query gives all.
func (r *insertRun) fillDefaults(row []types.Value, exprs []expr.Expr) error {
	for pos := range r.defaults {
		e := r.defaults[pos].perRow
		if e == nil {
			continue
		}
		if j := slices.Index(r.Named, pos); j >= 0 && (exprs == nil || exprs[j] != nil) {
			continue
		}
		v, err := e.Eval(r.eval, rules.LocalRow(row, &r.env.Mode))
		if err == nil {
			err = r.strict.Err()
		}
		if err != nil {
			return err
		}
		if row[pos], err = r.assign(v, pos); err != nil {
			return err
		}
	}
	return nil
}

// follow makes the last row of the batch, which is complete but for that, follow the table's rules, and those of the view that it comes
// through. keep is false where IGNORE leaves it out for a check's sake.
func (r *insertRun) follow(row []types.Value) (keep bool, err error) {
	if r.rows != nil {
		if err := r.rows.Generate(row, r.assign); err != nil {
			return false, err
		}
		err = r.rows.Violated(row)
	}
	switch {
	case err == nil:
		keep, err = r.checkOption(row)
	case r.Ignore && mysqlerr.Code(err) == mysqlerr.CheckViolated:
		r.env.Warn(mysqlerr.CheckViolated, mysqlerr.From(err).Message)
		err = nil
	}
	if !keep && err == nil {
		r.batch.Truncate(r.batch.Len() - 1)
		r.ordinals = r.ordinals[:r.batch.Len()]
	}
	return keep, err
}

// onUpdate adds the assignments that follow from a statement's: generated columns, and ON UPDATE CURRENT_TIMESTAMP columns that it
// does not name, with what is generated from those. A shard makes the latter only where another column changes
// (fragment.Assignment.OnlyIfChanged).
func onUpdate(t *schema.Table, set []fragment.Assignment, r *rules.Rules) ([]fragment.Assignment, error) {
	named := set
	if r != nil {
		changed := map[int]bool{}
		for i := range set {
			changed[t.ColumnByID(set[i].Column)] = true
		}
		set = r.Assign(set, changed, false)
	}
	var clock map[int]bool
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.OnUpdateNow || slices.ContainsFunc(named, func(a fragment.Assignment) bool { return a.Column == c.ID }) {
			continue
		}
		var args []expr.Expr
		if c.Type.Decimals > 0 {
			args = append(args, expr.NewInt(int64(c.Type.Decimals)))
		}
		now, err := expr.New("now", args...)
		if err != nil {
			return nil, err
		}
		set = append(set[:len(set):len(set)], fragment.Assignment{Column: c.ID, Expr: now, OnlyIfChanged: true})
		if r != nil && clock == nil {
			clock = map[int]bool{}
		}
		if r != nil {
			clock[i] = true
		}
	}
	if len(clock) > 0 {
		set = r.Assign(set, clock, true)
	}
	return set, nil
}
