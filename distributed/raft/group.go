package raft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"

	"cloudsql/distributed/clock"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

const (
	proposalTimeout = 10 * time.Second
	readTimeout     = 500 * time.Millisecond // then it is asked again: the question may have been lost
	sweepInterval   = 20 * time.Millisecond
)

// group implements Group on a dragonboat replica of this node.
type group struct {
	h       *Host
	shard   schema.ShardID
	replica uint64
	state   shard.API
	user    dragonboat.INodeUser
	session *client.Session

	applied   atomic.Pointer[func([]shard.Result)]
	recovered atomic.Pointer[func()]
	onLeader  atomic.Pointer[func(schema.NodeID, uint64)]
	changed   atomic.Pointer[chan struct{}] // closed at the next leadership change

	mu      sync.Mutex
	waiting []proposal // in order of proposing
	sweeper bool       // one is running
}

// proposal is what is known of one under way: its results do not come here, only its loss.
type proposal struct {
	rs      *dragonboat.RequestState
	dropped func(error)
}

var _ Group = (*group)(nil)

func (g *group) Shard() schema.ShardID { return g.shard }
func (g *group) State() shard.API      { return g.state }

func (g *group) OnApplied(fn func([]shard.Result)) { g.applied.Store(&fn) }

// OnRecovered registers who is told when a snapshot has replaced the state.
func (g *group) OnRecovered(fn func()) { g.recovered.Store(&fn) }

func (g *group) OnLeader(fn func(schema.NodeID, uint64)) { g.onLeader.Store(&fn) }

func (g *group) Leader() (schema.NodeID, uint64) {
	id, term, ok, err := g.h.nh.GetLeaderID(uint64(g.shard))
	if err != nil || !ok {
		return 0, term
	}
	return NodeOf(id), term
}

func (g *group) IsLeader() bool {
	id, _, ok, err := g.h.nh.GetLeaderID(uint64(g.shard))
	return err == nil && ok && id == g.replica
}

func (g *group) Transfer(to schema.NodeID) error {
	m, err := g.h.localMembership(g.shard)
	if err != nil {
		return err
	}
	for id := range m.Voters {
		if NodeOf(id) == to {
			if err := g.h.nh.RequestLeaderTransfer(uint64(g.shard), id); err != nil {
				return mapError(err)
			}
			spawn.Go("a transfer of leadership", func() { g.pushTransfer(to) })
			return nil
		}
	}
	return fmt.Errorf("raft: node %d has no voter of shard %d", to, g.shard)
}

// pushTransfer asks the target to stand for election until it has. Raft asks once, and a target that has not applied all
// that was committed (as under any load) lets it pass; the leader would take no proposals for an election timeout. It
// takes none meanwhile, so the target has soon applied everything.
func (g *group) pushTransfer(to schema.NodeID) {
	const tries, pause = 25, 8 * time.Millisecond
	for range tries {
		time.Sleep(pause)
		if !g.IsLeader() || isClosed(g.h.stop) {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*pause)
		_, _ = g.h.cfg.Client.Call(ctx, to, methodCampaign, binary.LittleEndian.AppendUint64(nil, uint64(g.shard)))
		cancel()
	}
}

// Propose implements Group. No goroutine waits for a single proposal: while some are under way, one sweeper looks every
// few milliseconds at which are done, and only losses are of interest to it.
func (g *group) Propose(ctx context.Context, cmd []byte, dropped func(error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if node, _ := g.Leader(); node == 0 {
		return ErrNoLeader
	}
	rs, err := g.user.Propose(g.session, cmd, proposalTimeout)
	if err != nil {
		return mapError(err)
	}
	g.h.Stats.Proposals.Add(1)
	g.h.Stats.ProposedBytes.Add(uint64(len(cmd)))
	g.mu.Lock()
	g.waiting = append(g.waiting, proposal{rs, dropped})
	if !g.sweeper {
		g.sweeper = true
		spawn.Go("looking after proposals", g.sweep)
	}
	g.mu.Unlock()
	return nil
}

// sweep runs while proposals are under way, and half a minute longer lest it be started for each.
func (g *group) sweep() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	idle := 0
	for idle < int(30*time.Second/sweepInterval) {
		changed := *g.changed.Load()
		select {
		case <-tick.C:
		case <-changed:
		}
		if g.sweepOnce() == 0 {
			idle++
			if idle == 50 { // nothing for a second: look rarely
				tick.Reset(sweepInterval * 10)
			}
			continue
		}
		if idle >= 50 {
			tick.Reset(sweepInterval)
		}
		idle = 0
	}
	g.mu.Lock()
	again := len(g.waiting) > 0
	g.sweeper = again
	g.mu.Unlock()
	if again {
		spawn.Go("looking after proposals", g.sweep)
	}
}

