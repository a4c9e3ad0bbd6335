package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner"
	"cloudsql/planner/exec"
	"cloudsql/planner/spill"
	"cloudsql/sql"
	"cloudsql/sql/condition"
	"cloudsql/sql/dialect"
	"cloudsql/sql/handler"
	"cloudsql/sql/metalock"
	"cloudsql/sql/planned"
	"cloudsql/sql/privilege"
	"cloudsql/sql/running"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/sysvar"
	"cloudsql/sql/temptable"
	"cloudsql/sql/transaction"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Session is one connection's state. Its methods are called by the connection's goroutine only, but for Cancel and what
// the process list reads (proc, run).
type Session struct {
	eng  *Engine
	conn *sql.ConnInfo
	// shared is conn for other goroutines: it changes with the user
	shared atomic.Pointer[sql.ConnInfo]

	identity privilege.Identity
	expired  bool // the password has, and no new one was chosen yet

	db    string
	vars  sysvar.Values
	today sysvar.Day

	prepared map[string]*statement // PREPARE name
	nextStmt uint32

	tx        transaction.Transaction
	own       temptable.Tables
	handlers  handler.Handlers
	pastState distributed.FollowerRead // that the running query sees
	locks     *metalock.Owner

	// Of the present statement.
	env          expr.Env
	answers      answers
	rt           exec.Runtime
	pctx         planner.Context
	snapshot     *catalog.Snapshot
	conds        condition.List
	more         bool // another statement of the same text follows
	sent         bool // something of the result has gone to the client
	inherited    int  // of a statement about the conditions of the one before: how many these are
	page         fragment.Page
	batch        types.Batch
	outcome      sql.Outcome
	text         dialect.Extractor
	textKey      []byte
	settings     planned.Settings
	virtual      func(db, table string) (exec.VirtualTable, bool)
	making       planned.Making
	rowIDs       bool // the query names row ids
	accessFn     func(priv uint64, db, table string) error
	impliedFn    func(db string, t *schema.Table, write bool)
	viewAccessFn func(v *schema.View) (func(priv uint64, db, table string) error, error)
	shower       *showContext
	shardWarner  func(fragment.Warning)

	// Of statements before.
	stmtInsertID uint64 // LAST_INSERT_ID(expr) of this statement
	rowCount     int64
	foundRows    uint64

	run      running.Context
	measured measured
	proc     running.Process
	placed   bool // the statement has a place of Engine.admission

	kept            kept
	memory          memory.Account // of what it keeps between statements, and of the present one
	statementMemory memory.Account // of the present statement

	closeOnce sync.Once
}

var _ sql.Session = (*Session)(nil)

var errInterrupted = mysqlerr.New(mysqlerr.QueryInterrupted)

// Cancel stops the running statement with 1317; an idle session stays as it is.
func (s *Session) Cancel() { s.run.Stop(errInterrupted) }

func newSession(e *Engine, c *sql.ConnInfo) *Session {
	s := &Session{eng: e, conn: c, expired: c.Account.Expired}
	s.vars.Init(&e.vars, variables{s}.liveVar)
	s.shared.Store(c)
	s.memory.Open(e.cfg.Memory, memory.Session, "session", e.cfg.SessionMemory)
	s.statementMemory.Open(&s.memory, memory.Statement, "statement", e.cfg.StatementMemory)
	s.statementMemory.OnShed(s.run.Stop)
	s.run.Memory = &s.statementMemory
	s.measured.s = s
	s.kept.statements = s.memory.Hold(memory.Prepared)
	s.handlers.Init(s.memory.Hold(memory.Cursor))
	s.locks = e.locks.NewOwner((*lockClient)(s))
	s.own.Init(temptable.Host{DB: e.db, Store: e.temporary, Owner: e.ddl.Owner, Made: s.tx.TakeIn, Log: e.log})
	s.tx.Init(transaction.Host{DB: e.db, Vars: &s.vars, Locks: s.locks, Now: e.cfg.Now, History: e.cfg.History, Session: s.ConnectionID, Note: s.conds.Note,
		Exempt: func() bool { return s.account().HasDynamic("CONNECTION_ADMIN") },
		Within: s.own.Within, Lost: func() { e.peers.NoteVictim((*member)(s).Record()) }})
	s.answers = answers{Owner: s.locks, s: s}
	s.answers.Vars.Open(s.memory.Hold(memory.Variables))
	s.env.Session = &s.answers
	s.env.Warn, s.shardWarner = s.conds.WarnValue, s.conds.WarnShard
	s.shower = &showContext{s: s}
	s.virtual, s.accessFn, s.impliedFn, s.viewAccessFn = findVirtual(s), execution{s}.planAccess, s.making.Imply, execution{s}.viewAccess
	s.proc.Open(e.cfg.Now())
	s.initialState()
	return s
}

