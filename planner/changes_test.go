package planner

import (
	"context"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/dml"
	"cloudsql/planner/exec"
	"cloudsql/planner/logical"
	"cloudsql/storage/fragment"
	"cloudsql/storage/types"
)

// TestChanges shows the nodes of data changes, and what they leave behind.
//
//	tree        the statement's nodes
//	exec        statements, one a line; the last one's info
//	query       a query's rows
func TestChanges(t *testing.T) {
	datadriven.Walk(t, "logical/testdata", func(t *testing.T, path string) {
		d := newTestDB(t)
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			switch td.Cmd {
			case "tree":
				text, err := d.changeTree(td.Input)
				if err != nil {
					return err.Error()
				}
				return text
			case "query":
				_, rows, err := d.query(td.Input)
				if err != nil {
					return err.Error()
				}
				return showRows(rows)
			}
			info := ""
			for sql := range strings.SplitSeq(td.Input, "\n") {
				r, err := d.exec(sql)
				if err != nil {
					return err.Error()
				}
				info = r.Info
			}
			return info
		})
	})
}

func (d *testDB) changeTree(sql string) (string, error) {
	ctx := d.context(d.env())
	stmt := parse(d.t, sql)
	params := bind.NumberParams(stmt)
	var q *logical.Query
	var err error
	switch s := stmt.(type) {
	case *ast.InsertStmt:
		var n *dml.Insert
		if n, q, err = bindInsert(ctx, s, params); err == nil && q == nil {
			return algebra.Text(n), nil
		}
	case *ast.UpdateStmt:
		q, err = logical.BindUpdate(ctx, s, params, nil)
	case *ast.DeleteStmt:
		q, err = logical.BindDelete(ctx, s, params)
	}
	if err != nil {
		return "", err
	}
	return q.Text(), nil
}

// nowhere takes writes and forgets them: what is left is what planning and computing a change allocate.
type nowhere struct{ *testDB }

func (nowhere) Write(_ context.Context, _ *distributed.TxnOptions, w ...*fragment.Write) ([]fragment.WriteResult, error) {
	return make([]fragment.WriteResult, len(w)), nil
}

// BenchmarkChange measures the changes that applications make most: their plans, and what runs at the gateway.
func BenchmarkChange(b *testing.B) {
	d := newTestDB(b)
	d.mustExec("create table t (id int not null primary key, k int not null, c varchar(120) not null, key k (k))")
	for _, s := range []struct {
		name, sql string
		params    []types.Value
	}{
		{"update", "update t set k = k + 1 where id = ?", []types.Value{types.Int(1)}},
		{"insert", "insert into t (id, k, c) values (?, ?, ?)", []types.Value{types.Int(1), types.Int(2), types.Str("c")}},
		{"delete", "delete from t where id = ?", []types.Value{types.Int(1)}},
		{"upsert", "insert into t (id, k, c) values (?, 1, 'c') on duplicate key update k = k + 1", []types.Value{types.Int(1)}},
		{"range", "update t set k = k + 1 where k > ?", []types.Value{types.Int(1)}},
	} {
		b.Run(s.name+"/plan", func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, _, err := d.plan(s.sql, s.params...); err != nil {
					b.Fatal(err)
				}
			}
		})
		p, env, err := d.plan(s.sql, s.params...)
		if err != nil {
			b.Fatal(err)
		}
		if m := p.(Modify); !m.NeedsTxn() {
			b.Run(s.name+"/run", func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					if _, err := m.Run(context.Background(), &exec.Runtime{DB: nowhere{d}, Env: env, Catalog: d.cat}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
