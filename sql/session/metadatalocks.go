package session

import (
	"strconv"

	"cloudsql/sql/show"
	"cloudsql/storage/schema"
)

var _ show.MetadataLocker = (*showContext)(nil)

// MetadataLocks lists the table locks and user locks in the catalog.
func (c *showContext) MetadataLocks() []show.MetadataLock {
	return append(c.tableLocks(), c.userLocks()...)
}

// tableLocks lists LOCK TABLES, FLUSH TABLES … WITH READ LOCK, and definitions that run or wait.
func (c *showContext) tableLocks() (list []show.MetadataLock) {
	for _, key := range c.s.snapshot.Records(lockKind) {
		var r lockRecord
		id, err := strconv.ParseUint(key, 10, 64)
		if err != nil || !c.s.snapshot.Record(lockKind, key, &r) {
			continue
		}
		l := show.MetadataLock{Object: "GLOBAL", Type: "SHARED", Duration: "EXPLICIT"}
		if schema.TableID(id) != allTables {
			l = show.MetadataLock{Object: "TABLE", Type: "SHARED_READ_ONLY", Duration: "TRANSACTION"}
			if t, ok := c.s.snapshot.TableByID(schema.TableID(id)); ok {
				l.Name = t.Name
				if d, ok := c.s.snapshot.DatabaseByID(t.Database); ok {
					l.DB = d.Name
				}
			}
		}
		for _, h := range r.Holders {
			l.Session = uint64(h.Session)
			switch {
			case h.Statement != 0 && r.Write: // a definition
				l.Type, l.Duration = "EXCLUSIVE", "TRANSACTION"
			case r.Write:
				l.Type = "SHARED_NO_READ_WRITE"
			}
			list = append(list, l)
		}
	}
	return list
}

// userLocks lists GET_LOCK's.
func (c *showContext) userLocks() (list []show.MetadataLock) {
	for _, name := range c.s.snapshot.Records(userLockKind) {
		var r userLock
		if !c.s.snapshot.Record(userLockKind, name, &r) {
			continue
		}
		l := show.MetadataLock{
			Object: "USER LEVEL LOCK", Name: name, Type: "EXCLUSIVE", Duration: "EXPLICIT", Session: uint64(r.Holder.Session),
		}
		list = append(list, l)
		l.Pending = true
		for _, q := range r.Queue {
			l.Session = uint64(q.Session)
			list = append(list, l)
		}
	}
	return list
}
