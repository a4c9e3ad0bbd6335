package inshard

import (
	"context"
	"errors"

	"cloudsql/distributed"
	"cloudsql/planner/exec"
	"cloudsql/storage/types"
)

// either gives what shards have joined. Where they can't, it gives what the gateway joins instead: nobody has seen a row by then, for what
// merges the groups of shards reads all of them first.
type either struct {
	op    exec.Operator
	other func() (exec.Operator, error) // nil: op gives rows
}

// Open opens what shards join or, where that is not possible, what other opens.
func Open(inShards, other func() (exec.Operator, error)) (exec.Operator, error) {
	op, err := inShards()
	switch {
	case fails(err):
		return other()
	case err != nil:
		return nil, err
	}
	return &either{op: op, other: other}, nil
}

func fails(err error) bool {
	return errors.Is(err, ErrElsewhere) || errors.Is(err, distributed.ErrSchemaChanged)
}

// Next gives the next rows.
func (e *either) Next(ctx context.Context, b *types.Batch) (bool, error) {
	other := e.other
	e.other = nil
	ok, err := e.op.Next(ctx, b)
	if other == nil || !fails(err) {
		return ok, err
	}
	op, err := other()
	if err != nil {
		return false, err
	}
	e.op.Close()
	e.op = op
	return op.Next(ctx, b)
}

// Close ends whichever is open.
func (e *either) Close() { e.op.Close() }