// initialState gives the session what a new connection has.
func (s *Session) initialState() {
	s.forgetKept()
	s.prepared = map[string]*statement{}
	s.stmtInsertID, s.rowCount, s.foundRows = 0, 0, 0
	s.conds.Open(&s.vars)
	s.vars.Seed()
	s.vars.FoundRows = s.foundRowsFlag()
	s.tx.Reset()
	s.vars.SetNames(variables{s}.greetedCharset())
	if s.conn.Capabilities&mysql.ClientInteractive != 0 {
		s.vars.SetText("wait_timeout", s.vars.Text("interactive_timeout"))
	}
	s.identity = privilege.Login(s.eng.db.Catalog(), &s.eng.merged, s.conn.Account.User, s.conn.Account.Host,
		s.eng.vars.Global("mandatory_roles"), s.eng.vars.Global("activate_all_roles_on_login") == "ON")
}

// beginStatement prepares for a statement of the given command; the result is its context.
func (s *Session) beginStatement(parent context.Context, command *string, text *string) context.Context {
	now := s.eng.cfg.Now()
	s.measured.begin(now)
	s.proc.Work(command, text, now)
	if !s.vars.FixedNow.IsZero() {
		now = s.vars.FixedNow
	}
	ctx := s.run.Begin(parent)
	s.env = expr.Env{Now: now, System: sysvar.SystemZone(), MaxPacket: s.vars.MaxPacket, Typing: &s.vars.Typing, Warn: s.env.Warn, Session: s.env.Session, Ctx: ctx,
		Memory: &s.statementMemory}
	s.rt = exec.Runtime{
		Env: &s.env, Room: spill.Room{Memory: &s.statementMemory, Space: s.eng.cfg.Space, Used: &s.measured.usage}, Warn: s.shardWarner,
		Processors: &s.eng.admission, FoundRowsFlag: s.foundRowsFlag(), Session: uint64(s.conn.ID), Committed: s.tx.Past().Told(),
	}
	variables{s}.follow()
	execution{s}.look()
	s.sent, s.inherited, s.stmtInsertID = false, 0, 0
	s.outcome = sql.Outcome{}
	return ctx
}

// follow gives the statement what it has of the variables in other places.
func (s variables) follow() {
	s.vars.Mode.Today = s.today.Of(s.env.Now, s.vars.Mode.Loc)
	s.env.Mode, s.rt.LockWait, s.rt.RowsOnly, s.rt.InsertID = s.vars.Mode, s.vars.LockWait, s.vars.RowsOnly, &s.vars.InsertID
}

func (s *Session) endStatement() {
	s.leavePlace()
	s.locks.Done()
	s.tx.Past().Ended()
	s.trim()
	s.measured.end(s.proc.Command.Load())
	s.statementMemory.Close()
	s.run.End()
	s.proc.Rest(s.env.Now)
}

func (s *Session) foundRowsFlag() bool { return s.conn.Capabilities&mysql.ClientFoundRows != 0 }

// done ends a statement's result with an OK of what s.outcome says.
func (s *Session) done(w sql.ResultWriter) error {
	s.outcome.Warnings = min(s.conds.Total-s.inherited, maxWarningCount) // SHOW WARNINGS has none of its own
	s.outcome.Status = s.status()
	s.outcome.More = s.more
	s.sent = true
	return w.Done(&s.outcome)
}

const maxWarningCount = 65535 // what the field of the protocol holds

