package shard

import (
	"fmt"
	"strings"
	"testing"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"
	"github.com/pingcap/tidb/pkg/parser/test_driver"
)

// A planner in miniature, so that scripts read like SQL: one table, keys and index named by the script's arguments.

func parseSQL(t testing.TB, sql string) ast.StmtNode {
	t.Helper()
	stmt, err := parser.New().ParseOneStmt(sql, "", "")
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return stmt
}

// tableOf makes a descriptor of CREATE TABLE. Ids count from 1; a key named x_write is WriteOnly, x_delete DeleteOnly.
func tableOf(t testing.TB, sql string, version uint64) *schema.Table {
	t.Helper()
	stmt := parseSQL(t, sql).(*ast.CreateTableStmt)
	table := &schema.Table{ID: 5, Name: stmt.Table.Name.O, Version: version, Collation: collation.Default,
		Tablets: []schema.Tablet{{ID: testTablet, Shard: testShard}}}
	table.Indexes = []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true}}
	for i, c := range stmt.Cols {
		col := schema.Column{ID: schema.ColumnID(i + 1), Name: c.Name.Name.O, Type: columnType(c)}
		for _, o := range c.Options {
			switch o.Tp {
			case ast.ColumnOptionNotNull:
				col.NotNull = true
			case ast.ColumnOptionPrimaryKey:
				col.NotNull = true
				table.Indexes[0].Columns = []schema.IndexColumn{{Column: i}}
			case ast.ColumnOptionAutoIncrement:
				col.AutoIncrement = true
			case ast.ColumnOptionOnUpdate:
				col.OnUpdateNow = true
			case ast.ColumnOptionDefaultValue:
				v := assigned(t, constOf(t, o.Expr).Val, &col)
				col.HasDefault, col.Default = true, types.AppendValue(nil, v)
				col.Missing = col.Default
			}
		}
		table.Columns = append(table.Columns, col)
	}
	for i, c := range stmt.Cols {
		for _, o := range c.Options {
			if o.Tp == ast.ColumnOptionUniqKey {
				table.Indexes = append(table.Indexes, schema.Index{ID: schema.IndexID(len(table.Indexes) + 1),
					Name: c.Name.Name.O, Unique: true, Columns: []schema.IndexColumn{{Column: i}}})
			}
		}
	}
	for _, k := range stmt.Constraints {
		addKey(table, k)
	}
	return table
}

func addKey(table *schema.Table, k *ast.Constraint) {
	if k.Tp == ast.ConstraintCheck {
		var text strings.Builder
		_ = k.Expr.Restore(format.NewRestoreCtx(format.DefaultRestoreFlags, &text))
		table.Checks = append(table.Checks, schema.Check{Name: k.Name, Expr: text.String(), Enforced: k.Enforced})
		return
	}
	ix := schema.Index{Name: k.Name, Unique: k.Tp == ast.ConstraintUniq || k.Tp == ast.ConstraintUniqKey}
	for _, part := range k.Keys {
		ix.Columns = append(ix.Columns, schema.IndexColumn{
			Column: table.ColumnByName(part.Column.Name.O), Prefix: max(part.Length, 0), Desc: part.Desc})
	}
	switch {
	case strings.HasSuffix(ix.Name, "_write"):
		ix.State = schema.WriteOnly
	case strings.HasSuffix(ix.Name, "_delete"):
		ix.State = schema.DeleteOnly
	}
	ix.Name = strings.TrimSuffix(strings.TrimSuffix(ix.Name, "_write"), "_delete")
	if k.Tp == ast.ConstraintPrimaryKey {
		table.Indexes[0].Columns = ix.Columns
		return
	}
	ix.ID = schema.IndexID(len(table.Indexes) + 1)
	table.Indexes = append(table.Indexes, ix)
}

func columnType(c *ast.ColumnDef) types.Type {
	ft := c.Tp
	out := types.Type{ID: ft.GetType(), Length: ft.GetFlen(), Decimals: ft.GetDecimal(), Elems: ft.GetElems(),
		Unsigned: mysql.HasUnsignedFlag(ft.GetFlag()), Collation: collation.Binary}
	if cl := out.Class(); !mysql.HasBinaryFlag(ft.GetFlag()) && (cl == types.ClassString || cl == types.ClassEnum) {
		out.Collation = collation.Default
	}
	return out
}

// bound turns AST into expressions over a table's columns; VALUES(c) follows them.
type bound struct {
	t     testing.TB
	table *schema.Table
}

