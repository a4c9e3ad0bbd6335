package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/assign"
	"cloudsql/sql/condition"
	"cloudsql/sql/definition"
	"cloudsql/sql/dialect"
	"cloudsql/sql/maintain"
	"cloudsql/sql/privilege"
	"cloudsql/sql/status"
	"cloudsql/sql/transaction"
	"cloudsql/storage/mysqlerr"
)

// recognise reads a statement that is not left to the parser (sql/dialect). nil, nil: it is.
func (s texts) recognise(text string) (*parsed, error) {
	read, err := dialect.Recognise(text, s.vars.SQLMode)
	if read == nil || err != nil {
		return nil, err
	}
	st, err := s.recognised(read)
	if st != nil {
		st.text = text
	}
	return st, err
}

// recognised is what a statement that was recognised does.
func (s texts) recognised(read dialect.Statement) (*parsed, error) {
	switch n := read.(type) {
	case dialect.Instead:
		return s.read(n.Text) // and is not looked at again: it may be anything, millions of times
	case dialect.Grants:
		st, err := s.read(n.Text)
		if st != nil {
			st.grants = n
		}
		return st, err
	case dialect.Passwords:
		st, err := s.read(n.Text)
		if st != nil {
			st.passwords = n
		}
		return st, err
	case dialect.AlterView:
		st, err := s.read(n.Text)
		if err != nil {
			return nil, err
		}
		if create, ok := st.node.(*ast.CreateViewStmt); ok {
			st.node = &dialect.AlterViewStmt{CreateViewStmt: create}
		}
		return st, nil
	case dialect.Show:
		return &parsed{node: n.Stmt, kind: status.Show}, nil
	case dialect.Begin:
		return command(status.Begin, noNeeds, func(ctx context.Context, s *Session) error {
			return s.tx.Begin(ctx, transaction.Characteristics{Access: n.Access}, n.Snapshot)
		}), nil
	case dialect.Finish:
		c := status.Rollback
		if n.Commit {
			c = status.Commit
		}
		return command(c, noNeeds, func(ctx context.Context, s *Session) error { return commands{s}.end(ctx, n) }), nil
	case dialect.RollbackTo:
		return command(status.RollbackTo, noNeeds, func(ctx context.Context, s *Session) error { return s.tx.RollbackTo(ctx, n.Savepoint) }), nil
	case dialect.SetTransaction:
		return setTransaction(n), nil
	case dialect.ShowConditions:
		return &parsed{kind: status.Show, keepConds: true, needs: noNeeds, run: func(_ context.Context, s *Session, w sql.ResultWriter) error {
			return s.writeResult(condition.Result(s.conds.All, n.Errors, n.Offset, n.Count), w)
		}}, nil
	case dialect.CheckTables:
		return checkTables(n), nil
	case dialect.ChecksumTables:
		needs := func(s *Session) ([]privilege.Need, error) {
			return privilege.OfTables(s.scope(s.db), n.Tables, mysql.SelectPriv)
		}
		return &parsed{kind: status.Checksum, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
			return commands{s}.checksum(ctx, &n, w)
		}}, nil
	case dialect.Flush:
		needs := func(*Session) ([]privilege.Need, error) { return privilege.ToReload(), nil }
		return command(status.Flush, needs, func(ctx context.Context, s *Session) error {
			if n.Privileges {
				s.eng.logins.Forget()
			}
			if n.Privileges || n.Resources {
				s.eng.usage.Forget()
			}
			return s.tx.ImplicitCommit(ctx)
		}), nil
	case dialect.Signal:
		return diagnosing(status.Signal, n.Resignal, func(ctx context.Context, h condition.Host) error { return condition.Signal(ctx, h, &n) }), nil
	case dialect.GetDiagnostics:
		return diagnosing(status.GetDiagnostics, true, func(ctx context.Context, h condition.Host) error { return condition.Diagnose(ctx, h, &n) }), nil
	case dialect.LockTables:
		return lockCommand(n), nil
	case dialect.AlterCluster:
		return command(status.Other, setsGlobal, func(ctx context.Context, s *Session) error { return maintain.AlterCluster(ctx, s.own.DB(), n) }), nil
	case dialect.MoveTablet:
		return tabletCommand(setsGlobal, func(ctx context.Context, run *definition.Statements) error { return run.MoveTablet(ctx, n) }), nil
	case dialect.SplitTablet:
		at, err := s.lists(n.At)
		if err != nil {
			return nil, err
		}
		return tabletCommand(setsGlobal, func(ctx context.Context, run *definition.Statements) error { return run.SplitTablet(ctx, n, at) }), nil
	case dialect.MergeTablets:
		return tabletCommand(setsGlobal, func(ctx context.Context, run *definition.Statements) error { return run.MergeTablets(ctx, n) }), nil
	case dialect.SetColumnar:
		needs := func(s *Session) ([]privilege.Need, error) {
			return privilege.OfTables(s.scope(s.db), []*ast.TableName{n.Table}, mysql.AlterPriv)
		}
		return tabletCommand(needs, func(ctx context.Context, run *definition.Statements) error { return run.SetColumnar(ctx, n) }), nil
	case dialect.LockInstance:
		return lockInstance(n), nil
	case dialect.Component:
		return command(status.Other, setsGlobal, func(ctx context.Context, s *Session) error { return assign.Component(ctx, s.eng.db, n) }), nil
	case dialect.ResetPersist:
		return command(status.Other, setsGlobal, func(ctx context.Context, s *Session) error {
			return assign.ResetPersist(ctx, s.eng.db, n, s.conds.Note)
		}), nil
	case dialect.DropAbsent:
		return command(status.Other, noNeeds, func(ctx context.Context, s *Session) error {
			return n.Missing(s.tx.CommitBefore(ctx), s.db, s.conds.Note)
		}), nil
	}
	return handlerCommand(read), nil
}

