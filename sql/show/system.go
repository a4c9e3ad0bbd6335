package show

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/auth"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// accounts lists the accounts that the session may read of: all for those who may read mysql.user, or its own.
func accounts(s *virtual.Scan) []*catalog.User {
	if s.Access(uint64(mysql.SelectPriv), virtual.MySQLDB, "user") == nil {
		return s.Catalog().Users()
	}
	if u := s.Account(); u != nil {
		return []*catalog.User{u}
	}
	return nil
}

func mysqlUser(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.SelectPriv), virtual.MySQLDB, "user"); err != nil {
		return err
	}
	columns := virtual.Find(virtual.MySQLDB, "user").Cols
	for _, u := range s.Catalog().Users() {
		row := make([]types.Value, len(columns))
		for i := range columns {
			row[i] = userColumn(s, u, columns[i].Name)
		}
		if err := s.Row(row...); err != nil {
			return err
		}
	}
	return nil
}

func userColumn(s *virtual.Scan, u *catalog.User, column string) types.Value {
	switch column {
	case "Host":
		return types.Str(u.Host)
	case "User":
		return types.Str(u.Name)
	case "Grant_priv":
		return yOrN(u.GrantOption || u.Global&uint64(mysql.GrantPriv) != 0)
	case "plugin":
		return types.Str(u.Plugin)
	case "authentication_string":
		return types.Str(auth.FormatAuthString(u.Plugin, u.Secret))
	case "account_locked":
		return yOrN(u.Locked)
	case "password_expired":
		return yOrN(u.Expired)
	case "password_last_changed":
		if u.Changed == 0 {
			return types.Null
		}
		return virtual.LocalTime(s, time.Unix(u.Changed, 0))
	case "password_lifetime":
		return ownNumber(u.Lifetime)
	case "Password_reuse_history":
		return ownNumber(u.History)
	case "Password_reuse_time":
		return ownNumber(u.Reuse)
	case "Password_require_current":
		if u.RequireCurrent == nil {
			return types.Null
		}
		return yOrN(*u.RequireCurrent)
	case "User_attributes":
		return userAttributes(u)
	case "ssl_type", "ssl_cipher", "x509_issuer", "x509_subject":
		return requirementColumn(u.Require, column)
	case "max_questions":
		return virtual.Num(u.Limits.Questions)
	case "max_updates":
		return virtual.Num(u.Limits.Updates)
	case "max_connections":
		return virtual.Num(u.Limits.Connections)
	case "max_user_connections":
		return virtual.Num(u.Limits.Sessions)
	}
	if priv, ok := mysql.Col2PrivType[column]; ok {
		return yOrN(holds(u.Global, priv))
	}
	return types.Null
}

// userAttributes is what has no column of its own.
func userAttributes(u *catalog.User) types.Value {
	var parts []string
	if u.Attributes != "" {
		parts = append(parts, `"metadata": `+u.Attributes)
	}
	if len(u.Restrictions) > 0 {
		parts = append(parts, `"Restrictions": [`+strings.Join(restrictions(u), ", ")+"]")
	}
	if u.FailedLogins != 0 || u.LockDays != 0 {
		parts = append(parts, fmt.Sprintf(`"Password_locking": {"failed_login_attempts": %d, "password_lock_time_days": %d}`, u.FailedLogins, u.LockDays))
	}
	if len(u.Retained) > 0 {
		second := types.AppendJSONString(nil, []byte(auth.FormatAuthString(u.Plugin, u.Retained)))
		parts = append(parts, `"additional_password": `+string(second))
	}
	if len(parts) == 0 {
		return types.Null
	}
	return types.JSON([]byte("{" + strings.Join(parts, ", ") + "}")) // in normal form: the shorter key first
}

// restrictions are an account's partial revokes as JSON.
func restrictions(u *catalog.User) (list []string) {
	for _, db := range slices.Sorted(maps.Keys(u.Restrictions)) {
		var names []string
		for _, p := range append(slices.Clone(mysql.AllDBPrivs), mysql.GrantPriv) {
			if u.Restrictions[db]&uint64(p) != 0 {
				names = append(names, strconv.Quote(strings.ToUpper(mysql.Priv2Str[p])))
			}
		}
		name := types.AppendJSONString(nil, []byte(db))
		list = append(list, fmt.Sprintf(`{"Database": %s, "Privileges": [%s]}`, name, strings.Join(names, ", ")))
	}
	return list
}

