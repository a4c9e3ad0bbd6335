package logical

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/dependence"
	"cloudsql/planner/driver"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// grouping binds what has to do with GROUP BY: its terms, aggregates, and what may be read above them.
type grouping struct{ *selectQuery }

func (q grouping) bindGroupItem(item *ast.ByItem) error {
	if p, ok := item.Expr.(*ast.PositionExpr); ok {
		i, err := q.position(p, bind.GroupBy)
		if err != nil {
			return err
		}
		return q.addGroup(q.fields[i].expr, q.fields[i].name)
	}
	sc := *q.scope
	sc.Alias = q.aliasIn(bind.GroupBy)
	e, err := bind.Expr(q.binder(bind.GroupBy), &sc, item.Expr)
	if err != nil {
		return err
	}
	return q.addGroup(q.b.fold(e), fieldName(item.Expr, ""))
}

// addGroup adds a term of GROUP BY; one that is constant groups nothing, but a group there is.
func (q grouping) addGroup(e expr.Expr, name string) error {
	for _, a := range q.aggs {
		if scalar.SetOf(a.ID).Touches(e) {
			return mysqlerr.New(mysqlerr.WrongGroupField, name)
		}
	}
	for _, w := range q.windows {
		if scalar.SetOf(w.ID).Touches(e) {
			return mysqlerr.New(mysqlerr.WrongGroupField, name)
		}
	}
	for _, g := range q.groupings {
		if scalar.SetOf(g.id).Touches(e) {
			return mysqlerr.New(mysqlerr.WrongGroupField, name)
		}
	}
	for _, g := range q.groupBy {
		if scalar.Same(g, e) && !q.rollup {
			return nil
		}
	}
	q.groupBy = append(q.groupBy, e)
	return nil
}

