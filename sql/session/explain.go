package session

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner"
	"cloudsql/planner/analysis"
	"cloudsql/sql"
	"cloudsql/sql/explain"
	"cloudsql/sql/planned"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// explain shows a statement's plan. DESCRIBE t is SHOW COLUMNS.
func (s commands) explain(ctx context.Context, n *ast.ExplainStmt, st *parsed, params []types.Value, w sql.ResultWriter) error {
	if sh, ok := n.Stmt.(*ast.ShowStmt); ok {
		return s.runShow(ctx, sh, params, w)
	}
	if !tree.Planable(n.Stmt) {
		return mysqlerr.NotSupported("EXPLAIN of this statement")
	}
	if n.Analyze {
		return s.analyse(ctx, n, st, params, w)
	}
	p, err := execution(s).makePlan(n.Stmt, s.db, params)
	if missing(err) {
		if e := s.freshCatalog(ctx); e != nil {
			return e
		}
		p, err = execution(s).makePlan(n.Stmt, s.db, params)
	}
	if err != nil {
		return err
	}
	if err := s.tx.Refusal(); err != nil && (p.Modify != nil && p.ChangesOthers() || p.LocksForUpdate()) {
		return err // MySQL opens the tables as for the change itself
	}
	lines := explain.Lines(p.Plan, s.rt.RowsOnly)
	for i := range lines {
		lines[i].Where = explain.Place(s.eng.db, lines[i].Where, execution(s).readsPast(p))
	}
	res, ok, err := explain.Result(n.Format, lines, &s.env)
	if err == nil && !ok {
		err = mysqlerr.New(mysqlerr.UnknownExplainFormat, n.Format)
	}
	if err != nil {
		return err
	}
	return s.writeResult(res, w)
}

// explainFor is EXPLAIN FOR CONNECTION: the plan of the statement that another session runs, as this one would make it. A session that
// runs none has none to show.
func (s commands) explainFor(ctx context.Context, n *ast.ExplainForStmt, w sql.ResultWriter) error {
	all, err := s.shower.Processes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p virtual.Process) bool { return p.ID == n.ConnectionID })
	switch {
	case i < 0:
		return mysqlerr.New(mysqlerr.NoSuchThread, n.ConnectionID)
	case all[i].Info == "":
		return s.done(w)
	}
	st, err := texts(s).parse(all[i].Info)
	if err != nil || !tree.Planable(st.node) {
		return mysqlerr.New(mysqlerr.ExplainNotSupported)
	}
	if st.params > 0 {
		return mysqlerr.NotSupported("EXPLAIN FOR CONNECTION of a prepared statement with parameters")
	}
	db := s.db
	s.db = all[i].DB
	defer func() { s.db = db }()
	return s.explain(ctx, &ast.ExplainStmt{Stmt: st.node, Format: n.Format}, st, nil, w)
}

// analyse is EXPLAIN ANALYZE: it runs a query, or the query that finds the rows of a change of several tables, which changes nothing,
// and shows the plan with what its operators did.
func (s commands) analyse(ctx context.Context, n *ast.ExplainStmt, st *parsed, params []types.Value, w sql.ResultWriter) error {
	switch format := strings.ToUpper(n.Format); format {
	case "", "ROW", "TREE":
	case "TRADITIONAL", "JSON":
		return mysqlerr.NotSupported("EXPLAIN ANALYZE with " + format + " format")
	default:
		return mysqlerr.New(mysqlerr.UnknownExplainFormat, n.Format)
	}
	var ran *planned.Plan
	defer func() { s.rt.Analysis = nil }()
	plan := func() (*planned.Plan, error) {
		p, err := execution(s).makePlan(n.Stmt, s.db, params)
		if err != nil {
			return nil, err
		}
		ran, p.Point = p, nil
		if c, ok := p.Plan.(planner.Finds); ok {
			p.Rows, p.Modify, p.Header = c.Found(), nil, &sql.Header{}
		}
		if p.Modify != nil {
			return nil, errNotExecutable
		}
		s.rt.Analysis = analysis.New(s.eng.cfg.Now)
		return p, nil
	}
	err := execution(s).runLimited(ctx, true, st.maxExecution, plan, params, explain.Nowhere{})
	if errors.Is(err, errNotExecutable) {
		return s.writeResult(explain.Text(explain.NotExecutable), w)
	}
	if err != nil {
		return err
	}
	return s.writeResult(explain.Text(explain.Tree(explain.Lines(ran.Plan, s.rt.RowsOnly), s.rt.Analysis)), w)
}

// errNotExecutable ends the planning of what EXPLAIN ANALYZE does not run.
var errNotExecutable = errors.New("not executable by operators")
