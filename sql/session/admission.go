package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/planned"
)

// takePlace waits until a statement that looks for rows may run (sql/admission).
//
// Reads and writes by key do not take a place, so that they are answered beside any number of others; nor does a session that has
// a transaction or locks, which those who have places may be waiting for; and administrators do without one.
func (s execution) takePlace(ctx context.Context, p *planned.Plan) error {
	if s.placed || !p.LooksForRows() {
		return nil
	}
	if s.tx.In() || s.locks.Locks() {
		return nil
	}
	gate := &s.eng.admission
	if !gate.Try() {
		if s.account().Has(mysql.SuperPriv) {
			return nil
		}
		if err := gate.Wait(ctx); err != nil {
			return err
		}
	}
	s.placed = true
	return nil
}

// leavePlace lets the next one in: the statement has ended, or begins to send what it found, at the pace of its client.
func (s *Session) leavePlace() {
	if s.placed {
		s.placed = false
		s.eng.admission.Leave()
	}
}
