package definition

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed"
	"cloudsql/planner/syntax"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/dialect"
	"cloudsql/sql/metalock"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/temptable"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Statements runs the data definition statements of a session.
type Statements struct {
	DB       distributed.DB
	Executor *online.Executor
	Env      *ddl.Env
	Locks    *metalock.Owner
	In       string // the current database, "" for none
	// View binds the query of a CREATE VIEW, and makes its descriptor.
	View func(n *ast.CreateViewStmt, db string) (*schema.View, error)
	// RequirePrimaryKey is sql_require_primary_key.
	RequirePrimaryKey bool

	Temporary *temptable.Tables // the session's

	Done Outcome // of the statement that has run
}

// Outcome is what the client is told.
type Outcome struct {
	Rows    uint64 // that were affected: databases made, tables dropped, rows copied
	Altered bool   // a table was: the client is told of records
	Dropped string // database
}

// Deprecated warns of what a definition names and MySQL wants to be rid of.
func Deprecated(env *ddl.Env, text string) {
	for _, e := range syntax.DeprecatedCharsets(text, env.SQLMode) {
		env.Report("Warning", e)
	}
}

// Run runs a definition; text is its own.
func (s *Statements) Run(ctx context.Context, node ast.StmtNode, text string) error {
	Deprecated(s.Env, text)
	if done, err := s.runTemporary(ctx, node, text); done || err != nil {
		return err
	}
	if n, ok := node.(*ast.DropTableStmt); ok && len(n.Tables) == 0 {
		return nil // all of them were temporary
	}
	if err := s.Admit(ctx, node); err != nil {
		return err
	}
	return s.run(ctx, node, text)
}

func (s *Statements) run(ctx context.Context, node ast.StmtNode, text string) error {
	switch n := node.(type) {
	case *ast.CreateDatabaseStmt:
		if n.Name.L == virtual.MySQLDB || n.Name.L == virtual.SysDB {
			return s.existing(n)
		}
		created, err := s.Executor.CreateDatabase(ctx, s.Env, n)
		if created {
			s.Done.Rows = 1
		}
		return err
	case *ast.DropDatabaseStmt:
		return s.dropDatabase(ctx, n)
	case *ast.AlterDatabaseStmt:
		name, err := s.database(n.Name.O)
		if err != nil {
			return err
		}
		s.Done.Rows = 1
		return s.Executor.AlterDatabase(ctx, name, n.Options)
	case *ast.CreateTableStmt:
		return s.createTable(ctx, n)
	case *ast.CreateViewStmt:
		mode := online.CreateView
		if n.OrReplace {
			mode = online.ReplaceView
		}
		return s.putView(ctx, n, mode)
	case *dialect.AlterViewStmt:
		return s.putView(ctx, n.CreateViewStmt, online.AlterView)
	case *ast.DropTableStmt:
		names, err := s.names(n.Tables)
		if err != nil {
			return err
		}
		if n.IsView {
			return s.Executor.DropViews(ctx, s.Env, names, n.IfExists)
		}
		return s.dropTables(ctx, names, n.IfExists)
	case *ast.TruncateTableStmt:
		name, err := s.Name(n.Table)
		if err != nil {
			return err
		}
		return s.Executor.Truncate(ctx, s.Env, name)
	case *ast.RenameTableStmt:
		return s.renameTables(ctx, n)
	}
	return s.alterTable(ctx, node, text)
}

// existing is CREATE DATABASE of one that always is: 1007.
func (s *Statements) existing(n *ast.CreateDatabaseStmt) error {
	err := mysqlerr.New(mysqlerr.DBCreateExists, n.Name.L)
	if !n.IfNotExists {
		return err
	}
	s.Env.Report("Note", err)
	return nil
}

func (s *Statements) dropTables(ctx context.Context, names []online.Name, ifExists bool) error {
	gone := map[schema.TableID]schema.TableID{}
	for _, n := range names {
		if id, ok := s.DB.Catalog().Named(n.DB, n.Table); ok {
			gone[id] = 0
		}
	}
	if err := s.Executor.DropTables(ctx, s.Env, names, ifExists); err != nil {
		return err
	}
	if s.Locks != nil {
		s.Locks.Follow(gone)
	}
	return nil
}

