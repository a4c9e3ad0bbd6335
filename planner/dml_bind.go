package planner

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/logical"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// insertBinder makes an Insert node of a statement.
type insertBinder struct{ *logical.Insert }

// bindInsert binds an INSERT or REPLACE; without a query where its rows are expressions.
func bindInsert(ctx *Context, s *ast.InsertStmt, params int) (*logical.Insert, *logical.Query, error) {
	name, _ := bind.SingleTable(s.Table)
	if name == nil || len(s.PartitionNames) > 0 {
		return nil, nil, mysqlerr.NotSupported("INSERT into something that is not a table")
	}
	privs := insertPrivileges(s)
	tgt, view, err := logical.InsertTarget(ctx, name, s.Columns, privs)
	if err != nil {
		return nil, nil, err
	}
	n := insertBinder{&logical.Insert{Target: tgt, Kind: insertKind(s), Ignore: s.IgnoreErr, View: view}}
	for _, priv := range privs {
		if err := ctx.Check(priv, n.DB, n.Table.Name); view == nil && err != nil {
			return nil, nil, err
		}
	}
	if err := n.nameColumns(s); err != nil {
		return nil, nil, err
	}
	if err := n.generatedAlone(s); err != nil {
		return nil, nil, err
	}
	var q *logical.Query
	switch {
	case s.Select != nil:
		q, err = n.bindQuery(ctx, s, params)
	case slices.ContainsFunc(s.Lists, func(list []ast.ExprNode) bool { return slices.ContainsFunc(list, bind.HasSubquery) }):
		q, err = n.BindRows(ctx, s, params)
	default:
		err = n.bindValues(ctx, s.Lists)
	}
	if err == nil {
		err = n.bindOnDuplicate(ctx, s.OnDuplicate)
	}
	if err != nil {
		return nil, nil, err
	}
	return n.Insert, q, nil
}

func insertKind(s *ast.InsertStmt) fragment.Kind {
	switch {
	case s.IsReplace:
		return fragment.Replace
	case len(s.OnDuplicate) > 0:
		return fragment.InsertOrUpdate
	case s.IgnoreErr:
		return fragment.InsertIgnore
	}
	return fragment.Insert
}

func insertPrivileges(s *ast.InsertStmt) []mysql.PrivilegeType {
	privs := []mysql.PrivilegeType{mysql.InsertPriv}
	if s.IsReplace {
		privs = append(privs, mysql.DeletePriv)
	}
	if len(s.OnDuplicate) > 0 {
		privs = append(privs, mysql.UpdatePriv)
	}
	return privs
}

// nameColumns finds the columns of the column list (all visible ones without one).
func (n insertBinder) nameColumns(s *ast.InsertStmt) error {
	if s == nil || len(s.Columns) == 0 {
		if s != nil && s.Select == nil && len(s.Lists) > 0 && len(s.Lists[0]) == 0 {
			return nil // INSERT INTO t () VALUES ()
		}
		for _, c := range n.Columns() {
			if !c.Hidden && !c.Invisible {
				n.Named = append(n.Named, c.ID)
			}
		}
		return nil
	}
	seen := make(map[int]bool)
	for _, c := range s.Columns {
		pos, err := n.Position(c)
		if err != nil {
			return err
		}
		if seen[pos] {
			return mysqlerr.New(mysqlerr.FieldSpecifiedTwice, c.Name.O)
		}
		seen[pos] = true
		n.Named = append(n.Named, pos)
	}
	return nil
}

// generatedAlone is 3105 where a generated column is given anything but DEFAULT.
func (n insertBinder) generatedAlone(s *ast.InsertStmt) error {
	for j, pos := range n.Named {
		if n.Table.Columns[pos].Generated == "" {
			continue
		}
		given := func(list []ast.ExprNode) bool { return j < len(list) && !logical.IsDefault(list[j]) }
		if s.Select != nil || slices.ContainsFunc(s.Lists, given) {
			return logical.GivenGenerated(n.Table, pos)
		}
	}
	return nil
}

