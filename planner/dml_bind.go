package planner

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/dml"
	"cloudsql/planner/logical"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// insertBinder makes an Insert node of a statement.
type insertBinder struct{ *dml.Insert }

// bindInsert binds an INSERT or REPLACE; without a query where its rows are expressions.
func bindInsert(ctx *Context, s *ast.InsertStmt, params int) (*dml.Insert, *logical.Query, error) {
	name, _ := bind.SingleTable(s.Table)
	if name == nil {
		return nil, nil, mysqlerr.NotSupported("INSERT into something that is not a table")
	}
	if len(s.PartitionNames) > 0 {
		with := *name
		with.PartitionNames = s.PartitionNames
		name = &with
	}
	privs := insertPrivileges(s)
	tgt, view, err := logical.InsertTarget(ctx, name, &dml.Inserting{Columns: s.Columns, Privileges: privs})
	if err != nil {
		return nil, nil, err
	}
	n := insertBinder{&dml.Insert{Target: tgt, Kind: insertKind(s), Ignore: s.IgnoreErr, View: view, OneRow: s.Select == nil && len(s.Lists) == 1}}
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
	out := n.outside(s, false)
	q, err := n.bindSource(ctx, s, params, out)
	if len(out.Asked) > 0 && namesUpdatedRow(err) {
		out = n.outside(s, true)
		q, err = n.bindSource(ctx, s, params, out)
	}
	if err == nil {
		err = n.bindOnDuplicate(ctx, s, params, out.Asked)
	}
	if err != nil {
		return nil, nil, err
	}
	return n.Insert, q, nil
}

// bindSource binds what the rows come from; without a query where they are expressions.
func (n insertBinder) bindSource(ctx *Context, s *ast.InsertStmt, params int, out *bind.OutsideFinder) (q *logical.Query, err error) {
	switch {
	case s.Select != nil:
		return n.bindQuery(ctx, s, params, out)
	case len(out.Asked) > 0 || slices.ContainsFunc(s.Lists, func(list []ast.ExprNode) bool { return slices.ContainsFunc(list, bind.HasSubquery) }):
		if q, err = logical.BindRows(ctx, n.Insert, s, params, out.Asked); err == nil {
			n.addOutside(out, q.Fields)
		}
		return q, err
	}
	return nil, n.bindValues(ctx, s.Lists)
}

// namesUpdatedRow tells whether subqueries of ON DUPLICATE KEY UPDATE may not have been bound with the new rows because they are about
// the updated ones: a name was unknown, or a subquery is no value but a row, which is compared with something.
func namesUpdatedRow(err error) bool {
	code := mysqlerr.Code(err)
	return code == mysqlerr.BadField || code == mysqlerr.OperandColumns
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
		given := func(list []ast.ExprNode) bool { return j < len(list) && !dml.IsDefault(list[j]) }
		if s.Select != nil || slices.ContainsFunc(s.Lists, given) {
			return dml.GivenGenerated(n.Table, pos)
		}
	}
	return nil
}

func (n insertBinder) bindValues(ctx *Context, lists [][]ast.ExprNode) error {
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	sc := &bind.Scope{Cols: bind.Padded(ctx.Env, n.Columns())}
	for i, list := range lists {
		if len(list) != len(n.Named) {
			return mysqlerr.New(mysqlerr.WrongValueCountOnRow, i+1)
		}
		row := make([]expr.Expr, len(list))
		for j, v := range list {
			if dml.IsDefault(v) {
				continue
			}
			var err error
			if row[j], err = bind.Expr(b, sc, v); err != nil {
				return err
			}
			row[j] = expr.ForColumn(n.Unassigned(row[j]), &n.Table.Columns[n.Named[j]].Type)
		}
		n.Rows = append(n.Rows, row)
	}
	return nil
}

// bindQuery binds INSERT … SELECT.
func (n insertBinder) bindQuery(ctx *Context, s *ast.InsertStmt, params int, out *bind.OutsideFinder) (*logical.Query, error) {
	found := func(name *ast.ColumnName) { out.Names = append(out.Names, name) }
	o := logical.Options{Params: params, Changes: true, Also: out.Names, Perhaps: out.Perhaps, Found: found, Asked: out.Asked, NotIn: out.Own}
	for _, pos := range n.Named {
		o.Into = append(o.Into, &n.Table.Columns[pos].Type)
	}
	q, err := logical.Bind(ctx, s.Select, o)
	if err != nil {
		return nil, err
	}
	if len(q.Fields) != len(n.Named)+len(out.Names)+len(out.Asked) {
		return nil, mysqlerr.New(mysqlerr.WrongValueCountOnRow, 1)
	}
	n.addOutside(out, q.Fields)
	n.In, q.Root = q.Root, n.Insert
	return q, nil
}

