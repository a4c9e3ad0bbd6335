package virtual

import (
	"context"
	"slices"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/digest"
	"cloudsql/storage/expr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// Context is one session's view of the server. A session gives it for the length of one statement; it is used by one
// goroutine at a time.
type Context interface {
	DB() distributed.DB
	// Catalog is the snapshot that the statement works on; the same one all along.
	Catalog() *catalog.Snapshot
	CurrentDB() string // "" when none is chosen
	Env() *expr.Env    // mode, time, parameters and expr.Session of the session

	// Access is nil where the account has priv (one parser/mysql.PrivilegeType) on the table; table "" asks about the
	// Database, db "" about the server. Otherwise 1044, 1142 or 1227.
	Access(priv uint64, db, table string) error
	// Visible tells whether the account holds any privilege on the database, so that SHOW DATABASES lists it.
	Visible(db string) bool
	// VisibleTable tells whether it holds one on a table of it, or on a column of that.
	VisibleTable(db, table string) bool
	// Account is the account's record; a copy that may not be changed.
	Account() *catalog.User

	// Variable is a system variable as SHOW VARIABLES prints it ("ON", "utf8mb4", "28800"). ok is false for an unknown
	// Name. Variables calls fn for every variable that the scope shows, in order of name.
	Variable(global bool, name string) (value string, ok bool)
	Variables(global bool, fn func(name, value string))
	// Status calls fn for every status counter in order of name.
	Status(global bool, fn func(name, value string))

	// Processes lists the sessions of all live nodes that the account may see.
	Processes(ctx context.Context) ([]Process, error)
	// Digests sums up the statements of all live nodes, those that took longest first.
	Digests(ctx context.Context) []*digest.Summary
	// Conditions are what SHOW WARNINGS lists of the statement before.
	Conditions() []Condition
	// Warn adds a condition to those of this statement.
	Warn(level string, code uint16, message string)
	// Quote tells how identifiers are printed: false omits backquotes where they are not needed (sql_quote_show_create).
	Quote() bool
}

// Process is a line of SHOW PROCESSLIST.
type Process struct {
	ID      uint64
	User    string
	Host    string // "127.0.0.1:40000", or "localhost" where there is no port
	DB      string // "" for NULL
	Command string // "Query", "Sleep", "Execute", …
	Since   time.Time
	State   string
	Info    string // the statement's text, in full; "" for NULL
	Node    uint64
	Txn     *Transaction // the open one, if there is any
	Uses    []TableUse   // by the open transaction
	Wants   []TableUse   // that a lock of somebody else keeps it from
}

// TableUse is a table that a session reads or writes.
type TableUse struct {
	DB, Table string
	Write     bool
}

// MetadataLocker is what a Context may offer besides: the locks on definitions, and those of GET_LOCK, as the catalog has
// them.
type MetadataLocker interface {
	MetadataLocks() []MetadataLock
}

// MetadataLock is a line of metadata_locks.
type MetadataLock struct {
	Object   string // "TABLE", "GLOBAL" or "USER LEVEL LOCK"
	DB, Name string
	Type     string // "SHARED_READ_ONLY", "EXCLUSIVE", …
	Duration string // "STATEMENT", "TRANSACTION" or "EXPLICIT"
	Pending  bool
	Session  uint64
}

// Transaction is a session's open transaction.
type Transaction struct {
	Started   time.Time
	Isolation string // "REPEATABLE-READ", …
	ReadOnly  bool
	Tables    int // that it has used
}

// Deadlocks is what a Context may offer besides: the newest deadlock that was found in the cluster; nil: none.
type Deadlocks interface {
	LatestDeadlock(ctx context.Context) *DeadlockReport
}

// DeadlockReport is a deadlock with what its transactions' sessions were doing.
type DeadlockReport struct {
	distributed.Deadlock
	Sessions []Process // of the members, in their order; without an ID where one is not known any more
}

// Condition is a line of SHOW WARNINGS, and what GET DIAGNOSTICS tells besides.
type Condition struct {
	Level   string // "Note", "Warning", "Error"
	Code    uint16
	Message string
	State   string            // SQLSTATE; "": that of the code
	Items   map[string]string // that SIGNAL has set, by their names: CLASS_ORIGIN, TABLE_NAME, …
}

// Now is the statement's time.
func Now(c Context) time.Time {
	if t := c.Env().Now; !t.IsZero() {
		return t
	}
	return time.Now()
}

// Location is the session's time zone.
func Location(c Context) *time.Location {
	if loc := c.Env().Mode.Loc; loc != nil {
		return loc
	}
	return time.UTC
}

// LocalTime is a moment as a DATETIME of the session's time zone, whole seconds.
func LocalTime(c Context, t time.Time) types.Value {
	return types.Datetime(temporal.PackTime(t.In(Location(c)).Truncate(time.Second)), 0)
}

// Processes lists the sessions of the cluster in order of id.
func Processes(ctx context.Context, c Context) ([]Process, error) {
	list, err := c.Processes(ctx)
	slices.SortFunc(list, func(a, b Process) int {
		if a.ID != b.ID {
			return int(int64(a.ID) - int64(b.ID)) //nolint:gosec // 32 bits
		}
		return int(int64(a.Node) - int64(b.Node)) //nolint:gosec // small
	})
	return list, err
}

// Seconds is how long a session has been doing what it does.
func (p *Process) Seconds(c Context) types.Value {
	if p.Since.IsZero() {
		return Num(0)
	}
	return Num(max(int64(Now(c).Sub(p.Since)/time.Second), 0))
}
