package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/auth"
	"cloudsql/storage/types"
)

func perfVariables(global bool) func(s *scan) error {
	return func(s *scan) error { return pairs(s, func(fn func(name, value string)) { s.Variables(global, fn) }) }
}

func perfStatus(global bool) func(s *scan) error {
	return func(s *scan) error { return pairs(s, func(fn func(name, value string)) { s.Status(global, fn) }) }
}

// pairs makes rows of names and values.
func pairs(s *scan, list func(fn func(name, value string))) error {
	var err error
	list(func(name, value string) {
		if err == nil {
			err = s.row(str(name), str(value))
		}
	})
	return err
}

func perfProcesses(s *scan) error {
	list, err := processes(s.ctx, s)
	if err != nil {
		return err
	}
	for i := range list {
		p := &list[i]
		err := s.row(num(p.ID), str(p.User), str(p.Host), optional(p.DB), str(p.Command), p.seconds(s), str(p.State),
			optional(p.Info), str("PRIMARY"))
		if err != nil {
			return err
		}
	}
	return nil
}

// perfThreads has a line for each session. Its thread id is the connection's.
func perfThreads(s *scan) error {
	list, err := processes(s.ctx, s)
	if err != nil {
		return err
	}
	null := types.Null
	for i := range list {
		p := &list[i]
		host, _, _ := strings.Cut(p.Host, ":")
		err := s.row(num(p.ID), str("thread/sql/one_connection"), str("FOREGROUND"), num(p.ID), str(p.User), str(host),
			optional(p.DB), str(p.Command), p.seconds(s), optional(p.State), optional(p.Info), null, null, str("YES"), str("YES"),
			str("TCP/IP"), null, str("USR_default"), str("PRIMARY"), num(0), num(0), num(0), num(0), str("NO"))
		if err != nil {
			return err
		}
	}
	return nil
}

// perfConnected counts the sessions that are connected now, by user, host or both.
func perfConnected(byUser, byHost bool) func(s *scan) error {
	return func(s *scan) error {
		list, err := processes(s.ctx, s)
		if err != nil {
			return err
		}
		counts := map[[2]string]int{}
		for i := range list {
			var key [2]string
			if byUser {
				key[0] = list[i].User
			}
			if byHost {
				key[1], _, _ = strings.Cut(list[i].Host, ":")
			}
			counts[key]++
		}
		keys := slices.SortedFunc(maps.Keys(counts), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
		for _, k := range keys {
			var row []types.Value
			if byUser {
				row = append(row, str(k[0]))
			}
			if byHost {
				row = append(row, str(k[1]))
			}
			if err := s.row(append(row, num(counts[k]), num(counts[k]), num(0), num(0))...); err != nil {
				return err
			}
		}
		return nil
	}
}

// ConnectAttributes is what a Context may offer besides: what the client told of itself when it connected.
type ConnectAttributes interface {
	ConnectAttributes() (connection uint64, attributes map[string]string)
}

func perfConnectAttributes(s *scan) error {
	c, ok := s.Context.(ConnectAttributes)
	if !ok {
		return nil
	}
	id, attributes := c.ConnectAttributes()
	for i, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := s.row(num(id), str(name), str(attributes[name]), num(i)); err != nil {
			return err
		}
	}
	return nil
}

// accounts lists the accounts that the session may read of: all for those who may read mysql.user, or its own.
func accounts(s *scan) []*catalog.User {
	if s.Access(uint64(mysql.SelectPriv), mysqlDB, "user") == nil {
		return s.Catalog().Users()
	}
	if u := s.Account(); u != nil {
		return []*catalog.User{u}
	}
	return nil
}

// administers tells whether the account may see what concerns the whole server.
func (s *scan) administers() bool { return s.Access(uint64(mysql.ProcessPriv), "", "") == nil }

func mysqlUser(s *scan) error {
	if err := s.Access(uint64(mysql.SelectPriv), mysqlDB, "user"); err != nil {
		return err
	}
	columns := findVirtual(mysqlDB, "user").cols
	for _, u := range s.Catalog().Users() {
		row := make([]types.Value, len(columns))
		for i := range columns {
			row[i] = userColumn(u, columns[i].Name)
		}
		if err := s.row(row...); err != nil {
			return err
		}
	}
	return nil
}

func userColumn(u *catalog.User, column string) types.Value {
	switch column {
	case "Host":
		return str(u.Host)
	case "User":
		return str(u.Name)
	case "Grant_priv":
		return yOrN(u.GrantOption || u.Global&uint64(mysql.GrantPriv) != 0)
	case "plugin":
		return str(u.Plugin)
	case "authentication_string":
		return str(auth.FormatAuthString(u.Plugin, u.Secret))
	case "account_locked":
		return yOrN(u.Locked)
	case "password_expired":
		return yOrN(false)
	case "ssl_type", "ssl_cipher", "x509_issuer", "x509_subject":
		return str("")
	case "max_questions", "max_updates", "max_connections", "max_user_connections":
		return num(0)
	}
	if priv, ok := mysql.Col2PrivType[column]; ok {
		return yOrN(holds(u.Global, priv))
	}
	return types.Null
}

func yOrN(yes bool) types.Value {
	if yes {
		return str("Y")
	}
	return str("N")
}

func mysqlDatabases(s *scan) error {
	if err := s.Access(uint64(mysql.SelectPriv), mysqlDB, "db"); err != nil {
		return err
	}
	columns := findVirtual(mysqlDB, "db").cols
	for _, u := range s.Catalog().Users() {
		for _, db := range slices.Sorted(maps.Keys(u.DBs)) {
			row := []types.Value{str(u.Host), str(db), str(u.Name)}
			for i := len(row); i < len(columns); i++ {
				row = append(row, yOrN(holds(u.DBs[db], mysql.Col2PrivType[columns[i].Name])))
			}
			if err := s.row(row...); err != nil {
				return err
			}
		}
	}
	return nil
}

func sysVersion(s *scan) error {
	version, _ := s.Variable(true, "version")
	return s.row(str("2.1.2"), str(version))
}

func infoUserPrivileges(s *scan) error {
	for _, u := range accounts(s) {
		err := eachPrivilege(u.Global, globalScope, func(name string) error {
			return s.row(str(grantee(u)), str(def), str(name), yesNo(u.GrantOption || u.Global&uint64(mysql.GrantPriv) != 0))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func infoSchemaPrivileges(s *scan) error {
	for _, u := range accounts(s) {
		for _, db := range slices.Sorted(maps.Keys(u.DBs)) {
			if u.DBs[db] == 0 || !s.wants("table_schema", db) {
				continue
			}
			err := eachPrivilege(u.DBs[db], databaseScope, func(name string) error {
				return s.row(str(grantee(u)), str(def), str(db), str(name), yesNo(u.DBs[db]&uint64(mysql.GrantPriv) != 0))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func infoUserAttributes(s *scan) error {
	for _, u := range accounts(s) {
		if err := s.row(str(u.Name), str(u.Host), types.Null); err != nil {
			return err
		}
	}
	return nil
}

func grantee(u *catalog.User) string {
	return fmt.Sprintf("'%s'@'%s'", strings.ReplaceAll(u.Name, "'", "''"), strings.ReplaceAll(u.Host, "'", "''"))
}
