package privilege

import (
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
)

// Identity is whose a session is: an account, and which of its roles are active. It is asked for at each statement, and has the
// account as the catalog has it then: what is granted or revoked holds at once.
type Identity struct {
	Active []string // roles, as catalog.AccountKey names them

	user    *catalog.User
	partial bool
	version uint64
	merged  *Merged
}

// Merged shares the records of accounts with roles among sessions, so that these share their plans.
type Merged struct {
	mu      sync.Mutex
	version uint64
	records map[string]*catalog.User
}

// Login begins an identity with the roles that are active from the start: all or the default ones.
func Login(c *catalog.Snapshot, m *Merged, name, host, mandatory string, all bool) Identity {
	i := Identity{merged: m}
	if u, ok := c.User(name, host); ok {
		if i.Active = DefaultRoles(u, MandatoryRoles(mandatory)); all {
			i.Active = RolesOf(u, MandatoryRoles(mandatory))
		}
	}
	return i
}

// At gives the account as it was found in a version of the catalog, if that is the one that was asked last.
func (i *Identity) At(version uint64) (a Account, ok bool) {
	return Account{i.user, i.partial}, i.user != nil && i.version == version
}

// Account gives the account with what its active roles have, as far as they are still granted. One that was dropped may do nothing.
func (i *Identity) Account(c *catalog.Snapshot, name, host, mandatory string) Account {
	u, ok := c.User(name, host)
	if !ok {
		u = &catalog.User{Name: name, Host: host}
	}
	i.version, i.partial = c.Version(), partialRevokes(c)
	if i.user = u; len(i.Active) > 0 {
		i.user = i.merged.of(c, u, stillGranted(i.Active, RolesOf(u, MandatoryRoles(mandatory))))
	}
	return Account{i.user, i.partial}
}

func stillGranted(active, granted []string) (list []string) {
	for _, r := range active {
		for _, g := range granted {
			if r == g {
				list = append(list, r)
			}
		}
	}
	return list
}

// SetRole is SET ROLE. 3530.
func (i *Identity) SetRole(c *catalog.Snapshot, name, host, mandatory string, n *ast.SetRoleStmt) error {
	u, ok := c.User(name, host)
	if !ok {
		u = &catalog.User{Name: name, Host: host}
	}
	active, err := Choose(u, MandatoryRoles(mandatory), n)
	if err == nil {
		i.Active, i.user = active, nil
	}
	return err
}

// of gives the record of an account with roles, the same to all sessions that ask for it.
func (m *Merged) of(c *catalog.Snapshot, u *catalog.User, active []string) *catalog.User {
	if len(active) == 0 {
		return u
	}
	key := u.Key() + "\x00" + strings.Join(active, "\x00")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.version != c.Version() || m.records == nil {
		if m.records != nil && m.version > c.Version() {
			return WithRoles(c, u, active) // somebody is ahead
		}
		m.version, m.records = c.Version(), map[string]*catalog.User{}
	}
	out, ok := m.records[key]
	if !ok {
		out = WithRoles(c, u, active)
		m.records[key] = out
	}
	return out
}
