package session

import (
	"context"
	"errors"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/planner"
	"cloudsql/sql"
	"cloudsql/storage/expr"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// pastReads is what a session keeps for reads of past states: with cloudsql_read_staleness_ms, plain SELECT statements
// and READ ONLY transactions see a state that is at most so old, and so may run on this node whoever holds the lease.
//
// Within a session time does not run backwards: such a read sees what the session has committed or read before, because
// its state is not older than the newest commit and the newest past state that the session knows of (floor), nor than
// the end of the last statement or transaction that met the present without a commit to tell when (since).
type pastReads struct {
	bound     time.Duration // 0: plain reads see the present
	tracking  bool          // the session has had a bound: since and floor are kept up to date
	since     time.Time
	floor     mvcc.Timestamp
	touched   bool           // this statement has met the present, nobody knows when
	committed mvcc.Timestamp // what this statement has committed last; 0: nothing, or it is not known
	state     distributed.Stale
	txn       *distributed.Stale // the open transaction's; nil: it meets the present
}

// setBound is SET cloudsql_read_staleness_ms.
func (p *pastReads) setBound(bound time.Duration) {
	p.bound = bound
	if p.bound > 0 && !p.tracking {
		p.tracking, p.since = true, time.Now()
	}
}

// touch notes that the statement reads or changes the present.
func (p *pastReads) touch() { p.touched = true }

// told gives the place for commits' timestamps; nil where they are of no use.
func (p *pastReads) told() *mvcc.Timestamp {
	if !p.tracking {
		return nil
	}
	return &p.committed
}

// met notes that an autocommit statement or a transaction on the present has ended. If it has committed something,
// that is newer than all that it read.
func (p *pastReads) met() {
	if p.committed != 0 {
		p.floor = max(p.floor, p.committed)
	} else {
		p.touched = true
	}
	p.committed = 0
}

// saw notes a past state that the session has been shown.
func (p *pastReads) saw(state *distributed.Stale) { p.floor = max(p.floor, state.At) }

// leave comes when a transaction has ended, by a commit or otherwise.
func (p *pastReads) leave() {
	if p.txn == nil {
		p.met()
		return
	}
	p.saw(p.txn)
	p.txn = nil
}

// ended comes after each statement.
func (p *pastReads) ended() {
	if p.touched && p.tracking {
		p.since = time.Now()
	}
	p.touched = false
}

// within is a state that obeys the bound.
func (s *Session) within() distributed.Stale {
	bound := s.past.bound
	if h := s.eng.cfg.History; h > 0 {
		bound = min(bound, h/2) // older versions are about to be removed
	}
	since := time.Now().Add(-bound)
	if since.Before(s.past.since) {
		since = s.past.since
	}
	return distributed.Stale{Since: since, NotBefore: s.past.floor}
}

// readsPast tells whether a plan outside transactions reads a past state.
func (s *Session) readsPast(p *planned) bool {
	if len(p.asOf) > 0 {
		return true
	}
	locked := s.locks.Locks() // whoever locks tables wants to see them as they are
	return s.past.bound > 0 && s.txn == nil && s.vars.Autocommit && !locked && p.rows != nil && len(p.Uses) > 0 && !p.rows.ForUpdate()
}

// runPast runs a query on a past state.
func (s *Session) runPast(ctx context.Context, p *planned, w sql.ResultWriter) error {
	if len(p.asOf) > 0 {
		return s.runAsOf(ctx, p, w)
	}
	s.past.state = s.within()
	err := s.runAt(ctx, p, w)
	if err == nil || s.sent || !tooLongAgo(err) {
		return err
	}
	s.conds.restart()
	s.past.touch()
	s.rt.Txn = nil
	return s.runQuery(ctx, p, w)
}

// tooLongAgo tells of a state that is older than a table or an index, or than the versions that are kept. Nobody has
// asked for that one in particular, so the present will do.
func tooLongAgo(err error) bool {
	return isAny(err, mysql.ErrTableDefChanged)
}

func (s *Session) runAt(ctx context.Context, p *planned, w sql.ResultWriter) error {
	txn := s.eng.db.Begin(distributed.TxnOptions{Stale: &s.past.state, ReadOnly: true, Session: s.ConnectionID()})
	s.rt.Txn = txn
	defer func() {
		s.rt.Txn = nil
		s.past.saw(&s.past.state)
		_ = txn.Commit(context.WithoutCancel(ctx)) // lets go of the state
	}()
	return s.runQuery(ctx, p, w)
}

// runAsOf runs SELECT … AS OF TIMESTAMP.
func (s *Session) runAsOf(ctx context.Context, p *planned, w sql.ResultWriter) error {
	if s.begun || s.txn != nil && s.txn.HasWrites() {
		return mysqlerr.NotSupported("AS OF TIMESTAMP in a transaction that has begun")
	}
	var at mvcc.Timestamp
	for i, e := range p.asOf {
		v, err := e.Eval(&s.env, nil)
		if err != nil {
			return err
		}
		one, err := s.pastState(v)
		if err != nil {
			return err
		}
		if i > 0 && one != at {
			return mysqlerr.NotSupported("tables AS OF different times in one statement")
		}
		at = one
	}
	s.past.state = distributed.Stale{At: at}
	return s.runAt(ctx, p, w)
}

var typeMicros = types.Type{ID: mysql.TypeDatetime, Length: 26, Decimals: 6, Collation: types.CollationBinary}

// pastState is the state as of a time in the session's time zone: what was committed before its millisecond began.
func (s *Session) pastState(v types.Value) (mvcc.Timestamp, error) {
	d := types.Cast(v, &typeMicros, &s.vars.Mode, s.warnValue)
	if d.IsNull() {
		return 0, mysqlerr.Newf(mysql.ErrWrongValue, "Incorrect AS OF TIMESTAMP value: '%s'", v.Text())
	}
	year, month, day, hour, minute, second, micro := types.UnpackDatetime(d.Uint())
	loc := s.vars.Mode.Loc
	if loc == nil {
		loc = time.UTC
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, loc)
	if year == 0 || month == 0 || day == 0 || t.Unix() < 0 {
		return 0, mysqlerr.Newf(mysql.ErrWrongValue, "Incorrect AS OF TIMESTAMP value: '%s'", v.Text())
	}
	if t.After(s.eng.cfg.Now()) {
		return 0, mysqlerr.Newf(mysql.ErrWrongValue, "Incorrect AS OF TIMESTAMP value: '%s' is in the future", v.Text())
	}
	return mvcc.At(t), nil
}

// beginAsOf is START TRANSACTION READ ONLY AS OF TIMESTAMP.
func (s *Session) beginAsOf(ctx context.Context, n ast.ExprNode, params []types.Value) error {
	vals, err := s.evaluate(ctx, []ast.ExprNode{n}, params)
	if err != nil {
		return err
	}
	at, err := s.pastState(vals[0])
	if err != nil {
		return err
	}
	if err := s.begin(ctx, characteristics{access: "ON", asOf: &distributed.Stale{At: at, Keep: true}}, false); err != nil {
		return err
	}
	if err := s.txn.TakeSnapshot(ctx); err != nil {
		return errors.Join(err, s.rollback(context.WithoutCancel(ctx)))
	}
	return nil
}

// pastOf is the state of a transaction that is beginning; nil: the present.
func (s *Session) pastOf(c characteristics) *distributed.Stale {
	s.past.txn = c.asOf
	if s.past.txn == nil && s.past.bound > 0 && c.access == "ON" {
		state := s.within()
		state.Keep = true
		s.past.txn = &state
	}
	return s.past.txn
}

// asOf gives the times that a plan's tables are read as of.
func asOf(p planner.Plan) []expr.Expr {
	if p, ok := p.(planner.Past); ok {
		return p.AsOf()
	}
	return nil
}
