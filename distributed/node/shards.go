package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/replica"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// startReplicas starts what replicas.json lists, the system shard first.
func (n *replicas) startReplicas(ctx context.Context) error {
	records := n.dir.Replicas()
	slices.SortFunc(records, func(a, b datadir.Record) int { return int(a.Shard) - int(b.Shard) })
	for _, r := range records {
		if r.Retired {
			if err := n.destroy(ctx, r); err != nil {
				return err
			}
			continue
		}
		if r.Quarantined {
			n.log.Warn("a replica that differed from its leaseholder's is started again: the majority will judge", "shard", r.Shard, "why", r.Broken)
			r.Quarantined, r.Broken = false, ""
		}
		if err := n.startReplica(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// startReplica starts a replica, or notes why it must not be started.
func (n *replicas) startReplica(ctx context.Context, r datadir.Record) error {
	state, broken, err := n.openState(ctx, r)
	if err != nil {
		return err
	}
	if broken != "" {
		return n.markBroken(r, broken)
	}
	if err := n.dir.Update(r.Shard, r.Replica, func(old *datadir.Record) *datadir.Record {
		c := r
		c.Broken = "" // what was missing has been put back
		if old != nil {
			c.Durable = max(c.Durable, old.Durable)
		}
		return &c
	}); err != nil {
		return err
	}
	if r.Shard == schema.SystemShard {
		state.OnSystemChange(func(_ uint64, sets []shard.SystemSet) { n.catalog.Follow(state, sets, n.log) })
		n.catalog.Follow(state, nil, n.log)
	}
	start := raft.StartConfig{
		Shard: r.Shard, Replica: r.Replica, State: state, Sync: n.engine.Sync, NonVoting: r.NonVoting,
	}
	if !r.Started {
		start.Members, start.Join = r.Members, len(r.Members) == 0
	}
	group, err := n.raft.Start(start)
	if err != nil {
		return err
	}
	if !r.Started {
		if err := n.dir.Update(r.Shard, r.Replica, func(old *datadir.Record) *datadir.Record {
			old.Started = true
			return old
		}); err != nil {
			return err
		}
	}
	ls := &localShard{id: r.Shard, replica: r.Replica, state: state, group: group}
	ls.rep = replica.New(n.replicaConfig(ls))
	ls.rep.Start()
	n.setLocal(r.Shard, ls)
	n.catalog.Notify()
	if n.loneVoter(r) {
		n.raft.Campaign(r.Shard)
	}
	n.log.Info("replica started", "shard", r.Shard, "replica", r.Replica, "applied", state.AppliedIndex())
	return nil
}

// loneVoter tells whether a replica is its group's only voter, which may stand for election without asking anybody.
func (n *replicas) loneVoter(r datadir.Record) bool {
	if len(r.Members) == 1 && !r.Started {
		return true
	}
	info, ok := n.Catalog().Shard(r.Shard)
	return ok && len(info.Replicas) == 1 && info.Replicas[n.NodeID()] == r.Replica && len(info.NonVoting) == 0
}

func (n *replicas) replicaConfig(ls *localShard) replica.Config {
	c := replica.Config{
		Node: n.NodeID(), Group: ls.group, Timestamps: n.stamps, Logger: n.log,
		LeaseDuration: n.cfg.LeaseDuration, GatewayAlive: n.peers.GatewayAlive, Clock: n.cfg.Clock,
		Peers: participants{&n.gateway}, Caller: n.client, MaxWorkspaceBytes: n.cfg.MaxTxnBytes,
		UntrustedClock: n.cfg.UntrustedClock, Version: &n.version, Gone: n.tabletGone,
		Flow: n.flow, InFlight: n.inFlight, Workspaces: n.workspaces,
	}
	if ls.id == schema.SystemShard {
		c.KeepLease = true
		c.OnLease = n.onSystemLease
	}
	c.OnWait, c.OnDeadlock = n.locks.Wake, n.locks.Found
	return c
}

// openState opens a replica's rows after looking whether all is there. broken says what is missing.
func (n *replicas) openState(ctx context.Context, r datadir.Record) (state *shard.Shard, broken string, err error) {
	if r.Damaged {
		return nil, r.Broken, nil
	}
	state, err = shard.Open(n.engine, r.Shard)
	if isDamage(err) {
		return nil, err.Error(), nil
	}
	if errors.Is(err, shard.ErrIncomplete) {
		if r.Durable > 0 {
			return nil, "the copying of a snapshot was interrupted", nil
		}
		// Raft has the snapshot's file, or the leader sends it again.
		if err := shard.DestroyData(n.engine, r.Shard); err != nil {
			return nil, "", err
		}
		state, err = shard.Open(n.engine, r.Shard)
	}
	if err != nil {
		return nil, "", err
	}
	hasLog := n.raft.HasData(r.Shard, r.Replica)
	switch {
	case r.Started && !hasLog:
		return nil, "its raft log is missing", nil
	case state.AppliedIndex() < r.Durable:
		return nil, fmt.Sprintf("its rows are those of log index %d, but %d was durable", state.AppliedIndex(), r.Durable), nil
	case !hasLog && state.AppliedIndex() > 0: // rows of a predecessor
		if err := shard.DestroyData(n.engine, r.Shard); err != nil {
			return nil, "", err
		}
		state, err = shard.Open(n.engine, r.Shard)
	}
	return state, "", err
}

// markBroken notes that a replica cannot be used. It is fatal where there is no other to copy from.
func (n *replicas) markBroken(r datadir.Record, why string) error {
	n.log.Error("a replica's data is incomplete; it will be replaced by a copy", "shard", r.Shard, "replica", r.Replica, "why", why)
	if err := n.dir.Update(r.Shard, r.Replica, func(*datadir.Record) *datadir.Record {
		r.Broken = why
		return &r
	}); err != nil {
		return err
	}
	others := len(n.book.Nodes()) > 1
	if info, ok := n.Catalog().Shard(r.Shard); ok {
		others = len(info.Replicas) > 1 || info.Replicas[n.NodeID()] == 0 // voters
	}
	if !others {
		return fmt.Errorf("%w: shard %d in %s: %s, and there is no other replica to copy from. "+
			"Put back an intact copy of the whole directory", datadir.ErrDataLost, r.Shard, n.dir.Path(), why)
	}
	return nil
}

// startAsked starts a replica that the reconciler gave this node, in the place of an older one.
func (n *replicas) startAsked(ctx context.Context, q placement.StartRequest) error {
	if raft.NodeOf(q.Replica) != n.NodeID() {
		return fmt.Errorf("replica %d is not for this node", q.Replica)
	}
	n.starting.Lock()
	defer n.starting.Unlock()
	if n.ctx.Err() != nil {
		return errors.New("the node is stopping")
	}
	for _, r := range n.dir.Replicas() {
		switch {
		case r.Shard != q.Shard:
		case r.Replica == q.Replica && r.Broken == "" && n.local(q.Shard) != nil:
			return nil // runs
		case r.Replica >= q.Replica:
			return fmt.Errorf("replica %d of shard %d is or was here: %s", r.Replica, q.Shard, r.Broken)
		default:
			if err := n.retire(ctx, r); err != nil {
				return err
			}
		}
	}
	for _, m := range q.Marks {
		if err := shard.SetMark(n.engine, q.Shard, m); err != nil {
			return err
		}
	}
	return n.startReplica(ctx, datadir.Record{Shard: q.Shard, Replica: q.Replica, NonVoting: q.NonVoting, Members: q.Members})
}

// retireAsked clears a replica that the newest catalog, which it looks into itself, gives this node no more: who asks may lead no more.
func (n *replicas) retireAsked(ctx context.Context, q placement.StartRequest) error {
	n.starting.Lock()
	defer n.starting.Unlock()
	if err := n.RefreshCatalog(ctx); err != nil {
		return err
	}
	if sh, known := n.Catalog().Shard(q.Shard); known {
		if replica, _ := sh.ReplicaOn(n.NodeID()); replica != 0 {
			return fmt.Errorf("replica %d of shard %d is this node's", replica, q.Shard)
		}
	}
	for _, r := range n.dir.Replicas() {
		if r.Shard == q.Shard && r.Replica == q.Replica {
			n.log.Info("a replica that others have taken over is cleared", "shard", r.Shard, "replica", r.Replica)
			return n.retire(ctx, r)
		}
	}
	return nil
}

// retire stops a replica that its group has removed and clears its data.
func (n *replicas) retire(ctx context.Context, r datadir.Record) error {
	if err := n.dir.Update(r.Shard, r.Replica, func(old *datadir.Record) *datadir.Record {
		old.Retired = true
		return old
	}); err != nil {
		return err
	}
	if err := n.stopReplica(r.Shard); err != nil {
		return err
	}
	if r.Broken != "" {
		n.keep(ctx, r)
	}
	return n.destroy(ctx, r)
}

func (n *replicas) stopReplica(s schema.ShardID) error {
	ls := n.local(s)
	if ls == nil {
		return nil
	}
	n.setLocal(s, nil)
	ls.rep.Close()
	return n.raft.Stop(s)
}

func (n *replicas) destroy(ctx context.Context, r datadir.Record) error {
	for try := 0; ; try++ { // the library may be busy with a snapshot of it for a moment
		err := n.raft.RemoveData(ctx, r.Shard, r.Replica)
		if err == nil {
			break
		}
		if try == 50 {
			return fmt.Errorf("removing the log of replica %d of shard %d: %w", r.Replica, r.Shard, err)
		}
		if err := clock.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	discard := shard.DestroyData
	if r.Damaged {
		discard = shard.DiscardDamaged
	}
	if err := discard(n.engine, r.Shard); err != nil {
		return err
	}
	return n.dir.Update(r.Shard, r.Replica, func(*datadir.Record) *datadir.Record { return nil })
}
