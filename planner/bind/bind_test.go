package bind

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// testScope has t(id, name, d) within another block's u(id, x).
func testScope() *Scope {
	str := types.TypeString
	str.ID, str.Length = mysql.TypeVarchar, 20
	table := func(name string, cols ...schema.Column) *schema.Table {
		return &schema.Table{Name: name, Columns: cols, Indexes: []schema.Index{
			{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}},
		}}
	}
	t := table("t", schema.Column{Name: "id", Type: types.TypeInt, NotNull: true},
		schema.Column{Name: "Name", Type: str, HasDefault: true, Default: types.AppendValue(nil, types.Str("none"))},
		schema.Column{Name: "d", Type: types.TypeDate}, schema.Column{Name: "_row_id", Type: types.TypeUint, Hidden: true})
	u := table("u", schema.Column{Name: "id", Type: types.TypeInt, NotNull: true}, schema.Column{Name: "x", Type: types.TypeInt})
	outer := &Scope{Cols: TableColumns(u, "db", "u", 100), FromOuter: func(c *Column) (expr.Expr, error) {
		return &expr.Param{Index: c.ID, Typ: c.Field.Type}, nil
	}}
	return &Scope{Cols: append(TableColumns(t, "db", "t", 0), TableColumns(t, "db", "t2", 10)...), Outer: outer}
}

// TestBind binds one expression a line in testScope and shows it with its type, or the error.
func TestBind(t *testing.T) {
	datadriven.RunTest(t, "testdata/bind", func(t *testing.T, d *datadriven.TestData) string {
		var out strings.Builder
		for _, line := range strings.Split(d.Input, "\n") {
			out.WriteString(show(line) + "\n")
		}
		return out.String()
	})
}

func show(line string) string {
	stmt, err := parser.New().ParseOneStmt("SELECT "+line, "utf8mb4", "utf8mb4_0900_ai_ci")
	if err != nil {
		return "syntax: " + err.Error()
	}
	NumberParams(stmt)
	b := &Binder{Clause: Where, Env: &expr.Env{Mode: *types.DefaultMode(), Params: []types.Value{types.Int(1), types.Str("x")}}}
	e, err := Expr(b, testScope(), stmt.(*ast.SelectStmt).Fields.Fields[0].Expr)
	if err != nil {
		m := mysqlerr.From(err)
		return fmt.Sprintf("ERROR %d: %s", m.Code, m.Message)
	}
	return fmt.Sprintf("%s  -- %s", e, e.Type())
}

// TestParameters: markers are numbered in the order of the text, whatever the tree looks like.
func TestParameters(t *testing.T) {
	stmt, err := parser.New().ParseOneStmt("select ? from t where a = ? group by ? having ? > 1 order by ? limit ?, ?", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n := NumberParams(stmt); n != 7 {
			t.Fatalf("%d parameters", n)
		}
	}
	limit := stmt.(*ast.SelectStmt).Limit
	for want, n := range map[int]ast.ExprNode{5: limit.Offset, 6: limit.Count} {
		e, err := Expr(&Binder{}, &Scope{}, n)
		if err != nil || e.(*expr.Param).Index != want {
			t.Errorf("%v %v, want parameter %d", e, err, want)
		}
	}
}

// TestDeepNesting: what would exhaust the stack is refused, long chains of AND and OR are not deep.
func TestDeepNesting(t *testing.T) {
	if got := show("1" + strings.Repeat(" + 1", 3*maxDepth)); !strings.HasPrefix(got, "ERROR") {
		t.Errorf("%.80s", got)
	}
	if got := show("1" + strings.Repeat(" or t.id = 1", 3*maxDepth)); strings.HasPrefix(got, "ERROR") {
		t.Errorf("%.80s", got)
	}
}
