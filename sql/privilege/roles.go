package privilege

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	pauth "github.com/pingcap/tidb/pkg/parser/auth"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Roles are accounts whose privileges others take on. Which of those that are granted to it are active is a session's business; the
// privileges of an account with active roles are one record (WithRoles), which everything here takes for the account.

// WithRoles gives an account with what its active roles have, and the roles that are granted to those; itself where there are none.
func WithRoles(c *catalog.Snapshot, u *catalog.User, active []string) *catalog.User {
	if len(active) == 0 {
		return u
	}
	out := u.Clone()
	seen := map[string]bool{u.Key(): true}
	for list := slices.Clone(active); len(list) > 0; list = list[1:] {
		name, host := catalog.SplitAccount(list[0])
		r, ok := c.User(name, host)
		if !ok || seen[list[0]] {
			continue
		}
		seen[list[0]] = true
		takeOn(out, r)
		list = append(list, slices.Sorted(maps.Keys(r.Roles))...)
	}
	return out
}

// takeOn adds a role's privileges to an account's.
func takeOn(u, r *catalog.User) {
	u.Restrictions = restrictedBoth(u, r)
	u.Global |= effective(r.Global)
	u.GrantOption = u.GrantOption || r.GrantOption
	for db, mask := range r.DBs {
		if u.DBs == nil {
			u.DBs = map[string]uint64{}
		}
		u.DBs[db] |= effective(mask)
	}
	for name, with := range r.Dynamic {
		if u.Dynamic == nil {
			u.Dynamic = map[string]bool{}
		}
		u.Dynamic[name] = u.Dynamic[name] || with
	}
	for db, tables := range r.Tables {
		for table, g := range tables {
			t := u.Tables[db][table]
			t.Mask |= g.Mask
			for c, mask := range g.Columns {
				if t.Columns == nil {
					t.Columns = map[string]uint64{}
				}
				t.Columns[c] |= mask
			}
			putTable(u, db, table, t)
		}
	}
}

// MandatoryRoles reads the variable mandatory_roles: names of accounts, with commas between them.
func MandatoryRoles(text string) (list []string) {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, host := part, "%"
		if at := strings.LastIndexByte(part, '@'); at >= 0 {
			name, host = part[:at], part[at+1:]
		}
		list = append(list, catalog.AccountKey(strings.Trim(name, "`'\""), strings.Trim(host, "`'\"")))
	}
	return list
}

// RolesOf lists the roles that a session of the account may make active: those that are granted to it, and the mandatory ones.
func RolesOf(u *catalog.User, mandatory []string) []string {
	list := slices.Sorted(maps.Keys(u.Roles))
	for _, r := range mandatory {
		if !slices.Contains(list, r) && r != u.Key() {
			list = append(list, r)
		}
	}
	return list
}

// Choose gives the roles that SET ROLE makes active. 3530 for one that is not granted.
func Choose(u *catalog.User, mandatory []string, n *ast.SetRoleStmt) ([]string, error) {
	mine := RolesOf(u, mandatory)
	switch n.SetRoleOpt {
	case ast.SetRoleNone:
		return nil, nil
	case ast.SetRoleAll:
		return mine, nil
	case ast.SetRoleDefault:
		return DefaultRoles(u, mandatory), nil
	case ast.SetRoleAllExcept:
		var list []string
		for _, r := range mine {
			if !slices.ContainsFunc(n.RoleList, func(id *pauth.RoleIdentity) bool { return roleKey(id) == r }) {
				list = append(list, r)
			}
		}
		return list, nil
	}
	var list []string
	for _, id := range n.RoleList {
		if !slices.Contains(mine, roleKey(id)) {
			return nil, notGranted(roleKey(id), u)
		}
		if !slices.Contains(list, roleKey(id)) {
			list = append(list, roleKey(id))
		}
	}
	return list, nil
}

// DefaultRoles are the roles that are active from login, as far as they are still granted.
func DefaultRoles(u *catalog.User, mandatory []string) (list []string) {
	for _, r := range u.DefaultRoles {
		if _, ok := u.Roles[r]; ok || slices.Contains(mandatory, r) {
			list = append(list, r)
		}
	}
	return list
}