// aggregate binds an aggregate call: the expression becomes a reference to the aggregate's result.
func (q grouping) aggregate(sc *bind.Scope, n *ast.AggregateFuncExpr) (expr.Expr, error) {
	name := strings.ToLower(n.F)
	if owner, outer, err := q.aggregatesOuter(n, true); err != nil {
		return nil, err
	} else if owner != nil {
		return grouping{owner}.ofInner(outer, n)
	}
	sc = q.aggregateScope(sc)
	inner := q.argumentBinder()
	var args []expr.Expr
	nodes := n.Args
	if name == "count" && len(nodes) == 1 && !n.Distinct {
		if v, ok := nodes[0].(*driver.ValueExpr); ok && v.Kind() != driver.KindNull {
			nodes = nil // COUNT(*), COUNT(1)
		}
	}
	separator := ","
	if name == "group_concat" {
		last := len(nodes) - 1
		if v, ok := nodes[last].(*driver.ValueExpr); ok {
			separator, nodes = v.GetString(), nodes[:last]
		}
	}
	for _, a := range nodes {
		e, err := bind.Expr(inner, sc, a)
		if err == nil && name == "group_concat" && (n.Distinct || n.Order != nil) {
			e, err = numberOfBits(e)
		}
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	agg, err := expr.NewAgg(name, n.Distinct, args)
	if err == nil {
		err = q.b.ctx.Env.Typing.Agg(agg)
	}
	if err != nil {
		return nil, err
	}
	// Folded behind NewAgg, which looks into IF and CASE for literals that are numbers to it.
	args = make([]expr.Expr, len(agg.Args))
	for i, e := range agg.Args {
		args[i] = q.b.fold(e)
	}
	agg.Args = args
	if name == "group_concat" {
		agg.Separator = separator
		if q.b.ctx.GroupConcatMax > 0 {
			agg.MaxLen = q.b.ctx.GroupConcatMax
		}
		if n.Order != nil {
			if agg.OrderBy, err = q.concatOrder(sc, n.Order, args); err != nil {
				return nil, err
			}
		}
	}
	return q.addAgg(agg), nil
}

// numberOfBits is a BIT column as the number that it is where GROUP_CONCAT sorts or removes repetitions.
func numberOfBits(e expr.Expr) (expr.Expr, error) {
	if c, ok := e.(*expr.Column); !ok || c.Typ.Class() != types.ClassBit {
		return e, nil
	}
	return expr.New("+", e, expr.NewInt(0))
}

// aggregatesOuter finds the block around this one whose aggregate n is; nil for this block. It is the innermost block of whose columns
// n names one, if an aggregate may stand where that block has this one, or else the innermost between the two where it may; so is one
// that names no columns, if it may not stand here (allowed). Names in n's own subqueries do not count.
func (q grouping) aggregatesOuter(n *ast.AggregateFuncExpr, allowed bool) (*selectQuery, *bind.Scope, error) {
	named := q.levelNamed(n)
	if named == 0 || named < 0 && allowed {
		return nil, nil, nil
	}
	var owner *selectQuery
	var at *bind.Scope
	level := 0
	for sc := q.scope; sc != nil && (named < 0 || level <= named); sc, level = sc.Outer, level+1 {
		o, ok := sc.Owner.(*selectQuery)
		if level > 0 && ok && o.aggregates && (owner == nil || level == named) {
			owner, at = o, sc
		}
	}
	if owner == nil && (!allowed || q.b.ctx.Has(mysql.ModeANSI)) || owner != nil && owner.aggregating {
		return nil, nil, mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
	}
	return owner, at, nil
}

// argumentBinder binds the arguments of an aggregate: no aggregate of the same block may be within, not even in a subquery (1111).
func (q grouping) argumentBinder() *bind.Binder {
	b := q.binder(bind.FieldList)
	b.Subquery = func(sc *bind.Scope, n ast.ExprNode) (expr.Expr, error) {
		aggregates, aggregating := q.aggregates, q.aggregating
		q.aggregates, q.aggregating = true, true
		defer func() { q.aggregates, q.aggregating = aggregates, aggregating }()
		return subqueryBinder(q).subquery(b, sc, n)
	}
	return b
}

// levelNamed tells how many blocks further out the innermost one is of whose columns n names one; -1: it names none.
func (q grouping) levelNamed(n *ast.AggregateFuncExpr) int {
	least := -1
	for _, name := range bind.NamedColumns(n) {
		level := 0
		for sc := q.scope; sc != nil; sc = sc.Outer {
			whole := sc
			if o, ok := sc.Owner.(*selectQuery); ok && o.aggregates {
				whole = o.scope // aggregates in HAVING see all columns
			}
			if c, err := whole.Find(name, bind.FieldList); c != nil || err != nil {
				if least < 0 || level < least {
					least = level
				}
				break
			}
			level++
		}
	}
	return least
}

// outerAggregate binds an aggregate where this block may have none: 1111 for one that is no other block's.
func (q grouping) outerAggregate(_ *bind.Scope, n *ast.AggregateFuncExpr) (expr.Expr, error) {
	owner, outer, err := q.aggregatesOuter(n, false)
	if err != nil {
		return nil, err
	}
	if owner == nil {
		return nil, mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
	}
	return grouping{owner}.ofInner(outer, n)
}

// ofInner binds an aggregate of this block within a block inside it.
func (q grouping) ofInner(sc *bind.Scope, n *ast.AggregateFuncExpr) (expr.Expr, error) {
	e, err := q.aggregate(sc, n)
	if err != nil {
		return nil, err
	}
	c, ok := e.(*expr.Column)
	if !ok {
		return e, nil
	}
	return q.fromOuter(&bind.Column{ID: c.Index, Field: types.Field{Name: c.Name, Type: c.Typ}})
}

// grouping binds GROUPING(…): a column that gives way to an expression over the groups' level once the terms of GROUP BY are known.
func (q grouping) grouping(sc *bind.Scope, n *ast.FuncCallExpr) (expr.Expr, error) {
	args := make([]expr.Expr, len(n.Args))
	for i, a := range n.Args {
		e, err := bind.Expr(q.binder(bind.FieldList), sc, a)
		if err != nil {
			return nil, err
		}
		args[i] = q.b.fold(e)
	}
	same := func(g groupingCall) bool { return slices.EqualFunc(g.args, args, scalar.Same) }
	at := slices.IndexFunc(q.groupings, same) // so that ORDER BY finds what the list has
	if at < 0 {
		at = len(q.groupings)
		q.groupings = append(q.groupings, groupingCall{id: q.b.newIDs(1), args: args})
	}
	c := q.groupings[at]
	return &expr.Column{Index: c.id, Typ: types.TypeInt, Name: "grouping(" + scalar.Texts(args) + ")"}, nil
}

// groupingCall is GROUPING(…) while it is not known which terms of GROUP BY it names.
type groupingCall struct {
	id   int // of the column that stands for it
	args []expr.Expr
}

// bits is GROUPING(…) by the groups' level: a bit for each argument, the last one's the lowest, that is set where the row
// sums it up.
func (s *settler) bits(args []expr.Expr) (expr.Expr, error) {
	if s.q.levelID == 0 {
		s.q.levelID = s.q.b.newIDs(1)
	}
	level := &expr.Column{Index: s.q.levelID, Typ: types.TypeInt, Name: "level"}
	var bits expr.Expr
	for i, a := range args {
		term := slices.IndexFunc(s.q.groupBy, func(g expr.Expr) bool { return scalar.Same(g, a) })
		if term < 0 {
			return nil, mysqlerr.New(mysqlerr.FieldInGroupingNotGroupBy, i+1)
		}
		bit, err := expr.New("<=", level, expr.NewInt(int64(term)))
		if err == nil && bits != nil {
			if bits, err = expr.New("*", bits, expr.NewInt(2)); err == nil {
				bit, err = expr.New("+", bits, bit)
			}
		}
		if err != nil {
			return nil, err
		}
		bits = bit
	}
	return bits, nil
}

// aggregateScope is where the arguments of an aggregate are looked up: in all columns, and, in clauses behind the select
// list, in its aliases; 1247 for one of another aggregate.
func (q grouping) aggregateScope(sc *bind.Scope) *bind.Scope {
	if sc.Alias == nil {
		return q.scope
	}
	own := *q.scope
	own.Alias = func(name *ast.ColumnName) (expr.Expr, error) {
		e, err := sc.Alias(name)
		if e == nil || err != nil {
			return e, err
		}
		for _, a := range q.aggs {
			if scalar.SetOf(a.ID).Touches(e) {
				return nil, mysqlerr.New(mysqlerr.IllegalReference, name.Name.O, "reference to group function")
			}
		}
		return e, nil
	}
	return &own
}

func (q grouping) concatOrder(sc *bind.Scope, o *ast.OrderByClause, args []expr.Expr) ([]expr.SortKey, error) {
	var list []expr.SortKey
	for _, item := range o.Items {
		if p, ok := item.Expr.(*ast.PositionExpr); ok {
			if p.N < 1 || p.N > len(args) {
				return nil, mysqlerr.New(mysqlerr.BadField, strconv.Itoa(p.N), bind.OrderBy)
			}
			list = append(list, expr.SortKey{Expr: args[p.N-1], Desc: item.Desc})
			continue
		}
		e, err := bind.Expr(q.binder(bind.OrderBy), sc, item.Expr)
		if err != nil {
			return nil, err
		}
		list = append(list, expr.SortKey{Expr: q.b.fold(e), Desc: item.Desc})
	}
	return list, nil
}

// addAgg gives the reference to an aggregate; equal ones are computed once.
func (q grouping) addAgg(a *expr.Agg) *expr.Column {
	for _, have := range q.aggs {
		if scalar.SameAgg(have.Agg, a) {
			return &expr.Column{Index: have.ID, Typ: have.Agg.Typ, Name: have.Agg.String()}
		}
	}
	item := AggItem{Agg: a, ID: q.b.newIDs(1)}
	q.aggs = append(q.aggs, item)
	return &expr.Column{Index: item.ID, Typ: a.Typ, Name: a.String()}
}

// settleGroups rewrites what is computed after grouping: terms of GROUP BY become the groups' columns; other columns are
// allowed where they depend on the groups, or where the sql_mode does not mind, and then come from any row of the group.
func (q grouping) settleGroups() error {
	q.groupIDs = make([]int, len(q.groupBy))
	for i, g := range q.groupBy {
		if c, ok := g.(*expr.Column); ok && !q.rollup {
			q.groupIDs[i] = c.Index
		} else {
			q.groupIDs[i] = q.b.newIDs(1)
		}
	}
	s := &settler{q: q.selectQuery, determined: q.dependents(), bySize: scalar.BySize(q.groupBy), loose: map[int]expr.Expr{}}
	for i := range q.fields {
		f := &q.fields[i]
		var err error
		if f.expr, err = s.settle(f.expr, i+1, "SELECT list"); err != nil {
			return err
		}
		if q.rollup && scalar.SetOf(q.groupIDs...).Touches(f.expr) {
			f.col.Field.Flags &^= uint16(mysql.NotNullFlag)
		}
	}
	for i := range q.having {
		e, err := s.settle(q.having[i], 0, "HAVING")
		if err != nil {
			return err
		}
		q.having[i] = e
	}
	for i := range q.orderBy {
		o := &q.orderBy[i]
		if o.field >= 0 {
			o.expr = q.fields[o.field].expr
			continue
		}
		e, err := s.settle(o.expr, i+1, "ORDER BY")
		if err != nil {
			return err
		}
		o.expr = e
	}
	return s.settleWindows()
}

// settler rewrites expressions to be evaluated over groups.
type settler struct {
	q          *selectQuery
	determined scalar.ColSet
	bySize     []int             // terms of GROUP BY, those with most nodes first
	loose      map[int]expr.Expr // columns from any row of the group
}

// settle replaces terms of GROUP BY, larger ones first, and then the columns that are left.
func (s *settler) settle(e expr.Expr, number int, clause string) (expr.Expr, error) {
	var err error
	// An expression is rebuilt from the bottom up, so that something must stand in the place of what can't be settled.
	keep := func(old, settled expr.Expr, e error) expr.Expr {
		if e == nil {
			return settled
		}
		if err == nil {
			err = e
		}
		return old
	}
	for _, i := range s.bySize {
		g := s.q.groupBy[i]
		e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if scalar.Same(g, x) {
				return s.group(i)
			}
			return x
		})
	}
	e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c := scalar.AsCall(x, "any_value"); c != nil {
			settled, e := s.anyValue(c, number, clause)
			return keep(x, settled, e)
		}
		return x
	})
	if err != nil {
		return nil, err
	}
	e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, ok := x.(*expr.Column); ok {
			settled, e := s.column(c, number, clause)
			return keep(x, settled, e)
		}
		return x
	})
	return e, err
}