// sweepOnce ends what has ended and returns how many proposals it looked at.
func (g *group) sweepOnce() int {
	type loss struct {
		fn  func(error)
		err error
	}
	var losses []loss
	g.mu.Lock()
	n := len(g.waiting)
	kept := g.waiting[:0]
	for _, p := range g.waiting {
		select {
		case r := <-p.rs.AppliedC():
			if err := lossOf(r); err != nil && p.dropped != nil {
				losses = append(losses, loss{p.dropped, err})
			}
			p.rs.Release()
		default:
			kept = append(kept, p)
		}
	}
	clear(g.waiting[len(kept):])
	g.waiting = kept
	g.mu.Unlock()
	for _, l := range losses {
		g.h.Stats.Lost.Add(1)
		_ = spawn.Do("a lost proposal", func() error { l.fn(l.err); return nil })
	}
	return n
}

// lossOf turns a request's end into the loss that it means, nil if it was applied.
func lossOf(r dragonboat.RequestResult) error {
	switch {
	case r.Completed():
		return nil
	case r.Dropped(), r.Rejected():
		return ErrDropped
	case r.Timeout():
		return ErrTimeout
	default:
		return ErrStopped
	}
}

func (g *group) ReadIndex(ctx context.Context) error {
	for {
		if err := g.waitLeader(ctx); err != nil {
			return err
		}
		rs, err := g.h.nh.ReadIndex(uint64(g.shard), readTimeout)
		if err != nil {
			if err = mapError(err); !errors.Is(err, ErrBusy) {
				return err
			}
		} else {
			g.h.Stats.ReadIndexes.Add(1)
			err = g.awaitRead(ctx, rs)
			if err == nil || errors.Is(err, ErrStopped) || ctx.Err() != nil {
				return err
			}
		}
		if err := clock.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func (g *group) awaitRead(ctx context.Context, rs *dragonboat.RequestState) error {
	changed := *g.changed.Load()
	for {
		select {
		case r := <-rs.AppliedC():
			rs.Release()
			return lossOf(r)
		case <-changed:
			// It may be lost with the old leader; do not wait for its timeout. (Not released: its answer may come.)
			return ErrDropped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// waitLeader waits until a leader is known.
func (g *group) waitLeader(ctx context.Context) error {
	for {
		changed := *g.changed.Load()
		if node, _ := g.Leader(); node != 0 {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(100 * time.Millisecond): // events are told late at start-up
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrNoLeader, ctx.Err())
		case <-g.h.stop:
			return ErrStopped
		}
	}
}

// leaderChanged is called by the host for each event.
func (g *group) leaderChanged(leader schema.NodeID, term uint64) {
	next := make(chan struct{})
	close(*g.changed.Swap(&next))
	if fn := g.onLeader.Load(); fn != nil {
		(*fn)(leader, term)
	}
}

func mapError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, dragonboat.ErrShardNotReady):
		return ErrNoLeader
	case errors.Is(err, dragonboat.ErrSystemBusy):
		return ErrBusy
	case errors.Is(err, dragonboat.ErrPayloadTooBig):
		return ErrTooBig
	case errors.Is(err, dragonboat.ErrClosed), errors.Is(err, dragonboat.ErrShardClosed), errors.Is(err, dragonboat.ErrShardNotFound):
		return ErrStopped
	}
	return err
}
