package session

import (
	"context"
	"errors"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/planner"
	"cloudsql/planner/exec"
	"cloudsql/sql"
	"cloudsql/sql/ddl"
	"cloudsql/sql/metalock"
	"cloudsql/sql/planned"
	"cloudsql/sql/running"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Bounds of running a statement again.
const (
	maxReplans   = 20  // after a schema change
	mostReplans  = 100 // of an autocommit statement, with pauses: shards know of a change some rounds before the catalog has it
	maxConflicts = 10  // of an autocommit statement that lost against others
)

// circumstances are those that a plan would be made under now.
func (s execution) circumstances(db string) planned.Circumstances {
	return planned.Circumstances{Settings: s.vars.Settings, Version: s.snapshot.Version(), Own: s.own.Generation(), User: s.account().User, DB: db}
}

// look takes the newest catalog for the rest of the statement.
func (s execution) look() {
	s.rt.DB = s.own.DB()
	s.snapshot = s.rt.DB.Catalog()
	s.rt.Catalog = s.snapshot
}

// makePlan plans a SELECT or a data change under the present circumstances.
func (s execution) makePlan(node ast.StmtNode, db string, params []types.Value) (*planned.Plan, error) {
	needs, err := s.allow(node, db)
	if err != nil {
		return nil, err
	}
	now := s.circumstances(db)
	s.env.Params = params
	s.making = planned.Making{Needs: needs, Inserted: planner.Inserted{Fresh: s.vars.Fresh}}
	s.pctx = s.planContext(db, now.Settings)
	ctx := s.pctx                                      // the plan may keep it
	refs, err := s.own.Refs(metalock.RefsOf(node, db)) // the planner may change the tree
	if err != nil {
		return nil, err
	}
	plan, err := s.eng.cfg.Build(&ctx, node)
	if err != nil {
		return nil, err
	}
	p, err := planned.New(plan, &now, &s.making, refs, s.own.Used(plan.Tables()), params)
	if err != nil {
		return nil, err
	}
	p.Remember(s.snapshot)
	return p, nil
}

// planContext is what planning looks at.
func (s execution) planContext(db string, settings planner.Settings) planner.Context {
	return planner.Context{
		Catalog: s.snapshot, DB: db, Virtual: s.virtual, Env: &s.env, Stats: s.rt.DB.TableStats, Access: s.accessFn, ViewAccess: s.viewAccessFn,
		Implied: s.impliedFn, Inserted: &s.making.Inserted, Settings: settings, ColumnType: ddl.ColumnType, RowIDs: s.rowIDs,
	}
}

// runStatement runs a planned statement: plan gives one, again after each change of schema. It answers as MySQL does
// when tables or columns seem to be missing: it makes sure of the catalog first.
func (s execution) runStatement(ctx context.Context, plan func() (*planned.Plan, error), params []types.Value,
	w sql.ResultWriter) error {
	refreshed, alone := false, s.vars.Autocommit && !s.tx.In()
	s.conds.Settle()
	for replans, conflicts := 0, 0; ; {
		p, err := plan()
		if err == nil {
			err = s.runPlanned(ctx, p, params, w)
		}
		switch {
		case err == nil:
			s.vars.Fresh = s.vars.Fresh && !p.Asked
			s.tx.SpendNext(p.Touches(), nil)
			return nil
		case s.sent:
			return s.failed(ctx, p, err)
		case errors.Is(err, distributed.ErrSchemaChanged) && (replans < maxReplans || alone && replans < mostReplans):
			replans++
			if err := errors.Join(running.Pause(ctx, replans-maxReplans), s.freshCatalog(ctx)); err != nil {
				return s.failed(ctx, p, err)
			}
		case !refreshed && missing(err):
			refreshed = true
			if was := s.snapshot.Version(); s.freshCatalog(ctx) != nil || s.snapshot.Version() == was {
				return s.failed(ctx, p, err)
			}
		case isAny(err, mysqlerr.LockDeadlock) && alone && conflicts < maxConflicts:
			conflicts++
			if err := running.Pause(ctx, conflicts); err != nil {
				return s.failed(ctx, p, err)
			}
		default:
			return s.failed(ctx, p, err)
		}
		s.conds.Restart()
	}
}

// runQueryOf runs a query that stands for another statement and is planned for this once.
func (s execution) runQueryOf(ctx context.Context, query *ast.SelectStmt, params []types.Value, w sql.ResultWriter) error {
	plan := func() (*planned.Plan, error) { return s.makePlan(query, s.db, params) }
	return s.runStatement(ctx, plan, params, w)
}

// failed ends a statement that will not be tried again; p is its plan, nil where there is none.
func (s execution) failed(ctx context.Context, p *planned.Plan, err error) error {
	s.tx.AfterError(ctx, err)
	if p != nil {
		s.tx.SpendNext(p.Touches(), err)
	}
	s.rowCount = -1
	return err
}

// retriable tells of errors after which runStatement would run the statement again.
func retriable(err error) bool {
	return isAny(err, mysqlerr.LockDeadlock) || errors.Is(err, distributed.ErrSchemaChanged) || missing(err)
}

// missing tells of errors that an old catalog may be the reason for.
func missing(err error) bool {
	return isAny(err, mysqlerr.NoSuchTable, mysqlerr.BadDB, mysqlerr.BadField, mysqlerr.BadTable, mysqlerr.ViewInvalid)
}

func (s *Session) freshCatalog(ctx context.Context) error {
	if err := s.eng.db.RefreshCatalog(ctx); err != nil {
		return err
	}
	execution{s}.look()
	return nil
}

// runPlanned runs one execution of a plan and writes its result. Until something has been sent (s.sent) a failed
// execution has had no effect and may be repeated.
func (s execution) runPlanned(ctx context.Context, p *planned.Plan, params []types.Value, w sql.ResultWriter) error {
	s.env.Params = params
	if err := s.takePlace(ctx, p); err != nil {
		return err
	}
	if err := s.admit(ctx, p); err != nil {
		return err
	}
	if s.readsPast(p) {
		return s.runPast(ctx, p, w)
	}
	if s.rt.Txn = s.tx.Ensure(p.Touches()); s.rt.Txn != nil {
		s.rt.Txn.StartStatement()
	}
	if s.tx.Open() == nil && len(p.Uses) > 0 {
		defer s.tx.Past().Met()
	}
	if p.Modify != nil {
		return s.runModify(ctx, p, w)
	}
	if p.LocksForUpdate() {
		if err := s.tx.Refusal(); err != nil {
			return err
		}
	}
	if p.Rows.ForUpdate() && s.rt.Txn == nil {
		return s.runLocking(ctx, p, w)
	}
	return s.runQuery(ctx, p, w)
}

func (s execution) runQuery(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	if p.Point != nil {
		return s.runPoint(ctx, p, w)
	}
	return s.runRows(ctx, p, w)
}

// runLocking runs an autocommit SELECT … FOR UPDATE or FOR SHARE in a transaction of its own: as on MySQL it waits for
// other transactions' locks (or refuses to, or skips), and holds its own until it ends.
func (s execution) runLocking(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	txn := s.beginOwnTxn()
	defer func() { s.rt.Txn = nil }()
	err := s.runQuery(ctx, p, w)
	if !txn.Aborted() {
		err = errors.Join(err, txn.Rollback(context.WithoutCancel(ctx)))
	}
	return err
}

// runPoint is the shortest way: rows by key, a page of them.
func (s execution) runPoint(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	if err := p.Point.Run(ctx, &s.rt, &s.page); err != nil {
		return err
	}
	s.sent = true
	if err := w.Header(p.Header); err != nil {
		return err
	}
	n := s.page.Batch.Len()
	for i := range n {
		if err := w.Row(s.page.Batch.Row(i)); err != nil {
			return err
		}
	}
	s.foundRows, s.rowCount = uint64(n), -1
	return s.done(w)
}

// runRows streams a query's rows. The first batch is awaited before anything is sent.
func (s execution) runRows(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	op, err := p.Rows.Open(ctx, &s.rt)
	if err != nil {
		return err
	}
	defer op.Close()
	n := uint64(0)
	for {
		more, err := op.Next(ctx, &s.batch)
		if err != nil {
			return err
		}
		if ctx.Err() != nil && p.Tables {
			return context.Cause(ctx) // a SLEEP() that was cut short is 1, and the query over its rows fails
		}
		if !s.sent {
			s.leavePlace()
			s.sent = true
			if err := w.Header(p.Header); err != nil {
				return err
			}
		}
		if !more {
			break
		}
		rows := s.batch.Len()
		for i := range rows {
			if err := w.Row(s.batch.Row(i)); err != nil {
				return err
			}
		}
		n += uint64(rows)
	}
	s.foundRows, s.rowCount = n, -1
	return s.done(w)
}

// runModify changes data: in the open transaction, where a failed statement is undone by itself; in one of its own when
// it takes several steps; otherwise in one consensus round.
func (s execution) runModify(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	m := p.Modify
	if err := s.tx.Refusal(); err != nil && p.ChangesOthers() {
		return err
	}
	var res *exec.ModifyResult
	var err error
	switch {
	case s.tx.Open() != nil:
		mark := s.tx.Open().Savepoint()
		if res, err = m.Run(ctx, &s.rt); err != nil {
			return s.tx.Undo(ctx, mark, err)
		}
	case m.NeedsTxn():
		res, err = s.runInOwnTxn(ctx, m)
	default:
		res, err = m.Run(ctx, &s.rt)
	}
	if err != nil {
		return err
	}
	if res.LastInsertID != 0 {
		s.vars.LastInsertID, s.vars.Fresh = res.LastInsertID, true
	} else if s.stmtInsertID != 0 {
		res.LastInsertID = s.stmtInsertID
	}
	insertID := res.LastInsertID
	if insertID == 0 {
		insertID = res.ExplicitID
	}
	s.rowCount = int64(res.Affected) //nolint:gosec // fewer rows than that
	s.outcome.AffectedRows, s.outcome.LastInsertID, s.outcome.Info = res.Affected, insertID, res.Info
	return s.done(w)
}

// beginOwnTxn puts a transaction for one autocommit statement into the runtime.
func (s execution) beginOwnTxn() distributed.Txn {
	s.rt.Txn = s.tx.Own()
	return s.rt.Txn
}

func (s execution) runInOwnTxn(ctx context.Context, m planner.Modify) (*exec.ModifyResult, error) {
	txn := s.beginOwnTxn()
	defer func() { s.rt.Txn = nil }()
	res, err := m.Run(ctx, &s.rt)
	if err != nil {
		return nil, errors.Join(err, txn.Rollback(context.WithoutCancel(ctx)))
	}
	if err := txn.Commit(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	return res, nil
}

// withDeadline bounds a SELECT by max_execution_time (3024).
func (s execution) withDeadline(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, mysqlerr.New(mysqlerr.MaxExecTimeExceeded))
	s.env.Ctx = ctx
	return ctx, cancel
}
