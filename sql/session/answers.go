package session

import (
	"net"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/dialect"
	"cloudsql/sql/digest"
	"cloudsql/sql/metalock"
	"cloudsql/sql/privilege"
	"cloudsql/sql/sysvar"
	"cloudsql/sql/textfile"
	"cloudsql/sql/uservar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// answers is a session as expressions see it.
type answers struct {
	*metalock.Owner
	uservar.Vars
	s *Session
}

var _ expr.Session = (*answers)(nil)

// SetUserVar sets @name to what of v variables can keep.
func (a *answers) SetUserVar(name string, v types.Value, t types.Type) error {
	v, t = expr.Kept(v, t, a.s.vars.Collation)
	return a.Vars.SetUserVar(name, v, t)
}

// SysVar gives @@name in a scope: "", "session" or "global". Errors: 1193 unknown, 1238 not in that scope.
func (a *answers) SysVar(scopeName, name string) (types.Value, types.Type, error) {
	v, err := sysvar.Lookup(a.s.eng.db.Catalog(), name)
	if err != nil {
		return types.Null, types.Type{}, err
	}
	s := a.s
	var text string
	switch {
	case scopeName == "global":
		if v.Scope&sysvar.Global == 0 {
			return types.Null, types.Type{}, mysqlerr.New(mysqlerr.IncorrectGlobalLocalVar, v.Name, "SESSION")
		}
		text = s.vars.Global(v)
	case scopeName == "session" && v.Scope&sysvar.Session == 0:
		return types.Null, types.Type{}, mysqlerr.New(mysqlerr.IncorrectGlobalLocalVar, v.Name, "GLOBAL")
	default:
		text = s.vars.Of(v)
	}
	val, typ := v.Value(text)
	return val, typ, nil
}

func (a *answers) LastInsertID() uint64 { return a.s.vars.LastInsertID }

// SetLastInsertID is LAST_INSERT_ID(expr): it is also what the OK packet of the statement tells.
func (a *answers) SetLastInsertID(id uint64) { a.s.vars.LastInsertID, a.s.stmtInsertID = id, id }

func (a *answers) RowCount() int64      { return a.s.rowCount }
func (a *answers) FoundRows() uint64    { return a.s.foundRows }
func (a *answers) ConnectionID() uint64 { return a.s.ConnectionID() }

// CurrentDB gives the current database.
func (a *answers) CurrentDB() (string, bool) { return a.s.db, a.s.db != "" }

// LoadFile is LOAD_FILE.
func (a *answers) LoadFile(name string, most int) (content []byte, ok bool) {
	if !a.s.account().Has(mysql.FilePriv) {
		return nil, false
	}
	return textfile.Dir(a.s.eng.cfg.FileDir).Content(name, most, a.s.statementMemory.Make)
}

// Digest is STATEMENT_DIGEST() and STATEMENT_DIGEST_TEXT(). 3676.
func (a *answers) Digest(text string) (hash, normal string, err error) {
	if !dialect.IsStatement(text, a.s.vars.SQLMode) {
		return "", "", mysqlerr.New(mysqlerr.ParseErrorInDigest, text)
	}
	hash, normal = digest.Of(text)
	return hash, normal, nil
}

// CurrentRole is CURRENT_ROLE().
func (a *answers) CurrentRole() string { return privilege.CurrentRole(a.s.identity.Active) }

// User gives the user as the client named it, with the client's host.
func (a *answers) User() string { return a.s.conn.ClientUser + "@" + a.clientHost() }

// CurrentUser gives the account.
func (a *answers) CurrentUser() string { return a.s.conn.Account.User + "@" + a.s.conn.Account.Host }

// Version is VERSION().
func (a *answers) Version() string { return a.s.eng.ServerVersion() }

// ConnectionID is the connection's id in the process list.
func (s *Session) ConnectionID() uint64 { return uint64(s.conn.ID) }

// clientHost is the client's address without its port.
func (a *answers) clientHost() string {
	host, _, err := net.SplitHostPort(a.s.conn.RemoteAddr)
	if err != nil {
		host = a.s.conn.RemoteAddr
	}
	if host == "" || privilege.IsLoopback(host) {
		return "localhost"
	}
	return host
}
