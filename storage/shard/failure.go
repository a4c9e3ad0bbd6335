package shard

import (
	"errors"
	"fmt"
	"runtime/debug"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
)

// What a proposal carries may be no good: it can't be decoded, it panics, it wants more than an evaluation may take. At
// apply that is the proposal's result, the same on every replica, and nothing of it stays: otherwise one statement would
// stop all replicas, again after each start. Three things are nobody's result and stop the replica: what only a later
// version of the program knows (wire.ErrUnknown), an engine that fails, and a panic while a proposal that has succeeded
// is being taken in (applier.settling), which no payload can cause.

// engineError is a failure of the engine or of the shard's own records.
type engineError struct{ err error }

func (e *engineError) Error() string { return e.err.Error() }

func (e *engineError) Unwrap() error { return e.err }

// panicError is a panic as an error.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func newPanicError(value any) *panicError { return &panicError{value, debug.Stack()} }

// detail is an error's text for the node's log.
func detail(err error) string {
	var p *panicError
	if errors.As(err, &p) {
		return fmt.Sprintf("%v\n%s", err, p.stack)
	}
	return err.Error()
}

// statementError is what a client is told about a payload that is no good.
func statementError(err error) *mysqlerr.Error {
	var own *mysqlerr.Error
	var p *panicError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &p):
		return mysqlerr.Internal("Internal error: evaluation failed: %v", p.value)
	}
	return mysqlerr.NotSupported(fmt.Sprintf("a statement that can't be logged: %v", err))
}

// protected runs what has no side effects, and makes an error of its panic.
func protected(run func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return run()
}

// step executes a proposal. What is wrong with its payload is its result.
func (a *applier) step(p *Proposal) (r ProposalResult, err error) {
	mark := a.overlay.mark()
	a.inEngine, a.settling = false, false
	defer func() {
		if v := recover(); v != nil {
			if a.inEngine || a.settling {
				panic(v)
			}
			r, err = a.spoilt(p, mark, newPanicError(v)), nil
		}
	}()
	r, err = a.proposal(p)
	if err == nil || a.settling || isEngine(err) {
		return r, err
	}
	return a.spoilt(p, mark, err), nil
}

func isEngine(err error) bool {
	var e *engineError
	return errors.As(err, &e)
}

// spoilt takes back what p has done before it failed, and gives its result.
func (a *applier) spoilt(p *Proposal, mark int, err error) ProposalResult {
	a.overlay.rollback(mark)
	a.prepared.endCheck()
	a.prepared.resolving = nil
	a.last = lastWrite{}
	a.newWriter() // the old one was in the middle of something
	if x := a.prepared.txns[p.Txn]; x != nil && x.staging && p.Kind != ProposalResolve && p.Kind != ProposalForget {
		a.unstage(x)
	}
	return ProposalResult{
		Txn: p.Txn, TS: p.TS, Status: Failed, Damage: detail(err), Writes: []fragment.WriteResult{{Err: statementError(err)}},
	}
}

func (a *applier) newWriter() { a.writer = &writer{rowWriter{shard: a.s, access: &applyAccess{}}} }
