package show

import "cloudsql/storage/types"

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
func clusterMemory(s *scan) error {
	m, ok := s.Context.(MemoryAccounter)
	if !ok || !s.administers() {
		return nil
	}
	for _, a := range m.MemoryAccounts() {
		session, limit := types.Null, types.Null
		if a.Session != 0 {
			session = num(a.Session)
		}
		if a.Limit != 0 {
			limit = num(uint64(a.Limit)) //nolint:gosec // not negative
		}
		//nolint:gosec // not negative
		if err := s.row(str(a.Level), str(a.Name), session, num(uint64(a.Used)), num(uint64(max(a.Peak, a.Used))), limit); err != nil {
			return err
		}
	}
	return nil
}
