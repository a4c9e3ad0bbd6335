package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/sql"
	"cloudsql/sql/planned"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Queries that read past states (sql/transaction).

// readsPast tells whether a plan outside transactions reads a past state.
func (s execution) readsPast(p *planned.Plan) bool {
	if len(p.AsOf) > 0 {
		return true
	}
	return s.tx.Reads() && p.Rows != nil && len(p.Uses) > 0 && !p.Temporary && !p.Rows.ForUpdate()
}

// runPast runs a query on a past state.
func (s execution) runPast(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	if len(p.AsOf) > 0 {
		return s.runAsOf(ctx, p, w)
	}
	s.pastState = s.tx.Within()
	err := s.runAt(ctx, p, w)
	if err == nil || s.sent || !tooLongAgo(err) {
		return err
	}
	s.conds.Restart()
	s.tx.Past().Touch()
	s.rt.Txn = nil
	return s.runQuery(ctx, p, w)
}

// tooLongAgo tells of a state that is older than a table or an index, or than the versions that are kept. Nobody has
// asked for that one in particular, so the present will do.
func tooLongAgo(err error) bool {
	return isAny(err, mysqlerr.TableDefChanged)
}

func (s execution) runAt(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	txn := s.eng.db.Begin(distributed.TxnOptions{FollowerRead: &s.pastState, ReadOnly: true, Session: s.ConnectionID()})
	s.rt.Txn = txn
	defer func() {
		s.rt.Txn = nil
		s.tx.Past().Saw(&s.pastState)
		_ = txn.Commit(context.WithoutCancel(ctx)) // lets go of the state
	}()
	return s.runQuery(ctx, p, w)
}

// runAsOf runs SELECT … AS OF TIMESTAMP.
func (s execution) runAsOf(ctx context.Context, p *planned.Plan, w sql.ResultWriter) error {
	if s.tx.RefusesAsOf() {
		return mysqlerr.NotSupported("AS OF TIMESTAMP in a transaction that has begun")
	}
	var at mvcc.Timestamp
	for i, e := range p.AsOf {
		v, err := e.Eval(&s.env, nil)
		if err != nil {
			return err
		}
		one, err := s.tx.At(v, s.conds.WarnValue)
		if err != nil {
			return err
		}
		if i > 0 && one != at {
			return mysqlerr.NotSupported("tables AS OF different times in one statement")
		}
		at = one
	}
	s.pastState = distributed.FollowerRead{At: at}
	return s.runAt(ctx, p, w)
}

// beginAsOf is START TRANSACTION READ ONLY AS OF TIMESTAMP.
func (s commands) beginAsOf(ctx context.Context, n ast.ExprNode, params []types.Value) error {
	vals, err := execution(s).evaluate(ctx, []ast.ExprNode{n}, params)
	if err != nil {
		return err
	}
	at, err := s.tx.At(vals[0], s.conds.WarnValue)
	if err != nil {
		return err
	}
	return s.tx.BeginAt(ctx, at)
}
