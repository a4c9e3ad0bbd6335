package node

import (
	"context"
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// watermarks is what is known about the need for a shard's next watermark.
type watermarks struct {
	index    uint64    // applied when last looked
	changed  time.Time // when index last moved
	proposed time.Time
	covered  time.Time // what had changed by then is below the last watermark
	swept    mvcc.Timestamp
}

const (
	upkeepEvery    = time.Second
	garbageChunk   = 2000 // keys that are looked at in one go
	garbagePause   = 10 * time.Millisecond
	watermarkSteps = 6 // watermarks within one history
)

// watermarkLoop raises the watermarks of the shards that this node leads, and removes what is below on its own
// replicas.
func (n *Node) watermarkLoop(ctx context.Context) {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, ls := range *n.shards.Load() {
			if ls.id == schema.SystemShard {
				continue
			}
			if ls.group.IsLeader() {
				n.raiseWatermark(ctx, ls)
			}
			n.collectGarbage(ctx, ls)
		}
	}
}

// raiseWatermark proposes a new watermark if rows have changed since the last one began to cover them. How old a
// version is goes by the cluster's timestamps: by a wall clock that is ahead of them, a watermark could stop all
// writes.
func (n *Node) raiseWatermark(ctx context.Context, ls *localShard) {
	w, now := &ls.watermark, time.Now()
	if index := ls.state.AppliedIndex(); index != w.index {
		w.index, w.changed = index, now
	}
	if !w.covered.Before(w.changed) || now.Sub(w.proposed) < n.cfg.History/watermarkSteps {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ts, err := n.stamps.Next(ctx, 1)
	if err != nil {
		return // who needs timestamps more will tell
	}
	keep := n.keepSince(ts.Time())
	covers := now.Add(keep.Sub(ts.Time()))
	if !covers.After(w.covered) || mvcc.At(keep) <= ls.state.Watermark() {
		return
	}
	w.proposed = now
	_, err = ls.rep.Command(ctx, shard.CommandWatermark, 0,
		shard.EncodeWatermark(nil, &shard.WatermarkCommand{Watermark: mvcc.At(keep)}))
	if err != nil {
		return // not the leader any more, most likely
	}
	w.covered = covers
	w.index = ls.state.AppliedIndex() // our own entry changes no rows
}

// keepSince is the time of the oldest snapshot that can be read, by the clock of timestamps, at a time.
func (n *Node) keepSince(now time.Time) time.Time {
	keep := now.Add(-n.cfg.History)
	limit := now.Add(-n.cfg.HistoryMax)
	for _, s := range n.peers.all(goneAfter) {
		if s.Oldest != 0 && s.Oldest.Time().Before(keep) {
			keep = s.Oldest.Time()
		}
	}
	if keep.Before(limit) {
		return limit
	}
	return keep
}

func (n *Node) collectGarbage(ctx context.Context, ls *localShard) {
	mark := ls.state.Watermark()
	if mark == ls.watermark.swept {
		return
	}
	for {
		_, more, err := ls.state.CollectGarbage(ctx, garbageChunk)
		if err != nil {
			if ctx.Err() == nil {
				n.log.Warn("removing old versions failed", "shard", ls.id, "err", err)
			}
			return
		}
		if !more {
			break
		}
		if sleep(ctx, garbagePause) != nil {
			return
		}
	}
	ls.watermark.swept = mark
}