func (s *Statements) dropDatabase(ctx context.Context, n *ast.DropDatabaseStmt) error {
	tables, found, err := s.Executor.DropDatabase(ctx, s.Env, n)
	if err != nil {
		return err
	}
	s.Done.Rows = uint64(tables) //nolint:gosec // a count
	if found {
		s.Done.Dropped = n.Name.O
	}
	return nil
}

// database gives the database of a name: its own or the current one. 1046.
func (s *Statements) database(name string) (string, error) {
	switch {
	case name != "":
		return name, nil
	case s.In == "":
		return "", mysqlerr.New(mysqlerr.NoDB)
	}
	return s.In, nil
}

// Name is what a statement means by the name of a table.
func (s *Statements) Name(t *ast.TableName) (online.Name, error) {
	db, err := s.database(t.Schema.O)
	return online.Name{DB: db, Table: t.Name.O}, err
}

func (s *Statements) names(tables []*ast.TableName) ([]online.Name, error) {
	list := make([]online.Name, len(tables))
	for i, t := range tables {
		n, err := s.Name(t)
		if err != nil {
			return nil, err
		}
		for _, o := range list[:i] {
			if o == n {
				return nil, mysqlerr.New(mysqlerr.NonuniqTable, t.Name.O)
			}
		}
		list[i] = n
	}
	return list, nil
}

func (s *Statements) createTable(ctx context.Context, n *ast.CreateTableStmt) error {
	name, err := s.Name(n.Table)
	if err != nil {
		return err
	}
	if n.ReferTable != nil {
		return s.createTableLike(ctx, name, n)
	}
	_, _, err = s.Executor.CreateTable(ctx, s.Env, name, n.IfNotExists, func(db *schema.Database) (*schema.Table, error) {
		t, err := ddl.CreateTable(s.Env, db, n, nil)
		if err == nil && !t.HasPrimaryKey() && s.RequirePrimaryKey {
			return nil, mysqlerr.New(mysqlerr.TableWithoutPK)
		}
		return t, err
	})
	return err
}

func (s *Statements) putView(ctx context.Context, n *ast.CreateViewStmt, mode online.ViewMode) error {
	name, err := s.Name(n.ViewName)
	if err != nil {
		return err
	}
	v, err := s.View(n, name.DB)
	if err != nil {
		return err
	}
	return s.Executor.PutView(ctx, s.Env, name, v, mode)
}

func (s *Statements) createTableLike(ctx context.Context, name online.Name, n *ast.CreateTableStmt) error {
	from, err := s.Name(n.ReferTable)
	if err != nil {
		return err
	}
	src, ok := s.Temporary.DB().Catalog().Table(from.DB, from.Table)
	if !ok {
		if err := s.DB.RefreshCatalog(ctx); err != nil {
			return err
		}
		if src, ok = s.Temporary.DB().Catalog().Table(from.DB, from.Table); !ok {
			if _, view := s.DB.Catalog().View(from.DB, from.Table); view {
				return mysqlerr.New(mysqlerr.WrongObject, from.DB, from.Table, "BASE TABLE")
			}
			return mysqlerr.New(mysqlerr.NoSuchTable, from.DB, from.Table)
		}
	}
	if src.Partitioning != nil && n.TemporaryKeyword != ast.TemporaryNone {
		return mysqlerr.New(mysqlerr.PartitionNoTemporary)
	}
	_, _, err = s.Executor.CreateTable(ctx, s.Env, name, n.IfNotExists, func(db *schema.Database) (*schema.Table, error) {
		return ddl.CreateTableLike(s.Env, db, name.Table, src)
	})
	return err
}

func (s *Statements) renameTables(ctx context.Context, n *ast.RenameTableStmt) error {
	pairs := make([][2]online.Name, len(n.TableToTables))
	for i, p := range n.TableToTables {
		from, err := s.Name(p.OldTable)
		if err != nil {
			return err
		}
		to, err := s.Name(p.NewTable)
		if err != nil {
			return err
		}
		pairs[i] = [2]online.Name{from, to}
	}
	return s.Executor.Rename(ctx, s.Env, pairs)
}
