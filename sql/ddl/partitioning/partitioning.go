// Package partitioning reads PARTITION BY: what a table's definition says of its partitions, and what MySQL does not let it say. What
// rows it sends where is the planner's (planner/partition, decision 0042).
package partitioning

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/bind"
	"cloudsql/planner/canonical"
	"cloudsql/planner/partition"
	"cloudsql/planner/syntax"
	"cloudsql/sql/ddl/names"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Limits of MySQL.
const (
	maxPartitions       = 8192
	maxPartitionFields  = 16
	maxPartitionComment = 1024
)

// partitioner makes a Partitioning for a table whose columns and keys are there.
type partitioner struct {
	now   time.Time
	t     *schema.Table
	p     *schema.Partitioning
	types []*types.Type // of a tuple's values: of the function, or of the columns
	subs  int           // how many subpartitions a partition has
}

// New makes the Partitioning that a statement of a time gives a table, whose columns and keys are there.
func New(now time.Time, t *schema.Table, n *ast.PartitionOptions) (*schema.Partitioning, error) {
	if n.Interval != nil || len(n.UpdateIndexes) > 0 || n.Tp == ast.PartitionTypeSystemTime {
		return nil, mysqlerr.NotSupported("this form of PARTITION BY")
	}
	r := &partitioner{now: now, t: t, p: &schema.Partitioning{NextID: 1, Named: len(n.Definitions) > 0}}
	list := n.Tp == ast.PartitionTypeRange || n.Tp == ast.PartitionTypeList
	if n.Sub != nil && !list {
		return nil, mysqlerr.New(mysqlerr.SubpartitionMix)
	}
	if len(n.Definitions) == 0 && list {
		return nil, mysqlerr.New(mysqlerr.PartitionsMustBeDefined, n.Tp.String())
	}
	if err := checkClauses(n); err != nil {
		return nil, err
	}
	if n.Num > maxPartitions {
		return nil, mysqlerr.New(mysqlerr.TooManyPartitions)
	}
	if err := r.rule(&r.p.PartitionRule, &n.PartitionMethod); err != nil {
		return nil, err
	}
	if n.Sub != nil {
		if err := r.subpartition(n); err != nil {
			return nil, err
		}
	}
	defs := n.Definitions
	if !r.p.Named {
		if n.Num > 1 { // the parser tells PARTITIONS 1 from nothing no more
			r.p.Count = int(n.Num) //nolint:gosec // at most maxPartitions
		}
		defs = make([]*ast.PartitionDefinition, n.Num)
		for i := range defs {
			defs[i] = &ast.PartitionDefinition{Name: ast.NewCIStr(fmt.Sprintf("p%d", i)), Clause: &ast.PartitionDefinitionClauseNone{}}
		}
	}
	if err := r.add(defs); err != nil {
		return nil, err
	}
	return r.p, nil
}

// subpartition takes how each partition is cut further.
func (r *partitioner) subpartition(n *ast.PartitionOptions) error {
	r.p.Sub, r.p.SubNamed = &schema.PartitionRule{}, len(n.Definitions[0].Sub) > 0
	r.subs = int(max(1, min(n.Sub.Num, maxPartitions+1))) //nolint:gosec // a bound
	if n.Sub.Num > 1 && !r.p.SubNamed {
		r.p.Sub.Count = r.subs
	}
	if r.subs*len(n.Definitions) > maxPartitions {
		return mysqlerr.New(mysqlerr.TooManyPartitions)
	}
	return (&partitioner{t: r.t, p: r.p}).rule(r.p.Sub, n.Sub)
}