// tabletCommand is a form of ALTER TABLE that only this program has.
func tabletCommand(needs func(s *Session) ([]privilege.Need, error), fn func(ctx context.Context, run *definition.Statements) error) *parsed {
	return command(status.AlterTable, needs, func(ctx context.Context, s *Session) error { return definitions{s}.tablets(ctx, fn) })
}

// lists reads lists of expressions, as VALUES has them.
func (s texts) lists(text string) ([][]ast.ExprNode, error) {
	if text == "" {
		return nil, nil
	}
	st, err := s.read("INSERT INTO t VALUES " + text)
	if err != nil {
		return nil, err
	}
	insert, ok := st.node.(*ast.InsertStmt)
	if !ok || st.params > 0 {
		return nil, mysqlerr.NotSupported("parameters in ALTER TABLE")
	}
	return insert.Lists, nil
}

// noNeeds is of statements that everybody may run.
func noNeeds(*Session) ([]privilege.Need, error) { return nil, nil }

// setsGlobal is of statements that need what SET GLOBAL needs.
func setsGlobal(*Session) ([]privilege.Need, error) { return privilege.ToSetGlobal(), nil }

// command makes a parsed statement without rows of a function.
func command(c status.Kind, needs func(s *Session) ([]privilege.Need, error), fn func(ctx context.Context, s *Session) error) *parsed {
	return &parsed{kind: c, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
		s.rowCount = 0
		if err := fn(ctx, s); err != nil {
			s.rowCount = -1
			return err
		}
		return s.done(w)
	}}
}

// setTransaction is SET [GLOBAL | SESSION] TRANSACTION.
func setTransaction(n dialect.SetTransaction) *parsed {
	needs := noNeeds
	if n.Scope == "global" {
		needs = setsGlobal
	}
	return command(status.Set, needs, func(ctx context.Context, s *Session) error {
		if n.Scope == "global" {
			return commands{s}.set().GlobalTransaction(ctx, n.Isolation, n.Access)
		}
		return s.tx.Set(n.Scope == "", n.Isolation, n.Access)
	})
}

// checkTables is CHECK TABLE and REPAIR TABLE.
func checkTables(n dialect.CheckTables) *parsed {
	privs := []mysql.PrivilegeType{mysql.SelectPriv}
	switch n.Op {
	case "repair":
		privs = append(privs, mysql.InsertPriv)
	case "assign_to_keycache", "preload_keys":
		privs = []mysql.PrivilegeType{mysql.IndexPriv}
	}
	needs := func(s *Session) ([]privilege.Need, error) {
		return privilege.OfTables(s.scope(s.db), n.Tables, privs...)
	}
	return &parsed{kind: status.Check, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
		if n.Op == "repair" {
			s.handlers.CloseTables(n.Tables, s.db)
		}
		return commands{s}.tableReport(ctx, n.Op, n.Tables, w)
	}}
}