func (n insertBinder) bindValues(ctx *Context, lists [][]ast.ExprNode) error {
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	sc := &bind.Scope{Cols: n.Columns()}
	for i, list := range lists {
		if len(list) != len(n.Named) {
			return mysqlerr.New(mysqlerr.WrongValueCountOnRow, i+1)
		}
		row := make([]expr.Expr, len(list))
		for j, v := range list {
			if logical.IsDefault(v) {
				continue
			}
			var err error
			if row[j], err = bind.Expr(b, sc, v); err != nil {
				return err
			}
			row[j] = expr.ForColumn(row[j], &n.Table.Columns[n.Named[j]].Type)
		}
		n.Rows = append(n.Rows, row)
	}
	return nil
}

// bindQuery binds INSERT … SELECT.
func (n insertBinder) bindQuery(ctx *Context, s *ast.InsertStmt, params int) (*logical.Query, error) {
	outside, own := n.outside(s)
	o := logical.Options{Params: params, Changes: true, Also: outside, NotIn: own}
	for _, pos := range n.Named {
		o.Into = append(o.Into, &n.Table.Columns[pos].Type)
	}
	q, err := logical.Bind(ctx, s.Select, o)
	if err != nil {
		return nil, err
	}
	if len(q.Fields) != len(n.Named)+len(outside) {
		return nil, mysqlerr.New(mysqlerr.WrongValueCountOnRow, 1)
	}
	for i, name := range outside {
		n.Outside = append(n.Outside, bind.Column{
			ID:       2*len(n.Table.Columns) + i,
			Field:    types.Field{Schema: name.Schema.O, Table: name.Table.O, Name: name.Name.O, Type: q.Fields[len(n.Named)+i].Type},
			Shadowed: name.Table.O != "",
		})
	}
	n.In, q.Root = q.Root, n.Insert
	return q, nil
}

// outside finds the columns of the SELECT's tables that ON DUPLICATE KEY UPDATE names: they are selected too, behind those that
// are inserted. Where they would change what the query means (grouping, set operations) they are unknown, as in MySQL. own are
// names of the table's columns: ambiguous where the SELECT's tables have them too.
func (n insertBinder) outside(s *ast.InsertStmt) (names, own []*ast.ColumnName) {
	sel, ok := s.Select.(*ast.SelectStmt)
	if !ok || len(s.OnDuplicate) == 0 || sel.GroupBy != nil || sel.Kind != ast.SelectStmtKindSelect || sel.From == nil {
		return nil, nil
	}
	f := &bind.OutsideFinder{Alias: n.Alias, Columns: n.Columns()}
	for _, a := range s.OnDuplicate {
		a.Expr.Accept(f)
	}
	return f.Names, f.Own
}

func (n insertBinder) bindOnDuplicate(ctx *Context, list []*ast.Assignment) error {
	if len(list) == 0 {
		return nil
	}
	width := len(n.Table.Columns)
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	b.Values = func(name *ast.ColumnName) (expr.Expr, error) {
		var pos int
		if i := syntax.NewRowPosition(name.Name.O); i >= 0 && i < len(n.Named) {
			pos = n.Named[i]
		} else if at, err := n.Position(name); err != nil {
			return nil, err
		} else {
			pos = at
		}
		c := &n.Table.Columns[pos]
		return &expr.Column{Index: width + pos, Typ: c.Type, Name: "VALUES(" + c.Name + ")"}, nil
	}
	var err error
	n.Set, err = n.Assignments(b, &bind.Scope{Cols: append(slices.Clone(n.Columns()), n.Outside...)}, list, n.Position)
	if err != nil {
		return err
	}
	for i := range n.Set {
		n.Set[i].Expr = expr.Rewrite(n.Set[i].Expr, n.lastInsertIDOfColumn)
		n.SetsID = n.SetsID || scalar.SetsLastInsertID(n.Set[i].Expr)
	}
	return nil
}

// lastInsertIDOfColumn takes the idiom id = LAST_INSERT_ID(id) as id = id: the shard reports the AUTO_INCREMENT value of
// the row that it updated, which is what LAST_INSERT_ID() is to give afterwards (TellsID).
func (n insertBinder) lastInsertIDOfColumn(e expr.Expr) expr.Expr {
	call := scalar.AsCall(e, "last_insert_id")
	if call == nil || len(call.Args()) != 1 {
		return e
	}
	if c, ok := call.Args()[0].(*expr.Column); ok && c.Index == n.Table.AutoIncColumn() {
		n.TellsID = true
		return c
	}
	return e
}