// cut makes a partition's subpartitions: those that it lists, or as many as the others have. 1500, 1485.
func (r *partitioner) cut(part *schema.Partition, d *ast.PartitionDefinition) error {
	switch {
	case r.p.Sub == nil && len(d.Sub) > 0:
		return mysqlerr.New(mysqlerr.SubpartitionMix)
	case len(d.Sub) > 0 && len(d.Sub) != r.subs:
		return mysqlerr.New(mysqlerr.PartitionWrongSubCount)
	}
	for i := range r.subs {
		sub := schema.Partition{ID: r.p.NextID, Name: fmt.Sprintf("%ssp%d", part.Name, i), CreatedMicros: part.CreatedMicros}
		r.p.NextID++
		if len(d.Sub) > 0 {
			sub.Name = d.Sub[i].Name.O
			if err := r.options(&sub, d.Sub[i].Options); err != nil {
				return err
			}
		}
		part.Sub = append(part.Sub, sub)
	}
	return nil
}

// checkClauses holds VALUES to what the method wants: 1479, 1480.
func checkClauses(n *ast.PartitionOptions) error {
	wants := map[ast.PartitionType]string{ast.PartitionTypeRange: "LESS THAN", ast.PartitionTypeList: "IN"}[n.Tp]
	for _, d := range n.Definitions {
		switch d.Clause.(type) {
		case *ast.PartitionDefinitionClauseNone:
			if wants != "" {
				return mysqlerr.New(mysqlerr.PartitionRequiresValues, n.Tp.String(), wants)
			}
		case *ast.PartitionDefinitionClauseLessThan:
			if n.Tp != ast.PartitionTypeRange {
				return mysqlerr.New(mysqlerr.PartitionWrongValues, "RANGE", "LESS THAN")
			}
		case *ast.PartitionDefinitionClauseIn:
			if n.Tp != ast.PartitionTypeList {
				return mysqlerr.New(mysqlerr.PartitionWrongValues, "LIST", "IN")
			}
		}
	}
	return nil
}

var partitionMethods = map[ast.PartitionType]schema.PartitionMethod{
	ast.PartitionTypeRange: schema.PartitionByRange, ast.PartitionTypeList: schema.PartitionByList,
	ast.PartitionTypeHash: schema.PartitionByHash, ast.PartitionTypeKey: schema.PartitionByKey,
}

// rule takes one level's method with its expression or columns.
func (r *partitioner) rule(to *schema.PartitionRule, m *ast.PartitionMethod) error {
	to.Method, to.Linear = partitionMethods[m.Tp], m.Linear
	if m.KeyAlgorithm != nil && m.KeyAlgorithm.Type != 2 { // 1 is that of MySQL 5.1
		return mysqlerr.NotSupported("ALGORITHM = 1 of PARTITION BY KEY")
	}
	if m.Expr != nil {
		to.Expr = canonical.Text(m.Expr)
		e, err := checkFunction(r.t, m.Expr, to.Expr)
		if err == nil {
			r.types = []*types.Type{partition.IntegerOf(e)}
		}
		return err
	}
	to.Primary = to.Method == schema.PartitionByKey && len(m.ColumnNames) == 0
	if len(m.ColumnNames) > maxPartitionFields {
		return mysqlerr.New(mysqlerr.TooManyPartitionFuncFields, "list of partition fields")
	}
	for _, name := range m.ColumnNames {
		pos := r.t.ColumnByName(name.Name.O)
		if pos < 0 {
			return mysqlerr.New(mysqlerr.FieldNotFoundPart)
		}
		id := r.t.Columns[pos].ID
		if slices.Contains(to.Columns, id) {
			return mysqlerr.New(mysqlerr.SameNamePartitionField, name.Name.O)
		}
		to.Columns = append(to.Columns, id)
	}
	return r.checkColumns(to)
}

// checkColumns holds the columns of KEY and of COLUMNS to the types that these take: 1488, 1502, 1659.
func (r *partitioner) checkColumns(rule *schema.PartitionRule) error {
	at := r.t.KeyColumns(rule)
	for _, pos := range at {
		c := &r.t.Columns[pos]
		if c.RowID() {
			return mysqlerr.New(mysqlerr.FieldNotFoundPart) // KEY () of a table without a key
		}
		if c.Type.IsLob() {
			return mysqlerr.New(mysqlerr.BlobFieldInPartFunc)
		}
		if rule.Method != schema.PartitionByKey && !partitionColumn(&c.Type) {
			return mysqlerr.New(mysqlerr.PartitionFieldType, c.Name)
		}
		r.types = append(r.types, &c.Type)
	}
	return nil
}

