package privilege

import (
	"strconv"
	"sync"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
)

// Limits of accounts: how much each may ask of a node.

// limit takes WITH MAX_QUERIES_PER_HOUR n and its kin.
func limit(u *catalog.User, options []*ast.ResourceOption) {
	for _, o := range options {
		n := uint32(min(max(o.Count, 0), 1<<32-1)) //nolint:gosec // bounded
		switch o.Type {
		case ast.MaxQueriesPerHour:
			u.Limits.Questions = n
		case ast.MaxUpdatesPerHour:
			u.Limits.Updates = n
		case ast.MaxConnectionsPerHour:
			u.Limits.Connections = n
		case ast.MaxUserConnections:
			u.Limits.Sessions = n
		}
	}
}

// limitClauses prints an account's limits, as SHOW CREATE USER has them.
func limitClauses(l *catalog.Limits) (text string) {
	for _, c := range [...]struct {
		name string
		n    uint32
	}{
		{"MAX_QUERIES_PER_HOUR", l.Questions}, {"MAX_UPDATES_PER_HOUR", l.Updates},
		{"MAX_CONNECTIONS_PER_HOUR", l.Connections}, {"MAX_USER_CONNECTIONS", l.Sessions},
	} {
		if c.n == 0 {
			continue
		}
		if text == "" {
			text = " WITH"
		}
		text += " " + c.name + " " + strconv.FormatUint(uint64(c.n), 10)
	}
	return text
}

// Usage counts what accounts with limits have asked of this node in the hour that goes on.
type Usage struct {
	mu       sync.Mutex
	accounts map[string]*usage
}

type usage struct {
	since                           time.Time
	questions, updates, connections uint32
}

// Statement counts a statement. 1226.
func (g *Usage) Statement(u *catalog.User, changes bool, now func() time.Time) error {
	if !u.PerStatement() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.of(u, now())
	if err := count(u, "max_questions", &n.questions, u.Limits.Questions); err != nil || !changes {
		return err
	}
	return count(u, "max_updates", &n.updates, u.Limits.Updates)
}

// Connection counts a session that is about to begin beside others of its account. 1226.
func (g *Usage) Connection(u *catalog.User, others int, now time.Time) error {
	if most := u.Limits.Sessions; most > 0 && others >= int(most) {
		return exceeded(u, "max_user_connections", most)
	}
	if u.Limits.Connections == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return count(u, "max_connections_per_hour", &g.of(u, now).connections, u.Limits.Connections)
}

// Forget begins all hours anew: FLUSH USER_RESOURCES and FLUSH PRIVILEGES.
func (g *Usage) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts = nil
}

func (g *Usage) of(u *catalog.User, now time.Time) *usage {
	n := g.accounts[u.Key()]
	if n == nil || now.Sub(n.since) >= time.Hour {
		n = &usage{since: now}
		if g.accounts == nil {
			g.accounts = map[string]*usage{}
		}
		g.accounts[u.Key()] = n
	}
	return n
}

func count(u *catalog.User, resource string, n *uint32, most uint32) error {
	if most == 0 {
		return nil
	}
	if *n >= most {
		return exceeded(u, resource, most)
	}
	*n++
	return nil
}

func exceeded(u *catalog.User, resource string, most uint32) error {
	return mysqlerr.New(mysqlerr.UserLimitReached, u.Name, resource, most)
}