// status gives the status flags of the protocol.
func (s *Session) status() uint16 {
	var f uint16
	if s.vars.Autocommit {
		f |= mysql.ServerStatusAutocommit
	}
	if s.tx.In() {
		f |= mysql.ServerStatusInTrans
		if s.tx.ReadOnly() {
			f |= statusInTransReadOnly
		}
	}
	if s.vars.SQLMode&mysql.ModeNoBackslashEscapes != 0 {
		f |= mysql.ServerStatusNoBackslashEscaped
	}
	return f
}

const statusInTransReadOnly = 0x2000 // SERVER_STATUS_IN_TRANS_READONLY

// Status gives the status flags for packets outside a result, and the warning count.
func (s *Session) Status() (flags uint16, warnings int) {
	return s.status(), min(s.conds.Total, maxWarningCount)
}

// UseDB changes the current database. 1049, 1044.
func (s *Session) UseDB(ctx context.Context, db string) error { return s.useDB(ctx, db) }

func (s *Session) useDB(ctx context.Context, db string) error {
	if db == "" {
		return mysqlerr.New(mysqlerr.NoDB)
	}
	if virtual.IsVirtual(db) {
		if !s.account().Visible(db) {
			return s.account().DeniedDB(db)
		}
		s.setDB(strings.ToLower(db))
		return nil
	}
	if _, ok := s.eng.db.Catalog().Database(db); !ok {
		if err := s.eng.db.RefreshCatalog(ctx); err != nil {
			return err
		}
		if _, ok := s.eng.db.Catalog().Database(db); !ok {
			return mysqlerr.New(mysqlerr.BadDB, db)
		}
	}
	if !s.account().Visible(db) {
		return s.account().DeniedDB(db)
	}
	s.setDB(db)
	return nil
}

func (s *Session) setDB(db string) {
	s.db = db
	s.proc.DB.Store(&db)
}

// Reset is COM_RESET_CONNECTION.
func (s *Session) Reset(ctx context.Context) error {
	err := s.tx.Rollback(context.WithoutCancel(ctx))
	s.own.Drop()
	s.locks.UnlockAll()
	s.locks.UnlockInstance()
	s.locks.ReleaseNames()
	s.initialState()
	return err
}

// ChangeUser is COM_CHANGE_USER after the new account has authenticated.
func (s *Session) ChangeUser(ctx context.Context, c *sql.ConnInfo) error {
	if err := s.Reset(ctx); err != nil {
		return err
	}
	s.eng.forget(s)
	id := s.conn.ID
	s.conn, s.expired = c, c.Account.Expired
	if c.ID == 0 {
		c.ID = id
	}
	s.shared.Store(c)
	if err := s.eng.enter(s); err != nil {
		return err
	}
	s.initialState()
	s.setDB("")
	if c.DB != "" {
		return s.useDB(ctx, c.DB)
	}
	return nil
}

// Close rolls back and releases everything.
func (s *Session) Close() {
	s.closeOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.tx.Rollback(ctx) // first: what LOCK TABLES protects must be undone by the time that others see the tables
		s.own.Drop()
		s.locks.UnlockAll()
		s.locks.UnlockInstance()
		s.locks.ReleaseNames()
		s.eng.forget(s)
		s.run.Close()
		s.forgetKept()
		s.leavePlace()
		s.memory.Close()
	})
}

// account gives the session's account as it is now, with its active roles.
func (s *Session) account() privilege.Account {
	c := s.eng.db.Catalog()
	a, ok := s.identity.At(c.Version())
	if !ok {
		a = s.identity.Account(c, s.conn.Account.User, s.conn.Account.Host, s.eng.vars.Global("mandatory_roles"))
	}
	return a
}

// mapError turns what an execution ended with into what the client is told.
func (s *Session) mapError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var e *mysqlerr.Error
	if errors.As(err, &e) {
		return err
	}
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.As(cause, &e) {
			return cause
		}
		return errInterrupted
	}
	if errors.Is(err, distributed.ErrSchemaChanged) {
		return mysqlerr.New(mysqlerr.TableDefChanged)
	}
	return err
}

// isAny tells whether err has one of the codes.
func isAny(err error, codes ...uint16) bool {
	return err != nil && slices.Contains(codes, mysqlerr.Code(err))
}
