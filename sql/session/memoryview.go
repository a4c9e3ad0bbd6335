package session

import (
	"cloudsql/sql/show/monitor"
	"cloudsql/storage/memory"
)

var _ monitor.MemoryAccounter = (*showContext)(nil)

// MemoryAccounts lists the accounts of this node.
func (c *showContext) MemoryAccounts() []monitor.MemoryAccount {
	return monitor.Accounts(c.s.eng.cfg.Memory.Totals(), func(add func(session uint64, held ...*memory.Account)) {
		c.s.eng.each(func(s *Session) { add(uint64(s.shared.Load().ID), &s.memory, &s.statementMemory) })
	})
}
