package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/maintain"
	"cloudsql/sql/privilege"
	"cloudsql/sql/show"
	"cloudsql/sql/show/monitor"
	"cloudsql/sql/transaction"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/spawn"
	"cloudsql/storage/types"
)

// dispatch runs a statement that is no query and no data change. Those without rows are answered with an OK.
func (s commands) dispatch(ctx context.Context, node ast.StmtNode, st *parsed, params []types.Value,
	w sql.ResultWriter) error {
	switch n := node.(type) {
	case *ast.ShowStmt:
		return s.runShow(ctx, n, params, w)
	case *ast.ExplainStmt:
		return s.explain(ctx, n, st, params, w)
	case *ast.ExplainForStmt:
		return s.explainFor(ctx, n, w)
	case *ast.ExecuteStmt:
		return preparation(s).executeNamed(ctx, n, w)
	case *ast.AnalyzeTableStmt:
		return s.maintain(ctx, s.tx.CommitBefore, w, func(env *maintain.Env) (*show.Result, error) { return maintain.Analyze(ctx, env, n) })
	case *ast.OptimizeTableStmt:
		return s.tableReport(ctx, "optimize", n.Tables, w)
	case *ast.AlterTableStmt:
		if op := maintain.PartitionOp(n); op != "" {
			return s.maintain(ctx, s.tx.CommitBefore, w, func(env *maintain.Env) (*show.Result, error) { return maintain.ReportPartitions(ctx, env, op, n) })
		}
	case *ast.HelpStmt:
		return s.writeResult(show.Help(), w)
	case *ast.CreateTableStmt:
		if n.Select != nil {
			return definitions(s).createTableSelect(ctx, n, params, w)
		}
	}
	if st.passwords.Random() {
		res, err := s.userCommand(ctx, node, st)
		if err != nil {
			return err
		}
		return s.writeResult(res, w)
	}
	s.rowCount = 0
	if err := s.command(ctx, node, st, params); err != nil {
		s.rowCount = -1
		return err
	}
	return s.done(w)
}

// command runs a statement that gives no rows.
func (s commands) command(ctx context.Context, node ast.StmtNode, st *parsed, params []types.Value) error {
	switch n := node.(type) {
	case *ast.SetStmt:
		return s.set().Run(ctx, n, params)
	case *ast.UseStmt:
		return s.useDB(ctx, n.DBName)
	case *ast.SetRoleStmt:
		return s.identity.SetRole(s.eng.db.Catalog(), s.conn.Account.User, s.conn.Account.Host, s.eng.vars.Global("mandatory_roles"), n)
	case *ast.BeginStmt:
		access := ""
		if n.AsOf != nil {
			return s.beginAsOf(ctx, n.AsOf.TsExpr, params)
		}
		if n.ReadOnly {
			access = "ON"
		}
		return s.tx.Begin(ctx, transaction.Characteristics{Access: access}, false)
	case *ast.CommitStmt:
		return s.end(ctx, dialect.FinishOf(true, n.CompletionType))
	case *ast.RollbackStmt:
		if n.SavepointName != "" {
			return s.tx.RollbackTo(ctx, n.SavepointName)
		}
		return s.end(ctx, dialect.FinishOf(false, n.CompletionType))
	case *ast.SavepointStmt:
		return s.tx.Savepoint(n.Name)
	case *ast.ReleaseSavepointStmt:
		return s.tx.ReleaseSavepoint(n.Name)
	case *ast.PrepareStmt:
		return preparation(s).prepareNamed(ctx, n)
	case *ast.DeallocateStmt:
		return preparation(s).deallocate(n.Name)
	case *ast.DoStmt:
		_, err := execution(s).evaluate(ctx, n.Exprs, params)
		return err
	case *ast.KillStmt:
		return s.kill(ctx, n, params)
	case *ast.FlushStmt:
		return s.flush(ctx, n)
	case *ast.LockTablesStmt:
		return s.lockTables(ctx, dialect.LockItems(n))
	case *ast.UnlockTablesStmt:
		return s.unlockTablesStmt(ctx)
	case *ast.ShutdownStmt:
		return s.shutdown()
	case *ast.TruncateTableStmt:
		if db, err := s.dbOf(n.Table.Schema.O); err == nil && monitor.Resettable(db, n.Table.Name.O) {
			return s.resetDigests(ctx)
		}
	}
	if privilege.Knows(node) {
		_, err := s.userCommand(ctx, node, st)
		return err
	}
	return definitions(s).ddlCommand(ctx, node, st)
}

// end is COMMIT or ROLLBACK.
func (s commands) end(ctx context.Context, n dialect.Finish) error {
	release, err := s.tx.End(ctx, n)
	if release && s.conn.Kill != nil {
		s.conn.Kill() // after the reply
	}
	return err
}

// runShow answers SHOW, whose WHERE may have parameters.
func (s commands) runShow(ctx context.Context, n *ast.ShowStmt, params []types.Value, w sql.ResultWriter) error {
	s.env.Params = params
	var res *show.Result
	var err error
	switch n.Tp {
	case ast.ShowWarnings, ast.ShowErrors:
		res = s.conds.Show(n)
	case ast.ShowGrants:
		res, err = s.account().ShowGrants(s.eng.db.Catalog(), n, s.identity.Active, privilege.MandatoryRoles(s.eng.vars.Global("mandatory_roles")))
	case ast.ShowCreateUser:
		res, err = s.account().ShowCreateUser(s.eng.db.Catalog(), n)
	default:
		where := n.Where
		if where != nil && bind.HasSubquery(where) {
			whole := *n
			whole.Where = nil
			n = &whole
		}
		res, err = show.Run(ctx, s.shower, n)
		if missing(err) {
			if e := s.freshCatalog(ctx); e != nil {
				return e
			}
			res, err = show.Run(ctx, s.shower, n)
		}
		if err == nil && n.Where != where {
			return s.showWhere(ctx, res, where, params, w)
		}
	}
	if err != nil {
		return err
	}
	return s.writeResult(res, w)
}

