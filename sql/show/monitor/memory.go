package monitor

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

// MemoryAccounter is what a Context may offer besides: who holds how much memory on this node.
type MemoryAccounter interface {
	MemoryAccounts() []MemoryAccount
}

// MemoryAccount is a line of CLUSTER_MEMORY, in bytes.
type MemoryAccount struct {
	Level, Name string
	Session     uint64 // 0: of no session
	Used, Peak  int64
	Limit       int64 // 0: none
}

// clusterMemory is CLUSTER_MEMORY: the accounts of this node's memory. Only for accounts that may see all sessions.
func clusterMemory(s *virtual.Scan) error {
	m, ok := s.Context.(MemoryAccounter)
	if !ok || !s.Administers() {
		return nil
	}
	for _, a := range m.MemoryAccounts() {
		session, limit := types.Null, types.Null
		if a.Session != 0 {
			session = virtual.Num(a.Session)
		}
		if a.Limit != 0 {
			limit = virtual.Num(uint64(a.Limit)) //nolint:gosec // not negative
		}
		//nolint:gosec // not negative
		if err := s.Row(types.Str(a.Level), types.Str(a.Name), session, virtual.Num(uint64(a.Used)),
			virtual.Num(uint64(max(a.Peak, a.Used))), limit); err != nil {
			return err
		}
	}
	return nil
}
