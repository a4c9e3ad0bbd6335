package dml

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Target is a table that a statement changes.
type Target struct {
	DB    string
	Alias string
	Table *schema.Table
	Only  []int // PARTITION (…): the places of the partitions that the statement names; nil: all
}

// Columns are those of the table's row, numbered by position.
func (t *Target) Columns() []bind.Column { return bind.TableColumns(t.Table, t.DB, t.Alias, 0) }

// Position finds a column of the table: 1054.
func (t *Target) Position(name *ast.ColumnName) (int, error) {
	pos := t.Table.ColumnByName(name.Name.L)
	if pos < 0 || name.Table.O != "" && !strings.EqualFold(name.Table.O, t.Alias) {
		return -1, mysqlerr.New(mysqlerr.BadField, bind.FullName(name), bind.FieldList)
	}
	return pos, nil
}

// Assignments binds SET a = …, b = … for a shard: over the table's row by position, which position finds columns in.
func (t *Target) Assignments(b *bind.Binder, sc *bind.Scope, list []*ast.Assignment,
	position func(*ast.ColumnName) (int, error)) ([]fragment.Assignment, error) {
	set := make([]fragment.Assignment, 0, len(list)+1)
	for _, a := range list {
		pos, err := position(a.Column)
		if err != nil {
			return nil, err
		}
		if t.Table.Columns[pos].Generated != "" {
			if !IsDefault(a.Expr) {
				return nil, GivenGenerated(t.Table, pos)
			}
			continue
		}
		e, err := t.Assigned(b, sc, pos, 0, a.Expr)
		if err != nil {
			return nil, err
		}
		set = append(set, fragment.Assignment{Column: t.Table.Columns[pos].ID, Expr: e})
	}
	return set, nil
}

// GivenGenerated is 3105 for a value given to a generated column.
func GivenGenerated(t *schema.Table, pos int) error {
	return mysqlerr.New(mysqlerr.GivenGeneratedColumn, t.Columns[pos].Name, t.Name)
}

// Assigned binds what a column is assigned. The columns of the table's row are numbered from first on.
func (t *Target) Assigned(b *bind.Binder, sc *bind.Scope, pos, first int, n ast.ExprNode) (expr.Expr, error) {
	c := &t.Table.Columns[pos]
	d, ok := n.(*ast.DefaultExpr)
	switch {
	case !ok || d.Name != nil:
		e, err := bind.Expr(b, sc, n)
		if err == nil && scalar.AsCall(e, "row") != nil {
			err = mysqlerr.New(mysqlerr.OperandColumns, 1)
		}
		return expr.ForColumn(e, &c.Type), err
	case bind.DefaultPerRow(c):
		e, err := bind.RowDefault(b.Env, t.DB, t.Table, pos)
		if err != nil || first == 0 {
			return e, err
		}
		return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if col, ok := x.(*expr.Column); ok {
				return col.At(first + col.Index)
			}
			return x
		}), nil
	}
	return b.Value(&bind.Column{Source: t.Table, Pos: pos})
}

// Unassigned is what a row of VALUES reads, over columns by position: an AUTO_INCREMENT column that has no value yet, which NULL stands for,
// is 0 to it.
func (n *Insert) Unassigned(e expr.Expr) expr.Expr {
	auto := n.Table.AutoIncColumn()
	if e == nil || auto < 0 {
		return e
	}
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, ok := x.(*expr.Column); ok && c.Index == auto {
			if zero, err := expr.New("ifnull", x, expr.NewInt(0)); err == nil {
				return zero
			}
		}
		return x
	})
}

// RowValue binds what a row of VALUES has for the column at pos, where it may not read the row.
func (n *Insert) RowValue(b *bind.Binder, sc *bind.Scope, pos int, v ast.ExprNode) (expr.Expr, error) {
	c := &n.Table.Columns[pos]
	switch {
	case !IsDefault(v):
		e, err := bind.Expr(b, sc, v)
		return expr.ForColumn(e, &c.Type), err
	case c.AutoIncrement || c.Generated != "":
		return expr.NewNull(), nil
	case bind.DefaultPerRow(c):
		return nil, mysqlerr.NotSupported("DEFAULT of a column with a default expression beside a subquery")
	}
	return b.Value(&bind.Column{Source: n.Table, Pos: pos})
}

// IsDefault tells of DEFAULT alone.
func IsDefault(n ast.ExprNode) bool {
	d, ok := n.(*ast.DefaultExpr)
	return ok && d.Name == nil
}

// Stored is a value that a column is about to be given, as the column will have it.
func Stored(e expr.Expr, c *schema.Column) expr.Expr {
	return expr.NewFunc("assigned", c.Type, expr.Volatile, []expr.Expr{e}, func(env *expr.Env, args []types.Value) (types.Value, error) {
		m := env.Mode
		m.Strict = false // what strict mode has to say of the value is said when it is written
		v, err := conversion.Assign(args[0], &c.Type, c.Name, 1, &m, nil)
		if err != nil {
			return types.Null, nil //nolint:nilerr // likewise
		}
		return types.ToLocal(v, env.Mode.Loc), nil
	})
}