// partitionColumn tells whether RANGE and LIST COLUMNS take a type.
func partitionColumn(t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt:
		return t.ID != mysql.TypeYear
	case types.ClassDate, types.ClassString, types.ClassTime:
		return true
	case types.ClassDatetime:
		return !t.IsTimestamp()
	}
	return false
}

// add appends partitions.
func (r *partitioner) add(defs []*ast.PartitionDefinition) error {
	for _, d := range defs {
		part := schema.Partition{ID: r.p.NextID, Name: d.Name.O, CreatedMicros: r.now.UnixMicro()}
		r.p.NextID++
		if err := r.cut(&part, d); err != nil {
			return err
		}
		if err := r.options(&part, d.Options); err != nil {
			return err
		}
		if err := r.values(&part, d.Clause); err != nil {
			return err
		}
		r.p.Partitions = append(r.p.Partitions, part)
	}
	return checkNames(r.p)
}

// checkNames is 1567 and 1517.
func checkNames(p *schema.Partitioning) error {
	seen := map[string]bool{}
	for i := range p.Partitions {
		for _, part := range append([]schema.Partition{p.Partitions[i]}, p.Partitions[i].Sub...) {
			if part.Name == "" || strings.HasSuffix(part.Name, " ") {
				return mysqlerr.New(mysqlerr.WrongPartitionName)
			}
			if len([]rune(part.Name)) > names.MaxChars {
				return mysqlerr.New(mysqlerr.TooLongIdent, part.Name)
			}
			folded := strings.ToLower(part.Name)
			if seen[folded] {
				return mysqlerr.New(mysqlerr.SameNamePartition, part.Name)
			}
			seen[folded] = true
		}
	}
	return nil
}

func (r *partitioner) options(part *schema.Partition, opts []*ast.TableOption) error {
	for _, o := range opts {
		switch o.Tp {
		case ast.TableOptionEngine:
			if !strings.EqualFold(o.StrValue, "innodb") {
				return mysqlerr.New(mysqlerr.UnknownStorageEngine, o.StrValue)
			}
		case ast.TableOptionComment:
			if len([]rune(o.StrValue)) > maxPartitionComment {
				return mysqlerr.New(mysqlerr.TooLongPartitionComment, part.Name, maxPartitionComment)
			}
			part.Comment = o.StrValue
		case ast.TableOptionMaxRows:
			part.MaxRows = o.UintValue
		case ast.TableOptionMinRows:
			part.MinRows = o.UintValue
		default:
			return mysqlerr.NotSupported("this option of a partition")
		}
	}
	return nil
}

// values takes VALUES.
func (r *partitioner) values(part *schema.Partition, clause ast.PartitionDefinitionClause) error {
	var tuples [][]ast.ExprNode
	switch c := clause.(type) {
	case *ast.PartitionDefinitionClauseLessThan:
		tuples = [][]ast.ExprNode{c.Exprs}
	case *ast.PartitionDefinitionClauseIn:
		tuples = c.Values
	}
	list := r.p.Method == schema.PartitionByList
	for _, tuple := range tuples {
		if len(tuple) != len(r.types) {
			switch {
			case r.p.OverColumns() && (len(r.types) > 1 || !list):
				return mysqlerr.New(mysqlerr.PartitionColumnList)
			case list:
				return mysqlerr.New(mysqlerr.RowSinglePartitionField)
			}
			return mysqlerr.New(mysqlerr.TooManyValues, r.p.Method.String())
		}
		values := make([]schema.PartitionValue, len(tuple))
		for i, n := range tuple {
			v, err := r.value(part.Name, n, i)
			if err != nil {
				return err
			}
			values[i] = v
		}
		part.Values = append(part.Values, values)
	}
	return nil
}

