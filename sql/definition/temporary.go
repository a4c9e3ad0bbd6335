package definition

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/ddl/online"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// runTemporary runs a definition of temporary tables; ok is false where it is of other tables, at least in part.
func (s *Statements) runTemporary(ctx context.Context, node ast.StmtNode, text string) (ok bool, err error) {
	switch n := node.(type) {
	case *ast.CreateTableStmt:
		if n.TemporaryKeyword != ast.TemporaryNone {
			return true, s.createTemporary(ctx, n)
		}
	case *ast.DropTableStmt:
		if n.TemporaryKeyword != ast.TemporaryNone {
			return true, s.own().run(ctx, node, text)
		}
		if n.IsView { // which are not looked for among temporary tables
			return false, nil
		}
		return false, s.dropShadows(ctx, n)
	case *ast.TruncateTableStmt:
		ok = s.temporary(n.Table)
	case *ast.AlterTableStmt:
		ok = s.temporary(n.Table)
	case *ast.CreateIndexStmt:
		ok = s.temporary(n.Table)
	case *ast.DropIndexStmt:
		ok = s.temporary(n.Table)
	}
	if !ok {
		return false, nil
	}
	own := s.own()
	err = own.run(ctx, node, text)
	s.Done = own.Done
	return true, err
}

// temporary tells whether a name means a temporary table.
func (s *Statements) temporary(t *ast.TableName) bool {
	name, err := s.Name(t)
	return err == nil && s.Temporary.Named(name.DB, name.Table)
}

// own is s for the session's temporary tables, which nobody else has locks on.
func (s *Statements) own() *Statements {
	o := *s
	o.Executor = s.Temporary.Executor()
	o.DB, o.Locks = o.Executor.DB, nil
	env := *s.Env
	env.Locks = nobody{}
	o.Env = &env
	return &o
}

// nobody is ddl.TableLocks of tables that nobody else uses.
type nobody struct{}

func (nobody) Exclusive(context.Context, ...schema.TableID) (func(), error) { return func() {}, nil }

// CheckTemporary refuses what a temporary table can't have: 1215 for foreign keys, 1562 for partitions.
func CheckTemporary(n *ast.CreateTableStmt) error {
	if n.TemporaryKeyword == ast.TemporaryGlobal {
		return mysqlerr.NotSupported("GLOBAL TEMPORARY TABLE")
	}
	if n.Partition != nil {
		return mysqlerr.New(mysqlerr.PartitionNoTemporary)
	}
	for _, c := range n.Constraints {
		if c.Tp == ast.ConstraintForeignKey {
			return mysqlerr.New(mysqlerr.CannotAddForeign)
		}
	}
	return nil
}

func (s *Statements) createTemporary(ctx context.Context, n *ast.CreateTableStmt) error {
	if err := CheckTemporary(n); err != nil {
		return err
	}
	if n.ReferTable != nil {
		if err := s.reads(n.ReferTable); err != nil {
			return err
		}
	}
	return s.own().createTable(ctx, n)
}

// reads asks whether LOCK TABLES leaves the session a table to read: 1100. Its own it always does.
func (s *Statements) reads(table *ast.TableName) error {
	name, err := s.Name(table)
	if err != nil || s.temporary(table) {
		return err
	}
	if t, ok := s.DB.Catalog().Table(name.DB, name.Table); ok {
		return s.Locks.Reads(t.ID, name.DB, t.Name)
	}
	return nil
}

// dropShadows drops, of the tables of a DROP TABLE, those that are temporary, and leaves the rest in the statement. All or
// none: 1051.
func (s *Statements) dropShadows(ctx context.Context, n *ast.DropTableStmt) error {
	names, err := s.names(n.Tables)
	if err != nil {
		return err
	}
	var shadows []online.Name
	var rest []*ast.TableName
	for i, name := range names {
		if s.Temporary.Named(name.DB, name.Table) {
			shadows = append(shadows, name)
		} else {
			rest = append(rest, n.Tables[i])
		}
	}
	if len(shadows) == 0 {
		return nil
	}
	if missing := s.missing(names); len(missing) > 0 && !n.IfExists {
		return mysqlerr.New(mysqlerr.BadTable, strings.Join(missing, ","))
	}
	n.Tables = rest
	own := s.own()
	return own.Executor.DropTables(ctx, own.Env, shadows, false)
}

// missing gives the names that there are no tables of.
func (s *Statements) missing(names []online.Name) (list []string) {
	c := s.Temporary.DB().Catalog()
	for _, n := range names {
		if _, ok := c.Table(n.DB, n.Table); !ok {
			list = append(list, n.String())
		}
	}
	return list
}
