package metalock

import (
	"cloudsql/distributed/catalog"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
)

// List lists the table locks and user locks in a catalog, for performance_schema.metadata_locks.
func List(c *catalog.Snapshot) []virtual.MetadataLock { return append(listTables(c), listNames(c)...) }

// listTables lists LOCK TABLES, FLUSH TABLES … WITH READ LOCK, and definitions that run or wait.
func listTables(c *catalog.Snapshot) (list []virtual.MetadataLock) {
	eachTable(c, func(id schema.TableID, r *tableLock) bool {
		l := virtual.MetadataLock{Object: "GLOBAL", Type: "SHARED", Duration: "EXPLICIT"}
		switch id {
		case allTables:
		case definitions:
			l.Object = "BACKUP LOCK"
		case commits:
			l.Object = "COMMIT"
		default:
			l = virtual.MetadataLock{Object: "TABLE", Type: "SHARED_READ_ONLY", Duration: "TRANSACTION"}
			if t, ok := c.TableByID(id); ok {
				l.Name = t.Name
				if d, ok := c.DatabaseByID(t.Database); ok {
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
		return true
	})
	return list
}

// listNames lists GET_LOCK's.
func listNames(c *catalog.Snapshot) (list []virtual.MetadataLock) {
	for _, name := range c.Records(userKind) {
		var r userLock
		if !c.Record(userKind, name, &r) {
			continue
		}
		l := virtual.MetadataLock{
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

// Shown is uses as lists of sessions have them.
func Shown(uses []Use) []virtual.TableUse {
	list := make([]virtual.TableUse, len(uses))
	for i, u := range uses {
		list[i] = virtual.TableUse{DB: u.DB, Table: u.Name, Write: u.Write}
	}
	return list
}
