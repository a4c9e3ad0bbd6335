package session

import (
	"context"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/sql/dialect"
	"cloudsql/sql/metalock"
	"cloudsql/sql/planned"
	"cloudsql/sql/privilege"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/status"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// The statements that take table locks, and what statements tell of the tables that they use (sql/metalock).

// lockClient is a session as its locks see it.
type lockClient Session

var _ metalock.Client = (*lockClient)(nil)

func (c *lockClient) LockWait() time.Duration { return c.vars.TableLockWait }

// End closes the connection: its locks were taken from it.
func (c *lockClient) End() {
	if conn := c.shared.Load(); conn.Kill != nil {
		conn.Kill()
	}
}

// admit lets a statement begin when no lock of somebody else is in its way.
func (s execution) admit(ctx context.Context, p *planned.Plan) error {
	waited, err := s.locks.Admit(ctx, &p.Statement)
	if err != nil {
		return err
	}
	// A definition was waited for; or one came between the plan and this, unseen: it did not wait for this statement.
	if now := s.own.DB().Catalog(); (waited || now != s.snapshot) && !p.Current(now) {
		return distributed.ErrSchemaChanged
	}
	if s.tx.Open() != nil || !s.vars.Autocommit {
		s.locks.Hold(p.Uses)
	}
	return nil
}

// lockCommand is LOCK TABLES as it was recognised.
func lockCommand(n dialect.LockTables) *parsed {
	needs := func(s *Session) ([]privilege.Need, error) {
		return privilege.OfLock(s.scope(s.db), dialect.TablesOf(n.Items)...)
	}
	st := command(status.LockTables, needs, func(ctx context.Context, s *Session) error { return commands{s}.lockTables(ctx, n.Items) })
	st.noPrepare = true
	return st
}

// lockTables is LOCK TABLES. 1066 for a name that stands twice, 1223 for a WRITE lock under one's own global read lock, 1290 for one under read_only.
func (s commands) lockTables(ctx context.Context, items []dialect.LockItem) error {
	var want metalock.Request
	for _, l := range items {
		db, err := s.dbOf(l.Table.Schema.O)
		if err != nil {
			return err
		}
		if virtual.IsVirtual(db) || s.own.Named(db, l.Table.Name.O) {
			continue
		}
		id, err := s.existingTable(ctx, db, l.Table.Name.O)
		if err == nil && l.Write {
			err = s.tx.Closed()
		}
		if err != nil {
			return err
		}
		if err := s.locks.Add(&want, metalock.Use{ID: id, DB: db, Name: l.Table.Name.O, Write: l.Write}, l.Alias); err != nil {
			return err
		}
		if v, ok := s.snapshot.ViewByID(id); ok {
			s.locks.AddBelow(&want, s.snapshot, v, l.Write)
		}
	}
	if err := s.tx.ImplicitCommit(ctx); err != nil {
		return err
	}
	if err := s.locks.LockTables(ctx, &want); err != nil {
		return err
	}
	execution(s).look()
	return nil
}

// lockInstance is LOCK INSTANCE FOR BACKUP, and UNLOCK INSTANCE.
func lockInstance(n dialect.LockInstance) *parsed {
	needs := func(*Session) ([]privilege.Need, error) { return privilege.ToBackUp(), nil }
	st := command(status.Other, needs, func(ctx context.Context, s *Session) error {
		if !n.Lock {
			s.locks.UnlockInstance()
			return nil
		}
		return s.locks.LockInstance(ctx)
	})
	st.noPrepare = true
	return st
}

// existingTable finds a table or view, on a fresh catalog before it says 1146.
func (s commands) existingTable(ctx context.Context, db, name string) (schema.TableID, error) {
	id, ok := s.snapshot.Named(db, name)
	if !ok {
		if err := s.freshCatalog(ctx); err != nil {
			return 0, err
		}
		if id, ok = s.snapshot.Named(db, name); !ok {
			return 0, mysqlerr.New(mysqlerr.NoSuchTable, db, name)
		}
	}
	return id, nil
}

// unlockTablesStmt is UNLOCK TABLES: it commits a transaction only where LOCK TABLES gave locks.
func (s commands) unlockTablesStmt(ctx context.Context) error {
	if s.locks.LocksTables() {
		if err := s.tx.ImplicitCommit(ctx); err != nil {
			return err
		}
	}
	s.locks.UnlockAll()
	return nil
}

// flushLocked is FLUSH TABLES … WITH READ LOCK: of some tables, which is like LOCK TABLES … READ, or of all, so that nobody
// changes any table until UNLOCK TABLES.
func (s commands) flushLocked(ctx context.Context, tables []*ast.TableName) error {
	if len(tables) > 0 {
		return s.lockTables(ctx, dialect.ReadLocks(tables))
	}
	if err := s.tx.ImplicitCommit(ctx); err != nil || s.locks.HasGlobalRead() {
		return err
	}
	if err := s.locks.LockAll(ctx); err != nil {
		return err
	}
	execution(s).look()
	return nil
}
