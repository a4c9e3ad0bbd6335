package session

import (
	"context"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/planned"
	"cloudsql/sql/running"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Query runs the statements in text.
func (s *Session) Query(ctx context.Context, text string, w sql.ResultWriter) error {
	for first := true; ; first = false {
		one, rest := dialect.Split(text, s.vars.SQLMode)
		if rest != "" && s.conn.Capabilities&mysql.ClientMultiStatements == 0 {
			return texts{s}.refuse(dialect.SecondStatement(text, rest, s.vars.SQLMode))
		}
		if !first && one == "" && rest == "" {
			return nil
		}
		s.more = rest != ""
		if err := (texts{s}).queryOne(ctx, one, w); err != nil {
			s.more = false
			return err
		}
		if rest == "" {
			return nil
		}
		text = rest
	}
}

// refuse is the error of a text that is not even a statement.
func (s texts) refuse(err *mysqlerr.Error) error {
	s.conds.Begin()
	s.conds.Note("Error", err.Code, err.Message)
	return err
}

// queryOne runs one statement of text.
func (s texts) queryOne(parent context.Context, text string, w sql.ResultWriter) error {
	ctx := s.beginStatement(parent, &running.Query, &text)
	defer s.endStatement()
	s.eng.stats.Questions.Add(1)
	if !s.expired && !s.account().User.PerStatement() {
		if handled, err := s.queryCached(ctx, text, w); handled {
			return s.finish(ctx, err)
		}
	}
	st, err := s.parse(text)
	if err == nil {
		err = s.eng.usage.Statement(s.account().User, st.kind.Changes(), s.eng.cfg.Now)
	}
	if err != nil {
		s.conds.Begin()
		return s.finish(ctx, err)
	}
	s.measured.count(st.kind)
	s.beginConditions(st)
	s.conds.Warn(st.deprecated...)
	return s.finish(ctx, s.runParsed(ctx, st, nil, w))
}

// beginConditions starts a statement's list of conditions, unless the statement is about the list that is there.
func (s texts) beginConditions(st *parsed) {
	if st.diagnostic() {
		s.inherited = s.conds.Total
	} else {
		s.conds.Begin()
	}
}

// finish gives a statement's error the shape that the client sees, and keeps it for SHOW ERRORS.
func (s *Session) finish(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = s.mapError(ctx, err)
	s.measured.failed = true
	e := mysqlerr.From(err)
	s.eng.stats.Errors.Add(1)
	if !s.conds.Ends(e.Code) {
		s.conds.Note("Error", e.Code, e.Message)
	}
	return err
}

// runParsed runs a statement, of a text or prepared.
func (s texts) runParsed(ctx context.Context, st *parsed, params []types.Value, w sql.ResultWriter) error {
	if err := s.mustRenew(st.node); err != nil {
		return err
	}
	if st.run != nil {
		needs, err := st.needs(s.Session)
		if err == nil {
			err = s.account().Grants(needs)
		}
		if err != nil {
			return err
		}
		return st.run(ctx, s.Session, w)
	}
	s.warnOfHints(st)
	if st.hints != nil {
		defer commands(s).hinted(st.hints)()
	}
	switch n := st.node.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return s.runSelect(ctx, st, params, w)
	case *ast.LoadDataStmt:
		return s.runLoad(ctx, n, st, w)
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		return execution(s).runStatement(ctx, func() (*planned.Plan, error) { return s.planText(st, params) }, params, w)
	default:
		if _, err := s.allow(n, s.db); err != nil {
			return err
		}
		s.handlers.Precede(n, s.db)
		return commands(s).dispatch(ctx, n, st, params, w)
	}
}

// runSelect runs a query.
func (s texts) runSelect(ctx context.Context, st *parsed, params []types.Value, w sql.ResultWriter) error {
	if whole, limit := tree.CalcFoundRows(st.node); limit != nil {
		return s.runCounted(ctx, whole, limit, st, params, w)
	}
	plan := func() (*planned.Plan, error) { return s.planText(st, params) }
	return execution(s).runLimited(ctx, true, st.maxExecution, plan, params, w)
}

// runLimited bounds a query by max_execution_time, or by the time that its hint says.
func (s execution) runLimited(ctx context.Context, query bool, hint int64, plan func() (*planned.Plan, error),
	params []types.Value, w sql.ResultWriter) error {
	if query {
		limit := s.vars.MaxExecution
		if hint > 0 {
			limit = time.Duration(hint) * time.Millisecond
		}
		c, cancel := s.withDeadline(ctx, limit)
		if cancel != nil {
			defer cancel()
		}
		return s.mapError(c, s.runStatement(c, plan, params, w))
	}
	return s.runStatement(ctx, plan, params, w)
}

// planText plans a statement, or takes the plan that the text had before.
func (s texts) planText(st *parsed, params []types.Value) (*planned.Plan, error) {
	return execution(s).makePlan(st.node, s.db, params)
}
