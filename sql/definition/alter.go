package definition

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/syntax"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/dialect"
	"cloudsql/sql/metalock"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// alterTable is ALTER TABLE, CREATE INDEX and DROP INDEX.
func (s *Statements) alterTable(ctx context.Context, node ast.StmtNode, text string) error {
	var table *ast.TableName
	var plan func(db *schema.Database, t *schema.Table) (*ddl.Change, error)
	switch n := node.(type) {
	case *ast.AlterTableStmt:
		table = n.Table
		syntax.MarkDroppedChecks(n, text)
		plan = func(db *schema.Database, t *schema.Table) (*ddl.Change, error) {
			return ddl.PlanAlter(s.Env, db, t, n.Specs)
		}
	case *ast.CreateIndexStmt:
		table = n.Table
		plan = func(db *schema.Database, t *schema.Table) (*ddl.Change, error) {
			return ddl.PlanCreateIndex(s.Env, db, t, n)
		}
	case *ast.DropIndexStmt:
		table = n.Table
		plan = func(db *schema.Database, t *schema.Table) (*ddl.Change, error) {
			return ddl.PlanDropIndex(s.Env, db, t, n)
		}
	default:
		return Refusal(node)
	}
	name, err := s.Name(table)
	if err != nil {
		return err
	}
	if n, ok := node.(*ast.AlterTableStmt); ok && len(n.Specs) == 1 && n.Specs[0].Tp == ast.AlterTableExchangePartition {
		return s.exchange(ctx, name, n.Specs[0])
	}
	target := func(c *ddl.Change) online.Name {
		to, err := s.Name(c.RenameTo) // of the current database, if it names none
		if err != nil {
			to.DB = name.DB
		}
		return to
	}
	was, _ := s.DB.Catalog().Table(name.DB, name.Table)
	rows, err := s.Executor.Alter(ctx, s.Env, name, text, plan, target)
	if err != nil {
		return err
	}
	if is, ok := s.DB.Catalog().Table(name.DB, name.Table); ok && was != nil && s.Locks != nil {
		s.Locks.Follow(map[schema.TableID]schema.TableID{was.ID: is.ID})
	}
	s.Done.Rows, s.Done.Altered = rows, true
	return nil
}

// exchange is ALTER TABLE … EXCHANGE PARTITION. 1066, 1733.
func (s *Statements) exchange(ctx context.Context, name online.Name, spec *ast.AlterTableSpec) error {
	with, err := s.Name(spec.NewTable)
	switch {
	case err != nil:
		return err
	case with == name:
		return mysqlerr.New(mysqlerr.NonuniqTable, with.Table)
	case s.Temporary.Named(name.DB, name.Table):
		return mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned)
	case s.Temporary.Named(with.DB, with.Table):
		return mysqlerr.New(mysqlerr.ExchangeTemporary, with.Table)
	}
	c := online.Exchange{Table: name, Partition: spec.PartitionNames[0].O, With: with, Unchecked: !spec.WithValidation}
	s.Done.Altered = true
	return c.Run(ctx, s.Executor, s.Env)
}

// Admit lets a data definition statement begin where the locks of its session, and a global read lock, allow it.
func (s *Statements) Admit(ctx context.Context, node ast.StmtNode) error {
	var uses []metalock.Use
	makes := ""
	add := func(tables ...*ast.TableName) {
		for _, t := range tables {
			db := t.Schema.O
			if db == "" {
				db = s.In
			}
			if id, ok := s.DB.Catalog().Named(db, t.Name.O); ok {
				uses = append(uses, metalock.Use{ID: id, DB: db, Name: t.Name.O, Write: true})
			}
		}
	}
	switch n := node.(type) {
	case *ast.AlterTableStmt:
		add(n.Table)
		for _, spec := range n.Specs {
			if spec.Tp == ast.AlterTableExchangePartition {
				add(spec.NewTable)
			}
		}
	case *ast.CreateIndexStmt:
		add(n.Table)
	case *ast.DropIndexStmt:
		add(n.Table)
	case *ast.TruncateTableStmt:
		add(n.Table)
	case *ast.DropTableStmt:
		add(n.Tables...)
	case *ast.RenameTableStmt:
		for _, p := range n.TableToTables {
			add(p.OldTable)
		}
	case *ast.DropDatabaseStmt:
		for _, t := range s.DB.Catalog().Tables(n.Name.O) {
			uses = append(uses, metalock.Use{ID: t.ID, DB: n.Name.O, Name: t.Name, Write: true})
		}
		for _, v := range s.DB.Catalog().Views(n.Name.O) {
			uses = append(uses, metalock.Use{ID: v.ID, DB: n.Name.O, Name: v.Name, Write: true})
		}
	case *ast.CreateTableStmt:
		makes = n.Table.Name.O
	case *ast.CreateViewStmt:
		makes = n.ViewName.Name.O
		add(n.ViewName)
	case *dialect.AlterViewStmt:
		add(n.ViewName)
	}
	return s.Locks.AdmitDefinition(ctx, makes, uses)
}

// Knows tells the data definition statements that there are from those that are refused.
func Knows(node ast.StmtNode) bool {
	switch node.(type) {
	case *ast.CreateDatabaseStmt, *ast.DropDatabaseStmt, *ast.AlterDatabaseStmt, *ast.CreateTableStmt, *ast.DropTableStmt,
		*ast.TruncateTableStmt, *ast.RenameTableStmt, *ast.AlterTableStmt, *ast.CreateIndexStmt, *ast.DropIndexStmt, *ast.CreateViewStmt, *dialect.AlterViewStmt:
		return true
	}
	return false
}

// Refusal is the error of a statement that is MySQL's or the parser's, and not ours.
func Refusal(node ast.StmtNode) error {
	what := "this statement"
	switch node.(type) {
	case *ast.ProcedureInfo, *ast.DropProcedureStmt, *ast.CallStmt:
		what = "stored procedures"
	case *ast.GrantProxyStmt:
		what = "GRANT PROXY"
	}
	return mysqlerr.NotSupported(what)
}
