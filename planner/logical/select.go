package logical

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/hint"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/planner/windowing"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// selectQuery is a SELECT while it is bound: what is known of its clauses, and what binding them looks at.
type selectQuery struct {
	block.Select
	b      *builder
	ctes   *cteScope
	outer  *bind.Scope
	scope  *bind.Scope
	joined int // tables of all kinds in FROM
	locks  lockClause

	later       []*ast.SelectField // of the select list, that have yet to be bound
	locking     bool
	straight    bool             // STRAIGHT_JOIN for all joins
	hints       *hint.Block      // nil: the text has none
	changes     bool             // rows are changed through what FROM has
	windowSpecs []ast.WindowSpec // WINDOW w AS (…)
	visible     []bind.Column    // while FROM is bound: the columns on the left of a table
	lateral     []lateralRef     // what tables in FROM take from others on their left, until a join has both
	aggregates  bool             // the subquery being bound stands where aggregates of this block may
	aggregating bool             // it stands within an aggregate of this block

	items     []fromItem       // tables and views of FROM
	nullSide  int              // > 0 while what an outer join may leave out is bound
	hoisted   int              // how many of Where come from merged views
	order     []block.SortItem // of the view that FROM is
	listCalls bool             // the select list has subqueries
}

// addDerived notes a query whose rows are a table in FROM.
func (q *selectQuery) addDerived(inner block.Query) {
	if s, ok := inner.(*selectQuery); ok {
		q.Derived = append(q.Derived, &s.Select)
	}
}

// bindQuery binds a SELECT, VALUES, TABLE or set operation.
func (b *builder) bindQuery(n ast.ResultSetNode, outer *bind.Scope, ctes *cteScope) (block.Query, error) {
	switch n := n.(type) {
	case *ast.SelectStmt:
		return b.bindSelect(n, outer, ctes)
	case *ast.SetOprStmt:
		return b.bindSetOpr(n, outer, ctes)
	}
	return nil, mysqlerr.NotSupported("this kind of query")
}

func (b *builder) bindSelect(n *ast.SelectStmt, outer *bind.Scope, ctes *cteScope) (*selectQuery, error) {
	if err := syntax.CheckOptions(n, b.first); err != nil {
		return nil, err
	}
	q := b.newBlock()
	q.outer, q.ctes, q.windowSpecs = outer, ctes, n.WindowSpecs
	q.straight = n.SelectStmtOpts != nil && n.SelectStmtOpts.StraightJoin
	q.hints = syntax.HintsOf(n.TableHints)
	b.stack = append(b.stack, q)
	defer func() { b.stack = b.stack[:len(b.stack)-1] }()
	var err error
	if n.With != nil {
		if q.ctes, err = b.bindWith(n.With, outer, ctes); err != nil {
			return nil, err
		}
	}
	if n.Kind == ast.SelectStmtKindValues {
		return q, q.bindValues(n)
	}
	if err := q.bindFrom(n); err != nil {
		return nil, err
	}
	if n.Where != nil {
		if err := q.bindWhere(n.Where); err != nil {
			return nil, err
		}
	}
	if err := windowing.CheckNames(q.windowSpecs); err != nil {
		return nil, err
	}
	if err := q.bindFields(n); err != nil {
		return nil, err
	}
	return q, q.bindRest(n)
}

func (q *selectQuery) bindFrom(n *ast.SelectStmt) error {
	var cols []bind.Column
	q.locking = n.LockInfo != nil && n.LockInfo.LockType != ast.SelectLockNone
	q.locks.read(n.LockInfo)
	if inherit := q.b.inherit; inherit != nil {
		q.b.inherit = nil
		if !q.locking {
			q.locks.lock, q.locking = *inherit, inherit.IsExplicit()
		}
	}
	q.b.locks = q.b.locks || q.locking
	if n.From != nil && n.From.TableRefs != nil {
		var err error
		if q.Source, cols, err = (fromClause{q}).from(n.From.TableRefs); err != nil {
			return err
		}
	}
	q.see(cols)
	q.takeHints(cols)
	q.hoisted = len(q.Where)
	return q.locks.unresolved()
}