// addOutside names what the query's rows have behind the values: columns, and the values of subqueries.
func (n insertBinder) addOutside(out *bind.OutsideFinder, fields []types.Field) {
	for i := range len(out.Names) + len(out.Asked) {
		c := bind.Column{ID: 2*len(n.Table.Columns) + i, Hidden: true, Field: types.Field{Type: fields[len(n.Named)+i].Type}}
		if i < len(out.Names) {
			name := out.Names[i]
			c.Field.Schema, c.Field.Table, c.Field.Name = name.Schema.O, name.Table.O, name.Name.O
			c.Hidden, c.Shadowed = false, name.Table.O != ""
		}
		n.Outside = append(n.Outside, c)
	}
}

// outside finds what ON DUPLICATE KEY UPDATE needs beside the columns of the table or view: columns of the SELECT's tables, which are
// selected too, behind those that are inserted, and subqueries. Where they would change what the query means (grouping, set
// operations) they are unknown, as in MySQL.
func (n insertBinder) outside(s *ast.InsertStmt, byRow bool) *bind.OutsideFinder {
	f := &bind.OutsideFinder{Alias: n.Alias, Columns: n.Columns(), ByRow: byRow}
	sel, ok := s.Select.(*ast.SelectStmt)
	if len(s.OnDuplicate) == 0 || s.Select != nil && (!ok || sel.GroupBy != nil || sel.Kind != ast.SelectStmtKindSelect || sel.From == nil) {
		return f
	}
	for _, a := range s.OnDuplicate {
		a.Expr.Accept(f)
	}
	if s.Select == nil {
		f.Names, f.Own = nil, nil
	}
	return f
}

func (n insertBinder) bindOnDuplicate(ctx *Context, s *ast.InsertStmt, params int, asked []ast.ExprNode) error {
	if len(s.OnDuplicate) == 0 {
		return nil
	}
	width := len(n.Table.Columns)
	b := &bind.Binder{Env: ctx.Env, Clause: bind.FieldList, Default: ctx.DefaultOf}
	b.Values = func(name *ast.ColumnName) (expr.Expr, error) {
		pos, err := n.newRowColumn(name)
		if err != nil {
			return nil, err
		}
		c := &n.Table.Columns[pos]
		return &expr.Column{Index: width + pos, Typ: bind.OperandType(c.Type), Name: "VALUES(" + c.Name + ")"}, nil
	}
	cols := append(slices.Clone(bind.Padded(b.Env, n.Columns())), n.Outside...)
	rows := logical.NewByRow(ctx, n.Insert, params, cols, 2*width+len(n.Outside), b.Values)
	b.Subquery = func(_ *bind.Scope, e ast.ExprNode) (expr.Expr, error) {
		if i := slices.Index(asked, e); i >= 0 {
			return n.Outside[len(n.Outside)-len(asked)+i].Ref(), nil
		}
		return rows.Subquery(b, e)
	}
	var err error
	if n.Set, err = n.Assignments(b, rows.Scope(), s.OnDuplicate, n.Position); err != nil {
		return err
	}
	if n.ByRow, err = rows.Query(s); err != nil {
		return err
	}
	for i := range n.Set {
		n.Set[i].Expr = expr.Rewrite(n.Set[i].Expr, n.lastInsertIDOfColumn)
		n.SetsID = n.SetsID || scalar.SetsLastInsertID(n.Set[i].Expr)
	}
	return nil
}

// newRowColumn finds the table's column of VALUES(name), or of what AS new made one. 1054.
func (n insertBinder) newRowColumn(name *ast.ColumnName) (int, error) {
	if i := syntax.NewRowPosition(name.Name.O); i >= 0 && i < len(n.Named) {
		return n.Named[i], nil
	}
	plain, written := syntax.NewRowName(name)
	if !written {
		return n.Position(name)
	}
	pos, err := n.Position(plain)
	if mysqlerr.Code(err) == mysqlerr.BadField {
		return -1, mysqlerr.New(mysqlerr.BadField, name.Table.O+"."+name.Name.O, bind.FieldList)
	}
	return pos, err
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
