package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/digest"
	"cloudsql/sql/planned"
	"cloudsql/sql/running"
	"cloudsql/sql/status"
	"cloudsql/sql/tree"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// statement is a prepared statement: of the protocol, or of PREPARE.
type statement struct {
	s      *Session
	id     uint32
	st     *parsed
	db     string // that its names are looked up in
	header *sql.Header
	plan   *planned.Plan     // of the execution before
	digest *digest.Statement // once it was executed
	bytes  int               // that the session is charged with
	closed bool
}

var _ sql.Statement = (*statement)(nil)

func (p *statement) ID() uint32          { return p.id }
func (p *statement) ParamCount() int     { return p.st.params }
func (p *statement) Header() *sql.Header { return p.header }

// Close forgets the statement.
func (p *statement) Close() {
	if p.plan = nil; p.closed {
		return
	}
	p.closed = true
	if k := &p.s.kept; k.prepared > 0 { // the session may have forgotten all of them
		k.prepared--
		p.s.eng.prepared.Add(-1)
		_ = k.statements.Grow(-p.bytes)
	}
}

// maxParams is what the protocol can count.
const maxParams = 65535

// Prepare reads a statement and plans it, so that missing tables are told now and the columns are known.
func (s *Session) Prepare(parent context.Context, text string) (sql.Statement, error) {
	ctx := s.beginStatement(parent, &running.Prepare, &text)
	defer s.endStatement()
	s.eng.stats.Statements.Add(status.StmtPrepare)
	p, err := preparation{s}.prepare(ctx, text)
	if err != nil {
		return nil, s.finish(ctx, err)
	}
	return p, nil
}