// see makes cols those that names of the block may mean.
func (q *selectQuery) see(cols []bind.Column) { q.Cols, q.scope = cols, q.scopeOf(cols) }

// scopeOf makes the scope of cols in this block.
func (q *selectQuery) scopeOf(cols []bind.Column) *bind.Scope {
	sc := &bind.Scope{
		Cols: cols, Outer: q.outer,
		FromOuter: q.fromOuter, InnerAlias: q.innerAlias, Owner: q,
	}
	if notes := q.b.o.Notes; notes != nil {
		sc.Named = notes.column
	}
	return sc
}

// innerAlias lets a block inside this one name an item of the select list that stands before it.
func (q *selectQuery) innerAlias(name *ast.ColumnName) (expr.Expr, error) {
	e, err := q.alias(name, bind.FieldList)
	if e == nil && err == nil && name.Table.O == "" && slices.ContainsFunc(q.later, func(f *ast.SelectField) bool { return f.AsName.L == name.Name.L }) {
		err = mysqlerr.New(mysqlerr.IllegalReference, name.Name.O, "forward reference in item list")
	}
	if e == nil || err != nil {
		return nil, err
	}
	return partsFromOuter(e, q.fromOuter)
}

// partsFromOuter is an expression of a block as a block inside it reads it, which reads columns as fromOuter says.
func partsFromOuter(e expr.Expr, fromOuter func(*bind.Column) (expr.Expr, error)) (expr.Expr, error) {
	var err error
	e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		c, ok := x.(*expr.Column)
		if !ok || err != nil {
			return x
		}
		var p expr.Expr
		if p, err = fromOuter(&bind.Column{ID: c.Index, Full: c.Full, Field: types.Field{Name: c.Name, Type: c.Typ}}); err != nil {
			return x
		}
		return p
	})
	return e, err
}

// fromOuter makes a parameter of a column of this block that a block inside it refers to, and notes the dependence in
// all blocks between.
func (q *selectQuery) fromOuter(c *bind.Column) (expr.Expr, error) {
	if c.Expr != nil {
		return partsFromOuter(c.Expr, q.fromOuter)
	}
	b := q.b
	slot, ok := b.outer[c.ID]
	if !ok {
		if slot = b.newSlot(); b.outer == nil {
			b.outer = map[int]int{}
		}
		b.outer[c.ID] = slot
	}
	return q.outerParam(c, slot, &q.Select), nil
}

// outerParam is the parameter that a column of this block is in a block inside it, noted in all blocks between.
func (q *selectQuery) outerParam(c *bind.Column, slot int, owner *block.Select) expr.Expr {
	inside := false
	for _, s := range q.b.stack {
		if s == q {
			inside = true
			continue
		}
		if inside {
			s.AddRef(block.Outer{OuterRef: OuterRef{Col: c.Ref(), Slot: slot}, Owner: owner})
		}
	}
	return expr.ParamOf(slot, c.Ref())
}

// binder binds expressions of a clause without aggregates, but for those of blocks around.
func (q *selectQuery) binder(clause string) *bind.Binder {
	b := &bind.Binder{Env: q.b.ctx.Env, Clause: clause, Default: q.b.ctx.DefaultOf}
	b.Aggregate = grouping{q}.outerAggregate
	if q.b.newRow != nil {
		b.Values = q.b.valuesOf
	}
	b.Subquery = func(sc *bind.Scope, n ast.ExprNode) (expr.Expr, error) {
		before := q.aggregates
		q.aggregates = false
		defer func() { q.aggregates = before }()
		return subqueryBinder{q}.subquery(b, sc, n)
	}
	return b
}

