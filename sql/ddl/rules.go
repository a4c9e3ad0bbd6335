package ddl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/bind"
	"cloudsql/planner/canonical"
	"cloudsql/planner/syntax"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Generated columns, functional key parts and CHECK constraints: expressions over a row that descriptors keep as text
// (canonical.Text). What they may be is checked here; the planner makes rows follow them (planner/rules.go).

// ruleErrors are MySQL's errors for what an expression of one kind may not have in it.
type ruleErrors struct {
	name                                string // of the column, index or check
	function, named, variables, rowOnly uint16 // named, with the function's name too, or 0
}

func generatedErrors(column string) ruleErrors {
	return ruleErrors{column, mysqlerr.GeneratedFunctionDisallowed, mysqlerr.GeneratedNamedFunction, mysqlerr.GeneratedVariables, mysqlerr.GeneratedRowValue}
}

func functionalErrors(index string) ruleErrors {
	no := uint16(mysqlerr.FunctionalIndexFunction)
	return ruleErrors{index, no, 0, no, no}
}

func checkErrors(name string) ruleErrors {
	return ruleErrors{name, mysqlerr.CheckFunctionNotAllowed, mysqlerr.CheckNamedFunctionNotAllowed, mysqlerr.CheckVariables, mysqlerr.CheckRowValue}
}

// impure are functions that do not follow from their arguments alone, as far as expr.ClassOf does not tell.
var impure = map[string]bool{
	"now": true, "current_timestamp": true, "localtime": true, "localtimestamp": true, "curdate": true, "current_date": true,
	"curtime": true, "current_time": true, "utc_date": true, "utc_time": true, "utc_timestamp": true, "sysdate": true,
	"load_file": true, "values": true, "name_const": true,
}

// allowed looks through an expression for what none of its kind may have.
func (r ruleErrors) allowed(e ast.ExprNode) error {
	if _, row := syntax.Unparen(e).(*ast.RowExpr); row {
		return mysqlerr.New(r.rowOnly, r.name)
	}
	v := &ruleVisitor{r: r}
	e.Accept(v)
	return v.err
}

type ruleVisitor struct {
	r   ruleErrors
	err error
}

// Enter looks at a node before what is in it.
func (v *ruleVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SubqueryExpr, *ast.ExistsSubqueryExpr, *ast.CompareSubqueryExpr, *ast.AggregateFuncExpr, *ast.WindowFuncExpr,
		*ast.ValuesExpr, *ast.MatchAgainst:
		v.err = mysqlerr.New(v.r.function, v.r.name)
	case *ast.DefaultExpr:
		v.err = v.r.disallowed("default")
	case *ast.VariableExpr, ast.ParamMarkerExpr:
		v.err = mysqlerr.New(v.r.variables, v.r.name)
	case *ast.FuncCallExpr:
		if impure[n.FnName.L] || n.FnName.L == "unix_timestamp" && len(n.Args) == 0 {
			v.err = v.r.disallowed(n.FnName.L)
		}
	}
	return n, v.err != nil
}

// Leave goes on.
func (v *ruleVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, v.err == nil }

func (r ruleErrors) disallowed(function string) error {
	if r.named == 0 {
		return mysqlerr.New(r.function, r.name)
	}
	return mysqlerr.New(r.named, r.name, function)
}

// pure holds a bound expression to what shards can evaluate at any time alike.
func (r ruleErrors) pure(e expr.Expr) error {
	var err error
	expr.Walk(e, func(x expr.Expr) bool {
		if c, ok := x.(*expr.Call); ok && c.Class() != expr.Pure && err == nil {
			err = r.disallowed(c.Name())
		}
		return err == nil
	})
	if err == nil && !expr.Fits(e) {
		err = mysqlerr.NotSupported("so large an expression in a table's definition")
	}
	return err
}

