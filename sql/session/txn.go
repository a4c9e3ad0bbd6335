package session

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
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
	isolation string // "" for the session's
	access    string // "ON" read only, "OFF" read write, "" the session's
}

func (s *Session) inTransaction() bool { return s.begun || s.txn != nil }

// begin is BEGIN and START TRANSACTION.
func (s *Session) begin(ctx context.Context, c characteristics, snapshot bool) error {
	if err := s.implicitCommit(ctx); err != nil {
		return err
	}
	if err := s.unlockTables(); err != nil { // BEGIN ends LOCK TABLES
		return err
	}
	if c.isolation == "" {
		c.isolation = s.next.isolation
	}
	if c.access == "" {
		c.access = s.next.access
	}
	s.next = characteristics{}
	s.begun = true
	s.open(c)
	if snapshot && s.isolation == isolationLevels[2] {
		return s.txn.TakeSnapshot(ctx)
	}
	return nil
}

// open begins a transaction with the session's characteristics where c names none.
func (s *Session) open(c characteristics) {
	if c.isolation == "" {
		c.isolation = s.variable(sysvars["transaction_isolation"])
	}
	if c.access == "" {
		c.access = s.variable(sysvars["transaction_read_only"])
	}
	s.isolation, s.readOnly = c.isolation, c.access == "ON"
	s.txn = s.eng.db.Begin(distributed.TxnOptions{
		Isolation: isolationOf(s.isolation), ReadOnly: s.readOnly, LockWait: s.lockWait, Session: uint64(s.conn.ID),
	})
}

// isolationOf turns a level's name into what transactions know; READ UNCOMMITTED is served as READ COMMITTED.
func isolationOf(level string) distributed.Isolation {
	switch level {
	case isolationLevels[0], isolationLevels[1]:
		return distributed.ReadCommitted
	case isolationLevels[3]:
		return distributed.Serializable
	}
	return distributed.RepeatableRead
}

// ensureTxn gives the transaction that a statement runs in: the open one, a new one with autocommit = 0, or none.
func (s *Session) ensureTxn() distributed.Txn {
	if s.txn == nil && !s.autocommit {
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
	return s.vars["transaction_read_only"] == "ON"
}

func (s *Session) commit(ctx context.Context) error {
	txn := s.txn
	s.leave()
	if txn == nil {
		return nil
	}
	return txn.Commit(ctx)
}

func (s *Session) rollback(ctx context.Context) error {
	txn := s.txn
	s.leave()
	if txn == nil {
		return nil
	}
	return txn.Rollback(ctx)
}

// leave forgets the transaction.
func (s *Session) leave() {
	s.txn, s.begun, s.readOnly, s.isolation = nil, false, false, ""
	s.savepoints = nil
	s.letGo()
}

// implicitCommit comes before statements that MySQL does not run inside a transaction.
func (s *Session) implicitCommit(ctx context.Context) error { return s.commit(ctx) }

// end is COMMIT or ROLLBACK with what follows it: AND CHAIN begins a transaction with the same characteristics.
func (s *Session) end(ctx context.Context, commit, chain, release bool) error {
	c := characteristics{isolation: s.isolation, access: onOff(s.readOnly)}
	if !s.inTransaction() {
		c = characteristics{}
	}
	var err error
	if commit {
		err = s.commit(ctx)
	} else {
		err = s.rollback(ctx)
	}
	s.next = characteristics{}
	switch {
	case err != nil:
	case chain:
		s.begun = true
		s.open(c)
	case release:
		s.killAfterReply()
	}
	return err
}

// killAfterReply closes the connection of COMMIT RELEASE.
func (s *Session) killAfterReply() {
	if s.conn.Kill != nil {
		go s.conn.Kill()
	}
}

// afterError looks whether the transaction has survived a failed statement.
func (s *Session) afterError() {
	if s.txn != nil && s.txn.Aborted() {
		s.leave()
	}
}

func (s *Session) savepoint(name string) error {
	if s.txn == nil {
		if s.autocommit {
			return nil // a transaction of its own, which ends at once
		}
		s.ensureTxn()
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
	s.afterError()
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
		s.vars["transaction_isolation"], s.vars["tx_isolation"] = isolation, isolation
	}
	if access != "" {
		s.vars["transaction_read_only"], s.vars["tx_read_only"] = access, access
	}
	return nil
}

// conflict tells whether err is one that the same statement may not meet when it is run again as a whole.
func conflict(err error) bool {
	return isAny(err, mysql.ErrLockDeadlock) || errors.Is(err, distributed.ErrSchemaChanged)
}
