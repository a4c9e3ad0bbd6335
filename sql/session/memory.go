package session

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/sysvar"
	"cloudsql/sql/tree"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
)

// kept is what a session is charged with between its statements.
type kept struct {
	statements memory.Hold
	prepared   int // statements that are open, against max_prepared_stmt_count
}

// Memory is the account of the session.
func (s *Session) Memory() *memory.Account { return &s.memory }

// Limits is what the session's connection may do.
func (s *Session) Limits() sql.Limits {
	return sql.Limits{
		MaxAllowedPacket: sysvar.Int(s.vars.Text("max_allowed_packet")),
		Administrator:    s.account().Has(mysql.SuperPriv),
	}
}

// RequiresTLS is require_secure_transport.
func (e *Engine) RequiresTLS() bool { return e.vars.Global("require_secure_transport") == "ON" }

// MaxConnections is what SET GLOBAL max_connections, or the node's configuration, allows.
func (e *Engine) MaxConnections() int { return sysvar.Int(e.vars.Global("max_connections")) }

// ConnectTimeout is how long a client may take to log in (connect_timeout).
func (e *Engine) ConnectTimeout() time.Duration {
	return time.Duration(sysvar.Int(e.vars.Global("connect_timeout"))) * time.Second
}

// checkUserConnections refuses a session of an account that has as many as max_user_connections or its own limits allow; e.mu is held.
// 1203, 1226.
func (e *Engine) checkUserConnections(s *Session) error {
	most, own := sysvar.Int(e.vars.Global("max_user_connections")), s.account().User
	if own.Limits.Sessions > 0 || s.Limits().Administrator {
		most = 0
	}
	n := 0
	for _, other := range e.sessions {
		if a := other.shared.Load().Account; a.User == s.conn.Account.User && a.Host == s.conn.Account.Host && other != s {
			n++
		}
	}
	if most > 0 && n >= most {
		return mysqlerr.New(mysqlerr.TooManyUserConnections, s.conn.Account.User)
	}
	return e.usage.Connection(own, n, e.cfg.Now())
}

// forgetKept gives back what is kept for variables, statements and handlers.
func (s *Session) forgetKept() {
	s.eng.prepared.Add(-int64(s.kept.prepared))
	s.kept.prepared = 0
	s.answers.Vars.Reset()
	s.handlers.Reset()
	s.kept.statements.Close()
}

// keepStatement charges the session with a prepared statement. 1461, 3170.
func (s preparation) keepStatement(p *statement) error {
	most := sysvar.Int(s.eng.vars.Global("max_prepared_stmt_count"))
	if n := s.eng.prepared.Add(1); n > int64(most) {
		s.eng.prepared.Add(-1)
		return mysqlerr.New(mysqlerr.MaxPreparedStmtCountReached, most)
	}
	p.bytes = 2*tree.Bytes(p.st.text) + tree.PreparedBytes // tree and plan
	if err := s.kept.statements.Grow(p.bytes); err != nil {
		s.eng.prepared.Add(-1)
		return err
	}
	s.kept.prepared++
	return nil
}

// chargeTree charges the statement for reading a text; it is given back when the statement ends. 1038 for one that is too long
// to be read in what a statement may hold.
func (s texts) chargeTree(text string) error {
	if len(text) <= tree.ShortBytes {
		return nil
	}
	bytes := tree.Bytes(text)
	if uint64(bytes) > s.vars.ParserMemory { //nolint:gosec // not negative
		return mysqlerr.New(mysqlerr.CapacityExceeded, s.vars.ParserMemory, "parser_max_mem_size", "Parser bailed out for this query.")
	}
	h := s.statementMemory.Hold(memory.Tree)
	return h.Grow(bytes)
}

// trim lets go of values that the statement used, so that an idle session does not hold on to large ones.
func (s *Session) trim() {
	s.env.Params = nil
	s.batch.Trim()
	s.page.Batch.Trim()
}