// setGenerated makes c a generated column.
func (c *column) setGenerated(o *ast.ColumnOption) error {
	if err := generatedErrors(c.Name).allowed(o.Expr); err != nil {
		return err
	}
	c.Generated, c.Stored = canonical.Text(o.Expr), o.Stored
	return nil
}

// checkGeneratedOptions is 1221 for what says where values come from, beside the expression.
func (c *column) checkGeneratedOptions(hasDefault bool) error {
	what := ""
	switch {
	case c.Generated == "":
	case hasDefault:
		what = "DEFAULT"
	case c.AutoIncrement:
		what = "AUTO_INCREMENT"
	case c.OnUpdateNow:
		what = "ON UPDATE"
	}
	if what != "" {
		return mysqlerr.New(mysqlerr.WrongUsage, what, "generated column")
	}
	return nil
}

// usesOf lists the positions of the columns that an expression over t's row refers to.
func usesOf(e expr.Expr) map[int]bool {
	uses := map[int]bool{}
	expr.Columns(e, uses)
	return uses
}

// checkGenerated holds the generated columns of a finished definition to what they may refer to: 1054, 3102, 3107, 3109.
func checkGenerated(t *schema.Table) error {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Generated == "" {
			continue
		}
		e, err := bind.Generated(nil, "", t, i)
		if err != nil {
			return err
		}
		errs, index := generatedErrors(c.Name), functionalIndex(t, i)
		if index != nil {
			errs = functionalErrors(index.Name)
		}
		if err := errs.pure(e); err != nil {
			return err
		}
		uses := usesOf(e)
		for pos := range t.Columns {
			o := &t.Columns[pos]
			switch {
			case !uses[pos]:
			case o.AutoIncrement && index != nil:
				return mysqlerr.New(mysqlerr.FunctionalIndexOfAutoIncrement, index.Name)
			case o.AutoIncrement:
				return mysqlerr.New(mysqlerr.GeneratedOfAutoIncrement, c.Name)
			case o.Generated != "" && pos >= i:
				return mysqlerr.New(mysqlerr.GeneratedNonPrior)
			}
		}
	}
	for _, p := range t.Primary().Columns {
		if c := &t.Columns[p.Column]; c.Generated != "" && !c.Stored {
			return mysqlerr.New(mysqlerr.UnsupportedOnGenerated, "Defining a virtual generated column as primary key")
		}
	}
	return nil
}

// functionalIndex is the index that has the hidden column at pos as a key part, or nil.
func functionalIndex(t *schema.Table, pos int) *schema.Index {
	if !t.Columns[pos].Hidden {
		return nil
	}
	for i := range t.Indexes {
		if slices.ContainsFunc(t.Indexes[i].Columns, func(p schema.IndexColumn) bool { return p.Column == pos }) {
			return &t.Indexes[i]
		}
	}
	return nil
}

// functionalPart adds the hidden column that a functional key part is computed into, and gives its position.
func (b *builder) functionalPart(d *indexDef, part int, e ast.ExprNode) (int, error) {
	if _, column := syntax.Unparen(e).(*ast.ColumnNameExpr); column {
		return 0, mysqlerr.New(mysqlerr.FunctionalIndexOnField)
	}
	if err := functionalErrors(d.name).allowed(e); err != nil {
		return 0, err
	}
	c := schema.Column{ID: b.t.NextColumnID, Hidden: true, Generated: canonical.Text(e)}
	c.Name = "!hidden!" + d.name + "!" + strconv.Itoa(part) + "!0"
	bound, err := bind.Key(b.t, c.Generated)
	if err != nil {
		return 0, err
	}
	c.Type = *bound.Type()
	switch storableType(&c.Type, false); {
	case c.Type.ID == mysql.TypeJSON:
		return 0, mysqlerr.New(mysqlerr.FunctionalIndexOnJSON)
	case c.Type.IsLob():
		return 0, mysqlerr.New(mysqlerr.FunctionalIndexOnLob)
	}
	b.t.NextColumnID++
	b.t.Columns = append(b.t.Columns, c)
	return len(b.t.Columns) - 1, nil
}

