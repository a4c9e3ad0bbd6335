package privilege

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
)

// Account is an account with what it may do, as a catalog has it.
type Account struct{ *catalog.User }

// Has tells whether the account has priv everywhere.
func (a Account) Has(priv mysql.PrivilegeType) bool {
	return effective(a.Global)&uint64(priv) != 0
}

// HasOn tells whether the account has priv on a database.
func (a Account) HasOn(priv mysql.PrivilegeType, db string) bool {
	if effective(a.Global)&uint64(priv) != 0 {
		return true
	}
	switch {
	case strings.EqualFold(db, "mysql"):
		db = "mysql"
	case virtual.IsVirtual(db):
		return priv == mysql.SelectPriv
	}
	return privilegesOn(a.User, db)&uint64(priv) != 0
}

// Visible tells whether the account holds any privilege on a database.
func (a Account) Visible(db string) bool {
	if virtual.IsVirtual(db) && !strings.EqualFold(db, "mysql") {
		return true
	}
	if virtual.IsVirtual(db) {
		return effective(a.Global)&^uint64(mysql.UsagePriv) != 0
	}
	return privilegesOn(a.User, db)&^uint64(mysql.UsagePriv) != 0
}

// who is the account, for messages.
func (a Account) who() (user, host string) { return a.Name, a.Host }

// DeniedDB is 1044.
func (a Account) DeniedDB(db string) error {
	user, host := a.who()
	return mysqlerr.New(mysqlerr.DBaccessDenied, user, host, db)
}

func (a Account) deniedTable(priv mysql.PrivilegeType, table string) error {
	user, host := a.who()
	return mysqlerr.New(mysqlerr.TableaccessDenied, strings.ToUpper(mysql.Priv2Str[priv]), user, host, table)
}

// needs is 1227 where the account lacks all of the global privileges.
func (a Account) needs(privs ...mysql.PrivilegeType) error {
	names := make([]string, len(privs))
	for i, p := range privs {
		if a.Has(p) {
			return nil
		}
		names[i] = strings.ToUpper(mysql.Priv2Str[p])
	}
	return mysqlerr.New(mysqlerr.SpecificAccessDenied, strings.Join(names, " or "))
}

// Access checks one privilege: on a table (1142), on a database (table "", 1044), or on everything (db "", 1227).
func (a Account) Access(priv mysql.PrivilegeType, db, table string) error {
	switch {
	case db == "":
		return a.needs(priv)
	case a.HasOn(priv, db):
		return a.writable(priv, db)
	case table == "":
		return a.DeniedDB(db)
	}
	return a.deniedTable(priv, table)
}

// writable refuses changes of the databases that the server makes up.
func (a Account) writable(priv mysql.PrivilegeType, db string) error {
	const reading = mysql.SelectPriv | mysql.ShowViewPriv | mysql.LockTablesPriv | mysql.ProcessPriv
	if priv&reading == 0 && virtual.IsVirtual(db) {
		return a.DeniedDB(db)
	}
	return nil
}

// Grants is nil where the account has all that is needed. What is wrong with tables comes before what is with columns.
func (a Account) Grants(list []Need) error {
	for _, columns := range []bool{false, true} {
		for i := range list {
			if n := &list[i]; (n.column != "") == columns {
				if err := a.granted(n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// granted is nil where the account has what is needed: otherwise 1142 for a table, 1143 for a column, 1044 for a database
// and 1227 for what holds everywhere.
func (a Account) granted(n *Need) error {
	if n.check != nil {
		return n.check(a)
	}
	if n.db == "" {
		return a.needs(n.privs...)
	}
	var missing []string
	for _, p := range n.privs {
		if !a.HasOn(p, n.db) {
			missing = append(missing, strings.ToUpper(mysql.Priv2Str[p]))
		} else if err := a.writable(p, n.db); err != nil && !n.any {
			return err
		}
	}
	user, host := a.who()
	switch {
	case len(missing) == 0, n.any && len(missing) < len(n.privs):
		return nil
	case n.table == "":
		return a.DeniedDB(n.db)
	case n.column != "":
		return mysqlerr.New(mysqlerr.ColumnaccessDenied, missing[0], user, host, n.column, n.table)
	case n.locking:
		return mysqlerr.New(mysqlerr.TableaccessDenied, "SELECT with locking clause", user, host, n.table)
	}
	return mysqlerr.New(mysqlerr.TableaccessDenied, strings.Join(missing, ", "), user, host, n.table)
}

// MaySetGlobal: SET GLOBAL and SET PERSIST. 1227.
func (a Account) MaySetGlobal() error {
	if !a.Has(mysql.SuperPriv) {
		return mysqlerr.New(mysqlerr.SpecificAccessDenied, "SUPER or SYSTEM_VARIABLES_ADMIN")
	}
	return nil
}

func quoteAccount(user, host string) string { return fmt.Sprintf("'%s'@'%s'", user, host) }
