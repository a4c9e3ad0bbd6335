package monitor

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

// stateOfTableWait is what the process list says of a session that waits for a table lock.
const stateOfTableWait = "Waiting for table metadata lock"

// perfMetadataLocks is metadata_locks: what the catalog has, and the tables that transactions use or are kept from. Only
// for accounts that may see all sessions.
func perfMetadataLocks(s *virtual.Scan) error {
	if !s.Administers() {
		return nil
	}
	list, err := virtual.Processes(s.Ctx, s)
	if err != nil {
		return err
	}
	waiting := map[uint64]bool{} // for the users of a table whose lock it has noted in the catalog
	for i := range list {
		waiting[list[i].ID] = list[i].State == stateOfTableWait && len(list[i].Wants) == 0
	}
	if m, ok := s.Context.(virtual.MetadataLocker); ok {
		for _, l := range m.MetadataLocks() {
			l.Pending = l.Pending || waiting[l.Session] && l.Duration == "TRANSACTION"
			if err := metadataLock(s, &l); err != nil {
				return err
			}
		}
	}
	for i := range list {
		for _, u := range list[i].Uses {
			if err := metadataLock(s, useLock(&list[i], u, false)); err != nil {
				return err
			}
		}
		for _, u := range list[i].Wants {
			if err := metadataLock(s, useLock(&list[i], u, true)); err != nil {
				return err
			}
		}
	}
	return nil
}

func useLock(p *virtual.Process, u virtual.TableUse, pending bool) *virtual.MetadataLock {
	l := &virtual.MetadataLock{
		Object: "TABLE", DB: u.DB, Name: u.Table, Type: "SHARED_READ", Duration: "TRANSACTION", Pending: pending,
		Session: p.ID,
	}
	if u.Write {
		l.Type = "SHARED_WRITE"
	}
	return l
}

func metadataLock(s *virtual.Scan, l *virtual.MetadataLock) error {
	status, null := "GRANTED", types.Null
	if l.Pending {
		status = "PENDING"
	}
	return s.Row(types.Str(l.Object), virtual.Optional(l.DB), virtual.Optional(l.Name), null, virtual.Num(0),
		types.Str(l.Type), types.Str(l.Duration), types.Str(status), null,
		virtual.Num(l.Session), null)
}
