package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/status"
	"cloudsql/sql/uservar"
	"cloudsql/storage/mysqlerr"
)

// parseIntoVars reads SELECT … INTO @a, @b …, which the parser does not know: the clause is taken out of the text, and
// the one row of the rest goes into the variables. nil where there is no such clause.
func (s texts) parseIntoVars(text string) (*parsed, error) {
	names, rest := dialect.IntoVars(text, s.vars.SQLMode)
	if names == nil {
		return nil, nil
	}
	if more, _ := dialect.IntoVars(rest, s.vars.SQLMode); more != nil {
		return nil, nil // one is all that a query may have
	}
	st, err := s.read(rest)
	if err != nil || st.node == nil {
		return nil, err
	}
	switch st.node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
	default:
		return nil, nil
	}
	return &parsed{text: text, kind: status.Select, noPrepare: st.params > 0, needs: noNeeds, // the query asks for its own
		run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
			return commands{s}.selectIntoVars(ctx, st, names, w)
		}}, nil
}

// selectIntoVars runs the query and keeps its row. 1222 for another number of columns, 1172 for a second row.
func (s commands) selectIntoVars(ctx context.Context, st *parsed, names []string, w sql.ResultWriter) error {
	row := &uservar.Row{Want: len(names)}
	more := s.more
	s.more = false
	err := texts(s).runSelect(ctx, st, nil, row)
	s.more = more
	if err != nil {
		return err
	}
	if row.Vals == nil {
		s.conds.Warn(mysqlerr.New(mysqlerr.SpFetchNoData))
	}
	for i, v := range row.Vals {
		if err := s.answers.SetUserVar(names[i], v, row.Types[i]); err != nil {
			return err
		}
	}
	s.rowCount = int64(min(len(row.Vals), 1))
	s.outcome = sql.Outcome{AffectedRows: uint64(s.rowCount)} //nolint:gosec // 0 or 1
	return s.done(w)
}
