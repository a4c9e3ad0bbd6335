// Package running is the context that a session's statements run under, and what the process list shows of them.
//
// Invariants: a statement that is stopped ends with the error that it was stopped with; where none runs, stopping means nothing.
package running

import (
	"context"
	"sync"
	"sync/atomic"

	"cloudsql/storage/memory"
)

// Context is made for a connection's context and serves statement after statement, so that a statement costs no context of its own,
// until one is cancelled.
type Context struct {
	Memory *memory.Account // that statements are charged to
	mu     sync.Mutex
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	active atomic.Bool
}

// Begin gives the context of a new statement.
func (r *Context) Begin(parent context.Context) context.Context {
	if r.parent != parent || r.ctx == nil || r.ctx.Err() != nil {
		r.mu.Lock()
		if r.cancel != nil {
			r.cancel(nil)
		}
		r.parent = parent
		r.ctx, r.cancel = context.WithCancelCause(memory.NewContext(parent, r.Memory))
		r.mu.Unlock()
	}
	r.active.Store(true)
	return r.ctx
}

// End is the statement's.
func (r *Context) End() { r.active.Store(false) }

// Active tells whether a statement runs.
func (r *Context) Active() bool { return r.active.Load() }

// Stop ends the running statement with err.
func (r *Context) Stop(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active.Load() && r.cancel != nil {
		r.cancel(err)
	}
}

// Close gives back what the context holds.
func (r *Context) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel(nil)
	}
}
