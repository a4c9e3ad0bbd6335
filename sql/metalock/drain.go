package metalock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// A drain waits until no session uses tables in a way that a lock forbids; every node drains its own sessions.

const (
	callDrain     = "sql.drain"
	drainSlice    = 2 * time.Second // of one call; a node that is waited for longer is called again
	drainPollMin  = time.Millisecond
	drainPollMax  = 20 * time.Millisecond
	drainRetry    = 100 * time.Millisecond
	callTimeout   = 2 * time.Second // beyond the slice
	drained       = "done"
	drainBusy     = "busy"
	drainNotReady = "again"
)

// drainRequest asks a node to wait until only the holder uses the tables otherwise than the locks allow.
type drainRequest struct {
	Holder holder                  `json:"holder"`
	Tables map[schema.TableID]bool `json:"tables"` // with true, locked for writing
	WaitMs int64                   `json:"waitMs"`
}

func (l *Locks) registerCalls() {
	l.db.RegisterCall(callDrain, func(ctx context.Context, payload []byte) ([]byte, error) {
		var r drainRequest
		if err := json.Unmarshal(payload, &r); err != nil {
			return nil, fmt.Errorf("drain request: %w", err)
		}
		if l.db.RefreshCatalog(ctx) != nil {
			return []byte(drainNotReady), nil
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(r.WaitMs)*time.Millisecond)
		defer cancel()
		if l.drain(ctx, &r) != nil {
			return []byte(drainBusy), nil
		}
		return []byte(drained), nil
	})
}

// drainAll has every node drain. A node that has been silent for so long that its transactions are rolled back is not
// waited for: it finds the lock in the catalog when it is back. 1205 at the deadline.
func (l *Locks) drainAll(ctx context.Context, deadline time.Time, h holder, tables map[schema.TableID]bool) error {
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, mysqlerr.New(mysqlerr.LockWaitTimeout))
	defer cancel()
	r := drainRequest{Holder: h, Tables: tables, WaitMs: drainSlice.Milliseconds()}
	nodes := l.cfg.Others()
	if len(nodes) == 0 {
		return l.drain(ctx, &r)
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ends := make(chan error, len(nodes)+1)
	for _, n := range nodes {
		spawn.Go("draining a table", func() {
			ends <- spawn.Do("draining a table", func() error { return l.drainNode(ctx, n, payload) })
		})
	}
	spawn.Go("draining a table", func() {
		ends <- spawn.Do("draining a table", func() error { return l.drain(ctx, &r) })
	})
	for range len(nodes) + 1 {
		if err := <-ends; err != nil {
			return err // the others end with ctx
		}
	}
	return nil
}

// drainNode has another node drain.
func (l *Locks) drainNode(ctx context.Context, n schema.NodeID, payload []byte) error {
	for {
		call, cancel := context.WithTimeout(ctx, drainSlice+callTimeout)
		reply, err := l.db.Call(call, n, callDrain, payload)
		cancel()
		var refused *rpc.RemoteError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && string(reply) == drained:
			return nil
		case err == nil && string(reply) == drainBusy:
			continue
		case errors.As(err, &refused), err != nil && l.gone(n):
			return nil // it has no sessions: it is just starting, or dead
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(drainRetry):
		}
	}
}

// drain waits until no session here but the holder uses the tables.
func (l *Locks) drain(ctx context.Context, r *drainRequest) error {
	for pause := drainPollMin; ; pause = min(pause*5/4, drainPollMax) {
		busy := false
		l.each(func(o *Owner) {
			busy = busy || !o.holder().sameSession(r.Holder) && usesAny(o, r.Tables)
		})
		if !busy {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
