package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/privilege"
	"cloudsql/sql/status"
	"cloudsql/sql/textfile"
)

// parseIntoFile reads SELECT … INTO OUTFILE | DUMPFILE: the clause is taken out of the text, and the rows of the rest go into the file.
// nil where there is no such clause.
func (s texts) parseIntoFile(text string) (*parsed, error) {
	clause := dialect.TakeIntoFile(text, s.vars.SQLMode)
	if clause == nil {
		return nil, nil
	}
	st, err := s.read(clause.Rest)
	if err != nil {
		return nil, err
	}
	switch st.node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
	default:
		return nil, nil
	}
	target, err := textfile.Read(clause, s.options())
	if err != nil {
		return nil, err
	}
	target.Dir = textfile.Dir(s.eng.cfg.FileDir)
	needs := func(*Session) ([]privilege.Need, error) { return privilege.ToUseFiles(), nil } // the query asks for its own
	return &parsed{text: text, kind: status.Select, noPrepare: st.params > 0, needs: needs,
		run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
			return commands{s}.selectIntoFile(ctx, st, textfile.NewWriter(target), w)
		}}, nil
}

// selectIntoFile runs the query. A file of a query that fails is removed.
func (s commands) selectIntoFile(ctx context.Context, st *parsed, f *textfile.Writer, w sql.ResultWriter) error {
	more := s.more
	s.more = false
	err := texts(s).runSelect(ctx, st, nil, f)
	s.more = more
	if err = f.Close(err); err != nil {
		return err
	}
	for _, e := range f.Warnings() {
		s.conds.Warn(e)
	}
	s.rowCount = int64(f.Rows())
	s.outcome = sql.Outcome{AffectedRows: uint64(f.Rows())} //nolint:gosec // a count
	return s.done(w)
}
