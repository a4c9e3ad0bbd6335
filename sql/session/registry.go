package session

import (
	"context"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/metalock"
	"cloudsql/sql/peers"
	"cloudsql/sql/show/virtual"
)

// member is a session as other nodes know it.
type member Session

var _ peers.Member = (*member)(nil)

// Record is the session as the process list shows it.
func (m *member) Record() peers.Record {
	s := (*Session)(m)
	conn := s.shared.Load()
	r := peers.Record{
		ID: uint64(conn.ID), Account: conn.Account.User, User: conn.Account.User, Host: conn.RemoteAddr,
		DB: *s.proc.DB.Load(), Command: *s.proc.Command.Load(), Since: time.Unix(0, s.proc.Since.Load()),
		State: s.locks.State(), Info: *s.proc.Info.Load(), Node: uint64(s.eng.db.NodeID()),
	}
	if state := s.proc.State.Load(); state != nil && r.State == "" {
		r.State = *state
	}
	if t := s.tx.Shown(); t != nil {
		r.Uses = metalock.Shown(s.locks.Held())
		r.Txn = &virtual.Transaction{Started: t.Started, Isolation: t.Isolation, ReadOnly: t.ReadOnly, Tables: len(r.Uses)}
	}
	if wants := s.locks.Wants(); wants != nil {
		r.Wants = metalock.Shown(wants)
	}
	return r
}

// Account is the name of the session's account.
func (m *member) Account() string { return m.shared.Load().Account.User }

// End stops the session's statement, or closes its connection.
func (m *member) End(query bool) {
	(*Session)(m).Cancel()
	if conn := m.shared.Load(); !query && conn.Kill != nil {
		conn.Kill()
	}
}

// eachMember calls fn for every session of this node.
func (e *Engine) eachMember(fn func(peers.Member)) {
	e.each(func(s *Session) { fn((*member)(s)) })
}

// findMember finds a session of this node.
func (e *Engine) findMember(id uint32) (peers.Member, bool) {
	s := e.session(id)
	return (*member)(s), s != nil
}

// LatestDeadlock is the newest one of all nodes that answer.
func (c *showContext) LatestDeadlock(ctx context.Context) *virtual.DeadlockReport {
	return c.s.eng.peers.LatestDeadlock(ctx)
}

// killer is whose sessions the session's account may end: "" is everybody's.
func (s commands) killer() string {
	if s.account().Has(mysql.SuperPriv) {
		return ""
	}
	return s.conn.Account.User
}

var _ virtual.Deadlocks = (*showContext)(nil)