// dropFunctional removes hidden columns that no index has as a key part any more.
func dropFunctional(t *schema.Table) {
	for i := len(t.Columns) - 1; i >= 0; i-- {
		if c := &t.Columns[i]; !c.Hidden || c.Generated == "" || functionalIndex(t, i) != nil {
			continue
		}
		t.Columns = slices.Delete(t.Columns, i, i+1)
		for k := range t.Indexes {
			for j := range t.Indexes[k].Columns {
				if p := &t.Indexes[k].Columns[j]; p.Column > i {
					p.Column--
				}
			}
		}
	}
}

// orderChecks puts a new table's checks in the order of its text, in which they are numbered.
func (b *builder) orderChecks(text string) {
	var ordered, ofTable []check
	ofColumns := slices.DeleteFunc(slices.Clone(b.checks), func(c check) bool {
		if c.column == "" {
			ofTable = append(ofTable, c)
		}
		return c.column == ""
	})
	for _, table := range syntax.ChecksOfTable(text) {
		from := &ofColumns
		if table {
			from = &ofTable
		}
		if len(*from) == 0 {
			return // the text is not what it seems: all stay where they are
		}
		ordered, *from = append(ordered, (*from)[0]), (*from)[1:]
	}
	if len(ordered) == len(b.checks) {
		b.checks = ordered
	}
}

// addChecks names the checks that the statement has brought, and holds them to what they may be.
func (b *builder) addChecks() error {
	for _, c := range b.checks {
		if c.name == "" {
			c.name = b.checkName()
		}
		if slices.ContainsFunc(b.t.Checks, func(o schema.Check) bool { return strings.EqualFold(o.Name, c.name) }) {
			return mysqlerr.New(mysqlerr.CheckDuplicateName, c.name)
		}
		if err := checkCheckName(c.name); err != nil {
			return err
		}
		check := schema.Check{Name: c.name, Expr: canonical.Text(c.expr), Enforced: c.enforced}
		if err := b.allowedCheck(&c, &check); err != nil {
			return err
		}
		b.t.Checks = append(b.t.Checks, check)
	}
	slices.SortStableFunc(b.t.Checks, func(x, y schema.Check) int {
		return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
	})
	return nil
}

// checkName generates a name: the table's with the number behind the highest of those that were generated.
func (b *builder) checkName() string {
	highest := 0
	for i := range b.t.Checks {
		highest = max(highest, generatedNumber(b.t.Name, b.t.Checks[i].Name))
	}
	return fmt.Sprintf("%s_chk_%d", b.t.Name, highest+1)
}

// generatedNumber is N of a check's name that was generated, 0 for others.
func generatedNumber(table, check string) int {
	prefix := table + "_chk_"
	if len(check) <= len(prefix) || !strings.EqualFold(check[:len(prefix)], prefix) {
		return 0
	}
	n, err := strconv.Atoi(check[len(prefix):])
	if err != nil || n <= 0 || check[len(prefix)] == '0' {
		return 0
	}
	return n
}

// RenameChecks gives the checks of a table whose names were generated the ones that they have under its new name. 1059.
func RenameChecks(t *schema.Table, from string) error {
	for i := range t.Checks {
		n := generatedNumber(from, t.Checks[i].Name)
		if n == 0 {
			continue
		}
		t.Checks[i].Name = fmt.Sprintf("%s_chk_%d", t.Name, n)
		if err := checkCheckName(t.Checks[i].Name); err != nil {
			return err
		}
	}
	return nil
}

// checkCheckName refuses what no check can be named. All that is not too long may be, blanks at its end too. 1059.
func checkCheckName(name string) error {
	if utf8.RuneCountInString(name) > names.MaxChars {
		return mysqlerr.New(mysqlerr.TooLongIdent, name)
	}
	return nil
}

