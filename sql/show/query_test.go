package show

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner"
	"cloudsql/planner/exec"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// query runs a SELECT on made-up tables through the planner, as a session does.
func (s *server) query(sql string) (*Result, error) {
	n, err := parser.New().ParseOneStmt(sql, "", "")
	if err != nil {
		return nil, err
	}
	s.env.Session = connection{s: s}
	pctx := &planner.Context{
		Catalog: s.snapshot, DB: s.db, Virtual: virtual.Lookup(s), Env: &s.env, Stats: s.DB().TableStats, Access: s.planAccess,
		Settings: planner.Settings{SelectLimit: 1 << 63, GroupConcatMax: 1024},
	}
	if !s.lax {
		pctx.SQLMode = mysql.ModeOnlyFullGroupBy
	}
	p, err := planner.Build(pctx, n)
	if err != nil {
		return nil, err
	}
	rows, ok := p.(planner.Rows)
	if !ok {
		return nil, fmt.Errorf("unexpected %T", p)
	}
	ctx := context.Background()
	op, err := rows.Open(ctx, &exec.Runtime{DB: s.DB(), Env: &s.env})
	if err != nil {
		return nil, err
	}
	defer op.Close()
	r := &Result{Fields: rows.Fields()}
	for batch := (types.Batch{}); ; {
		more, err := op.Next(ctx, &batch)
		if err != nil || !more {
			return r, err
		}
		for i := range batch.Len() {
			row := slices.Clone(batch.Row(i))
			for j := range row {
				row[j] = row[j].Clone()
			}
			r.Rows = append(r.Rows, row)
		}
	}
}

// planAccess lets everybody read what is made up, as a session does.
func (s *server) planAccess(priv uint64, db, table string) error {
	if virtual.IsVirtual(db) && priv == uint64(mysql.SelectPriv) {
		return nil
	}
	return s.Access(priv, db, table)
}

// connection answers what functions ask about a session.
type connection struct {
	expr.Session
	s *server
}

func (c connection) CurrentDB() (string, bool) { return c.s.db, c.s.db != "" }
func (c connection) ConnectionID() uint64      { return 8 }
func (c connection) User() string              { return c.s.user.Name + "@localhost" }
func (c connection) CurrentUser() string       { return c.s.user.Name + "@" + c.s.user.Host }
func (c connection) Version() string           { return variables["version"] }

func (c connection) SysVar(_, name string) (types.Value, types.Type, error) {
	v, ok := variables[strings.ToLower(name)]
	if !ok {
		return types.Null, types.Type{}, mysqlerr.New(mysqlerr.UnknownSystemVariable, name)
	}
	return types.Str(v), types.TypeString, nil
}

// Every table and view of sys can be read, and its view says as many names as its query has columns.
func TestEveryTableOfSys(t *testing.T) {
	s := newServer()
	for _, o := range virtual.Objects(s, virtual.SysDB) {
		if _, err := s.query("SELECT * FROM sys.`" + o.Desc.Name + "`"); err != nil {
			t.Errorf("sys.%s: %v", o.Desc.Name, err)
		}
	}
}