// CurrentRole is CURRENT_ROLE() of a session with such active roles.
func CurrentRole(active []string) string {
	if len(active) == 0 {
		return "NONE"
	}
	names := make([]string, len(active))
	for i, r := range slices.Sorted(slices.Values(active)) {
		names[i] = idOf(catalog.SplitAccount(r))
	}
	return strings.Join(names, ",")
}

func roleKey(id *pauth.RoleIdentity) string {
	return catalog.AccountKey(id.Username, strings.ToLower(id.Hostname))
}

// notGranted is 3530.
func notGranted(role string, u *catalog.User) error {
	return mysqlerr.New(mysqlerr.RoleNotGranted, idOf(catalog.SplitAccount(role)), idOf(u.Name, u.Host))
}

// unknownID is 3523.
func unknownID(name, host string) error { return mysqlerr.New(mysqlerr.UnknownAuthID, name, host) }

// grantRoles is GRANT role TO account.
func (s *Statements) grantRoles(ctx context.Context, n *ast.GrantRoleStmt, admin bool) error {
	return s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, id := range n.Roles {
			if _, ok := tx.Snapshot.User(id.Username, strings.ToLower(id.Hostname)); !ok {
				return unknownID(id.Username, id.Hostname)
			}
		}
		for _, spec := range n.Users {
			user, host := s.Self.identity(spec)
			old, ok := tx.Snapshot.User(user, host)
			if !ok {
				return unknownID(user, host)
			}
			u := old.Clone()
			if u.Roles == nil {
				u.Roles = map[string]bool{}
			}
			for _, id := range n.Roles {
				if reaches(tx.Snapshot, roleKey(id), u.Key()) {
					return mysqlerr.New(mysqlerr.RoleGrantedToItself, idOf(id.Username, id.Hostname), idOf(user, host))
				}
				u.Roles[roleKey(id)] = u.Roles[roleKey(id)] || admin
			}
			tx.PutUser(u)
		}
		return nil
	})
}

// reaches tells whether a role is another account, or has that among its roles.
func reaches(c *catalog.Snapshot, from, to string) bool {
	seen := map[string]bool{}
	for list := []string{from}; len(list) > 0; list = list[1:] {
		if list[0] == to {
			return true
		}
		if seen[list[0]] {
			continue
		}
		seen[list[0]] = true
		if r, ok := c.User(catalog.SplitAccount(list[0])); ok {
			list = append(list, slices.Collect(maps.Keys(r.Roles))...)
		}
	}
	return false
}

// revokeRoles is REVOKE role FROM account.
func (s *Statements) revokeRoles(ctx context.Context, n *ast.RevokeRoleStmt, o RevokeOptions) error {
	var left []*mysqlerr.Error
	err := s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		left = nil
		for _, spec := range n.Users {
			user, host := s.Self.identity(spec)
			old, ok := tx.Snapshot.User(user, host)
			if !ok {
				if o.IgnoreUnknown {
					left = append(left, mysqlerr.New(mysqlerr.AuthIDNotExists, quoteAccount(user, host)))
					continue
				}
				return unknownID(user, host)
			}
			u := old.Clone()
			for _, id := range n.Roles {
				key := roleKey(id)
				if _, ok := tx.Snapshot.User(id.Username, strings.ToLower(id.Hostname)); !ok && !o.IfExists {
					return unknownID(id.Username, id.Hostname)
				}
				if slices.Contains(s.Mandatory, key) {
					return mysqlerr.New(mysqlerr.MandatoryRole, idOf(id.Username, id.Hostname))
				}
				if _, ok := u.Roles[key]; !ok && !o.IfExists {
					return notGranted(key, u)
				}
				forget(u, key)
			}
			tx.PutUser(u)
		}
		return nil
	})
	if err == nil {
		s.warn(left)
	}
	return err
}

// forget takes a role from an account.
func forget(u *catalog.User, role string) {
	delete(u.Roles, role)
	u.DefaultRoles = slices.DeleteFunc(u.DefaultRoles, func(r string) bool { return r == role })
}

