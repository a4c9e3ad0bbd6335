package session

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/sql/dialect"
	"cloudsql/storage/mysqlerr"
)

// transaction is a session's transaction, if it is in one, and what the next one will be.
//
//	         BEGIN, or autocommit = 0 and a statement that touches tables
//	(none) ───────────────────────────────────────────────────────────────▶ (open)
//	  ▲  COMMIT, ROLLBACK, a statement that commits implicitly, 1213           │
//	  └────────────────────────────────────────────────────────────────────────┘
type transaction struct {
	txn        distributed.Txn // nil: none; begins with the first statement that needs it
	begun      bool            // BEGIN was said
	readOnly   bool            // of the open transaction
	isolation  string          // of the open transaction
	savepoints []savepoint

	next characteristics // SET TRANSACTION …: for the next one only
}

type savepoint struct {
	name string // lower case
	mark uint64
}

type characteristics struct {
	isolation string             // "" for the session's
	access    string             // "ON" read only, "OFF" read write, "" the session's
	asOf      *distributed.Stale // not nil: reads of a past state
}

func (s *Session) inTransaction() bool { return s.begun || s.txn != nil }

// begin is BEGIN and START TRANSACTION.
func (s *Session) begin(ctx context.Context, c characteristics, snapshot bool) error {
	if err := s.commit(ctx); err != nil {
		return err
	}
	s.locks.UnlockTables() // BEGIN ends LOCK TABLES, but not a global read lock
	if c.isolation == "" {
		c.isolation = s.next.isolation
	}
	if c.access == "" {
		c.access = s.next.access
	}
	s.next = characteristics{}
	s.begun = true
	s.open(c)
	switch {
	case !snapshot:
		return nil
	case s.isolation != dialect.IsolationLevels[2]:
		s.note("Warning", haErrUnsupported, "InnoDB: WITH CONSISTENT SNAPSHOT was ignored because this phrase can only be used"+
			" with REPEATABLE READ isolation level.")
		return nil
	}
	return s.txn.TakeSnapshot(ctx)
}

// haErrUnsupported is the number under which InnoDB warns of what it can't do.
const haErrUnsupported = 138

// open begins a transaction with the session's characteristics where c names none.
func (s *Session) open(c characteristics) {
	if c.isolation == "" {
		c.isolation = s.vars.Text("transaction_isolation")
	}
	if c.access == "" {
		c.access = s.vars.Text("transaction_read_only")
	}
	s.proc.txn.Store(&openTxn{started: s.eng.cfg.Now(), isolation: c.isolation, readOnly: c.access == "ON"})
	s.isolation, s.readOnly = c.isolation, c.access == "ON"
	s.txn = s.eng.db.Begin(distributed.TxnOptions{
		Isolation: isolationOf(s.isolation), ReadOnly: s.readOnly, LockWait: s.vars.LockWait, Session: uint64(s.conn.ID),
		Stale: s.pastOf(c), Committed: s.past.told(),
	})
}

// isolationOf turns a level's name into what transactions know; READ UNCOMMITTED is served as READ COMMITTED.
func isolationOf(level string) distributed.Isolation {
	switch level {
	case dialect.IsolationLevels[0], dialect.IsolationLevels[1]:
		return distributed.ReadCommitted
	case dialect.IsolationLevels[3]:
		return distributed.Serializable
	}
	return distributed.RepeatableRead
}

// ensureTxn gives the transaction that a statement runs in: the open one, a new one with autocommit = 0 where the
// statement touches tables, or none.
func (s *Session) ensureTxn(tables bool) distributed.Txn {
	if s.txn == nil && !s.vars.Autocommit && tables {
		c := s.next
		s.next = characteristics{}
		s.open(c)
	}
	return s.txn
}

// writesRefused tells whether data changes are 1792 now.
func (s *Session) writesRefused() bool {
	if s.txn != nil {
		return s.readOnly
	}
	if s.next.access != "" {
		return s.next.access == "ON"
	}
	return s.vars.On("transaction_read_only")
}

// commit ends the open transaction, if any. It cannot be interrupted: a COMMIT that was cut short could not tell its
// client what became of it. How long it goes on looking for a leaseholder is bounded below (txn.Config.RetryFor).
func (s *Session) commit(ctx context.Context) error {
	txn := s.txn
	defer s.leave() // until then no definition may change the tables
	if txn == nil {
		return nil
	}
	return txn.Commit(context.WithoutCancel(ctx))
}

func (s *Session) rollback(ctx context.Context) error {
	txn := s.txn
	defer s.leave()
	if txn == nil {
		return nil
	}
	return txn.Rollback(ctx)
}

// leave forgets the transaction.
func (s *Session) leave() {
	s.proc.txn.Store(nil)
	if s.txn != nil {
		s.past.leave()
	}
	s.txn, s.begun, s.readOnly, s.isolation = nil, false, false, ""
	s.savepoints = nil
	s.locks.LetGo()
}

// implicitCommit comes before statements that MySQL does not run inside a transaction. What SET TRANSACTION said of the
// next transaction is spent by it.
func (s *Session) implicitCommit(ctx context.Context) error {
	s.next = characteristics{}
	s.past.touch()
	return s.commit(ctx)
}

// commitBefore is implicitCommit before a statement that a READ ONLY session may not run: the transaction is committed
// even then, as in MySQL. 1792.
func (s *Session) commitBefore(ctx context.Context) error {
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	if s.writesRefused() {
		return mysqlerr.New(mysql.ErrCantExecuteInReadOnlyTransaction)
	}
	return nil
}

