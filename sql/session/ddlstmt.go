package session

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/ddl"
	"cloudsql/sql/ddl/online"
	"cloudsql/sql/definition"
	"cloudsql/sql/dialect"
	"cloudsql/sql/planned"
	"cloudsql/sql/privilege"
	"cloudsql/sql/temptable"
	"cloudsql/sql/view"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// ddlEnv is what data definition statements depend on.
func (s definitions) ddlEnv() *ddl.Env {
	return &ddl.Env{Mode: s.vars.Mode, SQLMode: s.vars.SQLMode, Now: s.env.Now, Collation: s.vars.ServerCollation(), Note: s.conds.Note, Locks: s.locks,
		Progress: func(state string) { s.proc.State.Store(&state) }, StrictEngine: s.vars.Text("innodb_strict_mode") == "ON",
		ForeignKeysOff: s.vars.ForeignKeysOff, Engine: s.vars.Text("default_storage_engine")}
}

// definition runs a definition of the text.
func (s definitions) definition(ctx context.Context, text string) *definition.Statements {
	return &definition.Statements{
		DB: s.eng.db, Executor: s.eng.ddl, Env: s.ddlEnv(), Locks: s.locks, In: s.db,
		Temporary:         &s.own,
		View:              func(n *ast.CreateViewStmt, db string) (*schema.View, error) { return s.makeView(ctx, n, db, text) },
		RequirePrimaryKey: s.vars.Text("sql_require_primary_key") == "ON",
	}
}

// tablets runs ALTER TABLE … {MOVE TABLET | SPLIT TABLET | MERGE TABLETS}.
func (s definitions) tablets(ctx context.Context, fn func(ctx context.Context, run *definition.Statements) error) error {
	if err := s.tx.ImplicitCommit(ctx); err != nil {
		return err
	}
	defer execution(s).look()
	return fn(online.WithLockWait(ctx, max(s.vars.TableLockWait, time.Second)), s.definition(ctx, ""))
}

// ddlCommand runs a data definition statement (sql/definition), after committing the open transaction as MySQL does.
func (s definitions) ddlCommand(ctx context.Context, node ast.StmtNode, st *parsed) error {
	if !definition.Knows(node) {
		return definition.Refusal(node)
	}
	if err := s.commitBefore(ctx, node); err != nil {
		return err
	}
	ctx = online.WithLockWait(ctx, max(s.vars.TableLockWait, time.Second))
	run := s.definition(ctx, st.text)
	defer s.proc.State.Store(nil)
	err := run.Run(ctx, node, st.text)
	execution(s).look()
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	done := &run.Done
	if s.outcome.AffectedRows, s.rowCount = done.Rows, int64(done.Rows); done.Altered { //nolint:gosec // a count
		s.outcome.Info = "Records: " + strconv.FormatUint(done.Rows, 10) + "  Duplicates: 0  Warnings: " + strconv.FormatUint(uint64(s.conds.Total), 10) //nolint:gosec // a count
	}
	if done.Dropped != "" && done.Dropped == s.db {
		s.setDB("")
	}
	return nil
}

// commitBefore commits the open transaction before a definition that does so; others may not run in a READ ONLY one.
func (s definitions) commitBefore(ctx context.Context, node ast.StmtNode) error {
	if temptable.Defines(node) {
		return s.tx.MayDefine()
	}
	return s.tx.CommitBefore(ctx)
}

// makeView binds the query of a CREATE VIEW, on a fresh catalog before it believes that something is missing.
func (s definitions) makeView(ctx context.Context, n *ast.CreateViewStmt, db, text string) (*schema.View, error) {
	r := &view.Request{
		Stmt: n, Check: dialect.CheckOptionOf(text, s.vars.SQLMode), DB: db, Now: s.env.Now,
		User: s.account().Name, Host: s.account().Host, Charset: s.vars.Text("character_set_client"), Collation: s.vars.Collation.Name(),
		Warn: func(err *mysqlerr.Error) { s.conds.Note("Warning", err.Code, err.Message) },
	}
	try := func() (*schema.View, error) {
		execution(s).look()
		s.making, s.env.Params = planned.Making{}, nil
		pctx := execution(s).planContext(s.db, s.vars.Settings)
		return view.Make(&pctx, r)
	}
	v, err := try()
	if missing(err) {
		if e := s.freshCatalog(ctx); e != nil {
			return nil, e
		}
		again, e := texts(s).parse(text) // a tree that was bound may have changed
		if e != nil {
			return nil, e
		}
		r.Stmt = dialect.CreateViewOf(again.node)
		v, err = try()
	}
	if err == nil && privilege.DefinerOf(s.snapshot, v) == nil {
		s.conds.Note("Note", mysqlerr.NoSuchUser, mysqlerr.New(mysqlerr.NoSuchUser, v.DefinerUser, v.DefinerHost).Message)
	}
	return v, err
}

// createTableSelect is CREATE TABLE … SELECT: the table first, then its rows in one transaction; without rows, no table.
func (s definitions) createTableSelect(ctx context.Context, n *ast.CreateTableStmt, params []types.Value,
	w sql.ResultWriter) error {
	if err := s.commitBefore(ctx, n); err != nil {
		return err
	}
	if !temptable.Defines(n) {
		if err := s.definition(ctx, "").Admit(ctx, n); err != nil {
			return err
		}
	}
	query, ok := n.Select.(ast.StmtNode)
	if !ok {
		return mysqlerr.NotSupported("this form of CREATE TABLE … SELECT")
	}
	p, err := execution(s).makePlan(query, s.db, params)
	if err != nil {
		return err
	}
	name, err := s.definition(ctx, "").Name(n.Table)
	if err != nil {
		return err
	}
	env := s.ddlEnv()
	definition.Deprecated(env, n.Text())
	columns, err := ddl.ColumnsOf(env, p.Header.Columns, func(f *types.Field) *schema.Column { return definition.SourceOf(s.snapshot, f) })
	if err != nil {
		return err
	}
	executor := s.eng.ddl
	if temptable.Defines(n) {
		if err := definition.CheckTemporary(n); err != nil {
			return err
		}
		executor = s.own.Executor()
	}
	made, created, err := executor.CreateTable(ctx, env, name, n.IfNotExists, func(db *schema.Database) (*schema.Table, error) {
		return ddl.CreateTable(env, db, n, columns)
	})
	if err != nil {
		return err
	}
	execution(s).look()
	if !created {
		return s.done(w)
	}
	plan := func() (*planned.Plan, error) {
		seen, target := s.own.Aside(made)
		s.snapshot = seen
		return execution(s).makePlan(definition.InsertFrom(n, target, columns), s.db, params)
	}
	if err := execution(s).runStatement(ctx, plan, params, w); err != nil {
		drop := executor.DropTables(context.WithoutCancel(ctx), env, []online.Name{name}, true)
		return errors.Join(err, drop)
	}
	return nil
}