// renameRole has all accounts that were granted one know it by another name; "" where it is no more.
func renameRole(tx *catalog.Tx, from, to string) {
	for _, old := range tx.Snapshot.Users() {
		admin, ok := old.Roles[from]
		if !ok {
			continue
		}
		u := old.Clone()
		isDefault := slices.Contains(u.DefaultRoles, from)
		if forget(u, from); to != "" {
			if u.Roles[to] = admin; isDefault {
				u.DefaultRoles = append(u.DefaultRoles, to)
			}
		}
		tx.PutUser(u)
	}
}

// setDefaultRole is SET DEFAULT ROLE.
func (s *Statements) setDefaultRole(ctx context.Context, n *ast.SetDefaultRoleStmt) error {
	return s.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, spec := range n.UserList {
			user, host := s.Self.identity(spec)
			old, ok := tx.Snapshot.User(user, host)
			if !ok {
				return mysqlerr.New(mysqlerr.CannotUser, "SET DEFAULT ROLE", quoteAccount(user, host))
			}
			u := old.Clone()
			var err error
			if u.DefaultRoles, err = Choose(u, s.Mandatory, &ast.SetRoleStmt{SetRoleOpt: n.SetRoleOpt, RoleList: n.RoleList}); err != nil {
				return err
			}
			tx.PutUser(u)
		}
		return nil
	})
}

// takeDefaultRoles gives a new account the roles of DEFAULT ROLE: they are granted to it, by who may grant them. 3162, 1227.
func (s *Statements) takeDefaultRoles(c *catalog.Snapshot, u *catalog.User) error {
	u.Roles, u.DefaultRoles = nil, nil
	for _, id := range s.Passwords.DefaultRoles {
		key := roleKey(id)
		if _, ok := c.User(catalog.SplitAccount(key)); !ok {
			return mysqlerr.New(mysqlerr.AuthIDNotExists, idOf(catalog.SplitAccount(key)))
		}
		if err := s.Self.mayGrantRoles([]*pauth.RoleIdentity{id}); err != nil {
			return err
		}
		if u.Roles == nil {
			u.Roles = map[string]bool{}
		}
		if _, twice := u.Roles[key]; !twice {
			u.Roles[key], u.DefaultRoles = false, append(u.DefaultRoles, key)
		}
	}
	return nil
}

// mayGrantRoles: ROLE_ADMIN, or each role WITH ADMIN OPTION. 1227.
func (a Account) mayGrantRoles(roles []*pauth.RoleIdentity) error {
	if a.HasDynamic("ROLE_ADMIN") {
		return nil
	}
	for _, id := range roles {
		if !a.Roles[roleKey(id)] {
			return mysqlerr.New(mysqlerr.SpecificAccessDenied, "WITH ADMIN, ROLE_ADMIN, SUPER")
		}
	}
	return nil
}

// roleLines prints the roles that an account was granted.
func roleLines(u *catalog.User) (lines []string) {
	for _, admin := range []bool{false, true} {
		var names []string
		for _, r := range slices.Sorted(maps.Keys(u.Roles)) {
			if u.Roles[r] == admin {
				names = append(names, idOf(catalog.SplitAccount(r)))
			}
		}
		if names == nil {
			continue
		}
		line := "GRANT " + strings.Join(names, ",") + " TO " + idOf(u.Name, u.Host)
		if admin {
			line += " WITH ADMIN OPTION"
		}
		lines = append(lines, line)
	}
	return lines
}

// ShowGrants prints an account's grants as GRANT statements; USING has those of roles among them, and of the session's own account
// those of its active roles are.
func (a Account) ShowGrants(c *catalog.Snapshot, n *ast.ShowStmt, active, mandatory []string) (*show.Result, error) {
	u, err := a.shown(c, n.User)
	if err != nil {
		return nil, err
	}
	using := make([]string, 0, len(n.Roles))
	for _, id := range n.Roles {
		if !slices.Contains(RolesOf(u, mandatory), roleKey(id)) {
			return nil, notGranted(roleKey(id), u)
		}
		using = append(using, roleKey(id))
	}
	if len(using) == 0 && a.isSelf(u.Name, u.Host) {
		using = active
	}
	merged := WithRoles(c, u, using)
	res := &show.Result{Fields: []types.Field{show.TextField("Grants for "+u.Name+"@"+u.Host, 1024)}}
	for _, line := range grantLines(c, merged) {
		res.Rows = append(res.Rows, []types.Value{types.Str(line)})
	}
	return res, nil
}