// showWhere sends the rows of a SHOW that a condition with subqueries leaves.
func (s commands) showWhere(ctx context.Context, res *show.Result, where ast.ExprNode, params []types.Value, w sql.ResultWriter) error {
	find := s.virtual
	defer func() { s.virtual = find }()
	var query *ast.SelectStmt
	query, s.virtual = res.Where(where, find)
	return execution(s).runQueryOf(ctx, query, params, sql.Headed{ResultWriter: w, As: &sql.Header{Columns: res.Fields}})
}

// writeResult sends a whole result set.
func (s *Session) writeResult(res *show.Result, w sql.ResultWriter) error {
	s.sent = true
	if err := w.Header(&sql.Header{Columns: res.Fields}); err != nil {
		return err
	}
	for _, row := range res.Rows {
		if err := w.Row(row); err != nil {
			return err
		}
	}
	s.foundRows, s.rowCount = uint64(len(res.Rows)), -1
	return s.done(w)
}

// tableReport is OPTIMIZE, CHECK and REPAIR TABLE.
func (s commands) tableReport(ctx context.Context, op string, names []*ast.TableName, w sql.ResultWriter) error {
	before := s.tx.CommitBefore
	if op == "check" {
		before = s.tx.ImplicitCommit // it changes nothing anywhere
	}
	return s.maintain(ctx, before, w, func(env *maintain.Env) (*show.Result, error) { return maintain.Report(ctx, env, op, names) })
}

// checksum is CHECKSUM TABLE, a query for each table's rows.
func (s commands) checksum(ctx context.Context, n *dialect.ChecksumTables, w sql.ResultWriter) error {
	more := s.more
	s.more = false
	if err := s.freshCatalog(ctx); err != nil {
		return err
	}
	query := func(ctx context.Context, q *ast.SelectStmt, w sql.ResultWriter) error {
		s.sent = false
		return execution(s).runQueryOf(ctx, q, nil, w)
	}
	res, err := maintain.Checksum(ctx, &maintain.Env{DB: s.rt.DB, DBOf: s.dbOf}, n, query, func(e *mysqlerr.Error) { s.conds.Note("Error", e.Code, e.Message) })
	if err != nil {
		return err
	}
	s.more, s.outcome = more, sql.Outcome{}
	return s.writeResult(res, w)
}

// maintain runs a statement that answers with lines about tables.
func (s commands) maintain(ctx context.Context, before func(context.Context) error, w sql.ResultWriter,
	run func(*maintain.Env) (*show.Result, error)) error {
	if err := before(ctx); err != nil {
		return err
	}
	execution(s).look()
	res, err := run(&maintain.Env{DB: s.rt.DB, Memory: &s.statementMemory, Now: s.eng.cfg.Now(), DBOf: s.dbOf, Views: s.shower})
	if err != nil {
		return err
	}
	return s.writeResult(res, w)
}

// flush is FLUSH TABLES; what else there is to flush, dialect.Flush has. It holds at any time already, but for the locks.
func (s commands) flush(ctx context.Context, n *ast.FlushStmt) error {
	if n.Tp != ast.FlushTables {
		return mysqlerr.NotSupported("this kind of FLUSH")
	}
	if err := s.locks.MayFlush(s.snapshot, s.db, n.Tables, n.ReadLock); err != nil {
		return err
	}
	if n.ReadLock {
		return s.flushLocked(ctx, n.Tables)
	}
	return s.tx.ImplicitCommit(ctx)
}

func (s commands) shutdown() error {
	if s.eng.cfg.Shutdown == nil {
		return mysqlerr.NotSupported("SHUTDOWN")
	}
	spawn.Go("SHUTDOWN", s.eng.cfg.Shutdown)
	return nil
}

// resetDigests is TRUNCATE of the statements' summary, on all nodes.
func (s commands) resetDigests(ctx context.Context) error {
	if err := s.tx.CommitBefore(ctx); err != nil {
		return err
	}
	s.eng.Digests.Reset(ctx, s.eng.peers)
	return nil
}

// kill is KILL [CONNECTION | QUERY] id. Who ends itself is told so (1317).
func (s commands) kill(ctx context.Context, n *ast.KillStmt, params []types.Value) error {
	id := n.ConnectionID
	if n.Expr != nil {
		vals, err := execution(s).evaluate(ctx, []ast.ExprNode{n.Expr}, params)
		if err != nil {
			return err
		}
		u, over := vals[0].ToUint(nil)
		if vals[0].IsNull() || over {
			return mysqlerr.Newf(mysqlerr.NoSuchThread, "Unknown thread id: %s", vals[0].Text())
		}
		id = u
	}
	if err := s.eng.peers.Kill(ctx, s.killer(), id, n.Query); err != nil || id != s.ConnectionID() {
		return err
	}
	return errInterrupted
}