func (b *builder) allowedCheck(c *check, made *schema.Check) error {
	errs := checkErrors(c.name)
	if err := errs.allowed(c.expr); err != nil {
		return err
	}
	if !truthValue(c.expr) {
		return mysqlerr.New(mysqlerr.CheckNotBoolean, c.name)
	}
	if name := unknownColumn(b.t, c.expr); name != "" && c.column != "" {
		return mysqlerr.New(mysqlerr.CheckRefersOtherColumn, c.name)
	} else if name != "" {
		return mysqlerr.New(mysqlerr.CheckRefersUnknownColumn, c.name, name)
	}
	e, err := bind.Check(nil, "", b.t, made)
	if err != nil {
		return err
	}
	if err := errs.pure(e); err != nil {
		return err
	}
	uses := usesOf(e)
	for pos := range b.t.Columns {
		o := &b.t.Columns[pos]
		switch {
		case !uses[pos]:
		case o.AutoIncrement:
			return mysqlerr.New(mysqlerr.CheckRefersAutoIncrement, c.name)
		case c.column != "" && !strings.EqualFold(o.Name, c.column):
			return mysqlerr.New(mysqlerr.CheckRefersOtherColumn, c.name)
		}
	}
	return nil
}

// unknownColumn is the first name in an expression that is no column of t, "" for none.
func unknownColumn(t *schema.Table, e ast.ExprNode) string {
	v := &nameVisitor{t: t}
	e.Accept(v)
	return v.unknown
}

type nameVisitor struct {
	t       *schema.Table
	unknown string
}

// Enter looks at a name.
func (v *nameVisitor) Enter(n ast.Node) (ast.Node, bool) {
	if c, ok := n.(*ast.ColumnName); ok && v.unknown == "" && v.t.ColumnByName(c.Name.O) < 0 {
		v.unknown = c.Name.O
	}
	return n, false
}

