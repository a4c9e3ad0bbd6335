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
type Account struct {
	*catalog.User
	// Partial: partial_revokes is on. Names of databases have no wildcards then.
	Partial bool
}

// AccountOf is the account of a record, of a catalog.
func AccountOf(c *catalog.Snapshot, u *catalog.User) Account { return Account{u, partialRevokes(c)} }

// Has tells whether the account has priv everywhere.
func (a Account) Has(priv mysql.PrivilegeType) bool {
	return effective(a.Global)&uint64(priv) != 0
}

// HasOn tells whether the account has priv on a database.
func (a Account) HasOn(priv mysql.PrivilegeType, db string) bool {
	switch {
	case strings.EqualFold(db, "mysql"):
		db = "mysql"
	case virtual.IsVirtual(db):
		return priv == mysql.SelectPriv || a.Has(priv)
	}
	return a.on(db)&uint64(priv) != 0
}

// Visible tells whether the account holds any privilege on a database.
func (a Account) Visible(db string) bool {
	switch {
	case strings.EqualFold(db, "mysql"):
		db = "mysql"
	case virtual.IsVirtual(db):
		return true
	}
	return a.on(db)&^uint64(mysql.UsagePriv) != 0 || len(a.Tables[db]) > 0
}

// VisibleTable tells whether the account holds any privilege on a table, or on columns of it.
func (a Account) VisibleTable(db, table string) bool {
	if virtual.IsVirtual(db) || a.on(db)&^uint64(mysql.UsagePriv) != 0 {
		return true
	}
	_, ok := a.Tables[db][table]
	return ok
}

// hasOnTable tells whether the account has priv on all of a table.
func (a Account) hasOnTable(priv mysql.PrivilegeType, db, table string) bool {
	return a.HasOn(priv, db) || a.Tables[db][table].Mask&uint64(priv) != 0
}

// missingColumn gives the first of the columns that the account lacks priv on; any column will do where none is named. none tells
// that it has priv on no column of the table.
func (a Account) missingColumn(priv mysql.PrivilegeType, db, table string, columns []string) (column string, none bool) {
	none = true
	g := a.Tables[db][table]
	for _, mask := range g.Columns {
		none = none && mask&uint64(priv) == 0
	}
	for _, c := range columns {
		if g.Columns[strings.ToLower(c)]&uint64(priv) == 0 {
			return c, none
		}
	}
	return "", none
}

// HasDynamic tells whether the account has a privilege that has no bit: who has SUPER has all, as it was before there were any.
func (a Account) HasDynamic(name string) bool {
	_, ok := a.Dynamic[name]
	return ok || a.Has(mysql.SuperPriv)
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
		if p == mysql.FilePriv { // MySQL names no privilege where files are asked for
			return a.deniedFiles()
		}
		names[i] = strings.ToUpper(mysql.Priv2Str[p])
	}
	return mysqlerr.New(mysqlerr.SpecificAccessDenied, strings.Join(names, ", "))
}

// deniedFiles is 1045.
func (a Account) deniedFiles() error {
	user, host := a.who()
	password := "NO"
	if len(a.Secret) > 0 {
		password = "YES"
	}
	return mysqlerr.New(mysqlerr.AccessDenied, user, host, password)
}

// Access checks one privilege: on a table (1142), on a database (table "", 1044), or on everything (db "", 1227).
func (a Account) Access(priv mysql.PrivilegeType, db, table string) error {
	switch {
	case db == "":
		return a.needs(priv)
	case table != "" && a.hasOnTable(priv, db, table), a.HasOn(priv, db):
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
	column := n.column
	for _, p := range n.privs {
		if n.table == "" && !a.HasOn(p, n.db) || n.table != "" && !a.hasOnTable(p, n.db, n.table) {
			if columns, ok := n.columns[p]; ok {
				c, none := a.missingColumn(p, n.db, n.table, columns)
				if c == "" && !none {
					continue
				}
				if !none && !n.whole {
					column, missing = c, missing[:0]
				}
			}
			if missing = append(missing, strings.ToUpper(mysql.Priv2Str[p])); column != "" && column != n.column {
				break
			}
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
	case column != "":
		return mysqlerr.New(mysqlerr.ColumnaccessDenied, missing[0], user, host, column, n.table)
	case n.locking:
		return mysqlerr.New(mysqlerr.TableaccessDenied, "SELECT with locking clause", user, host, n.table)
	}
	return mysqlerr.New(mysqlerr.TableaccessDenied, strings.Join(missing, ", "), user, host, n.table)
}

// MaySetGlobal: SET GLOBAL and SET PERSIST. 1227.
func (a Account) MaySetGlobal() error {
	if !a.HasDynamic("SYSTEM_VARIABLES_ADMIN") {
		return mysqlerr.New(mysqlerr.SpecificAccessDenied, "SUPER or SYSTEM_VARIABLES_ADMIN")
	}
	return nil
}

func quoteAccount(user, host string) string { return fmt.Sprintf("'%s'@'%s'", user, host) }