// aggBinder binds expressions of a clause that may have aggregates and perhaps window functions.
func (q *selectQuery) aggBinder(clause string, windows bool) *bind.Binder {
	b := q.binder(clause)
	b.Aggregate, b.Grouping = grouping{q}.aggregate, grouping{q}.grouping
	b.Subquery = func(sc *bind.Scope, n ast.ExprNode) (expr.Expr, error) {
		before := q.aggregates
		q.aggregates = true
		defer func() { q.aggregates = before }()
		return subqueryBinder{q}.subquery(b, sc, n)
	}
	if windows {
		b.Window = q.window
	}
	return b
}

func (q *selectQuery) bindWhere(n ast.ExprNode) error {
	b := q.binder(bind.Where)
	if e, err := q.insertedLast(n); e != nil || err != nil {
		q.Where = append(q.Where, e)
		return err
	}
	for _, c := range bind.Conjuncts(nil, n) {
		e, err := bind.Condition(b, q.scope, c)
		if err != nil {
			return err
		}
		if err := oneColumn(e); err != nil {
			return err
		}
		e = expr.Filter(q.b.fold(expr.Condition(e)))
		if !q.b.plainConds {
			if a := (subqueryBinder{q}).apply(c, e); a != nil {
				q.Applies = append(q.Applies, a)
				continue
			}
		}
		q.Where = scalar.Split(q.Where, e)
	}
	return nil
}

// Inserted says whether AUTO_INCREMENT has given a value since a condition asked (sql_auto_is_null), and is told whether this plan's does.
type Inserted struct{ Fresh, Asked bool }

// insertedLast is the condition for the row that was inserted last, as sql_auto_is_null lets ODBC say it. nil: n is no such condition.
func (q *selectQuery) insertedLast(n ast.ExprNode) (expr.Expr, error) {
	ctx := q.b.ctx
	if !ctx.AutoIsNull || ctx.Inserted == nil {
		return nil, nil
	}
	c, err := bind.NumberedIsNull(q.scope, n)
	if c == nil {
		return nil, err
	}
	q.b.once = true
	if !ctx.Inserted.Fresh || ctx.Inserted.Asked {
		return nil, nil
	}
	ctx.Inserted.Asked = true
	return expr.New("=", c.Ref(), &expr.Const{Val: types.Uint(ctx.Env.Session.LastInsertID()), Typ: types.TypeUint})
}

// oneColumn refuses a row where a scalar belongs.
func oneColumn(e expr.Expr) error {
	if scalar.AsCall(e, "row") != nil {
		return mysqlerr.New(mysqlerr.OperandColumns, 1)
	}
	return nil
}

func (q *selectQuery) bindFields(n *ast.SelectStmt) error {
	subs := len(q.b.subs)
	defer func() { q.later, q.listCalls = nil, len(q.b.subs) > subs }()
	for i, f := range n.Fields.Fields {
		q.later = n.Fields.Fields[i:]
		if f.WildCard != nil {
			if err := q.expandStar(f.WildCard, i); err != nil {
				return err
			}
			continue
		}
		e, err := bind.Expr(q.aggBinder(bind.FieldList, true), q.scope, f.Expr)
		if err != nil {
			return err
		}
		if err := oneColumn(e); err != nil {
			return err
		}
		e = q.forColumn(e)
		q.addField(f, q.b.fold(e), e)
	}
	if len(q.b.stack) > 1 {
		return nil
	}
	for _, name := range q.b.o.Also {
		c, err := q.scope.Find(name, bind.FieldList)
		if err == nil && c == nil {
			err = mysqlerr.New(mysqlerr.BadField, bind.FullName(name), bind.FieldList)
		}
		if err != nil {
			return err
		}
		if n.Distinct && !slices.ContainsFunc(q.Fields, func(f block.Field) bool { return scalar.Same(f.Expr, c.Ref()) }) {
			return mysqlerr.NotSupported("columns that SELECT DISTINCT does not select in ON DUPLICATE KEY UPDATE")
		}
		q.addColumn(c)
	}
	q.addPerhaps(n.Distinct)
	if len(q.b.o.Asked) > 0 && n.Distinct {
		return mysqlerr.NotSupported("a subquery in ON DUPLICATE KEY UPDATE of SELECT DISTINCT")
	}
	if err := (subqueryBinder{q}).addAsked(); err != nil {
		return err
	}
	for _, name := range q.b.o.NotIn {
		if c, err := q.scope.Find(name, bind.FieldList); err != nil || c != nil {
			return mysqlerr.New(mysqlerr.NonUniq, bind.FullName(name), bind.FieldList)
		}
	}
	return nil
}