// spendNext forgets what SET TRANSACTION said of the next transaction after an autocommit statement, which was that
// transaction if it got as far as the tables.
func (s *Session) spendNext(p *planned, err error) {
	if s.next != (characteristics{}) && s.txn == nil && len(p.Uses) > 0 && !isAny(err, mysql.ErrCantExecuteInReadOnlyTransaction) {
		s.next = characteristics{}
	}
}

// end is COMMIT or ROLLBACK with what follows it: AND CHAIN begins a transaction with the same characteristics, RELEASE
// closes the connection. What is not said, completion_type says.
func (s *Session) end(ctx context.Context, n dialect.Finish) error {
	completion := s.vars.Text("completion_type")
	chain, release := n.Chain.Or(completion == "CHAIN"), n.Release.Or(completion == "RELEASE")
	c := characteristics{isolation: s.isolation, access: "OFF"}
	if s.readOnly {
		c.access = "ON"
	}
	if !s.inTransaction() {
		c = characteristics{}
	}
	var err error
	if n.Commit {
		err = s.commit(ctx)
	} else {
		err = s.rollback(ctx)
	}
	s.next = characteristics{}
	if err != nil {
		return err
	}
	if chain {
		s.begun = true
		s.open(c)
	}
	if release {
		s.killAfterReply()
	}
	return nil
}

// endParsed is end of a statement that the parser has read.
func (s *Session) endParsed(ctx context.Context, commit bool, c ast.CompletionType) error {
	n := dialect.Finish{Commit: commit}
	switch c {
	case ast.CompletionTypeChain:
		n.Chain = dialect.Yes
	case ast.CompletionTypeRelease:
		n.Release = dialect.Yes
	}
	return s.end(ctx, n)
}

// killAfterReply closes the connection of COMMIT RELEASE.
func (s *Session) killAfterReply() {
	if s.conn.Kill != nil {
		s.conn.Kill()
	}
}

// afterError looks whether the transaction has survived a statement that failed with err.
func (s *Session) afterError(ctx context.Context, err error) {
	switch {
	case s.txn == nil:
	case s.txn.Aborted():
		s.eng.deadlocks.noteVictim(s)
		s.leave()
	case isAny(err, mysql.ErrLockDeadlock):
		_ = s.rollback(context.WithoutCancel(ctx))
	case isAny(err, mysql.ErrLockWaitTimeout) && s.vars.Text("innodb_rollback_on_timeout") == "ON":
		_ = s.rollback(context.WithoutCancel(ctx))
	}
}

// undo takes back what a failed statement has done in the open transaction since mark. Where that is impossible, the
// transaction cannot go on, for it would commit half of a statement: it is rolled back, and the client gets 1213.
func (s *Session) undo(ctx context.Context, mark uint64, err error) error {
	if s.txn.Aborted() {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if s.txn.RollbackTo(ctx, mark) == nil {
		return err
	}
	return mysqlerr.New(mysql.ErrLockDeadlock) // afterError rolls back
}

func (s *Session) savepoint(name string) error {
	if s.txn == nil {
		if s.vars.Autocommit {
			return nil // a transaction of its own, which ends at once
		}
		s.ensureTxn(true)
	}
	name = strings.ToLower(name)
	s.dropSavepoint(name)
	s.savepoints = append(s.savepoints, savepoint{name, s.txn.Savepoint()})
	return nil
}

func (s *Session) dropSavepoint(name string) {
	s.savepoints = slices.DeleteFunc(s.savepoints, func(p savepoint) bool { return p.name == name })
}

func (s *Session) findSavepoint(name string) (int, error) {
	i := slices.IndexFunc(s.savepoints, func(p savepoint) bool { return p.name == strings.ToLower(name) })
	if i < 0 {
		return -1, mysqlerr.New(mysql.ErrSpDoesNotExist, "SAVEPOINT", name)
	}
	return i, nil
}

func (s *Session) rollbackTo(ctx context.Context, name string) error {
	i, err := s.findSavepoint(name)
	if err != nil {
		return err
	}
	s.savepoints = s.savepoints[:i+1]
	err = s.txn.RollbackTo(ctx, s.savepoints[i].mark)
	s.afterError(ctx, err)
	return err
}

func (s *Session) releaseSavepoint(name string) error {
	i, err := s.findSavepoint(name)
	if err != nil {
		return err
	}
	s.savepoints = s.savepoints[:i]
	return nil
}

// setTransaction takes SET [SESSION] TRANSACTION and the variables of the same meaning.
func (s *Session) setTransaction(oneShot bool, isolation, access string) error {
	if oneShot {
		if s.inTransaction() {
			return mysqlerr.New(mysql.ErrCantChangeTxCharacteristics)
		}
		if isolation != "" {
			s.next.isolation = isolation
		}
		if access != "" {
			s.next.access = access
		}
		return nil
	}
	if isolation != "" {
		s.vars.SetText("transaction_isolation", isolation)
		s.next.isolation = ""
	}
	if access != "" {
		s.vars.SetText("transaction_read_only", access)
		s.next.access = ""
	}
	return nil
}

// conflict tells whether err is one that the same statement may not meet when it is run again as a whole.
func conflict(err error) bool {
	return isAny(err, mysql.ErrLockDeadlock) || errors.Is(err, distributed.ErrSchemaChanged)
}
