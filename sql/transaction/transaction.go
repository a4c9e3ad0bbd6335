package transaction

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/sql/dialect"
	"cloudsql/sql/metalock"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/mysqlerr"
)

// Host is what a transaction is of: a session, and its node.
type Host struct {
	DB    distributed.DB
	Vars  *sysvar.Values
	Locks *metalock.Owner
	Now   func() time.Time
	// History is how long old versions are kept; 0: unknown.
	History time.Duration
	// Session is the connection's id.
	Session func() uint64
	Note    func(level string, code uint16, message string)
	// Within gives a transaction that has begun the session's temporary tables.
	Within func(txn distributed.Txn) distributed.Txn
	// Exempt tells whether the account may change what it wants while read_only is on.
	Exempt func() bool
	// Lost is told that the transaction was taken from the session, which is still doing what it did then.
	Lost func()
}

// Transaction is a session's transaction, if it is in one, and what the next one will be.
//
//	         BEGIN, or autocommit = 0 and a statement that touches tables
//	(none) ───────────────────────────────────────────────────────────────▶ (open)
//	  ▲  COMMIT, ROLLBACK, a statement that commits implicitly, 1213           │
//	  └────────────────────────────────────────────────────────────────────────┘
type Transaction struct {
	host       Host
	txn        distributed.Txn // nil: none; begins with the first statement that needs it
	begun      bool            // BEGIN was said
	readOnly   bool            // of the open transaction
	isolation  string          // of the open transaction
	savepoints []savepoint

	next  Characteristics // SET TRANSACTION …: for the next one only
	past  Past
	shown atomic.Pointer[Shown]
}

// Shown is what the process list shows of an open transaction.
type Shown struct {
	Started   time.Time
	Isolation string
	ReadOnly  bool
}

// Init is for a new session.
func (s *Transaction) Init(h Host) { s.host = h }

// Reset forgets everything; the transaction has been rolled back.
func (s *Transaction) Reset() {
	s.txn, s.begun, s.readOnly, s.isolation, s.savepoints = nil, false, false, "", nil
	s.next, s.past = Characteristics{}, Past{}
	s.past.SetBound(s.host.Vars.Staleness)
}

// Shown is the open transaction as others may see it; nil: none. Any goroutine may ask.
func (s *Transaction) Shown() *Shown { return s.shown.Load() }

// Past is the session's reads of past states.
func (s *Transaction) Past() *Past { return &s.past }

// Open is the open transaction; nil: none.
func (s *Transaction) Open() distributed.Txn { return s.txn }

// ReadOnly tells whether the open transaction is READ ONLY.
func (s *Transaction) ReadOnly() bool { return s.readOnly }

type savepoint struct {
	name string // lower case
	mark uint64
}

// Characteristics are a transaction's.
type Characteristics struct {
	Isolation string                    // "" for the session's
	Access    string                    // "ON" read only, "OFF" read write, "" the session's
	AsOf      *distributed.FollowerRead // not nil: reads of a past state
}

// In tells whether the session is in a transaction.
func (s *Transaction) In() bool { return s.begun || s.txn != nil }

// Begin is BEGIN and START TRANSACTION.
func (s *Transaction) Begin(ctx context.Context, c Characteristics, snapshot bool) error {
	if err := s.Commit(ctx); err != nil {
		return err
	}
	s.host.Locks.UnlockTables() // BEGIN ends LOCK TABLES, but not a global read lock
	if c.Isolation == "" {
		c.Isolation = s.next.Isolation
	}
	if c.Access == "" {
		c.Access = s.next.Access
	}
	s.next = Characteristics{}
	s.begun = true
	s.open(c)
	switch {
	case !snapshot:
		return nil
	case s.isolation != dialect.IsolationLevels[2]:
		s.host.Note("Warning", haErrUnsupported, "InnoDB: WITH CONSISTENT SNAPSHOT was ignored because this phrase can only be used"+
			" with REPEATABLE READ isolation level.")
		return nil
	}
	return s.txn.TakeSnapshot(ctx)
}

// haErrUnsupported is the number under which InnoDB warns of what it can't do.
const haErrUnsupported = 138

// open begins a transaction with the session's characteristics where c names none.
func (s *Transaction) open(c Characteristics) {
	if c.Isolation == "" {
		c.Isolation = s.host.Vars.Text("transaction_isolation")
	}
	if c.Access == "" {
		c.Access = s.host.Vars.Text("transaction_read_only")
	}
	s.shown.Store(&Shown{Started: s.host.Now(), Isolation: c.Isolation, ReadOnly: c.Access == "ON"})
	s.isolation, s.readOnly = c.Isolation, c.Access == "ON"
	s.txn = s.host.begin(distributed.TxnOptions{
		Isolation: isolationOf(s.isolation), ReadOnly: s.readOnly, LockWait: s.host.Vars.LockWait, Session: s.host.Session(),
		FollowerRead: s.pastOf(c), Committed: s.past.Told(),
	})
}

