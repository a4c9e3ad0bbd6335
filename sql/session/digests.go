package session

import (
	"time"

	"cloudsql/planner/usage"
	"cloudsql/sql/digest"
	"cloudsql/sql/running"
	"cloudsql/sql/status"
)

// measured is what is known of the running statement for its record (package digest).
type measured struct {
	s      *Session
	began  time.Time
	usage  usage.Total
	kind   status.Kind
	digest *digest.Statement // nil: it is looked for in the end
	failed bool
	finder digest.Finder
}

func (m *measured) begin(now time.Time) {
	m.began, m.kind, m.digest, m.failed = now, status.Other, nil, false
	m.usage.Reset()
}

// count notes what kind of statement runs.
func (m *measured) count(k status.Kind) {
	m.kind = k
	m.s.eng.stats.Statements.Add(k)
}

// end records the statement that ends, which was run by command.
func (m *measured) end(command *string) {
	if command == &running.Prepare {
		return // its executions count
	}
	s, node, kind, text := m.s, m.s.eng.Digests, digest.KindOf(m.kind), *m.s.proc.Info.Load()
	end := s.eng.cfg.Now()
	e := digest.Execution{
		Session: uint64(s.conn.ID), End: end, Took: max(end.Sub(m.began), 0), Failed: m.failed,
		Warnings: uint64(min(s.conds.Total, maxWarningCount)), //nolint:gosec // not negative
		Sent:     s.foundRows, Affected: s.outcome.AffectedRows, Text: text,
		Examined: m.usage.Rows(), Shards: uint64(m.usage.Shards()), Memory: uint64(s.statementMemory.Peak()), //nolint:gosec // not negative
		Scans: m.usage.FullScans(), Files: m.usage.Files(),
	}
	if m.digest == nil {
		m.digest = m.finder.Find(node.Table, s.db, text)
	}
	node.Record(m.digest, kind, &e)
	if s.vars.IsSlow(e.Took, e.Examined) && node.Stats.Slow.Add(1) > 0 && s.vars.LogsSlow() {
		node.LogSlow(m.digest, &e, s.db, s.conn.Account.User, s.conn.RemoteAddr)
	}
}