// value computes one constant.
func (r *partitioner) value(name string, n ast.ExprNode, i int) (out schema.PartitionValue, err error) {
	list := r.p.Method == schema.PartitionByList
	switch n.(type) {
	case *ast.MaxValueExpr:
		if list {
			return out, mysqlerr.New(mysqlerr.MaxvalueInValuesIn)
		}
		return schema.PartitionValue{Max: true}, nil
	case *ast.DefaultExpr:
		return out, mysqlerr.NotSupported("DEFAULT partitions")
	}
	if err := (&functionVisitor{constant: true}).visit(n); err != nil {
		return out, err
	}
	e, err := bind.Expr(&bind.Binder{Clause: "partition function"}, &bind.Scope{}, n)
	if err != nil {
		return out, err
	}
	if expr.ClassOf(e) != expr.Pure {
		return out, mysqlerr.New(mysqlerr.WrongExprInPartitionFunc)
	}
	v, err := e.Eval(&expr.Env{Mode: types.Mode{Strict: true}}, nil)
	switch {
	case err != nil:
		return out, err
	case v.IsNull() && !list:
		return out, mysqlerr.New(mysqlerr.NullInValuesLessThan)
	case v.IsNull():
		return out, nil
	case r.p.OverColumns():
		v, err = columnConstant(v, r.types[i])
	default:
		v, err = functionConstant(name, v, r.types[0])
	}
	return schema.NewPartitionValue(v), err
}

// functionConstant is 1697 and 1563 for what a partitioning function can't give.
func functionConstant(name string, v types.Value, t *types.Type) (types.Value, error) {
	switch {
	case v.Kind() != types.KindInt && v.Kind() != types.KindUint:
		return v, mysqlerr.New(mysqlerr.ValuesIsNotInt, name)
	case t.Unsigned && v.Kind() == types.KindInt && v.Int() < 0:
		return v, mysqlerr.New(mysqlerr.PartitionConstDomain)
	}
	if to, err := conversion.Assign(v, t, "", 1, &types.Mode{Strict: true}, nil); err == nil {
		return to, nil
	}
	return v, mysqlerr.New(mysqlerr.PartitionConstDomain)
}

// columnConstant is 1654 for what is no value of the column.
func columnConstant(v types.Value, t *types.Type) (types.Value, error) {
	wrong := mysqlerr.New(mysqlerr.WrongTypeColumnValue)
	number := v.Kind() == types.KindInt || v.Kind() == types.KindUint
	if number != (t.Class() == types.ClassInt) {
		return v, wrong
	}
	to, err := conversion.Assign(v, t, "", 1, &types.Mode{Strict: true, NoZeroDate: true, NoZeroInDate: true}, nil)
	if err != nil {
		return v, wrong
	}
	return to, nil
}

// Check holds a finished definition to what partitioning wants of it, of a new table and of one that has been altered.
func Check(t *schema.Table) error {
	p := t.Partitioning
	if p == nil {
		return nil
	}
	if err := checkRule(t, &p.PartitionRule); err != nil {
		return err
	}
	if p.Sub != nil {
		if err := checkRule(t, p.Sub); err != nil {
			return err
		}
	}
	m, err := partition.Of(t)
	if err != nil {
		return err
	}
	if err := m.Check(); err != nil {
		return err
	}
	if err := checkUnique(t, m); err != nil {
		return err
	}
	if len(t.ForeignKeys) > 0 {
		return mysqlerr.New(mysqlerr.ForeignKeyOnPartitioned)
	}
	return nil
}

// checkRule holds a level's function, or its columns, to what is allowed.
func checkRule(t *schema.Table, r *schema.PartitionRule) error {
	if r.Expr != "" {
		n, err := syntax.Expr(r.Expr)
		if err == nil {
			_, err = checkFunction(t, n, r.Expr)
		}
		return err
	}
	for _, id := range r.Columns {
		if t.ColumnByID(id) < 0 {
			return mysqlerr.New(mysqlerr.FieldNotFoundPart)
		}
	}
	return (&partitioner{t: t, p: t.Partitioning}).checkColumns(r)
}