func (s *settler) group(i int) expr.Expr {
	g := s.q.groupBy[i]
	return &expr.Column{Index: s.q.groupIDs[i], Typ: *g.Type(), Name: g.String()}
}

// anyValue lets ANY_VALUE(e) read any row of the group.
func (s *settler) anyValue(c *expr.Call, number int, clause string) (expr.Expr, error) {
	loose := *s
	loose.determined = nil
	loose.determined.AddColumnsOf(c)
	return loose.settle(c.Args()[0], number, clause)
}

func (s *settler) column(c *expr.Column, number int, clause string) (expr.Expr, error) {
	if slices.Contains(s.q.groupIDs, c.Index) || s.q.levelID != 0 && c.Index == s.q.levelID {
		return c, nil
	}
	for _, a := range s.q.aggs {
		if a.ID == c.Index {
			return c, nil
		}
	}
	for _, w := range s.q.windows {
		if w.ID == c.Index {
			return c, nil
		}
	}
	for _, g := range s.q.groupings {
		if g.id == c.Index {
			return s.bits(g.args)
		}
	}
	if e, ok := s.loose[c.Index]; ok {
		return e, nil
	}
	if s.q.b.ctx.Has(mysql.ModeOnlyFullGroupBy) && !s.determined.Has(c.Index) {
		return nil, grouping{s.q}.notGrouped(c, number, clause)
	}
	agg, err := expr.NewAgg("any_value", false, []expr.Expr{c})
	if err != nil {
		return nil, err
	}
	e := grouping{s.q}.addAgg(agg)
	e.Name = c.Name
	s.loose[c.Index] = e
	return e, nil
}

