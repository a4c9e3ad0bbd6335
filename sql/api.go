// Package sql is what the protocol sees of the SQL layer: sessions that run statements and write their results.
// The implementation lives in the packages below (session, ddl, …).
package sql

import (
	"context"
	"io"
	"sync/atomic"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// Column describes one column of a result set.
type Column = types.Field

// Header is a result set's columns. A cached plan keeps one Header for all its executions, so the protocol can keep the
// encoded column definitions in Encoded (its own business; nil at first).
type Header struct {
	Columns []Column
	Encoded atomic.Pointer[[]byte]
}

// Outcome ends one statement's result.
type Outcome struct {
	AffectedRows uint64
	LastInsertID uint64
	Info         string // "Rows matched: 1  Changed: 1  Warnings: 0" and the like
	Warnings     int    // warning_count after the statement
	Status       uint16 // mysql.ServerStatusAutocommit, ServerStatusInTrans, …
	More         bool   // another result follows (multi-statements)
}

// ResultWriter receives one statement's result: Header, Rows and Done for a result set; Done alone for an OK. It may
// be used again for the next statement of a multi-statement query after Done with More set. An error of a statement is
// returned by the session's method instead, never written. Values are read before Row returns. Writers may block on a
// slow client; they return an error once the client is gone.
type ResultWriter interface {
	Header(h *Header) error
	Row(vals []types.Value) error
	Done(o *Outcome) error
}

// LocalFiles is a ResultWriter whose client may be asked for a file (LOAD DATA LOCAL), before any of the result is written. The
// file must be closed before the statement is answered.
type LocalFiles interface {
	LocalFile(name string) (io.ReadCloser, error)
}

// Account is what authentication needs to know of a user.
type Account struct {
	User, Host   string // as matched: "root"@"localhost", "app"@"%"
	Plugin       string // "caching_sha2_password" or "mysql_native_password"
	Secret       []byte // native: SHA1(SHA1(password)), 20 bytes; sha2: MySQL's "$A$005$" + salt + digest string; empty: no password
	Retained     []byte // of a second password, which will do as well; empty: there is none
	Locked       bool
	Expired      bool // the password has expired
	LoopbackOnly bool // accepted from 127.0.0.0/8, ::1 only (the initial root)
	Require      Requirement
}

// Requirement is what an account asks of a client's connection; the zero value: nothing.
type Requirement struct {
	TLS     bool
	X509    bool   // a certificate of the client's that the server can verify
	Subject string // of that certificate, as OpenSSL prints it in one line; "": any
	Issuer  string
	Cipher  string // as OpenSSL names it
}

// ConnInfo is what a session knows of its connection. The protocol never changes one that a session has, ChangeUser brings
// another, with one exception: COM_SET_OPTION switches MULTI_STATEMENTS in Capabilities, between two commands of the session.
type ConnInfo struct {
	ID           uint32
	Account      Account
	ClientUser   string // as the client sent it
	RemoteAddr   string // host:port
	DB           string // initial database, may be empty
	Capabilities uint32 // negotiated; FOUND_ROWS and MULTI_STATEMENTS matter to the session
	Collation    collation.ID
	Attributes   map[string]string
	TLS          bool
	TLSVersion   string // as OpenSSL names it, e.g. "TLSv1.3"; empty without TLS
	TLSCipher    string
	Kill         func() // closes the connection; for KILL from another session
}

// Engine is the SQL layer of a node. One may offer MaxConnections() int, which the protocol asks for at each new connection.
type Engine interface {
	// Lookup finds the account that matches user at host (an IP address, "localhost" for loopback); ok is false where none does.
	Lookup(user, host string) (a Account, ok bool)
	// Admit is told of each try to log in to an account: whether it has shown the password. Error 3955: too many failed.
	Admit(a *Account, proved bool) error
	// Open starts a session. Errors: 1049 unknown database, 1044 access denied to it, 1040 too many connections.
	Open(ctx context.Context, c *ConnInfo) (Session, error)
	// ServerVersion is what the greeting shows, e.g. "8.0.36-cloudsql-0.1".
	ServerVersion() string
	// Status is COM_STATISTICS's line.
	Status() string
}

// Limits are a session's, as they are when it opens.
type Limits struct {
	MaxAllowedPacket int  // bytes of one request
	Administrator    bool // may use the one connection beyond max_connections
}

// Statement is a prepared statement of one session.
type Statement interface {
	ID() uint32
	ParamCount() int
	Header() *Header // nil when the statement gives no rows or its columns are known at execution only
	Close()
}

// Session runs one connection's statements, one at a time. Every error is a *mysqlerr.Error or wraps one.
//
// A session may offer more, which the protocol asks for around each command:
//
//	Limits() Limits                                   what the connection may do (default: the server's configuration)
//	Memory() *memory.Account                          that is charged with what the connection holds for the session
//	WaitTimeout() time.Duration                       wait_timeout or interactive_timeout (default 8 h)
//	NetTimeouts() (read, write time.Duration)         net_read_timeout, net_write_timeout (default: the server's configuration)
//	Charsets() (client, results collation.ID)      character_set_client and _results (default UTF-8); the protocol
//	                                                  converts, so that a session sees and gives UTF-8 only
type Session interface {
	// Query runs the statements in text (several only with MULTI_STATEMENTS). A statement that fails ends the query.
	Query(ctx context.Context, text string, w ResultWriter) error
	Prepare(ctx context.Context, text string) (Statement, error)
	Execute(ctx context.Context, s Statement, params []types.Value, w ResultWriter) error
	// FieldList serves COM_FIELD_LIST: the columns of a table that match a LIKE pattern, defaults as text (nil for NULL).
	FieldList(ctx context.Context, table, pattern string) (cols []Column, defaults [][]byte, err error)
	UseDB(ctx context.Context, db string) error
	// Status gives the server status flags for packets outside a result (PING, INIT_DB), and the warning count.
	Status() (flags uint16, warnings int)
	// Reset is COM_RESET_CONNECTION: rolls back, drops prepared statements, user variables and temporary state.
	Reset(ctx context.Context) error
	// ChangeUser is COM_CHANGE_USER after the new account has authenticated: as Reset, then the new identity.
	ChangeUser(ctx context.Context, c *ConnInfo) error
	// Cancel asks the running statement to stop with 1317 (KILL QUERY); safe from any goroutine.
	Cancel()
	// Close rolls back and releases everything. Safe after any error; idempotent.
	Close()
}

// Same tells whether two headers tell a client the same.
func (h *Header) Same(o *Header) bool {
	if len(h.Columns) != len(o.Columns) {
		return false
	}
	for i := range h.Columns {
		x, y := &h.Columns[i], &o.Columns[i]
		if x.Name != y.Name || x.OrgName != y.OrgName || x.Table != y.Table || x.OrgTable != y.OrgTable ||
			x.Schema != y.Schema || x.Flags != y.Flags || x.Type.ID != y.Type.ID || x.Type.Unsigned != y.Type.Unsigned ||
			x.Type.Length != y.Type.Length || x.Type.Decimals != y.Type.Decimals || x.Type.Collation != y.Type.Collation {
			return false
		}
	}
	return true
}