// Deciding are the columns that decide about a row's partition, as far as they do.
func Deciding(t *schema.Table) (list []schema.Column, err error) {
	m, err := partition.Of(t)
	if err != nil {
		return nil, err
	}
	for _, pos := range m.Columns() {
		c := &t.Columns[pos]
		list = append(list, schema.Column{ID: c.ID, Type: c.Type, Generated: c.Generated})
	}
	return list, nil
}

// Retype makes the values of RANGE and LIST COLUMNS such of the types that the columns have after an alteration: 1654.
func Retype(from, to *schema.Table) error {
	p := to.Partitioning
	if !p.OverColumns() || p.Method == schema.PartitionByKey {
		return nil
	}
	p = p.Clone()
	to.Partitioning = p
	for i := range p.Partitions {
		tuples := slices.Clone(p.Partitions[i].Values)
		p.Partitions[i].Values = tuples
		for k := range tuples {
			tuples[k] = slices.Clone(tuples[k])
			for j := range tuples[k] {
				v, err := tuples[k][j].Value()
				pos, was := to.ColumnByID(p.Columns[j]), from.ColumnByID(p.Columns[j])
				if err != nil || v.IsNull() || pos < 0 || was < 0 || reflect.DeepEqual(from.Columns[was].Type, to.Columns[pos].Type) {
					continue
				}
				if v, err = columnConstant(v, &to.Columns[pos].Type); err != nil {
					return err
				}
				tuples[k][j] = schema.NewPartitionValue(v)
			}
		}
	}
	return nil
}

// checkUnique is 1503 where a unique key lacks a column that decides about the partition: its rows could be anywhere.
func checkUnique(t *schema.Table, m *partition.Map) error {
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if !ix.IsUnique() || ix.ID == schema.PrimaryIndex && !t.HasPrimaryKey() {
			continue
		}
		what := "UNIQUE INDEX"
		if ix.ID == schema.PrimaryIndex {
			what = "PRIMARY KEY"
		}
		for _, pos := range m.Columns() {
			if ix.Place(pos) < 0 {
				return mysqlerr.New(mysqlerr.UniqueKeyNeedAllFieldsInPf, what)
			}
		}
	}
	return nil
}

// checkFunction holds a partitioning function to what MySQL takes: 1054, 1486, 1491, 1564, 1659.
func checkFunction(t *schema.Table, n ast.ExprNode, text string) (expr.Expr, error) {
	if err := (&functionVisitor{}).visit(n); err != nil {
		return nil, err
	}
	e, err := bind.Partitioning(t, text)
	if err != nil {
		return nil, err
	}
	uses := map[int]bool{}
	expr.Columns(e, uses)
	switch c, bare := e.(*expr.Column); {
	case len(uses) == 0:
		return nil, mysqlerr.New(mysqlerr.WrongExprInPartitionFunc)
	case bare && c.Typ.Class() != types.ClassInt && c.Typ.Class() != types.ClassBit:
		return nil, mysqlerr.New(mysqlerr.PartitionFieldType, t.Columns[c.Index].Name)
	case bare && c.Typ.Class() == types.ClassBit:
		return nil, mysqlerr.NotSupported("partitioning by a BIT column")
	}
	for pos := range uses {
		if t.Columns[pos].Type.IsLob() {
			return nil, mysqlerr.New(mysqlerr.BlobFieldInPartFunc)
		}
	}
	if err := checkArguments(e); err != nil {
		return nil, err
	}
	switch {
	case e.Type().Class() != types.ClassInt:
		return nil, mysqlerr.New(mysqlerr.PartitionFuncWrongType, "PARTITION")
	case !expr.Fits(e):
		return nil, mysqlerr.NotSupported("so large an expression in a table's definition")
	}
	return e, nil
}

