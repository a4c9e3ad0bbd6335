package monitor

import (
	"cmp"
	"slices"

	"cloudsql/storage/memory"
)

// Accounts lists a node's accounts: the process, what it keeps beside its sessions, what all hold by kind, and what each session
// holds, which sessions tells.
func Accounts(totals memory.Totals, sessions func(add func(session uint64, held ...*memory.Account))) []MemoryAccount {
	list := []MemoryAccount{accountLine(&totals.Process, 0)}
	for i := range totals.Stores {
		list = append(list, accountLine(&totals.Stores[i], 0))
	}
	list = append(list, kindLines("process", 0, totals.Kinds)...)
	sessions(func(session uint64, held ...*memory.Account) {
		for _, a := range held {
			f := a.Figures()
			list = append(append(list, accountLine(&f, session)), kindLines(f.Level.String(), session, f.Kinds)...)
		}
	})
	return list
}

// accountLine is what is shown of an account.
func accountLine(f *memory.Figures, session uint64) MemoryAccount {
	return MemoryAccount{Level: f.Level.String(), Name: f.Name, Session: session, Used: f.Used, Peak: f.Peak, Limit: f.Limit}
}

// kindLines tells what an account's memory is held for.
func kindLines(level string, session uint64, held map[string]int64) (list []MemoryAccount) {
	for kind, n := range held {
		if n > 0 {
			list = append(list, MemoryAccount{Level: level, Name: "for " + kind, Session: session, Used: n})
		}
	}
	slices.SortFunc(list, func(a, b MemoryAccount) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