// begin starts a transaction of the session.
func (h *Host) begin(o distributed.TxnOptions) distributed.Txn { return h.Within(h.DB.Begin(o)) }

// TakeIn gives the open transaction the temporary tables, which there were none of when it began.
func (s *Transaction) TakeIn() {
	if s.txn != nil {
		s.txn = s.host.Within(s.txn)
	}
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

// Ensure gives the transaction that a statement runs in: the open one, a new one with autocommit = 0 where the
// statement touches tables, or none.
func (s *Transaction) Ensure(tables bool) distributed.Txn {
	if s.txn == nil && !s.host.Vars.Autocommit && tables {
		c := s.next
		s.next = Characteristics{}
		s.open(c)
	}
	return s.txn
}

// Refusal is why data changes are refused now; nil: they are not. 1792, 1290.
func (s *Transaction) Refusal() error {
	if err := s.MayDefine(); err != nil {
		return err
	}
	return s.Closed()
}

// MayDefine is 1792 in a READ ONLY transaction, which allows changes of rows of temporary tables, and nothing else.
func (s *Transaction) MayDefine() error {
	refused := s.readOnly
	switch {
	case s.txn != nil:
	case s.next.Access != "":
		refused = s.next.Access == "ON"
	default:
		refused = s.host.Vars.On("transaction_read_only")
	}
	if refused {
		return mysqlerr.New(mysqlerr.CantExecuteInReadOnlyTransaction)
	}
	return nil
}

// MayClose is 1192 while the session has a transaction or locks on tables: then it may not change read_only, as in MySQL.
func (s *Transaction) MayClose() error {
	if s.In() || s.host.Locks.LocksTables() {
		return mysqlerr.New(mysqlerr.LockOrActiveTransaction)
	}
	return nil
}

// Quiet waits for the changes that other sessions are making, and for their locks on tables to write, and keeps such off until done.
func (s *Transaction) Quiet(ctx context.Context) (done func(), err error) {
	return s.host.Locks.Quiet(ctx)
}

// Closed is 1290 while the cluster takes no changes from the session's account: read_only, super_read_only.
func (s *Transaction) Closed() error {
	switch {
	case !s.host.Vars.On("read_only"):
		return nil
	case s.host.Vars.On("super_read_only"):
		return mysqlerr.New(mysqlerr.OptionPreventsStatement, "--super-read-only")
	case s.host.Exempt != nil && s.host.Exempt():
		return nil
	}
	return mysqlerr.New(mysqlerr.OptionPreventsStatement, "--read-only")
}

// Commit ends the open transaction, if any; one that has to wait too long for a global read lock, or comes when changes are refused, is rolled back. It cannot be
// interrupted when it has begun: a COMMIT that was cut short could not tell its client what became of it. How long it goes on looking for a leaseholder is bounded below (txn.Config.RetryFor).
func (s *Transaction) Commit(ctx context.Context) error {
	txn := s.txn
	defer s.leave() // until then no definition may change the tables
	if txn == nil {
		return nil
	}
	if txn.HasWrites() {
		done, err := s.host.Locks.AdmitCommit(ctx)
		defer done()
		if err == nil {
			err = s.Closed()
		}
		if err != nil {
			_ = txn.Rollback(context.WithoutCancel(ctx))
			return err
		}
	}
	return txn.Commit(context.WithoutCancel(ctx))
}

func (s *Transaction) Rollback(ctx context.Context) error {
	txn := s.txn
	defer s.leave()
	if txn == nil {
		return nil
	}
	return txn.Rollback(ctx)
}

// leave forgets the transaction.
func (s *Transaction) leave() {
	s.shown.Store(nil)
	if s.txn != nil {
		s.past.leave()
	}
	s.txn, s.begun, s.readOnly, s.isolation = nil, false, false, ""
	s.savepoints = nil
	s.host.Locks.LetGo()
}

// ImplicitCommit comes before statements that MySQL does not run inside a transaction. What SET TRANSACTION said of the
// next transaction is spent by it.
func (s *Transaction) ImplicitCommit(ctx context.Context) error {
	s.next = Characteristics{}
	s.past.Touch()
	return s.Commit(ctx)
}

// CommitBefore is implicitCommit before a statement that a READ ONLY session may not run: the transaction is committed
// even then, as in MySQL. 1792.
func (s *Transaction) CommitBefore(ctx context.Context) error {
	if err := s.ImplicitCommit(ctx); err != nil {
		return err
	}
	return s.Refusal()
}

// SpendNext forgets what SET TRANSACTION said of the next transaction after an autocommit statement, which was that
// transaction if it got as far as the tables.
func (s *Transaction) SpendNext(tables bool, err error) {
	if s.next != (Characteristics{}) && s.txn == nil && tables && mysqlerr.Code(err) != mysqlerr.CantExecuteInReadOnlyTransaction {
		s.next = Characteristics{}
	}
}

// End is COMMIT or ROLLBACK with what follows it: AND CHAIN begins a transaction with the same characteristics, release tells that
// the connection is to be closed. What is not said, completion_type says.
func (s *Transaction) End(ctx context.Context, n dialect.Finish) (release bool, err error) {
	completion := s.host.Vars.Text("completion_type")
	chain := n.Chain.Or(completion == "CHAIN")
	release = n.Release.Or(completion == "RELEASE")
	c := Characteristics{Isolation: s.isolation, Access: "OFF"}
	if s.readOnly {
		c.Access = "ON"
	}
	if !s.In() {
		c = Characteristics{}
	}
	if n.Commit {
		err = s.Commit(ctx)
	} else {
		err = s.Rollback(ctx)
	}
	s.next = Characteristics{}
	if err != nil {
		return false, err
	}
	if chain {
		s.begun = true
		s.open(c)
	}
	return release, nil
}

// AfterError looks whether the transaction has survived a statement that failed with err.
func (s *Transaction) AfterError(ctx context.Context, err error) {
	switch {
	case s.txn == nil:
	case s.txn.Aborted():
		s.host.Lost()
		_ = s.txn.Rollback(context.WithoutCancel(ctx)) // of what is the session's alone
		s.leave()
	case mysqlerr.Code(err) == mysqlerr.LockDeadlock:
		_ = s.Rollback(context.WithoutCancel(ctx))
	case mysqlerr.Code(err) == mysqlerr.LockWaitTimeout && s.host.Vars.Text("innodb_rollback_on_timeout") == "ON":
		_ = s.Rollback(context.WithoutCancel(ctx))
	}
}

// Undo takes back what a failed statement has done in the open transaction since mark. Where that is impossible, the
// transaction cannot go on, for it would commit half of a statement: it is rolled back, and the client gets 1213.
func (s *Transaction) Undo(ctx context.Context, mark uint64, err error) error {
	if s.txn.Aborted() {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if s.txn.RollbackTo(ctx, mark) == nil {
		return err
	}
	return mysqlerr.New(mysqlerr.LockDeadlock) // AfterError rolls back
}

func (s *Transaction) Savepoint(name string) error {
	if s.txn == nil {
		if s.host.Vars.Autocommit {
			return nil // a transaction of its own, which ends at once
		}
		s.Ensure(true)
	}
	name = strings.ToLower(name)
	s.dropSavepoint(name)
	s.savepoints = append(s.savepoints, savepoint{name, s.txn.Savepoint()})
	return nil
}

func (s *Transaction) dropSavepoint(name string) {
	s.savepoints = slices.DeleteFunc(s.savepoints, func(p savepoint) bool { return p.name == name })
}

func (s *Transaction) findSavepoint(name string) (int, error) {
	i := slices.IndexFunc(s.savepoints, func(p savepoint) bool { return p.name == strings.ToLower(name) })
	if i < 0 {
		return -1, mysqlerr.New(mysqlerr.SpDoesNotExist, "SAVEPOINT", name)
	}
	return i, nil
}

func (s *Transaction) RollbackTo(ctx context.Context, name string) error {
	i, err := s.findSavepoint(name)
	if err != nil {
		return err
	}
	s.savepoints = s.savepoints[:i+1]
	err = s.txn.RollbackTo(ctx, s.savepoints[i].mark)
	s.AfterError(ctx, err)
	return err
}

func (s *Transaction) ReleaseSavepoint(name string) error {
	i, err := s.findSavepoint(name)
	if err != nil {
		return err
	}
	s.savepoints = s.savepoints[:i]
	return nil
}

// Set takes SET [SESSION] TRANSACTION and the variables of the same meaning.
func (s *Transaction) Set(oneShot bool, isolation, access string) error {
	if oneShot {
		if s.In() {
			return mysqlerr.New(mysqlerr.CantChangeTxCharacteristics)
		}
		if isolation != "" {
			s.next.Isolation = isolation
		}
		if access != "" {
			s.next.Access = access
		}
		return nil
	}
	if isolation != "" {
		s.host.Vars.SetText("transaction_isolation", isolation)
		s.next.Isolation = ""
	}
	if access != "" {
		s.host.Vars.SetText("transaction_read_only", access)
		s.next.Access = ""
	}
	return nil
}

// SetNext is SET TRANSACTION of one characteristic, "" for the others.
func (s *Transaction) SetNext(isolation, access string) {
	if isolation != "" {
		s.next.Isolation = isolation
	}
	if access != "" {
		s.next.Access = access
	}
}

// Own begins a transaction for one autocommit statement, which is not the session's.
func (s *Transaction) Own() distributed.Txn {
	level := s.next.Isolation
	if level == "" {
		level = s.host.Vars.Text("transaction_isolation")
	}
	txn := s.host.begin(distributed.TxnOptions{
		Isolation: isolationOf(level), LockWait: s.host.Vars.LockWait, Session: s.host.Session(), Committed: s.past.Told(),
	})
	txn.StartStatement()
	return txn
}

// FollowLockWait has the open transaction wait for rows as long as the session does.
func (s *Transaction) FollowLockWait() {
	if s.txn != nil {
		s.txn.SetLockWait(s.host.Vars.LockWait)
	}
}