func (s preparation) prepare(ctx context.Context, text string) (*statement, error) {
	one, rest := dialect.Split(text, s.vars.SQLMode)
	if rest != "" {
		return nil, dialect.SecondStatement(text, rest, s.vars.SQLMode)
	}
	st, err := texts(s).parse(strings.Clone(one)) // the text outlives the packet that it came in
	if err != nil {
		s.conds.Begin()
		return nil, err
	}
	if !st.diagnostic() && !tree.CountsConditions(st.node) {
		s.conds.Begin() // preparing SHOW WARNINGS keeps what it is to show
	}
	s.conds.Warn(st.deprecated...)
	if st.noPrepare || !tree.Preparable(st.node) {
		return nil, mysqlerr.New(mysqlerr.UnsupportedPs)
	}
	if st.params > maxParams {
		return nil, mysqlerr.New(mysqlerr.PsManyParam)
	}
	s.nextStmt++
	p := &statement{s: s.Session, id: s.nextStmt, st: st, db: s.db}
	if err := s.keepStatement(p); err != nil {
		return nil, err
	}
	if !tree.Planable(st.node) {
		return p, nil
	}
	if err := s.describe(ctx, p); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// describe plans the statement without parameters. What they decide shows at execution only.
func (s preparation) describe(ctx context.Context, p *statement) error {
	plan, err := execution(s).makePlan(p.st.node, p.db, nil)
	if missing(err) {
		if e := s.freshCatalog(ctx); e != nil {
			return e
		}
		plan, err = execution(s).makePlan(p.st.node, p.db, nil)
	}
	if err != nil {
		if p.st.params > 0 && !missing(err) && !tree.OfNames(err) {
			return nil
		}
		return err
	}
	p.header = plan.Header
	if p.st.params == 0 && plan.Cacheable {
		p.plan = plan
	}
	return nil
}

// Execute runs a prepared statement.
func (s *Session) Execute(parent context.Context, stmt sql.Statement, params []types.Value, w sql.ResultWriter) error {
	p, ok := stmt.(*statement)
	if !ok || p.s != s {
		return mysqlerr.New(mysqlerr.UnknownStmtHandler, 0, "EXECUTE")
	}
	ctx := s.beginStatement(parent, &running.Execute, &p.st.text)
	s.more = false
	s.eng.stats.Questions.Add(1)
	s.eng.stats.Statements.Add(status.StmtExecute)
	texts{s}.beginConditions(p.st)
	err := s.eng.usage.Statement(s.account().User, p.st.kind.Changes(), s.eng.cfg.Now)
	if err == nil {
		err = preparation{s}.execute(ctx, p, params, w)
	}
	if err != nil {
		err = s.finish(ctx, err)
	}
	s.endStatement()
	return err
}

func (s preparation) execute(ctx context.Context, p *statement, params []types.Value, w sql.ResultWriter) error {
	if len(params) != p.st.params {
		return mysqlerr.New(mysqlerr.WrongArguments, "EXECUTE")
	}
	if err := s.mustRenew(p.st.node); err != nil {
		return err
	}
	s.measured.count(p.st.kind)
	if p.digest == nil {
		p.digest = s.measured.finder.Find(s.eng.Digests.Table, p.db, p.st.text)
	}
	s.measured.digest = p.digest
	if _, counted := tree.CalcFoundRows(p.st.node); counted != nil || !tree.Planable(p.st.node) {
		return texts(s).runParsed(ctx, p.st, params, w)
	}
	texts(s).warnOfHints(p.st)
	s.conds.Settle()
	if p.st.hints != nil {
		defer commands(s).hinted(p.st.hints)()
	}
	if s.vars.MaxExecution == 0 && p.st.maxExecution == 0 && p.plan != nil {
		// The short way: a plan that holds, run without anything around it. Whatever goes wrong takes the long way.
		if now := execution(s).circumstances(p.db); p.plan.Holds(&now, s.snapshot, params) {
			p.plan.Version = now.Version
			err := execution(s).runPlanned(ctx, p.plan, params, w)
			if err == nil {
				s.tx.SpendNext(p.plan.Touches(), nil)
				return nil
			}
			if s.sent || !retriable(err) {
				return execution(s).failed(ctx, p.plan, err)
			}
			s.conds.Restart()
		}
	}
	query := tree.IsQuery(p.st.node)
	return execution(s).runLimited(ctx, query, p.st.maxExecution, func() (*planned.Plan, error) { return s.planPrepared(p, params) }, params, w)
}

// planPrepared gives the statement's plan for these parameters: the one it had, or a new one.
func (s preparation) planPrepared(p *statement, params []types.Value) (*planned.Plan, error) {
	if p.plan != nil {
		if now := execution(s).circumstances(p.db); p.plan.Holds(&now, s.snapshot, params) {
			return p.plan, nil
		}
		p.plan = nil
	}
	plan, err := execution(s).makePlan(p.st.node, p.db, params)
	if err != nil {
		return nil, err
	}
	if plan.Cacheable {
		p.plan = plan
		if plan.Header != nil && p.header != nil && plan.Header.Same(p.header) {
			plan.Header = p.header // the protocol has it encoded already
		}
	}
	return plan, nil
}

// prepareNamed is PREPARE name FROM text.
func (s preparation) prepareNamed(ctx context.Context, n *ast.PrepareStmt) error {
	text := n.SQLText
	if n.SQLVar != nil {
		v, _ := s.answers.UserVar(n.SQLVar.Name)
		text = v.Text()
		if v.IsNull() {
			text = "NULL"
		}
	}
	name := strings.ToLower(n.Name)
	_ = s.deallocate(name) // also where the new one fails
	p, err := s.prepare(ctx, text)
	if err == nil {
		s.prepared[name] = p
	}
	return err
}

// executeNamed is EXECUTE name USING @a, @b.
func (s preparation) executeNamed(ctx context.Context, n *ast.ExecuteStmt, w sql.ResultWriter) error {
	p, ok := s.prepared[strings.ToLower(n.Name)]
	if !ok {
		return mysqlerr.New(mysqlerr.UnknownStmtHandler, n.Name, "EXECUTE")
	}
	params := make([]types.Value, 0, len(n.UsingVars))
	for _, u := range n.UsingVars {
		v, ok := u.(*ast.VariableExpr)
		if !ok || v.IsSystem {
			return mysqlerr.New(mysqlerr.WrongArguments, "EXECUTE")
		}
		val, _ := s.answers.UserVar(v.Name)
		params = append(params, val)
	}
	return s.execute(ctx, p, params, w)
}

func (s preparation) deallocate(name string) error {
	name = strings.ToLower(name)
	p, ok := s.prepared[name]
	if !ok {
		return mysqlerr.New(mysqlerr.UnknownStmtHandler, name, "DEALLOCATE PREPARE")
	}
	p.Close()
	delete(s.prepared, name)
	return nil
}
