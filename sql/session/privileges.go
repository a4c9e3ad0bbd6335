package session

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
)

// has tells whether the account has priv everywhere.
func (s *Session) has(priv mysql.PrivilegeType) bool {
	return effective(s.account().Global)&uint64(priv) != 0
}

// hasOn tells whether the account has priv on a database.
func (s *Session) hasOn(priv mysql.PrivilegeType, db string) bool {
	u := s.account()
	if effective(u.Global)&uint64(priv) != 0 {
		return true
	}
	if show.IsVirtual(db) {
		return priv == mysql.SelectPriv && !strings.EqualFold(db, "mysql")
	}
	return privilegesOn(u, db)&uint64(priv) != 0
}

// visible tells whether the account holds any privilege on a database.
func (s *Session) visible(db string) bool {
	if show.IsVirtual(db) && !strings.EqualFold(db, "mysql") {
		return true
	}
	u := s.account()
	if show.IsVirtual(db) {
		return effective(u.Global)&^uint64(mysql.UsagePriv) != 0
	}
	return privilegesOn(u, db)&^uint64(mysql.UsagePriv) != 0
}

// user and host of the account, for messages.
func (s *Session) who() (user, host string) { return s.conn.Account.User, s.conn.Account.Host }

func (s *Session) deniedDB(db string) error {
	user, host := s.who()
	return mysqlerr.New(mysql.ErrDBaccessDenied, user, host, db)
}

func (s *Session) deniedTable(priv mysql.PrivilegeType, table string) error {
	user, host := s.who()
	return mysqlerr.New(mysql.ErrTableaccessDenied, strings.ToUpper(mysql.Priv2Str[priv]), user, host, table)
}

// needs is 1227 where the account lacks all of the global privileges.
func (s *Session) needs(privs ...mysql.PrivilegeType) error {
	names := make([]string, len(privs))
	for i, p := range privs {
		if s.has(p) {
			return nil
		}
		names[i] = strings.ToUpper(mysql.Priv2Str[p])
	}
	return mysqlerr.New(mysql.ErrSpecificAccessDenied, strings.Join(names, " or "))
}

// access checks one privilege: on a table (1142), on a database (table "", 1044), or on everything (db "", 1227).
func (s *Session) access(priv mysql.PrivilegeType, db, table string) error {
	switch {
	case db == "":
		return s.needs(priv)
	case s.hasOn(priv, db):
		return s.writable(priv, db)
	case table == "":
		return s.deniedDB(db)
	}
	return s.deniedTable(priv, table)
}

// writable refuses changes of the databases that the server makes up.
func (s *Session) writable(priv mysql.PrivilegeType, db string) error {
	const reading = mysql.SelectPriv | mysql.ShowViewPriv | mysql.LockTablesPriv | mysql.ProcessPriv
	if priv&reading == 0 && show.IsVirtual(db) {
		return s.deniedDB(db)
	}
	return nil
}

// planAccess is access for the planner. It also notes what the plan uses, for table locks.
func (s *Session) planAccess(priv uint64, db, table string) error {
	p := mysql.PrivilegeType(priv)
	s.noteUse(p, db, table)
	return s.access(p, db, table)
}

// dbOf gives the database of a name: its own or the current one. 1046.
func (s *Session) dbOf(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	if s.db == "" {
		return "", mysqlerr.New(mysql.ErrNoDB)
	}
	return s.db, nil
}

func quoteAccount(user, host string) string { return fmt.Sprintf("'%s'@'%s'", user, host) }