// ownNumber is a rule for passwords; NULL where the account has none of its own.
func ownNumber(n *uint16) types.Value {
	if n == nil {
		return types.Null
	}
	return virtual.Num(*n)
}

// requirementColumn is what mysql.user has of REQUIRE.
func requirementColumn(r *catalog.Requirement, column string) types.Value {
	if r == nil {
		r = &catalog.Requirement{}
	}
	switch column {
	case "ssl_cipher":
		return types.Str(r.Cipher)
	case "x509_issuer":
		return types.Str(r.Issuer)
	case "x509_subject":
		return types.Str(r.Subject)
	}
	kind := ""
	switch {
	case r.Specified():
		kind = "SPECIFIED"
	case r.X509:
		kind = "X509"
	case r.TLS:
		kind = "ANY"
	}
	return types.Str(kind)
}

func yOrN(yes bool) types.Value {
	if yes {
		return types.Str("Y")
	}
	return types.Str("N")
}

func mysqlDatabases(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.SelectPriv), virtual.MySQLDB, "db"); err != nil {
		return err
	}
	columns := virtual.Find(virtual.MySQLDB, "db").Cols
	for _, u := range s.Catalog().Users() {
		for _, db := range slices.Sorted(maps.Keys(u.DBs)) {
			row := []types.Value{types.Str(u.Host), types.Str(db), types.Str(u.Name)}
			for i := len(row); i < len(columns); i++ {
				row = append(row, yOrN(holds(u.DBs[db], mysql.Col2PrivType[columns[i].Name])))
			}
			if err := s.Row(row...); err != nil {
				return err
			}
		}
	}
	return nil
}

// mysqlTimeZoneNames has the zones of this program; their numbers are their places in the list.
func mysqlTimeZoneNames(s *virtual.Scan) error {
	for i, name := range zones.Names() {
		if err := s.Row(types.Str(name), virtual.Num(i+1)); err != nil {
			return err
		}
	}
	return nil
}

func mysqlTimeZones(s *virtual.Scan) error {
	for i := range zones.Names() {
		if err := s.Row(virtual.Num(i+1), types.Str("N")); err != nil {
			return err
		}
	}
	return nil
}

func sysVersion(s *virtual.Scan) error {
	version, _ := s.Variable(true, "version")
	return s.Row(types.Str("2.1.2"), types.Str(version))
}

func infoUserPrivileges(s *virtual.Scan) error {
	for _, u := range accounts(s) {
		err := eachPrivilege(u.Global, globalScope, func(name string) error {
			return s.Row(types.Str(grantee(u)), types.Str(def), types.Str(name),
				virtual.YesNo(u.GrantOption || u.Global&uint64(mysql.GrantPriv) != 0))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func infoSchemaPrivileges(s *virtual.Scan) error {
	for _, u := range accounts(s) {
		for _, db := range slices.Sorted(maps.Keys(u.DBs)) {
			if u.DBs[db] == 0 || !s.Wants("table_schema", db) {
				continue
			}
			err := eachPrivilege(u.DBs[db], databaseScope, func(name string) error {
				return s.Row(types.Str(grantee(u)), types.Str(def), types.Str(db), types.Str(name),
					virtual.YesNo(u.DBs[db]&uint64(mysql.GrantPriv) != 0))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func infoUserAttributes(s *virtual.Scan) error {
	for _, u := range accounts(s) {
		if err := s.Row(types.Str(u.Name), types.Str(u.Host), virtual.Optional(u.Attributes)); err != nil {
			return err
		}
	}
	return nil
}

func grantee(u *catalog.User) string {
	return fmt.Sprintf("'%s'@'%s'", strings.ReplaceAll(u.Name, "'", "''"), strings.ReplaceAll(u.Host, "'", "''"))
}