// notGrouped is 1055, or 1140 where there is no GROUP BY; HAVING knows nothing of such columns at all.
func (q grouping) notGrouped(c *expr.Column, number int, clause string) error {
	if clause == "HAVING" {
		return mysqlerr.New(mysqlerr.BadField, c.Name, bind.Having)
	}
	if len(q.groupBy) == 0 {
		return mysqlerr.New(mysqlerr.MixOfGroupFuncAndFields, number, clause, q.qualified(c))
	}
	return mysqlerr.New(mysqlerr.WrongFieldWithGroup, number, clause, q.qualified(c))
}

// dependents are the columns that have one value in each group. With ROLLUP the rows that sum groups up have NULLs in the place of
// what determined others, so there are none.
func (q grouping) dependents() scalar.ColSet {
	var s scalar.ColSet
	if q.rollup {
		return s
	}
	for _, g := range q.groupBy {
		if c, ok := g.(*expr.Column); ok {
			s.Put(c.Index)
		}
	}
	q.block().Determine(&s)
	return s
}

// block is what is known of this block's columns by its FROM, WHERE and GROUP BY.
func (q *selectQuery) block() *dependence.Block {
	b := &dependence.Block{Source: q.source, Where: q.where, Tables: q.tables, Grouped: q.grouped, GroupIDs: q.groupIDs}
	b.Opaque = q.values != nil || q.rollup
	for i := range q.fields {
		b.Fields = append(b.Fields, dependence.Field{ID: q.fields[i].col.ID, Expr: q.fields[i].expr})
	}
	for _, d := range q.derived {
		if inner, ok := d.(*selectQuery); ok {
			b.Derived = append(b.Derived, inner.block())
		}
	}
	return b
}
