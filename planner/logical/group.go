package logical

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/driver"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
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
		return q.AddGroup(q.Fields[i].Expr, q.Fields[i].Name)
	}
	if i, err := q.selectedOfSeveral(item.Expr); i >= 0 || err != nil {
		if err != nil {
			return err
		}
		return q.AddGroup(q.Fields[i].Expr, q.Fields[i].Name)
	}
	sc := *q.scope
	sc.Alias = q.aliasIn(bind.GroupBy)
	e, err := bind.Expr(q.binder(bind.GroupBy), &sc, item.Expr)
	if err != nil {
		return err
	}
	return q.AddGroup(q.b.fold(e), fieldName(item.Expr, ""))
}

// selectedOfSeveral finds the select-list item that a name stands for which columns of several tables have: GROUP BY means the one that
// is selected. -1 for what is no such name.
func (q grouping) selectedOfSeveral(n ast.ExprNode) (int, error) {
	c, ok := syntax.Unparen(n).(*ast.ColumnNameExpr)
	if !ok || c.Name.Table.O != "" {
		return -1, nil
	}
	if _, err := q.scope.FindNamed(c.Name.Name.O, bind.GroupBy); err == nil {
		return -1, nil
	}
	return q.aliasIndex(c.Name, bind.GroupBy)
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
	return q.AddAgg(agg), nil
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
	return q.fromOuter(&bind.Column{ID: c.Index, Full: c.Full, Field: types.Field{Name: c.Name, Type: c.Typ}})
}

// grouping binds GROUPING(…).
func (q grouping) grouping(sc *bind.Scope, n *ast.FuncCallExpr) (expr.Expr, error) {
	args := make([]expr.Expr, len(n.Args))
	for i, a := range n.Args {
		e, err := bind.Expr(q.binder(bind.FieldList), sc, a)
		if err != nil {
			return nil, err
		}
		args[i] = q.b.fold(e)
	}
	return q.AddGrouping(args), nil
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
		for _, a := range q.Aggs {
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
