package virtual

import (
	_ "embed" // the views
	"fmt"
	"regexp"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/exec"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
)

//go:embed sys_views.sql
var sysViews string

// longStatement stands for a statement that is cut in the middle, to statement_truncate_len of sys_config.
var longStatement = regexp.MustCompile(`statement\((\w+)\)`)

const cutStatement = `REPLACE(IF(CHAR_LENGTH($1) > 64, CONCAT(LEFT($1, 30), ' ... ', RIGHT($1, 30)), $1), '\n', ' ')`

// readViews reads the list of sys's views. They go by the privileges of whoever reads them.
func readViews(list string) {
	var t *Table
	for _, line := range strings.Split(list, "\n") {
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			t = &Table{db: SysDB, view: &schema.View{
				ID: ^schema.TableID(len(tables[SysDB])), Name: line, Algorithm: schema.AlgorithmTemptable, Invoker: true,
				DefinerUser: "mysql.sys", DefinerHost: "localhost", Charset: collation.Default.Charset(),
				Collation: collation.Default.Name(),
			}}
			t.desc = schema.Table{Name: line, Collation: virtualCollation(SysDB)}
			tables[SysDB][strings.ToLower(line)] = t
		default:
			t.view.Query += longStatement.ReplaceAllString(line, cutStatement) + "\n"
		}
	}
}

// asView is the view that a table is, nil for others; what its columns are called is read from its query when somebody asks first.
func (t *Table) asView() *schema.View {
	if t.view == nil {
		return nil
	}
	t.named.Do(func() {
		n, err := syntax.Parse(t.view.Query, syntax.Options{Collation: t.view.Collation, Charset: t.view.Charset})
		if err != nil {
			panic(fmt.Sprintf("virtual: sys.%s: %v", t.view.Name, err)) // the views are part of the program
		}
		t.view.Columns = columnNames(n)
	})
	return t.view
}

// columnNames are those that a query's select list says.
func columnNames(n ast.StmtNode) []string {
	var names []string
	switch n := n.(type) {
	case *ast.SetOprStmt:
		if first, ok := n.SelectList.Selects[0].(*ast.SelectStmt); ok {
			return columnNames(first)
		}
	case *ast.SelectStmt:
		for _, f := range n.Fields.Fields {
			name := f.AsName.O
			if c, ok := f.Expr.(*ast.ColumnNameExpr); ok && name == "" {
				name = c.Name.Name.O
			}
			names = append(names, name)
		}
	}
	return names
}

// seenView is a virtual table that is a view.
type seenView struct{ seen }

var _ exec.VirtualView = seenView{}

func (v seenView) View() *schema.View { return v.asView() }
