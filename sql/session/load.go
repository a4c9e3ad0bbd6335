package session

import (
	"context"
	"io"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/planned"
	"cloudsql/sql/textfile"
	"cloudsql/storage/mysqlerr"
)

// runLoad is LOAD DATA: a data change whose rows are in a file of this node or of the client (planner, dml_load.go).
//
// A client's file can be read once. So the catalog is refreshed first, as the statement can't be planned again once it reads; and
// from then on s.sent says that nothing is to be repeated.
func (s texts) runLoad(ctx context.Context, n *ast.LoadDataStmt, st *parsed, w sql.ResultWriter) error {
	local := n.FileLocRef == ast.FileLocClient
	if local && (s.conn.Capabilities&mysql.ClientLocalFiles == 0 || s.vars.Text("local_infile") != "ON") { // both must want it
		return mysqlerr.New(mysqlerr.LocalInfileDisabled)
	}
	if _, err := s.allow(n, s.db); err != nil {
		return err
	}
	if err := s.freshCatalog(ctx); err != nil {
		return err
	}
	s.rt.Input = func(context.Context) (io.ReadCloser, error) { return textfile.Dir(s.eng.cfg.FileDir).Open(n.Path) }
	if local {
		files, ok := w.(sql.LocalFiles)
		if !ok {
			return mysqlerr.New(mysqlerr.LocalInfileDisabled)
		}
		s.rt.Input = func(context.Context) (io.ReadCloser, error) {
			s.sent = true
			return files.LocalFile(n.Path)
		}
	}
	s.rt.Progress = func(rows uint64) {
		state := "Reading file: " + strconv.FormatUint(rows, 10) + " rows"
		s.proc.State.Store(&state)
	}
	defer s.proc.State.Store(nil)
	return execution(s).runStatement(ctx, func() (*planned.Plan, error) { return s.planText(st, nil) }, nil, w)
}
