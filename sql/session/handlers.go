package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/planned"
	"cloudsql/sql/privilege"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/status"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// HANDLER (sql/handler): each read is planned and run as the query that it stands for.

// handlerCommand is a statement of HANDLER as it was recognised.
func handlerCommand(read dialect.Statement) *parsed {
	var st *parsed
	switch n := read.(type) {
	case dialect.OpenHandler:
		needs := func(s *Session) ([]privilege.Need, error) {
			return privilege.OfTables(s.scope(s.db), []*ast.TableName{n.Table}, mysql.SelectPriv)
		}
		st = command(status.Other, needs, func(ctx context.Context, s *Session) error { return commands{s}.openHandler(ctx, &n) })
	case dialect.CloseHandler:
		st = command(status.Other, noNeeds, func(_ context.Context, s *Session) error {
			if s.locks.LocksTables() {
				return mysqlerr.New(mysqlerr.LockOrActiveTransaction)
			}
			return s.handlers.Close(n.Name)
		})
	case dialect.ReadHandler:
		st = &parsed{kind: status.Other, needs: noNeeds, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
			return execution{s}.readHandler(ctx, &n, w)
		}}
	default:
		return nil
	}
	st.noPrepare = true
	return st
}

// openHandler is HANDLER t OPEN. 1347 for a view, 1031 for what has no rows of its own.
func (s commands) openHandler(ctx context.Context, n *dialect.OpenHandler) error {
	if s.locks.LocksTables() {
		return mysqlerr.New(mysqlerr.LockOrActiveTransaction)
	}
	db, err := s.dbOf(n.Table.Schema.O)
	if err != nil {
		return err
	}
	name := n.Table.Name.O
	if virtual.IsVirtual(db) {
		return mysqlerr.New(mysqlerr.IllegalHa, name)
	}
	t, ok := s.snapshot.Table(db, name)
	if !ok {
		if t, err = s.handledTable(ctx, db, name); err != nil {
			return err
		}
	}
	return s.handlers.Open(n.Name, db, t)
}

// handledTable looks for a table on a fresh catalog.
func (s commands) handledTable(ctx context.Context, db, name string) (*schema.Table, error) {
	if _, err := s.existingTable(ctx, db, name); err != nil {
		return nil, err
	}
	t, ok := s.snapshot.Table(db, name)
	if !ok {
		return nil, mysqlerr.New(mysqlerr.WrongObject, db, name, "BASE TABLE")
	}
	return t, nil
}

// readHandler is HANDLER name READ.
func (s execution) readHandler(ctx context.Context, n *dialect.ReadHandler, w sql.ResultWriter) error {
	if s.locks.LocksTables() {
		return mysqlerr.New(mysqlerr.LockOrActiveTransaction)
	}
	h, err := s.handlers.Find(n.Name, s.snapshot)
	if err != nil {
		return err
	}
	exprs, err := h.Values(n, texts(s).options())
	if err != nil {
		return err
	}
	values, err := s.evaluate(ctx, exprs, nil)
	if err != nil {
		return err
	}
	read, err := h.Read(n, values, texts(s).options())
	if err != nil {
		return err
	}
	s.rowIDs = true
	defer func() { s.rowIDs = false }()
	plan := func() (*planned.Plan, error) { return s.makePlan(read.Query, s.db, read.Params) }
	if err := s.runLimited(ctx, true, 0, plan, read.Params, read.Rows(w)); err != nil {
		return err
	}
	read.Done()
	return nil
}
