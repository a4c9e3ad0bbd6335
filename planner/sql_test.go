package planner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// TestSQL runs the scripts of testdata. Commands:
//
//	exec                 statements, one a line or ended by ;
//	query [sorted]       rows; sorted where the statement leaves the order open
//	fields               names, types and flags of the result's columns
//	explain [rows]       the plan, with the rows that are expected
//	analyze              looks at the rows of tables, one a line
//	statistics           made-up ones: a table, its rows, and the different values of its columns: t 1000 a=10 b=20
//	set naive|txn        plan without pushing anything down; run in a transaction
func TestSQL(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		d := newTestDB(t)
		datadriven.RunTest(t, path, func(t *testing.T, c *datadriven.TestData) string {
			d.t = t
			switch c.Cmd {
			case "exec":
				return d.script(c.Input)
			case "query":
				_, rows, err := d.query(c.Input, testParams(c)...)
				if err != nil {
					return showError(err)
				}
				if c.HasArg("sorted") {
					sortRows(rows)
				}
				return showRows(rows)
			case "fields":
				return d.showFields(c.Input)
			case "explain":
				return d.showPlanOf(c.Input, c.HasArg("rows"))
			case "analyze":
				return d.analyze(strings.Fields(c.Input))
			case "statistics":
				return d.pretend(strings.Split(c.Input, "\n"))
			}
			t.Fatalf("unknown command %s", c.Cmd)
			return ""
		})
	})
}

// testParams reads params=(1,abc,NULL).
func testParams(c *datadriven.TestData) []types.Value {
	var params []types.Value
	for _, a := range c.CmdArgs {
		if a.Key != "params" {
			continue
		}
		for _, v := range a.Vals {
			var n int64
			switch {
			case v == "NULL":
				params = append(params, types.Null)
			case scan(v, &n):
				params = append(params, types.Int(n))
			default:
				params = append(params, types.Str(v))
			}
		}
	}
	return params
}

func scan(s string, n *int64) bool {
	var rest string
	k, _ := fmt.Sscanf(s, "%d%s", n, &rest)
	return k == 1
}

func (d *testDB) script(text string) string {
	var out strings.Builder
	for _, sql := range strings.Split(text, ";\n") {
		if sql = strings.TrimSuffix(strings.TrimSpace(sql), ";"); sql == "" {
			continue
		}
		r, err := d.exec(sql)
		if err != nil {
			out.WriteString(showError(err))
		} else if r.Affected > 0 || r.Info != "" {
			fmt.Fprintf(&out, "%d affected\n", r.Affected)
		}
	}
	if out.Len() == 0 {
		return "ok\n"
	}
	return out.String()
}

func showError(err error) string {
	e := mysqlerr.From(err)
	return fmt.Sprintf("ERROR %d: %s\n", e.Code, e.Message)
}

func showRows(rows [][]string) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.Join(r, " | ") + "\n")
	}
	if b.Len() == 0 {
		return "(none)\n"
	}
	return b.String()
}

func (d *testDB) showFields(sql string) string {
	p, _, err := d.plan(sql)
	if err != nil {
		return showError(err)
	}
	var b strings.Builder
	for _, f := range p.(Rows).Fields() {
		fmt.Fprintf(&b, "%s.%s(%s).%s(%s) %s flags=%#x\n", f.Schema, f.Table, f.OrgTable, f.Name, f.OrgName, f.Type.String(), f.Flags)
	}
	return b.String()
}

func (d *testDB) showPlan(sql string) string { return d.showPlanOf(sql, false) }

func (d *testDB) showPlanOf(sql string, rows bool) string {
	p, _, err := d.plan(sql)
	if err != nil {
		return showError(err)
	}
	var b strings.Builder
	for _, l := range p.Explain() {
		fmt.Fprintf(&b, "%s%s", strings.Repeat("  ", l.Depth), l.Operator)
		if rows {
			fmt.Fprintf(&b, " (%.0f)", l.EstRows)
		}
		for _, s := range []string{l.Object, l.Info} {
			if s != "" {
				b.WriteString(" | " + s)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
