package planner

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/logical"
	"cloudsql/planner/rewrite"
)

// TestPasses shows what each pass does: a script is named after its pass, and has queries with their trees before and after.
// What ran before it has the trees that the passes before it leave.
func TestPasses(t *testing.T) {
	scripts := map[string]bool{}
	datadriven.Walk(t, "rewrite/testdata", func(t *testing.T, path string) {
		name := strings.ReplaceAll(filepath.Base(path), "_", " ")
		at := slices.IndexFunc(rewrite.Passes, func(p rewrite.Pass) bool { return p.Name == name })
		if at < 0 {
			t.Fatalf("no pass is called %s", name)
		}
		scripts[name] = true
		d := newTestDB(t)
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "exec" {
				d.mustExec(strings.Split(td.Input, "\n")...)
				return ""
			}
			before, err := d.rewritten(td.Input, rewrite.Passes[:at])
			if err != nil {
				return err.Error()
			}
			after, err := d.rewritten(td.Input, rewrite.Passes[:at+1])
			switch {
			case err != nil:
				return err.Error()
			case after == before:
				return before + "the same\n"
			}
			return before + "becomes\n" + after
		})
	})
	for _, p := range rewrite.Passes {
		if !scripts[p.Name] {
			t.Errorf("the pass %s has no script", p.Name)
		}
	}
}

// rewritten is the tree of a query after some passes.
func (d *testDB) rewritten(sql string, passes []rewrite.Pass) (string, error) {
	ctx := d.context(d.env())
	q, err := logical.Bind(ctx, parse(d.t, sql).(ast.ResultSetNode), logical.Options{})
	if err != nil {
		return "", err
	}
	if q, err = rewrite.Apply(q, shipping(ctx), passes); err != nil {
		return "", err
	}
	return q.Text(), nil
}
