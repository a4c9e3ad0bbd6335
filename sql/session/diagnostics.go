package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/condition"
	"cloudsql/sql/dialect"
	"cloudsql/sql/status"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// signalCommand is SIGNAL or RESIGNAL.
func signalCommand(n dialect.Signal) *parsed {
	if n.Resignal {
		return &parsed{kind: status.Resignal, needs: noNeeds, keepConds: true, noPrepare: true,
			run: func(context.Context, *Session, sql.ResultWriter) error {
				return mysqlerr.New(mysqlerr.ResignalWithoutActiveHandler) // which only stored programs have
			}}
	}
	st := command(status.Signal, noNeeds, func(ctx context.Context, s *Session) error { return commands{s}.signal(ctx, n) })
	st.noPrepare = true
	return st
}

// signal raises the condition of SIGNAL.
func (s commands) signal(ctx context.Context, n dialect.Signal) error {
	vals, err := s.simpleValues(ctx, n.Values)
	if err != nil {
		return err
	}
	c, err := condition.Signalled(&n, vals, s.vars.Mode.Strict, s.warn)
	if err != nil {
		return err
	}
	s.conds.Add(s.vars.MaxConditions, c)
	if c.Level == "Warning" {
		return nil
	}
	return &mysqlerr.Error{Code: c.Code, State: c.State, Message: c.Message}
}

// getDiagnostics is GET DIAGNOSTICS. What goes wrong becomes another condition of the list, and the statement succeeds.
func getDiagnostics(n dialect.GetDiagnostics) *parsed {
	return &parsed{kind: status.GetDiagnostics, needs: noNeeds, keepConds: true, noPrepare: true,
		run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
			if n.Stacked {
				return mysqlerr.New(mysqlerr.NoStackedDiagnostics)
			}
			if err := (commands{s}).diagnose(ctx, n); err != nil {
				if ctx.Err() != nil {
					return err
				}
				e := mysqlerr.From(err)
				s.note("Error", e.Code, e.Message)
			}
			return s.done(w)
		}}
}

// diagnose puts the items of GET DIAGNOSTICS into their variables.
func (s commands) diagnose(ctx context.Context, n dialect.GetDiagnostics) error {
	if n.Condition == "" {
		for i, item := range n.Items {
			v := types.Int(s.rowCount)
			if item == "NUMBER" {
				v = types.Int(int64(len(s.conds.All)))
			}
			if err := s.answers.SetUserVar(n.Vars[i], v, types.TypeInt); err != nil {
				return err
			}
		}
		return nil
	}
	number, err := s.simpleValues(ctx, []string{n.Condition})
	if err != nil {
		return err
	}
	c, err := s.conds.Get(number[0])
	if err != nil {
		return err
	}
	for i, item := range n.Items {
		v, t := condition.Item(c, item)
		if err := s.answers.SetUserVar(n.Vars[i], v, t); err != nil {
			return err
		}
	}
	return nil
}

// simpleValues are the values of texts that are literals, variables or names (1054).
func (s commands) simpleValues(ctx context.Context, list []string) ([]types.Value, error) {
	if len(list) == 0 {
		return nil, nil
	}
	st, err := texts(s).read("SELECT " + strings.Join(list, ", "))
	if err != nil {
		return nil, err
	}
	sel, ok := st.node.(*ast.SelectStmt)
	if !ok || len(sel.Fields.Fields) != len(list) {
		return nil, mysqlerr.Syntax(list[0], 1)
	}
	exprs := make([]ast.ExprNode, len(list))
	for i, f := range sel.Fields.Fields {
		exprs[i] = f.Expr
	}
	return execution(s).evaluate(ctx, exprs, nil)
}
