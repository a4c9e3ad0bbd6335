package show

import (
	"maps"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// What accounts were granted on tables and columns, and the roles that they were granted.

// eachTableGrant calls fn for the grants on tables of accounts, in order.
func eachTableGrant(list []*catalog.User, fn func(u *catalog.User, db, table string, g catalog.TableGrant) error) error {
	for _, u := range list {
		for _, db := range slices.Sorted(maps.Keys(u.Tables)) {
			for _, table := range slices.Sorted(maps.Keys(u.Tables[db])) {
				if err := fn(u, db, table, u.Tables[db][table]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// columnsOf lists the columns of a grant, with their names as the table has them.
func columnsOf(s *virtual.Scan, db, table string, g catalog.TableGrant, fn func(name string, mask uint64) error) error {
	t, _ := s.Catalog().Table(db, table)
	for _, c := range slices.Sorted(maps.Keys(g.Columns)) {
		if err := fn(columnName(t, c), g.Columns[c]); err != nil {
			return err
		}
	}
	return nil
}

func columnName(t *schema.Table, lower string) string {
	if t != nil {
		if pos := t.ColumnByName(lower); pos >= 0 {
			return t.Columns[pos].Name
		}
	}
	return lower
}

func infoTablePrivileges(s *virtual.Scan) error {
	return eachTableGrant(accounts(s), func(u *catalog.User, db, table string, g catalog.TableGrant) error {
		if g.Mask == 0 {
			return nil
		}
		return eachPrivilege(g.Mask&^uint64(mysql.GrantPriv), databaseScope, func(name string) error {
			return s.Row(types.Str(grantee(u)), types.Str(def), types.Str(db), types.Str(table), types.Str(name),
				virtual.YesNo(g.Mask&uint64(mysql.GrantPriv) != 0))
		})
	})
}

func infoColumnPrivileges(s *virtual.Scan) error {
	return eachTableGrant(accounts(s), func(u *catalog.User, db, table string, g catalog.TableGrant) error {
		return columnsOf(s, db, table, g, func(column string, mask uint64) error {
			return eachPrivilege(mask, databaseScope, func(name string) error {
				return s.Row(types.Str(grantee(u)), types.Str(def), types.Str(db), types.Str(table), types.Str(column), types.Str(name),
					virtual.YesNo(g.Mask&uint64(mysql.GrantPriv) != 0))
			})
		})
	})
}

// setOf is privileges as a value of a SET.
func setOf(mask uint64) types.Value {
	var names []string
	for _, p := range privileges {
		if holds(mask, p.priv) {
			names = append(names, p.name)
		}
	}
	if mask&uint64(mysql.GrantPriv) != 0 {
		names = append(names, "Grant")
	}
	return types.Str(strings.Join(names, ","))
}

// allAccounts are those of tables of mysql, for who may read them.
func allAccounts(s *virtual.Scan, table string) ([]*catalog.User, error) {
	if err := s.Access(uint64(mysql.SelectPriv), virtual.MySQLDB, table); err != nil {
		return nil, err
	}
	return s.Catalog().Users(), nil
}

func mysqlTables(s *virtual.Scan) error {
	list, err := allAccounts(s, "tables_priv")
	if err != nil {
		return err
	}
	return eachTableGrant(list, func(u *catalog.User, db, table string, g catalog.TableGrant) error {
		columns := uint64(0)
		for _, mask := range g.Columns {
			columns |= mask
		}
		return s.Row(types.Str(u.Host), types.Str(db), types.Str(u.Name), types.Str(table), types.Str(g.Grantor), types.Null, setOf(g.Mask), setOf(columns))
	})
}

func mysqlColumns(s *virtual.Scan) error {
	list, err := allAccounts(s, "columns_priv")
	if err != nil {
		return err
	}
	return eachTableGrant(list, func(u *catalog.User, db, table string, g catalog.TableGrant) error {
		return columnsOf(s, db, table, g, func(column string, mask uint64) error {
			return s.Row(types.Str(u.Host), types.Str(db), types.Str(u.Name), types.Str(table), types.Str(column), types.Null, setOf(mask))
		})
	})
}

func mysqlRoleEdges(s *virtual.Scan) error {
	list, err := allAccounts(s, "role_edges")
	if err != nil {
		return err
	}
	for _, u := range list {
		for _, r := range slices.Sorted(maps.Keys(u.Roles)) {
			name, host := catalog.SplitAccount(r)
			if err := s.Row(types.Str(host), types.Str(name), types.Str(u.Host), types.Str(u.Name), yOrN(u.Roles[r])); err != nil {
				return err
			}
		}
	}
	return nil
}

func mysqlDefaultRoles(s *virtual.Scan) error {
	list, err := allAccounts(s, "default_roles")
	if err != nil {
		return err
	}
	for _, u := range list {
		for _, r := range u.DefaultRoles {
			name, host := catalog.SplitAccount(r)
			if err := s.Row(types.Str(u.Host), types.Str(u.Name), types.Str(host), types.Str(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func mysqlGlobalGrants(s *virtual.Scan) error {
	list, err := allAccounts(s, "global_grants")
	if err != nil {
		return err
	}
	for _, u := range list {
		for _, p := range slices.Sorted(maps.Keys(u.Dynamic)) {
			if err := s.Row(types.Str(u.Name), types.Str(u.Host), types.Str(p), yOrN(u.Dynamic[p])); err != nil {
				return err
			}
		}
	}
	return nil
}

// roleUser is a session that knows which of its roles are active.
type roleUser interface{ ActiveRoles() []string }

func infoEnabledRoles(s *virtual.Scan) error {
	r, ok := s.Context.(roleUser)
	if !ok {
		return nil
	}
	for _, role := range r.ActiveRoles() {
		name, host := catalog.SplitAccount(role)
		isDefault := slices.Contains(s.Account().DefaultRoles, role)
		if err := s.Row(types.Str(name), types.Str(host), virtual.YesNo(isDefault), types.Str("NO")); err != nil {
			return err
		}
	}
	return nil
}

func infoApplicableRoles(s *virtual.Scan) error { return applicableRoles(s, false) }

func infoAdministrableRoles(s *virtual.Scan) error { return applicableRoles(s, true) }

// applicableRoles lists the roles of the session's account, and those that were granted to them.
func applicableRoles(s *virtual.Scan, administrable bool) error {
	self := s.Account()
	if self == nil {
		return nil
	}
	own, ok := s.Catalog().User(self.Name, self.Host)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for list := []*catalog.User{own}; len(list) > 0; list = list[1:] {
		u := list[0]
		if seen[u.Key()] {
			continue
		}
		seen[u.Key()] = true
		for _, r := range slices.Sorted(maps.Keys(u.Roles)) {
			name, host := catalog.SplitAccount(r)
			if role, ok := s.Catalog().User(name, host); ok {
				list = append(list, role)
			}
			if administrable && !u.Roles[r] {
				continue
			}
			err := s.Row(types.Str(self.Name), types.Str(self.Host), types.Str(u.Name), types.Str(u.Host), types.Str(name), types.Str(host),
				virtual.YesNo(u.Roles[r]), virtual.YesNo(slices.Contains(own.DefaultRoles, r)), types.Str("NO"))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// roleGrants lists the grants on tables of the session's active roles.
func roleGrants(s *virtual.Scan, fn func(u *catalog.User, db, table string, g catalog.TableGrant) error) error {
	r, ok := s.Context.(roleUser)
	if !ok {
		return nil
	}
	var list []*catalog.User
	for _, role := range r.ActiveRoles() {
		if u, ok := s.Catalog().User(catalog.SplitAccount(role)); ok {
			list = append(list, u)
		}
	}
	return eachTableGrant(list, fn)
}

func infoRoleTableGrants(s *virtual.Scan) error {
	return roleGrants(s, func(u *catalog.User, db, table string, g catalog.TableGrant) error {
		if g.Mask == 0 {
			return nil
		}
		by, at := catalog.SplitAccount(g.Grantor)
		return s.Row(types.Str(by), types.Str(at), types.Str(u.Name), types.Str(u.Host), types.Str(def), types.Str(db), types.Str(table),
			setOf(g.Mask&^uint64(mysql.GrantPriv)), virtual.YesNo(g.Mask&uint64(mysql.GrantPriv) != 0))
	})
}

func infoRoleColumnGrants(s *virtual.Scan) error {
	return roleGrants(s, func(u *catalog.User, db, table string, g catalog.TableGrant) error {
		by, at := catalog.SplitAccount(g.Grantor)
		return columnsOf(s, db, table, g, func(column string, mask uint64) error {
			return s.Row(types.Str(by), types.Str(at), types.Str(u.Name), types.Str(u.Host), types.Str(def), types.Str(db), types.Str(table),
				types.Str(column), setOf(mask), virtual.YesNo(g.Mask&uint64(mysql.GrantPriv) != 0))
		})
	})
}