// addPerhaps selects what there is of Options.Perhaps; with DISTINCT, what is selected anyway.
func (q *selectQuery) addPerhaps(distinct bool) {
	for _, name := range q.b.o.Perhaps {
		c, err := q.scope.Find(name, bind.FieldList)
		if err != nil || c == nil || distinct && !slices.ContainsFunc(q.Fields, func(f block.Field) bool { return scalar.Same(f.Expr, c.Ref()) }) {
			continue
		}
		q.addColumn(c)
		q.b.o.Found(name)
	}
}

// forColumn is a value of the outermost select list for the column that it goes into, if any.
func (q *selectQuery) forColumn(e expr.Expr) expr.Expr {
	if into, i := q.b.o.Into, len(q.Fields); len(q.b.stack) == 1 && i < len(into) && into[i] != nil {
		return expr.ForColumn(e, into[i])
	}
	return e
}

// bindRest binds what follows the select list.
func (q *selectQuery) bindRest(n *ast.SelectStmt) error {
	var err error
	q.Distinct = n.Distinct
	if n.GroupBy != nil {
		q.Grouped, q.Rollup = true, n.GroupBy.Rollup
		for _, item := range n.GroupBy.Items {
			if err := (grouping{q}).bindGroupItem(item); err != nil {
				return err
			}
		}
	}
	if n.Having != nil {
		if err := q.bindHaving(n.Having.Expr); err != nil {
			return err
		}
	}
	if n.OrderBy != nil {
		plain := !q.Grouped && len(q.Aggs) == 0
		for i, item := range n.OrderBy.Items {
			if err := q.bindOrderItem(item); err != nil {
				return err
			}
			if plain && len(q.Aggs) > 0 {
				return mysqlerr.New(mysqlerr.AggregateOrderNonAggQuery, i+1)
			}
		}
	}
	if q.Limit, err = q.b.limit(n.Limit); err != nil {
		return err
	}
	if len(q.Groupings) > 0 && !q.Rollup {
		return mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
	}
	if !q.Grouped && len(q.Aggs) > 0 { // one row, which is in order: MySQL asks nothing of such an ORDER BY
		q.Grouped, q.OrderBy = true, nil
	}
	if q.Grouped {
		if err := q.SettleGroups(q.b.ctx.Has(mysql.ModeOnlyFullGroupBy)); err != nil {
			return err
		}
	} else if len(q.Having) > 0 {
		q.Where, q.Having = append(q.Where, q.Having...), nil
	}
	merging{q}.orderOfView(n)
	if !q.b.ctx.Has(mysql.ModeOnlyFullGroupBy) {
		return nil
	}
	return q.CheckDistinctOrder()
}

// Position gives the select-list item of a number in GROUP BY or ORDER BY.
func (q *selectQuery) position(n *ast.PositionExpr, clause string) (int, error) {
	if n.N < 1 || n.N > len(q.Fields) {
		return 0, mysqlerr.New(mysqlerr.BadField, strconv.Itoa(n.N), clause)
	}
	return n.N - 1, nil
}

// alias finds a select-list item by its name. 1052 where two different columns have it; something computed goes before columns.
func (q *selectQuery) alias(name *ast.ColumnName, clause string) (expr.Expr, error) {
	i, err := q.aliasIndex(name, clause)
	if err != nil || i < 0 {
		return nil, err
	}
	return q.Fields[i].Expr, nil
}