// Leave goes on.
func (v *nameVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// truthValue tells whether an expression is a condition, as a check must be.
func truthValue(e ast.ExprNode) bool {
	switch n := syntax.Unparen(e).(type) {
	case *ast.BinaryOperationExpr:
		switch n.Op {
		case opcode.LogicAnd, opcode.LogicOr, opcode.LogicXor, opcode.EQ, opcode.NE, opcode.LT, opcode.LE, opcode.GT, opcode.GE, opcode.NullEQ:
			return true
		}
	case *ast.UnaryOperationExpr:
		return n.Op == opcode.Not || n.Op == opcode.Not2
	case *ast.BetweenExpr, *ast.PatternInExpr, *ast.IsNullExpr, *ast.IsTruthExpr, *ast.PatternLikeOrIlikeExpr, *ast.PatternRegexpExpr:
		return true
	case ast.ValueExpr:
		return n.GetType().GetFlag()&mysql.IsBooleanFlag != 0
	case *ast.FuncCallExpr:
		return canonical.GivesTruth(n)
	}
	return false
}

// checkRuled is what follows from the table's expressions for a column that is about to go or to be renamed: 3108, 3837, 3959 where
// others need it. A check of this column alone goes with it.
func (a *alteration) checkRuled(pos int, goes bool) error {
	name := a.t.Columns[pos].Name
	for i := range a.t.Columns {
		if i == pos || a.t.Columns[i].Generated == "" {
			continue
		}
		e, err := bind.Generated(nil, "", a.t, i)
		if err != nil || !usesOf(e)[pos] {
			continue // it refers to what has gone before
		}
		switch {
		case a.t.Columns[i].Hidden && goes:
			return mysqlerr.New(mysqlerr.FunctionalIndexNeedsColumn, name)
		case a.t.Columns[i].Hidden:
			return mysqlerr.New(mysqlerr.FunctionalIndexDependency, name)
		}
		return mysqlerr.New(mysqlerr.GeneratedDependency, name)
	}
	for i := 0; i < len(a.t.Checks); {
		c := &a.t.Checks[i]
		e, err := bind.Check(nil, "", a.t, c)
		uses := usesOf(e)
		switch {
		case err != nil || !uses[pos]:
			i++
		case goes && len(uses) == 1:
			a.t.Checks = slices.Delete(a.t.Checks, i, i+1)
		default:
			return mysqlerr.New(mysqlerr.ColumnUsedByCheck, c.Name, name)
		}
	}
	return nil
}

// rulesNeed tells whether a generated column or an enforced check refers to the column at pos.
func rulesNeed(t *schema.Table, pos int) bool {
	for i := range t.Columns {
		if t.Columns[i].Generated == "" {
			continue
		}
		if e, err := bind.Generated(nil, "", t, i); err == nil && usesOf(e)[pos] {
			return true
		}
	}
	for i := range t.Checks {
		if e, err := bind.Check(nil, "", t, &t.Checks[i]); err == nil && t.Checks[i].Enforced && usesOf(e)[pos] {
			return true
		}
	}
	return false
}

// modifyGenerated looks at what MODIFY does to where a column's values come from; why is the reason to copy the table, "" for none.
func modifyGenerated(old, c *schema.Column) (why string, err error) {
	virtual := func(c *schema.Column) bool { return c.Generated != "" && !c.Stored }
	switch {
	case virtual(old) != virtual(c):
		return "", mysqlerr.New(mysqlerr.UnsupportedOnGenerated, "Changing the STORED status")
	case c.Generated != "" && (old.Generated != c.Generated || !sameType(&old.Type, &c.Type)):
		return "a generated column changes", nil
	}
	return "", nil
}

func sameType(a, b *types.Type) bool {
	return sameColumn(schema.Column{Type: *a}, schema.Column{Type: *b})
}

// CheckNewRules refuses rules that not all nodes would make rows follow, and checks of names that another table of the database has:
// 1235, 3822. Changed are tables that are about to be what they are here.
func CheckNewRules(s *catalog.Snapshot, db string, t *schema.Table, changed ...*schema.Table) error {
	if news := t.Ruled() || slices.ContainsFunc(t.Columns, func(c schema.Column) bool { return c.Invisible }); news {
		if err := version.Check(version.V2, s.ClusterVersion().Active, "a generated or invisible column, or a CHECK constraint"); err != nil {
			return err
		}
	}
	if t.Partitioning != nil {
		if err := version.Check(version.V2, s.ClusterVersion().Active, "PARTITION BY"); err != nil {
			return err
		}
	}
	for i := range t.Columns {
		if c := t.Columns[i].Type.Collation; c.Since() > version.V1 {
			if err := version.Check(c.Since(), s.ClusterVersion().Active, "the collation "+c.Name()); err != nil {
				return err
			}
		}
	}
	for i := range t.Checks {
		if name := t.Checks[i].Name; checkNameTaken(s, db, t, name, changed) {
			return mysqlerr.New(mysqlerr.CheckDuplicateName, name)
		}
	}
	return nil
}

// checkNameTaken tells whether a table of db beside t has a check of that name. Changed are tables that are about to be what they are here.
func checkNameTaken(s *catalog.Snapshot, db string, t *schema.Table, name string, changed []*schema.Table) bool {
	isOther := func(o *schema.Table) bool { return o.ID != t.ID && o.Database == t.Database }
	for _, o := range catalog.WithCheck(s, db, name) {
		if isOther(o) && !names.IsCopy(o.Name) && !slices.ContainsFunc(changed, func(c *schema.Table) bool { return c.ID == o.ID }) {
			return true
		}
	}
	return slices.ContainsFunc(changed, func(o *schema.Table) bool {
		return isOther(o) && slices.ContainsFunc(o.Checks, func(c schema.Check) bool { return strings.EqualFold(c.Name, name) })
	})
}
