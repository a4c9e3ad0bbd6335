package session

import (
	"cmp"
	"slices"

	"cloudsql/sql/show/monitor"
	"cloudsql/storage/memory"
)

var _ monitor.MemoryAccounter = (*showContext)(nil)

// MemoryAccounts lists the accounts of this node: the process, what it keeps beside its sessions, what all hold by kind, and the
// sessions with their statements.
func (c *showContext) MemoryAccounts() []monitor.MemoryAccount {
	e := c.s.eng
	totals := e.cfg.Memory.Totals()
	list := []monitor.MemoryAccount{accountLine(&totals.Process, 0)}
	for i := range totals.Stores {
		list = append(list, accountLine(&totals.Stores[i], 0))
	}
	list = append(list, kindLines("process", 0, totals.Kinds)...)
	e.each(func(s *Session) {
		for _, a := range []*memory.Account{&s.memory, &s.statementMemory} {
			f := a.Figures()
			id := uint64(s.shared.Load().ID)
			list = append(append(list, accountLine(&f, id)), kindLines(f.Level.String(), id, f.Kinds)...)
		}
	})
	return list
}

func accountLine(f *memory.Figures, session uint64) monitor.MemoryAccount {
	return monitor.MemoryAccount{Level: f.Level.String(), Name: f.Name, Session: session, Used: f.Used, Peak: f.Peak, Limit: f.Limit}
}

// kindLines tells what an account's memory is held for.
func kindLines(level string, session uint64, held map[string]int64) (list []monitor.MemoryAccount) {
	for kind, n := range held {
		if n > 0 {
			list = append(list, monitor.MemoryAccount{Level: level, Name: "for " + kind, Session: session, Used: n})
		}
	}
	slices.SortFunc(list, func(a, b monitor.MemoryAccount) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
