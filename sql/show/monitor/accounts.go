package monitor

import (
	"cmp"
	"slices"

	"cloudsql/storage/memory"
)

// AccountLine is what is shown of an account.
func AccountLine(f *memory.Figures, session uint64) MemoryAccount {
	return MemoryAccount{Level: f.Level.String(), Name: f.Name, Session: session, Used: f.Used, Peak: f.Peak, Limit: f.Limit}
}

// KindLines tells what an account's memory is held for.
func KindLines(level string, session uint64, held map[string]int64) (list []MemoryAccount) {
	for kind, n := range held {
		if n > 0 {
			list = append(list, MemoryAccount{Level: level, Name: "for " + kind, Session: session, Used: n})
		}
	}
	slices.SortFunc(list, func(a, b MemoryAccount) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