// aliasIn is the hook of a clause's scope.
func (q *selectQuery) aliasIn(clause string) func(*ast.ColumnName) (expr.Expr, error) {
	return func(name *ast.ColumnName) (expr.Expr, error) { return q.alias(name, clause) }
}

func (q *selectQuery) aliasIndex(name *ast.ColumnName, clause string) (int, error) {
	found := -1
	for i := range q.Fields {
		f := &q.Fields[i]
		if !strings.EqualFold(f.Name, name.Name.O) {
			continue
		}
		if name.Table.O != "" && (f.Col.Field.Table != name.Table.O || !strings.EqualFold(f.Col.Field.OrgName, name.Name.O)) {
			continue
		}
		if q.ColumnOf(f.Expr) == nil && f.Col.Field.OrgName == "" {
			return i, nil
		}
		if found >= 0 && !scalar.Same(q.Fields[found].Expr, f.Expr) {
			return -1, mysqlerr.New(mysqlerr.NonUniq, bind.FullName(name), clause)
		}
		if found < 0 {
			found = i
		}
	}
	return found, nil
}

// bindHaving binds HAVING, which sees the select list and the terms of GROUP BY; aggregates and subqueries within it see all columns.
func (q *selectQuery) bindHaving(n ast.ExprNode) error {
	sc := *q.scope
	sc.Alias, sc.AliasFirst, sc.Whole = q.outsideWindows, true, q.scope
	var visible scalar.ColSet
	for _, g := range q.GroupBy {
		if c, ok := g.(*expr.Column); ok {
			visible.Put(c.Index)
		}
	}
	for i := range q.Fields {
		if c, ok := q.Fields[i].Expr.(*expr.Column); ok {
			visible.Put(c.Index)
		}
	}
	sc.Cols = nil
	for i := range q.scope.Cols {
		c := &q.scope.Cols[i]
		if visible.Has(c.ID) || c.Expr != nil && (merging{q}).selects(c.Expr) {
			sc.Cols = append(sc.Cols, q.scope.Cols[i])
		}
	}
	e, err := bind.Condition(q.aggBinder(bind.Having, false), &sc, n)
	if err != nil {
		return err
	}
	q.Having = scalar.Split(nil, expr.Filter(q.b.fold(expr.Condition(e))))
	return nil
}

// selects tells whether an expression is a term of GROUP BY or of the select list.
func (q merging) selects(e expr.Expr) bool {
	same := func(o expr.Expr) bool { return scalar.Same(o, e) }
	return slices.ContainsFunc(q.GroupBy, same) || slices.ContainsFunc(q.Fields, func(f block.Field) bool { return same(f.Expr) })
}

func (q *selectQuery) bindOrderItem(item *ast.ByItem) error {
	s := block.SortItem{Desc: item.Desc, Field: -1}
	switch n := item.Expr.(type) {
	case *ast.PositionExpr:
		i, err := q.position(n, bind.OrderBy)
		if err != nil {
			return err
		}
		s.Field = i
	case *ast.ColumnNameExpr:
		i, err := q.aliasIndex(n.Name, bind.OrderBy)
		if err != nil {
			return err
		}
		s.Field = i
	}
	if s.Field >= 0 {
		s.Expr = q.Fields[s.Field].Expr
		q.OrderBy = append(q.OrderBy, s)
		return nil
	}
	sc := *q.scope
	sc.Alias = q.aliasIn(bind.OrderBy)
	e, err := bind.Expr(q.aggBinder(bind.OrderBy, true), &sc, item.Expr)
	if err == nil {
		err = oneColumn(e)
	}
	if err != nil {
		return err
	}
	s.Expr = q.b.fold(e)
	if scalar.Fixed(s.Expr) && !bind.HasSubquery(item.Expr) {
		return nil // a constant orders nothing, but a subquery may fail
	}
	for i := range q.Fields {
		if scalar.Same(q.Fields[i].Expr, s.Expr) {
			s.Field = i
			break
		}
	}
	q.OrderBy = append(q.OrderBy, s)
	return nil
}