// Kinds of arguments that functions of a partitioning function take.
const (
	anyArgument = iota
	dateArgument
	timeArgument
	timestampArgument
)

// partitionFunctions are those that MySQL takes.
var partitionFunctions = map[string]int{
	"abs": anyArgument, "ceiling": anyArgument, "ceil": anyArgument, "floor": anyArgument, "mod": anyArgument,
	"datediff": dateArgument, "day": dateArgument, "dayofmonth": dateArgument, "dayofweek": dateArgument, "dayofyear": dateArgument,
	"month": dateArgument, "quarter": dateArgument, "to_days": dateArgument, "to_seconds": dateArgument, "weekday": dateArgument,
	"year": dateArgument, "yearweek": dateArgument, "extract": anyArgument,
	"hour": timeArgument, "microsecond": timeArgument, "minute": timeArgument, "second": timeArgument, "time_to_sec": timeArgument,
	"unix_timestamp": timestampArgument,
}

// checkArguments is 1486 where a date or time function's argument is not a column of the right type, so that its value would depend
// on the session.
func checkArguments(e expr.Expr) error {
	wrong := false
	expr.Walk(e, func(x expr.Expr) bool {
		c, ok := x.(*expr.Call)
		if !ok {
			return true
		}
		kind := partitionFunctions[c.Name()]
		if c.Name() == "extract" {
			kind = dateArgument
		}
		for _, a := range c.Args() {
			t := a.Type()
			_, constant := a.(*expr.Const)
			temporal := t.Class() == types.ClassDate || t.Class() == types.ClassDatetime || t.Class() == types.ClassTime
			switch {
			case constant:
			case kind == timestampArgument:
				wrong = wrong || !t.IsTimestamp()
			case t.IsTimestamp():
				wrong = true
			case kind == dateArgument && c.Name() != "extract":
				wrong = wrong || t.Class() != types.ClassDate && t.Class() != types.ClassDatetime
			case kind == timeArgument:
				wrong = wrong || t.Class() != types.ClassTime && t.Class() != types.ClassDatetime
			case kind == dateArgument:
				wrong = wrong || !temporal
			}
		}
		return true
	})
	if wrong {
		return mysqlerr.New(mysqlerr.WrongExprInPartitionFunc)
	}
	return nil
}

// functionVisitor finds what MySQL does not take in a partitioning function (1564), or in a constant of VALUES (1486).
type functionVisitor struct {
	constant bool
	err      error
}

func (v *functionVisitor) visit(n ast.ExprNode) error {
	n.Accept(v)
	return v.err
}

// Enter looks at a node before what is in it.
func (v *functionVisitor) Enter(n ast.Node) (ast.Node, bool) {
	ok := true
	switch n := n.(type) {
	case *ast.SubqueryExpr, *ast.VariableExpr, *ast.AggregateFuncExpr, *ast.WindowFuncExpr, ast.ParamMarkerExpr:
		ok = false
	case *ast.FuncCallExpr:
		_, ok = partitionFunctions[n.FnName.L]
		ok = ok || v.constant
	case *ast.BinaryOperationExpr:
		switch n.Op {
		case opcode.Plus, opcode.Minus, opcode.Mul, opcode.IntDiv, opcode.Mod:
		default:
			ok = v.constant
		}
	case *ast.UnaryOperationExpr:
		ok = v.constant || n.Op == opcode.Minus || n.Op == opcode.Plus
	case ast.ValueExpr, *ast.ColumnNameExpr, *ast.ColumnName, *ast.ParenthesesExpr, *ast.TimeUnitExpr:
	default:
		ok = v.constant
	}
	if !ok && v.err == nil {
		v.err = mysqlerr.New(mysqlerr.PartitionFunctionNotAllowed)
		if v.constant {
			v.err = mysqlerr.New(mysqlerr.WrongExprInPartitionFunc)
		}
	}
	return n, v.err != nil
}

// Leave goes on.
func (v *functionVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, v.err == nil }
