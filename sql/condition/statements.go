package condition

import (
	"context"

	"cloudsql/sql/dialect"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Host is the session of a statement about conditions.
type Host interface {
	Conditions() *List
	MaxConditions() int
	RowCount() int64 // of the statement before
	Strict() bool
	// Simple gives the values of texts that are literals, variables or names (1054).
	Simple(ctx context.Context, texts []string) ([]types.Value, error)
	SetUserVar(name string, v types.Value, t types.Type) error
}

// Signal is SIGNAL. RESIGNAL has no condition to raise again outside of handlers, which only stored programs have.
func Signal(ctx context.Context, h Host, n *dialect.Signal) error {
	if n.Resignal {
		return mysqlerr.New(mysqlerr.ResignalWithoutActiveHandler)
	}
	vals, err := h.Simple(ctx, n.Values)
	if err != nil {
		return err
	}
	add := func(c virtual.Condition) { h.Conditions().Add(h.MaxConditions(), c) }
	c, err := signalled(n, vals, h.Strict(), func(e *mysqlerr.Error) { add(virtual.Condition{Level: "Warning", Code: e.Code, Message: e.Message}) })
	if err != nil {
		return err
	}
	if add(c); c.Level == "Warning" {
		return nil
	}
	return &mysqlerr.Error{Code: c.Code, State: c.State, Message: c.Message}
}

// Diagnose is GET DIAGNOSTICS. What goes wrong becomes another condition of the list, and the statement succeeds.
func Diagnose(ctx context.Context, h Host, n *dialect.GetDiagnostics) error {
	if n.Stacked {
		return mysqlerr.New(mysqlerr.NoStackedDiagnostics)
	}
	tell := tellStatement
	if n.Condition != "" {
		tell = tellCondition
	}
	err := tell(ctx, h, n)
	if err != nil && ctx.Err() == nil {
		e := mysqlerr.From(err)
		h.Conditions().Add(h.MaxConditions(), virtual.Condition{Level: "Error", Code: e.Code, Message: e.Message})
		return nil
	}
	return err
}

func tellStatement(_ context.Context, h Host, n *dialect.GetDiagnostics) error {
	for i, item := range n.Items {
		v := types.Int(h.RowCount())
		if item == "NUMBER" {
			v = types.Int(int64(len(h.Conditions().All)))
		}
		if err := h.SetUserVar(n.Vars[i], v, types.TypeInt); err != nil {
			return err
		}
	}
	return nil
}

func tellCondition(ctx context.Context, h Host, n *dialect.GetDiagnostics) error {
	number, err := h.Simple(ctx, []string{n.Condition})
	if err != nil {
		return err
	}
	c, err := h.Conditions().get(number[0])
	if err != nil {
		return err
	}
	for i, item := range n.Items {
		v, t := itemOf(c, item)
		if err := h.SetUserVar(n.Vars[i], v, t); err != nil {
			return err
		}
	}
	return nil
}
