package dml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Change is UPDATE or DELETE, the root of its query: each row of In has, target by target, the primary key of a row and the
// values that it gets.
type Change struct {
	In      algebra.Node
	Kind    fragment.Kind // Update or Delete
	Ignore  bool
	Targets []ChangeTarget
}

// ChangeTarget is one table of a Change.
type ChangeTarget struct {
	Target
	Key    int                   // place of the first of the columns that locate its rows (partition.Map.Locating) in In's rows
	Values []schema.ColumnID     // columns that get what stands behind those
	Set    []fragment.Assignment // what a shard computes, over the table's row by position
	Checks []RowCheck
}

// RowCheck is what WITH CHECK OPTION of a view holds a changed row to.
type RowCheck struct {
	At       int // place of the condition's value in In's rows
	DB, View string
}

// Insert is INSERT or REPLACE, the root of its query: rows of In, or of Rows where In is nil.
type Insert struct {
	Target
	In      algebra.Node
	Kind    fragment.Kind
	Ignore  bool
	Named   []int         // positions of the columns that get values
	Rows    [][]expr.Expr // VALUES: one expression for each of Named, over the row itself by position; nil is DEFAULT
	OneRow  bool          // VALUES of one row, be it Rows or, with subqueries in it, In
	Outside []bind.Column // columns of In's tables that Set names; their values stand behind those of Named
	// Set is ON DUPLICATE KEY UPDATE, over the row that is there by position, with the new one (VALUES(c)) behind it and Outside
	// behind that.
	Set     []fragment.Assignment
	SetsID  bool           // Set calls LAST_INSERT_ID(expr)
	TellsID bool           // Set has LAST_INSERT_ID(id) of the AUTO_INCREMENT column: it is the updated row's afterwards
	ByRow   *algebra.Query // whose plan runs the subqueries that Set calls for each row that is updated; nil: none
	View    *InsertView    // nil: the statement names the table itself
}

// Inserting is a statement that inserts rows: the columns that it names, what its user has to be granted, and whether it is LOAD DATA.
type Inserting struct {
	Columns    []*ast.ColumnName
	Privileges []mysql.PrivilegeType
	Load       bool
}

// Refused is the error for a view that takes no rows; several: it is merged, and of several tables.
func (s *Inserting) Refused(view string, several bool) error {
	switch {
	case s.Load && several:
		return mysqlerr.New(mysqlerr.WrongUsage, "Multi-table VIEW", "LOAD")
	case s.Load:
		return mysqlerr.New(mysqlerr.NonUpdatableTable, view, "LOAD")
	}
	return mysqlerr.New(mysqlerr.NonInsertableTable, view, "INSERT")
}

// InsertView is the view through which an INSERT goes.
type InsertView struct {
	DB, Name string
	Columns  []bind.Column          // over the base table's row by position
	Check    []expr.Expr            // that CHECK OPTION holds new rows to, likewise
	Asking   *algebra.Query         // whose plan runs the subqueries that Check calls; nil: none
	Joined   []string               // columns that are other tables'
	Tables   []algebra.TableVersion // that lead to it
}

// The nodes' expressions are over rows by position: none of Exprs.

func (c *Change) Inputs() []algebra.Node      { return []algebra.Node{c.In} }
func (c *Change) AddColumns(s *scalar.ColSet) { c.In.AddColumns(s) }
func (c *Change) Exprs(func(expr.Expr))       {}
func (c *Change) With(in []algebra.Node) algebra.Node {
	out := *c
	out.In = in[0]
	return &out
}

func (n *Insert) Exprs(func(expr.Expr)) {}
func (n *Insert) Inputs() []algebra.Node {
	if n.In == nil {
		return nil
	}
	return []algebra.Node{n.In}
}
func (n *Insert) AddColumns(s *scalar.ColSet) {
	if n.In != nil {
		n.In.AddColumns(s)
	}
}
func (n *Insert) With(in []algebra.Node) algebra.Node {
	out := *n
	out.In = in[0]
	return &out
}

func (c *Change) Head() string {
	var list []string
	for i := range c.Targets {
		t := &c.Targets[i]
		s := t.Alias
		for _, id := range t.Values {
			s += " " + t.Table.Columns[t.Table.ColumnByID(id)].Name
		}
		list = append(list, s+setText(t.Table, t.Set))
	}
	if c.Kind == fragment.Delete {
		return "delete " + strings.Join(list, ", ")
	}
	return "update " + strings.Join(list, ", ")
}

// setText prints what shards assign.
func setText(t *schema.Table, set []fragment.Assignment) string {
	var b strings.Builder
	for i := range set {
		b.WriteString([...]string{" set ", ", "}[min(i, 1)])
		b.WriteString(t.Columns[t.ColumnByID(set[i].Column)].Name + " = " + set[i].Expr.String())
	}
	return b.String()
}

func (n *Insert) Head() string {
	s := "insert into "
	if n.Kind == fragment.Replace {
		s = "replace into "
	}
	var names []string
	for _, pos := range n.Named {
		names = append(names, n.Table.Columns[pos].Name)
	}
	s += n.Table.Name + " (" + strings.Join(names, ", ") + ")"
	if n.In == nil {
		s += fmt.Sprintf(", %d row(s)", len(n.Rows))
	}
	if len(n.Set) > 0 {
		s += " on duplicate key" + setText(n.Table, n.Set)
	}
	return s
}

// Columns are those that names in an INSERT mean, numbered by the positions of the base table's row.
func (n *Insert) Columns() []bind.Column {
	if n.View != nil {
		return n.View.Columns
	}
	return n.Target.Columns()
}

// Position finds the base table's column of a name: 1054, and 1348 for a column of a view that is computed.
func (n *Insert) Position(name *ast.ColumnName) (int, error) {
	if n.View == nil {
		return n.Target.Position(name)
	}
	c, err := (&bind.Scope{Cols: n.View.Columns}).FindNamed(name.Name.O, bind.FieldList)
	switch {
	case err != nil:
		return -1, err
	case c == nil, name.Table.O != "" && !strings.EqualFold(name.Table.O, n.Alias):
		return -1, mysqlerr.New(mysqlerr.BadField, bind.FullName(name), bind.FieldList)
	case slices.Contains(n.View.Joined, c.Field.Name):
		return -1, mysqlerr.New(mysqlerr.ViewMultiupdate, n.View.DB, n.View.Name)
	case c.Expr != nil:
		return -1, mysqlerr.New(mysqlerr.NonupdatableColumn, name.Name.O)
	}
	return c.ID, nil
}
