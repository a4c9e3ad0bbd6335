package show

import "cloudsql/storage/types"

// stateOfTableWait is what the process list says of a session that waits for a table lock.
const stateOfTableWait = "Waiting for table metadata lock"

// perfMetadataLocks is metadata_locks: what the catalog has, and the tables that transactions use or are kept from. Only
// for accounts that may see all sessions.
func perfMetadataLocks(s *scan) error {
	if !s.administers() {
		return nil
	}
	list, err := processes(s.ctx, s)
	if err != nil {
		return err
	}
	waiting := map[uint64]bool{} // for the users of a table whose lock it has noted in the catalog
	for i := range list {
		waiting[list[i].ID] = list[i].State == stateOfTableWait && len(list[i].Wants) == 0
	}
	if m, ok := s.Context.(MetadataLocker); ok {
		for _, l := range m.MetadataLocks() {
			l.Pending = l.Pending || waiting[l.Session] && l.Duration == "TRANSACTION"
			if err := s.metadataLock(&l); err != nil {
				return err
			}
		}
	}
	for i := range list {
		for _, u := range list[i].Uses {
			if err := s.metadataLock(useLock(&list[i], u, false)); err != nil {
				return err
			}
		}
		for _, u := range list[i].Wants {
			if err := s.metadataLock(useLock(&list[i], u, true)); err != nil {
				return err
			}
		}
	}
	return nil
}

func useLock(p *Process, u TableUse, pending bool) *MetadataLock {
	l := &MetadataLock{
		Object: "TABLE", DB: u.DB, Name: u.Table, Type: "SHARED_READ", Duration: "TRANSACTION", Pending: pending, Session: p.ID,
	}
	if u.Write {
		l.Type = "SHARED_WRITE"
	}
	return l
}

func (s *scan) metadataLock(l *MetadataLock) error {
	status, null := "GRANTED", types.Null
	if l.Pending {
		status = "PENDING"
	}
	return s.row(str(l.Object), optional(l.DB), optional(l.Name), null, num(0), str(l.Type), str(l.Duration), str(status), null,
		num(l.Session), null)
}
