package session

import (
	"fmt"
	"slices"
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
	switch {
	case strings.EqualFold(db, "mysql"):
		db = "mysql"
	case show.IsVirtual(db):
		return priv == mysql.SelectPriv
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

// grants is nil where the account has all that is needed. What is wrong with tables comes before what is with columns.
func (s *Session) grants(list []need) error {
	for _, columns := range []bool{false, true} {
		for i := range list {
			if n := &list[i]; (n.column != "") == columns {
				if err := s.granted(n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// granted is nil where the account has what is needed: otherwise 1142 for a table, 1143 for a column, 1044 for a database
// and 1227 for what holds everywhere.
func (s *Session) granted(n *need) error {
	if n.check != nil {
		return n.check()
	}
	if n.db == "" {
		return s.needs(n.privs...)
	}
	var missing []string
	for _, p := range n.privs {
		if !s.hasOn(p, n.db) {
			missing = append(missing, strings.ToUpper(mysql.Priv2Str[p]))
		} else if err := s.writable(p, n.db); err != nil && !n.any {
			return err
		}
	}
	user, host := s.who()
	switch {
	case len(missing) == 0, n.any && len(missing) < len(n.privs):
		return nil
	case n.table == "":
		return s.deniedDB(n.db)
	case n.column != "":
		return mysqlerr.New(mysql.ErrColumnaccessDenied, missing[0], user, host, n.column, n.table)
	case n.locking:
		return mysqlerr.New(mysql.ErrTableaccessDenied, "SELECT with locking clause", user, host, n.table)
	}
	return mysqlerr.New(mysql.ErrTableaccessDenied, strings.Join(missing, ", "), user, host, n.table)
}

// planAccess notes the tables that a plan uses, for table locks. What it uses and needsOf has not found among the statement's
// names is asked for here: no mistake there may open a table.
func (s *Session) planAccess(priv uint64, db, table string) error {
	p := mysql.PrivilegeType(priv)
	s.noteUse(p, db, table)
	for i := range s.planNeeds {
		// A plan looks for the rows that a statement changes, whether or not the statement reads of their columns.
		if n := &s.planNeeds[i]; n.db == db && n.table == table && (p == mysql.SelectPriv || slices.Contains(n.privs, p)) {
			return nil
		}
	}
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
