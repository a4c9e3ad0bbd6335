package privilege

import (
	"maps"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
)

// Partial revokes: privileges that an account has everywhere but on some databases. They can be made while the variable
// partial_revokes is on, and it can't be switched off while there are any, so that what is there always holds.

// partialRevokes tells whether the variable is on.
func partialRevokes(c *catalog.Snapshot) bool {
	v, _ := c.Setting("partial_revokes")
	return v == "ON"
}

// restrict sets what of its global privileges an account lacks on a database.
func restrict(u *catalog.User, db string, mask uint64) {
	switch {
	case mask == 0:
		if delete(u.Restrictions, db); len(u.Restrictions) == 0 {
			u.Restrictions = nil
		}
		return
	case u.Restrictions == nil:
		u.Restrictions = map[string]uint64{}
	}
	u.Restrictions[db] = mask
}

// globalMask is what an account has everywhere, GRANT OPTION among it.
func globalMask(u *catalog.User) uint64 {
	mask := effective(u.Global)
	if u.GrantOption {
		mask |= grantBit
	}
	return mask
}

// restrictedOn lists the databases on which one of two accounts lacks global privileges.
func restrictedOn(a, b *catalog.User) []string {
	all := maps.Clone(a.Restrictions)
	if all == nil {
		all = map[string]uint64{}
	}
	maps.Copy(all, b.Restrictions)
	return slices.Sorted(maps.Keys(all))
}

// grantor is whose restrictions a grant of global privileges passes on: of who grants, or of AS user [WITH ROLE …], who must lack what
// the former lacks. 3836.
func (s *Statements) grantor(c *catalog.Snapshot, mask uint64) (Account, error) {
	if s.As == nil {
		return s.Self, nil
	}
	refused := mysqlerr.New(mysqlerr.UnknownAuthIDOfGrantAs)
	u, ok := c.User(s.Self.identity(s.As.User))
	if !ok {
		return Account{}, refused
	}
	if s.As.Roles != nil {
		active, err := Choose(u, s.Mandatory, s.As.Roles)
		if err != nil {
			return Account{}, refused
		}
		u = WithRoles(c, u, active)
	}
	for db, lacks := range s.Self.Restrictions {
		if lacks&mask&^u.Restrictions[db] != 0 {
			return Account{}, refused
		}
	}
	return AccountOf(c, u), nil
}

// passOn restricts an account that is about to be granted global privileges: who grants them lacks them on some databases, and so does
// the account there, unless it had them; elsewhere what it lacked of them holds again.
func (g *granted) passOn(u *catalog.User, by Account) {
	to := Account{u, true}
	for _, db := range restrictedOn(u, by.User) {
		restrict(u, db, u.Restrictions[db]&^g.mask|by.Restrictions[db]&g.mask&^to.on(db))
	}
}

// restrictedBoth is what an account and a role lack together, of what one of them has everywhere: what one may do the other need not.
func restrictedBoth(u, r *catalog.User) map[string]uint64 {
	var both map[string]uint64
	for _, db := range restrictedOn(u, r) {
		mask := (u.Restrictions[db] | r.Restrictions[db]) &^ Account{u, true}.on(db) &^ Account{r, true}.on(db)
		if mask == 0 {
			continue
		}
		if both == nil {
			both = map[string]uint64{}
		}
		both[db] = mask
	}
	return both
}

// mayRevoke is 3879 for who would take global privileges on a database from an account that it lacks itself there.
func (a Account) mayRevoke(from *catalog.User, mask uint64) *mysqlerr.Error {
	for _, db := range slices.Sorted(maps.Keys(a.Restrictions)) {
		if a.Restrictions[db]&mask&globalMask(from)&^from.Restrictions[db] != 0 {
			user, host := a.who()
			return mysqlerr.New(mysqlerr.DBAccessDeniedForAuthID, user, host, db)
		}
	}
	return nil
}

// restrictionLines prints partial revokes as REVOKE statements.
func restrictionLines(u *catalog.User) (lines []string) {
	for _, db := range slices.Sorted(maps.Keys(u.Restrictions)) {
		names := privilegeNames(u.Restrictions[db], 0, append(slices.Clone(shownPrivileges), mysql.GrantPriv))
		lines = append(lines, "REVOKE "+names+" ON "+mysqlerr.Quote(db)+".* FROM "+idOf(u.Name, u.Host))
	}
	return lines
}
