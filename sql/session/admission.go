package session

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// admission lets only so many statements that look for rows run at once: more would not end sooner, they would all take longer and
// hold memory meanwhile. Those beyond wait in a queue of bounded length for a bounded time, and are then refused with 1041.
//
// Reads and writes by key do not take a place, so that they are answered beside any number of others; nor does a session that has
// a transaction or locks, which those who have places may be waiting for; and administrators do without one.
type admission struct {
	places   chan struct{} // one for each statement that runs
	queue    int32         // most that wait
	patience time.Duration
	waiting  atomic.Int32
	refused  atomic.Uint64
}

const (
	defaultPlaces    = 256
	queuePerPlace    = 4
	placePatience    = 30 * time.Second
	errOverloadedFmt = "Out of resources: %d statements run and %d wait; try again later"
)

func (a *admission) init(places int) {
	if places == 0 {
		places = defaultPlaces
	}
	a.places, a.queue, a.patience = make(chan struct{}, places), int32(queuePerPlace*places), placePatience //nolint:gosec // a setting
}

// try takes a place if one is free.
func (a *admission) try() bool {
	select {
	case a.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a place when one gets free. 1041.
func (a *admission) wait(ctx context.Context) error {
	defer a.waiting.Add(-1)
	if a.waiting.Add(1) > a.queue {
		return a.overloaded()
	}
	timer := time.NewTimer(a.patience)
	defer timer.Stop()
	select {
	case a.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return a.overloaded()
	}
}

func (a *admission) overloaded() error {
	a.refused.Add(1)
	return mysqlerr.Newf(mysqlerr.OutOfResources, errOverloadedFmt, len(a.places), a.waiting.Load()-1)
}

func (a *admission) leave() { <-a.places }

// takePlace waits until a statement that looks for rows may run.
func (s execution) takePlace(ctx context.Context, p *planned) error {
	if s.placed || p.point != nil || len(p.Uses) == 0 || p.modify != nil && !p.modify.NeedsTxn() {
		return nil
	}
	if s.tx.In() || s.locks.Locks() {
		return nil
	}
	a := &s.eng.admission
	if !a.try() {
		if s.account().Has(mysql.SuperPriv) {
			return nil
		}
		if err := a.wait(ctx); err != nil {
			return err
		}
	}
	s.placed = true
	return nil
}

// leavePlace lets the next one in: the statement has ended, or begins to send what it found, at the pace of its client.
func (s *Session) leavePlace() {
	if s.placed {
		s.placed = false
		s.eng.admission.leave()
	}
}
