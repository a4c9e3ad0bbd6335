package ddl

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// column is a column definition with what it asks of the table besides.
type column struct {
	schema.Column
	primary      bool // PRIMARY KEY in line
	unique       bool // UNIQUE in line
	explicitNull bool // NULL in line, which a primary key can't have
	checks       []check
}

// check is a CHECK constraint before it has a name.
type check struct {
	name     string
	expr     ast.ExprNode
	enforced bool
	column   string // whose definition it stands in; "" for one of the table
}

// parseColumn makes a column of its definition; its id is not set.
func parseColumn(env *Env, def *ast.ColumnDef, tableCollation collation.ID) (*column, error) {
	c := &column{}
	c.Name = def.Name.Name.O
	if err := names.Column(c.Name); err != nil {
		return nil, err
	}
	var err error
	if c.Type, err = columnType(env, def, tableCollation); err != nil {
		return nil, err
	}
	var defaultExpr ast.ExprNode
	for _, o := range def.Options {
		if o.Tp == ast.ColumnOptionDefaultValue {
			defaultExpr = o.Expr
			continue
		}
		if err := c.option(env, o); err != nil {
			return nil, err
		}
	}
	if err := c.checkGeneratedOptions(defaultExpr != nil); err != nil {
		return nil, err
	}
	if c.AutoIncrement {
		if err := c.checkAutoIncrement(defaultExpr != nil); err != nil {
			return nil, err
		}
		c.NotNull, c.explicitNull = true, false // a NULL that is inserted asks for the next value
	}
	if defaultExpr != nil {
		if err := c.setDefault(env, defaultExpr); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *column) option(env *Env, o *ast.ColumnOption) error {
	switch o.Tp {
	case ast.ColumnOptionNotNull:
		c.NotNull, c.explicitNull = true, false
	case ast.ColumnOptionNull:
		c.NotNull, c.explicitNull = false, true
	case ast.ColumnOptionPrimaryKey:
		c.primary = true
	case ast.ColumnOptionUniqKey:
		c.unique = true
	case ast.ColumnOptionAutoIncrement:
		c.AutoIncrement = true
	case ast.ColumnOptionComment:
		return c.setComment(env, o)
	case ast.ColumnOptionOnUpdate:
		fsp, ok := currentTimestamp(o.Expr)
		if !ok || c.Type.Class() != types.ClassDatetime || fsp != c.Type.Decimals {
			return mysqlerr.New(mysqlerr.InvalidOnUpdate, c.Name)
		}
		c.OnUpdateNow = true
	case ast.ColumnOptionCheck:
		if visible, ok := syntax.Visibility(o.Expr); ok {
			c.Invisible = !visible
			return nil
		}
		c.checks = append(c.checks, check{name: o.ConstraintName, expr: o.Expr, enforced: o.Enforced, column: c.Name})
	case ast.ColumnOptionGenerated:
		return c.setGenerated(o)
	case ast.ColumnOptionStorage:
		c.Storage = env.kept(o.StrValue)
	case ast.ColumnOptionColumnFormat:
		c.Format = env.kept(o.StrValue)
	case ast.ColumnOptionSecondaryEngineAttribute:
		if o.StrValue != "" {
			return mysqlerr.NotSupported("SECONDARY_ENGINE_ATTRIBUTE of a column")
		}
	}
	// COLLATE was read with the type, and REFERENCES in a column's definition means nothing to MySQL 8.0 either.
	return nil
}

func (c *column) setComment(env *Env, o *ast.ColumnOption) error {
	v, err := bind.Expr(&bind.Binder{}, &bind.Scope{}, o.Expr)
	if err != nil {
		return err
	}
	text, err := v.Eval(&expr.Env{}, nil)
	if err != nil {
		return err
	}
	c.Comment, err = comment(env, string(text.Raw()), maxCommentChars, mysqlerr.TooLongFieldComment, c.Name)
	return err
}

func (c *column) checkAutoIncrement(hasDefault bool) error {
	if hasDefault {
		return errInvalidDefault(c.Name)
	}
	switch c.Type.Class() {
	case types.ClassInt:
		if c.Type.ID != mysql.TypeYear {
			return nil
		}
	case types.ClassFloat:
		return mysqlerr.NotSupported("AUTO_INCREMENT of a floating point column")
	}
	return errFieldSpec(c.Name)
}

// nowFunctions are the names under which the parser gives CURRENT_TIMESTAMP.
var nowFunctions = map[string]bool{"current_timestamp": true, "now": true, "localtime": true, "localtimestamp": true}

// currentTimestamp recognises CURRENT_TIMESTAMP and its synonyms with their fractional digits.
func currentTimestamp(e ast.ExprNode) (fsp int, ok bool) {
	f, isCall := e.(*ast.FuncCallExpr)
	if !isCall || !nowFunctions[f.FnName.L] {
		return 0, false
	}
	if len(f.Args) == 0 {
		return 0, true
	}
	v, isValue := f.Args[0].(ast.ValueExpr)
	if !isValue {
		return 0, false
	}
	n, isInt := v.GetValue().(int64)
	return int(n), isInt
}

// setDefault takes a DEFAULT clause: a constant, CURRENT_TIMESTAMP, or, in parentheses, an expression. 1067, 1101.
func (c *column) setDefault(env *Env, e ast.ExprNode) error {
	if p, ok := e.(*ast.ParenthesesExpr); ok {
		return c.setExpression(p.Expr)
	}
	if fsp, ok := currentTimestamp(e); ok {
		if c.Type.Class() != types.ClassDatetime || fsp != c.Type.Decimals {
			return errInvalidDefault(c.Name)
		}
		c.HasDefault, c.DefaultExpr = true, "CURRENT_TIMESTAMP"
		if fsp > 0 {
			c.DefaultExpr = "CURRENT_TIMESTAMP(" + string(rune('0'+fsp)) + ")"
		}
		return nil
	}
	bound, err := bind.Expr(&bind.Binder{Clause: bind.FieldList}, &bind.Scope{}, e)
	if err != nil {
		return err
	}
	if !isLiteral(e) {
		return c.setExpression(e)
	}
	v, err := expr.ForColumn(bound, &c.Type).Eval(&expr.Env{Mode: env.Mode, Now: env.Now}, nil)
	if err != nil {
		return errInvalidDefault(c.Name)
	}
	return c.setConstant(env, v)
}

// setConstant makes v the default: it must go into the column as it is.
func (c *column) setConstant(env *Env, v types.Value) error {
	if v.IsNull() {
		if c.NotNull || c.primary {
			return errInvalidDefault(c.Name)
		}
		c.HasDefault, c.Default, c.DefaultExpr = true, nil, ""
		return nil
	}
	if c.Type.IsLob() {
		if env.strict() || len(v.Raw()) > 0 {
			return errBlobDefault(c.Name)
		}
		env.warn(errBlobDefault(c.Name)) // MySQL: DEFAULT '' of a TEXT is dropped without strict mode
		return nil
	}
	mode := env.Mode
	mode.Strict = true
	stored, err := conversion.Assign(v, &c.Type, c.Name, 1, &mode, nil)
	if err != nil {
		return errInvalidDefault(c.Name)
	}
	c.HasDefault, c.Default, c.DefaultExpr = true, types.AppendValue(nil, stored), ""
	return nil
}

// isLiteral tells whether e is a constant without any function: those are converted once, when the column is made.
func isLiteral(e ast.ExprNode) bool {
	switch e := e.(type) {
	case ast.ValueExpr:
		return true
	case *ast.UnaryOperationExpr:
		return isLiteral(e.V)
	case *ast.FuncCallExpr: // DATE '2020-01-01' and kin
		switch e.FnName.L {
		case ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral:
			return true
		}
	}
	return false
}

// missing is what rows that were written before the column existed read as: its default, or the type's zero where it
// can't be NULL.
func (c *column) missing(env *Env) ([]byte, error) {
	switch {
	case c.DefaultExpr != "":
		now := types.Datetime(temporal.PackTime(env.Now.In(location(env))), maxFsp)
		v, err := conversion.Assign(now, &c.Type, c.Name, 1, &env.Mode, nil)
		if err != nil {
			return nil, err
		}
		return types.AppendValue(nil, v), nil
	case c.Default != nil:
		return c.Default, nil
	case !c.NotNull:
		return nil, nil
	}
	return types.AppendValue(nil, conversion.ImplicitDefault(&c.Type)), nil
}

// refused is why a table that has rows can't be given the column: what they would read as is no date. MySQL lets a TIMESTAMP be 0 there.
func (c *column) refused(env *Env) error {
	class := c.Type.Class()
	if !c.NotNull || c.Default != nil || c.DefaultExpr != "" || class != types.ClassDate && class != types.ClassDatetime || c.Type.IsTimestamp() || !env.Mode.Strict || !env.Mode.NoZeroDate {
		return nil
	}
	return mysqlerr.Newf(mysqlerr.TruncatedWrongValue, "Incorrect %s value: '%s' for column '%s' at row 1", dateKind(&c.Type), zeroDate(&c.Type), c.Name)
}

func dateKind(t *types.Type) string {
	if t.Class() == types.ClassDate {
		return "date"
	}
	return "datetime"
}

func zeroDate(t *types.Type) string {
	if t.Class() == types.ClassDate {
		return "0000-00-00"
	}
	return "0000-00-00 00:00:00"
}