func (b bound) expr(n ast.ExprNode) expr.Expr {
	b.t.Helper()
	var e expr.Expr
	var err error
	switch n := n.(type) {
	case *ast.ParenthesesExpr:
		return b.expr(n.Expr)
	case *ast.ColumnNameExpr:
		return b.column(n.Name.Name.O, 0)
	case *ast.ValuesExpr:
		return b.column(n.Column.Name.Name.O, len(b.table.Columns))
	case *test_driver.ValueExpr:
		return constOf(b.t, n)
	case *ast.UnaryOperationExpr:
		e, err = expr.New(map[bool]string{false: "-", true: "not"}[n.Op == opcode.Not || n.Op == opcode.Not2], b.expr(n.V))
	case *ast.BetweenExpr:
		e, err = expr.New("between", b.expr(n.Expr), b.expr(n.Left), b.expr(n.Right))
	case *ast.PatternLikeOrIlikeExpr:
		e, err = expr.New("like", b.expr(n.Expr), b.expr(n.Pattern))
	case *ast.PatternInExpr:
		args := []expr.Expr{b.expr(n.Expr)}
		for _, a := range n.List {
			args = append(args, b.expr(a))
		}
		e, err = expr.New("in", args...)
	case *ast.IsNullExpr:
		e, err = expr.New(map[bool]string{false: "is null", true: "is not null"}[n.Not], b.expr(n.Expr))
	case *ast.FuncCallExpr:
		var args []expr.Expr
		for _, a := range n.Args {
			args = append(args, b.expr(a))
		}
		e, err = expr.New(n.FnName.L, args...)
	case *ast.BinaryOperationExpr:
		name := map[opcode.Op]string{opcode.Plus: "+", opcode.Minus: "-", opcode.Mul: "*", opcode.Mod: "%", opcode.EQ: "=",
			opcode.NE: "<>", opcode.LT: "<", opcode.LE: "<=", opcode.GT: ">", opcode.GE: ">=", opcode.LogicAnd: "and",
			opcode.LogicOr: "or", opcode.Div: "/"}[n.Op]
		e, err = expr.New(name, b.expr(n.L), b.expr(n.R))
	default:
		b.t.Fatalf("no expression for %T", n)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b bound) column(name string, offset int) expr.Expr {
	p := b.table.ColumnByName(name)
	if p < 0 {
		b.t.Fatalf("no column %s", name)
	}
	typ := b.table.Columns[p].Type
	if typ.ID == mysql.TypeTimestamp {
		typ.ID = mysql.TypeDatetime
	}
	return &expr.Column{Index: offset + p, Typ: typ, Name: name}
}

func constOf(t testing.TB, n ast.ExprNode) *expr.Const {
	switch v := n.(type) {
	case *ast.UnaryOperationExpr:
		return expr.NewInt(-constOf(t, v.V).Val.Int())
	case *test_driver.ValueExpr:
		switch v.Kind() {
		case test_driver.KindNull:
			return expr.NewNull()
		case test_driver.KindUint64:
			return expr.NewInt(int64(v.GetUint64()))
		case test_driver.KindInt64:
			return expr.NewInt(v.GetInt64())
		case test_driver.KindString:
			return expr.NewStr(v.GetString())
		}
	}
	t.Fatalf("no constant: %T", n)
	return nil
}

// assigned is a value in a column's storage form.
func assigned(t testing.TB, v types.Value, c *schema.Column) types.Value {
	t.Helper()
	v, err := conversion.Assign(v, &c.Type, c.Name, 1, types.DefaultMode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// writeOf plans INSERT, REPLACE, UPDATE and DELETE; keys are the primary keys of the latter two.
func writeOf(t testing.TB, table *schema.Table, sql string, keys [][]byte) *fragment.Write {
	t.Helper()
	w := &fragment.Write{Tablet: testTablet, SchemaVersion: table.Version, Keys: keys, FirstRow: 1}
	b := bound{t, table}
	switch stmt := parseSQL(t, sql).(type) {
	case *ast.InsertStmt:
		planInsert(t, w, table, stmt)
	case *ast.UpdateStmt:
		w.Kind = fragment.Update
		w.Set, w.Checks, w.Lenient = append(assignments(b, stmt.List), onUpdate(table)...), checksOf(t, table), stmt.IgnoreErr
		if stmt.Where != nil {
			w.Where = b.expr(stmt.Where)
		}
		if c, ok := w.Set[0].Expr.(*expr.Call); ok && c.Name() == "last_insert_id" {
			w.Kind, w.Set[0].Expr = fragment.UpdateSequence, c.Args()[0]
		}
	case *ast.DeleteStmt:
		w.Kind = fragment.Delete
		if stmt.Where != nil {
			w.Where = b.expr(stmt.Where)
		}
	default:
		t.Fatalf("no write for %T", stmt)
	}
	return w
}

// checksOf are a table's checks as fragments have them.
func checksOf(t testing.TB, table *schema.Table) (list []fragment.Check) {
	for _, c := range table.Checks {
		if sel := parseSQL(t, "SELECT "+c.Expr).(*ast.SelectStmt); c.Enforced {
			list = append(list, fragment.Check{Name: c.Name, Expr: bound{t, table}.expr(sel.Fields.Fields[0].Expr)})
		}
	}
	return list
}

func planInsert(t testing.TB, w *fragment.Write, table *schema.Table, stmt *ast.InsertStmt) {
	switch {
	case stmt.IsReplace:
		w.Kind = fragment.Replace
	case stmt.IgnoreErr:
		w.Kind = fragment.InsertIgnore
	case stmt.OnDuplicate != nil:
		w.Kind = fragment.InsertOrUpdate
		w.Set, w.Checks = assignments(bound{t, table}, stmt.OnDuplicate), checksOf(t, table)
	default:
		w.Kind = fragment.Insert
	}
	var cols []*schema.Column
	for i := range table.Columns {
		cols = append(cols, &table.Columns[i])
	}
	if len(stmt.Columns) > 0 {
		cols = nil
		for _, c := range stmt.Columns {
			cols = append(cols, &table.Columns[table.ColumnByName(c.Name.O)])
		}
	}
	w.Rows.Width = len(cols)
	for _, c := range cols {
		w.Columns = append(w.Columns, c.ID)
		w.AutoInc = w.AutoInc || c.AutoIncrement
	}
	for _, list := range stmt.Lists {
		for i, n := range list {
			w.Rows.Vals = append(w.Rows.Vals, assigned(t, constOf(t, n).Val, cols[i]))
		}
	}
}

// onUpdate sets the columns that an update sets by itself.
func onUpdate(table *schema.Table) (set []fragment.Assignment) {
	for i := range table.Columns {
		if c := &table.Columns[i]; c.OnUpdateNow {
			set = append(set, fragment.Assignment{Column: c.ID, Expr: expr.NewStr("2024-05-17 12:00:00"), OnlyIfChanged: true})
		}
	}
	return set
}

func assignments(b bound, list []*ast.Assignment) []fragment.Assignment {
	var set []fragment.Assignment
	for _, a := range list {
		id := b.table.Columns[b.table.ColumnByName(a.Column.Name.O)].ID
		set = append(set, fragment.Assignment{Column: id, Expr: b.expr(a.Expr)})
	}
	return set
}

// readOf plans SELECT over one index; the source is the caller's. Columns are the table's, all of them if * or an
// expression is asked for.
func readOf(t testing.TB, table *schema.Table, sql string) *fragment.Read {
	t.Helper()
	stmt := parseSQL(t, sql).(*ast.SelectStmt)
	r := &fragment.Read{Tablet: testTablet, SchemaVersion: table.Version, Index: schema.PrimaryIndex}
	plain := stmt.GroupBy == nil && stmt.Where == nil
	for _, f := range stmt.Fields.Fields {
		name, ok := f.Expr.(*ast.ColumnNameExpr)
		if plain = plain && ok && f.WildCard == nil; plain {
			r.Columns = append(r.Columns, table.Columns[table.ColumnByName(name.Name.Name.O)].ID)
		}
	}
	b := bound{t, table}
	if !plain {
		r.Columns = table.ColumnIDs()
		planOutput(b, r, stmt)
	}
	if stmt.Where != nil {
		r.Filter = b.expr(stmt.Where)
	}
	if stmt.Limit != nil {
		r.Limit = uint64(constOf(t, stmt.Limit.Count).Val.Int())
	}
	if stmt.OrderBy != nil {
		for _, item := range stmt.OrderBy.Items { // by ordinal
			pos := item.Expr.(*ast.PositionExpr).N - 1
			typ := types.TypeInt
			if r.Project != nil {
				typ = *r.Project[pos].Type()
			} else if r.Agg == nil {
				typ = table.Columns[table.ColumnByID(r.Columns[pos])].Type
			}
			r.Order = append(r.Order, expr.SortKey{Expr: &expr.Column{Index: pos, Typ: typ}, Desc: item.Desc})
		}
	}
	return r
}

func planOutput(b bound, r *fragment.Read, stmt *ast.SelectStmt) {
	for _, f := range stmt.Fields.Fields {
		if f.WildCard != nil {
			continue
		}
		a, ok := f.Expr.(*ast.AggregateFuncExpr)
		if !ok {
			if stmt.GroupBy == nil && r.Agg == nil {
				r.Project = append(r.Project, b.expr(f.Expr))
			}
			continue
		}
		if r.Agg == nil {
			r.Agg = &fragment.Aggregate{}
		}
		var args []expr.Expr
		if _, star := a.Args[0].(*test_driver.ValueExpr); !star {
			args = append(args, b.expr(a.Args[0]))
		}
		agg, err := expr.NewAgg(a.F, a.Distinct, args)
		if err != nil {
			b.t.Fatal(err)
		}
		r.Agg.Aggs = append(r.Agg.Aggs, agg)
	}
	if stmt.GroupBy == nil {
		return
	}
	if r.Agg == nil {
		r.Agg = &fragment.Aggregate{}
	}
	for _, g := range stmt.GroupBy.Items {
		r.Agg.GroupBy = append(r.Agg.GroupBy, b.expr(g.Expr))
	}
}

func showPage(p *fragment.Page) string {
	var out strings.Builder
	for i := range p.Batch.Len() {
		for k, v := range p.Batch.Row(i) {
			if k > 0 {
				out.WriteString(" ")
			}
			if v.IsNull() {
				out.WriteString("NULL")
			} else {
				out.WriteString(v.Text())
			}
		}
		if len(p.Keys) > 0 {
			fmt.Fprintf(&out, " key=%x", p.Keys[i])
		}
		out.WriteString("\n")
	}
	return out.String()
}
