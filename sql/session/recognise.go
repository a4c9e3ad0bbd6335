package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql"
	"cloudsql/sql/dialect"
	"cloudsql/sql/privilege"
	"cloudsql/sql/transaction"
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
		return s.parse(n.Text)
	case dialect.Show:
		return &parsed{node: n.Stmt, com: comShow}, nil
	case dialect.Begin:
		return command(comBegin, noNeeds, func(ctx context.Context, s *Session) error {
			return s.tx.Begin(ctx, transaction.Characteristics{Access: n.Access}, n.Snapshot)
		}), nil
	case dialect.Finish:
		c := comRollback
		if n.Commit {
			c = comCommit
		}
		return command(c, noNeeds, func(ctx context.Context, s *Session) error { return commands{s}.end(ctx, n) }), nil
	case dialect.RollbackTo:
		return command(comRollbackTo, noNeeds, func(ctx context.Context, s *Session) error { return s.tx.RollbackTo(ctx, n.Savepoint) }), nil
	case dialect.SetTransaction:
		return setTransaction(n), nil
	case dialect.ShowConditions:
		return &parsed{com: comShow, keepConds: true, needs: noNeeds, run: func(_ context.Context, s *Session, w sql.ResultWriter) error {
			return s.writeResult(conditionsResult(s.conds.list, n.Errors, n.Offset, n.Count), w)
		}}, nil
	case dialect.CheckTables:
		return checkTables(n), nil
	case dialect.LockTables:
		return lockCommand(n), nil
	}
	return nil, nil
}

// noNeeds is of statements that everybody may run.
func noNeeds(*Session) ([]privilege.Need, error) { return nil, nil }

// command makes a parsed statement without rows of a function.
func command(c com, needs func(s *Session) ([]privilege.Need, error), fn func(ctx context.Context, s *Session) error) *parsed {
	return &parsed{com: c, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
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
		needs = func(*Session) ([]privilege.Need, error) { return privilege.ToSetGlobal(), nil }
	}
	return command(comSet, needs, func(ctx context.Context, s *Session) error {
		if n.Scope == "global" {
			return assignments{s}.setGlobalTransaction(ctx, n.Isolation, n.Access)
		}
		return s.tx.Set(n.Scope == "", n.Isolation, n.Access)
	})
}

func (s assignments) setGlobalTransaction(ctx context.Context, isolation, access string) error {
	n := &ast.SetStmt{}
	add := func(name, value string) {
		if value != "" {
			n.Variables = append(n.Variables, &ast.VariableAssignment{
				Name: name, IsGlobal: true, IsSystem: true, Value: ast.NewValueExpr(value, "", ""),
			})
		}
	}
	add("transaction_isolation", isolation)
	add("transaction_read_only", access)
	return s.set(ctx, n, nil)
}

// checkTables is CHECK TABLE and REPAIR TABLE.
func checkTables(n dialect.CheckTables) *parsed {
	privs := []mysql.PrivilegeType{mysql.SelectPriv}
	if n.Op == "repair" {
		privs = append(privs, mysql.InsertPriv)
	}
	needs := func(s *Session) ([]privilege.Need, error) {
		return privilege.OfTables(s.scope(s.db), n.Tables, privs...)
	}
	return &parsed{com: comCheck, needs: needs, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
		return commands{s}.tableReport(ctx, n.Op, n.Tables, w)
	}}
}
