package privilege

import (
	"net"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// Lookup finds the account for a user at a host: of those that match, the one with the most specific host, a named user
// before the anonymous one; nil where none does.
func Lookup(c *catalog.Snapshot, user, host string) *catalog.User {
	var best *catalog.User
	for _, u := range c.Users() {
		if (u.Name == user || u.Name == "") && hostMatches(u.Host, host) && (best == nil || moreSpecific(u, best)) {
			best = u
		}
	}
	return best
}

// DefinerOf is the account by whose privileges a view reads its tables; nil where there is none.
func DefinerOf(c *catalog.Snapshot, v *schema.View) *catalog.User {
	if u, ok := c.User(v.DefinerUser, v.DefinerHost); ok {
		return u
	}
	if u := Lookup(c, v.DefinerUser, v.DefinerHost); u != nil && u.Name == v.DefinerUser {
		return u
	}
	return nil
}

// IsLoopback tells the addresses of this machine.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// hostMatches tells whether an account's host takes in a client's: a name, an address, address/netmask, CIDR, or a
// pattern with % and _. The loopback addresses are 'localhost'.
func hostMatches(pattern, host string) bool {
	switch {
	case pattern == "%" || pattern == "" || strings.EqualFold(pattern, host):
		return true
	case strings.EqualFold(pattern, "localhost"):
		return IsLoopback(host)
	case strings.Contains(pattern, "/"):
		return netMatches(pattern, host)
	case strings.EqualFold(host, "localhost") && (likeMatches(pattern, "127.0.0.1") || likeMatches(pattern, "::1")):
		return true
	}
	return likeMatches(strings.ToLower(pattern), strings.ToLower(host))
}

// netMatches takes 198.51.100.0/255.255.255.0 and 198.51.100.0/24.
func netMatches(pattern, host string) bool {
	ip := net.ParseIP(host)
	if strings.EqualFold(host, "localhost") {
		ip = net.IPv4(127, 0, 0, 1)
	}
	if ip == nil {
		return false
	}
	if _, n, err := net.ParseCIDR(pattern); err == nil {
		return n.Contains(ip)
	}
	base, mask, _ := strings.Cut(pattern, "/")
	b, m := net.ParseIP(base).To4(), net.ParseIP(mask).To4()
	ip4 := ip.To4()
	if b == nil || m == nil || ip4 == nil {
		return false
	}
	return ip4.Mask(net.IPMask(m)).Equal(b)
}

// likeMatches is LIKE without an escape character, byte by byte.
func likeMatches(pattern, s string) bool {
	for pattern != "" {
		switch pattern[0] {
		case '%':
			for i := 0; i <= len(s); i++ {
				if likeMatches(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case '_':
			if s == "" {
				return false
			}
		default:
			if s == "" || s[0] != pattern[0] {
				return false
			}
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}

// moreSpecific orders accounts as MySQL does: by host (plain ones first, then patterns by how late their first wildcard
// comes), then named users before the anonymous one.
func moreSpecific(a, b *catalog.User) bool {
	if c := hostRank(a.Host) - hostRank(b.Host); c != 0 {
		return c > 0
	}
	return a.Name != "" && b.Name == ""
}

func hostRank(host string) int {
	if host == "" {
		return -1 // after '%'
	}
	if strings.Contains(host, "/") {
		return 1 << 19
	}
	if i := strings.IndexAny(host, "%_"); i >= 0 {
		return i
	}
	return 1 << 20
}

// allPrivileges is ALL PRIVILEGES: every static privilege but GRANT OPTION; allDBPrivileges is those of ALL ON db.*.
var allPrivileges, allDBPrivileges = maskOf(shownPrivileges), maskOf(mysql.AllDBPrivs)

func maskOf(list []mysql.PrivilegeType) (mask uint64) {
	for _, p := range list {
		mask |= uint64(p)
	}
	return mask
}

// effective expands the bit by which a mask may say ALL.
func effective(mask uint64) uint64 {
	if mask&uint64(mysql.AllPriv) != 0 {
		mask |= allPrivileges
	}
	return mask
}

// on gives the account's privileges on a database: the global ones, but for those that were revoked there, and those of each grant
// whose name or pattern takes the database in.
func (a Account) on(db string) uint64 {
	mask := effective(a.Global) &^ a.Restrictions[db]
	for name, m := range a.DBs {
		if name == db || !a.Partial && dbMatches(name, db) {
			mask |= effective(m)
		}
	}
	return mask
}

// dbMatches takes a database's name of a GRANT, in which % and _ are wildcards unless a backslash stands before them.
func dbMatches(pattern, db string) bool {
	if pattern == db {
		return true
	}
	if !strings.ContainsAny(pattern, `%_\`) {
		return false
	}
	return LikeEscaped(pattern, db)
}

// LikeEscaped is LIKE byte by byte, with a backslash as the escape character.
func LikeEscaped(pattern, s string) bool {
	for pattern != "" {
		switch c := pattern[0]; {
		case c == '%':
			for i := 0; i <= len(s); i++ {
				if LikeEscaped(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case c == '\\' && len(pattern) > 1:
			pattern = pattern[1:]
			if s == "" || s[0] != pattern[0] {
				return false
			}
		case c != '_':
			if s == "" || s[0] != c {
				return false
			}
		case s == "":
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
