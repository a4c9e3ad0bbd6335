package session

import (
	"cloudsql/sql/show/monitor"
	"cloudsql/storage/memory"
)

var _ monitor.MemoryAccounter = (*showContext)(nil)

// MemoryAccounts lists the accounts of this node: the process, what it keeps beside its sessions, what all hold by kind, and the
// sessions with their statements.
func (c *showContext) MemoryAccounts() []monitor.MemoryAccount {
	e := c.s.eng
	totals := e.cfg.Memory.Totals()
	list := []monitor.MemoryAccount{monitor.AccountLine(&totals.Process, 0)}
	for i := range totals.Stores {
		list = append(list, monitor.AccountLine(&totals.Stores[i], 0))
	}
	list = append(list, monitor.KindLines("process", 0, totals.Kinds)...)
	e.each(func(s *Session) {
		for _, a := range []*memory.Account{&s.memory, &s.statementMemory} {
			f := a.Figures()
			id := uint64(s.shared.Load().ID)
			list = append(append(list, monitor.AccountLine(&f, id)), monitor.KindLines(f.Level.String(), id, f.Kinds)...)
		}
	})
	return list
}
