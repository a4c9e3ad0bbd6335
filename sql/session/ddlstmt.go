package session

import (
	"context"
	"errors"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/ddl"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// ddlEnv is what data definition statements depend on.
func (s definitions) ddlEnv() *ddl.Env {
	return &ddl.Env{Mode: s.vars.Mode, SQLMode: s.vars.SQLMode, Now: s.env.Now, Collation: variables(s).serverCollation(), Note: s.note, Locks: s.locks}
}

// ddlCommand runs a data definition statement, after committing the open transaction as MySQL does.
func (s definitions) ddlCommand(ctx context.Context, node ast.StmtNode, st *parsed) error {
	if !isDefinition(node) {
		return refusal(node)
	}
	if err := s.tx.CommitBefore(ctx); err != nil {
		return err
	}
	ctx = ddl.WithLockWait(ctx, max(s.vars.TableLockWait, time.Second))
	if err := s.admitDDL(ctx, node); err != nil {
		return err
	}
	err := s.runDDL(ctx, node, st.text)
	s.snapshot = s.eng.db.Catalog()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

func (s definitions) runDDL(ctx context.Context, node ast.StmtNode, text string) error {
	env, x := s.ddlEnv(), s.eng.ddl
	switch n := node.(type) {
	case *ast.CreateDatabaseStmt:
		created, err := x.CreateDatabase(ctx, env, n)
		if created {
			s.outcome.AffectedRows, s.rowCount = 1, 1
		}
		return err
	case *ast.DropDatabaseStmt:
		return s.dropDatabase(ctx, env, n)
	case *ast.AlterDatabaseStmt:
		name, err := s.dbOf(n.Name.O)
		if err != nil {
			return err
		}
		s.outcome.AffectedRows, s.rowCount = 1, 1
		return x.AlterDatabase(ctx, name, n.Options)
	case *ast.CreateTableStmt:
		return s.createTable(ctx, env, n)
	case *ast.DropTableStmt:
		names, err := s.names(n.Tables)
		if err != nil {
			return err
		}
		return x.DropTables(ctx, env, names, n.IfExists)
	case *ast.TruncateTableStmt:
		name, err := s.name(n.Table)
		if err != nil {
			return err
		}
		return x.Truncate(ctx, env, name)
	case *ast.RenameTableStmt:
		return s.renameTables(ctx, env, n)
	}
	return s.alterTable(ctx, env, node, text)
}

func (s definitions) alterTable(ctx context.Context, env *ddl.Env, node ast.StmtNode, text string) error {
	var table *ast.TableName
	var plan func(db *schema.Database, t *schema.Table) (*ddl.Change, error)
	switch n := node.(type) {
	case *ast.AlterTableStmt:
		table = n.Table
		plan = func(db *schema.Database, t *schema.Table) (*ddl.Change, error) {
			return ddl.PlanAlter(env, db, t, n.Specs)
		}
	case *ast.CreateIndexStmt:
		table = n.Table
		plan = func(db *schema.Database, t *schema.Table) (*ddl.Change, error) {
			return ddl.PlanCreateIndex(env, db, t, n)
		}
	case *ast.DropIndexStmt:
		table = n.Table
		plan = func(db *schema.Database, t *schema.Table) (*ddl.Change, error) {
			return ddl.PlanDropIndex(env, db, t, n)
		}
	default:
		return refusal(node)
	}
	name, err := s.name(table)
	if err != nil {
		return err
	}
	target := func(c *ddl.Change) ddl.Name {
		to := ddl.Name{DB: name.DB, Table: c.RenameTo.Name.O}
		if c.RenameTo.Schema.O != "" {
			to.DB = c.RenameTo.Schema.O
		}
		return to
	}
	was, _ := s.eng.db.Catalog().Table(name.DB, name.Table)
	rows, err := s.eng.ddl.Alter(ctx, env, name, text, plan, target)
	if err == nil {
		if is, ok := s.eng.db.Catalog().Table(name.DB, name.Table); ok && was != nil {
			s.locks.FollowCopy(was.ID, is.ID)
		}
		s.outcome.AffectedRows, s.rowCount = rows, int64(rows)                                                  //nolint:gosec // a count
		s.outcome.Info = "Records: " + utoa(rows) + "  Duplicates: 0  Warnings: " + utoa(uint64(s.conds.total)) //nolint:gosec // a count
	}
	return err
}

// isDefinition tells the data definition statements that there are from those that are refused.
func isDefinition(node ast.StmtNode) bool {
	switch node.(type) {
	case *ast.CreateDatabaseStmt, *ast.DropDatabaseStmt, *ast.AlterDatabaseStmt, *ast.CreateTableStmt, *ast.DropTableStmt,
		*ast.TruncateTableStmt, *ast.RenameTableStmt, *ast.AlterTableStmt, *ast.CreateIndexStmt, *ast.DropIndexStmt:
		return true
	}
	return false
}

// refusal is the error of a statement that is MySQL's or the parser's, and not ours.
func refusal(node ast.StmtNode) error {
	what := "this statement"
	switch node.(type) {
	case *ast.CreateViewStmt:
		what = "CREATE VIEW"
	case *ast.ProcedureInfo, *ast.DropProcedureStmt, *ast.CallStmt:
		what = "stored procedures"
	case *ast.LoadDataStmt:
		what = "LOAD DATA"
	case *ast.GrantRoleStmt, *ast.RevokeRoleStmt, *ast.SetRoleStmt, *ast.SetDefaultRoleStmt:
		what = "roles"
	case *ast.GrantProxyStmt:
		what = "GRANT PROXY"
	case *ast.ExplainForStmt:
		what = "EXPLAIN FOR CONNECTION"
	}
	return mysqlerr.NotSupported(what)
}

func (s definitions) name(t *ast.TableName) (ddl.Name, error) {
	db, err := s.dbOf(t.Schema.O)
	return ddl.Name{DB: db, Table: t.Name.O}, err
}

func (s definitions) names(tables []*ast.TableName) ([]ddl.Name, error) {
	list := make([]ddl.Name, len(tables))
	for i, t := range tables {
		n, err := s.name(t)
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

func (s definitions) dropDatabase(ctx context.Context, env *ddl.Env, n *ast.DropDatabaseStmt) error {
	tables, found, err := s.eng.ddl.DropDatabase(ctx, env, n)
	if err != nil {
		return err
	}
	s.outcome.AffectedRows, s.rowCount = uint64(tables), int64(tables) //nolint:gosec // a count
	if found && s.db == n.Name.O {
		s.setDB("")
	}
	return nil
}

func (s definitions) createTable(ctx context.Context, env *ddl.Env, n *ast.CreateTableStmt) error {
	name, err := s.name(n.Table)
	if err != nil {
		return err
	}
	if n.ReferTable != nil {
		return s.createTableLike(ctx, env, name, n)
	}
	_, _, err = s.eng.ddl.CreateTable(ctx, env, name, n.IfNotExists, func(db *schema.Database) (*schema.Table, error) {
		t, err := ddl.CreateTable(env, db, n, nil)
		if err == nil && !t.HasPrimaryKey() && s.vars.Text("sql_require_primary_key") == "ON" {
			return nil, mysqlerr.New(mysqlerr.TableWithoutPK)
		}
		return t, err
	})
	return err
}

func (s definitions) createTableLike(ctx context.Context, env *ddl.Env, name ddl.Name, n *ast.CreateTableStmt) error {
	from, err := s.name(n.ReferTable)
	if err != nil {
		return err
	}
	src, ok := s.eng.db.Catalog().Table(from.DB, from.Table)
	if !ok {
		if err := s.freshCatalog(ctx); err != nil {
			return err
		}
		if src, ok = s.snapshot.Table(from.DB, from.Table); !ok {
			return mysqlerr.New(mysqlerr.NoSuchTable, from.DB, from.Table)
		}
	}
	_, _, err = s.eng.ddl.CreateTable(ctx, env, name, n.IfNotExists, func(db *schema.Database) (*schema.Table, error) {
		return ddl.CreateTableLike(env, db, name.Table, src)
	})
	return err
}

func (s definitions) renameTables(ctx context.Context, env *ddl.Env, n *ast.RenameTableStmt) error {
	pairs := make([][2]ddl.Name, len(n.TableToTables))
	for i, p := range n.TableToTables {
		from, err := s.name(p.OldTable)
		if err != nil {
			return err
		}
		to, err := s.name(p.NewTable)
		if err != nil {
			return err
		}
		pairs[i] = [2]ddl.Name{from, to}
	}
	return s.eng.ddl.Rename(ctx, env, pairs)
}

// createTableSelect is CREATE TABLE … SELECT: the table first, then its rows in one transaction; without rows, no table.
func (s definitions) createTableSelect(ctx context.Context, n *ast.CreateTableStmt, params []types.Value,
	w sql.ResultWriter) error {
	if err := s.tx.CommitBefore(ctx); err != nil {
		return err
	}
	query, ok := n.Select.(ast.StmtNode)
	if !ok || n.OnDuplicate != ast.OnDuplicateKeyHandlingError {
		return mysqlerr.NotSupported("this form of CREATE TABLE … SELECT")
	}
	p, err := execution(s).makePlan(query, s.db, params)
	if err != nil {
		return err
	}
	name, err := s.name(n.Table)
	if err != nil {
		return err
	}
	env := s.ddlEnv()
	columns, err := ddl.ColumnsOf(p.header.Columns)
	if err != nil {
		return err
	}
	_, created, err := s.eng.ddl.CreateTable(ctx, env, name, n.IfNotExists, func(db *schema.Database) (*schema.Table, error) {
		return ddl.CreateTable(env, db, n, columns)
	})
	if err != nil {
		return err
	}
	s.snapshot = s.eng.db.Catalog()
	if !created {
		return s.done(w)
	}
	insert := insertFrom(n, columns)
	plan := func() (*planned, error) { return execution(s).makePlan(insert, s.db, params) }
	if err := execution(s).runStatement(ctx, plan, params, w); err != nil {
		drop := s.eng.ddl.DropTables(context.WithoutCancel(ctx), env, []ddl.Name{name}, true)
		return errors.Join(err, drop)
	}
	return nil
}

// insertFrom is the INSERT … SELECT that fills the table of a CREATE TABLE … SELECT.
func insertFrom(n *ast.CreateTableStmt, columns []schema.Column) *ast.InsertStmt {
	ins := &ast.InsertStmt{
		Table: &ast.TableRefsClause{TableRefs: &ast.Join{Left: &ast.TableSource{Source: n.Table}}}, Select: n.Select,
	}
	for _, c := range columns {
		ins.Columns = append(ins.Columns, &ast.ColumnName{Name: ast.NewCIStr(c.Name)})
	}
	return ins
}
