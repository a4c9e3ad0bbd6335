package node

import (
	"context"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/tso"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// watermarks is what is known about the need for a shard's next watermark.
type watermarks struct {
	index    uint64 // applied when last looked
	newest   tso.History
	proposed time.Duration
	swept    mvcc.Timestamp
}

const (
	upkeepEvery    = time.Second
	garbageChunk   = 2000 // keys that are looked at in one go
	garbagePause   = 10 * time.Millisecond
	watermarkSteps = 6 // watermarks within one history
	// flushRemoved versions that were removed since the last flush, scans of hot rows step over more than over what there is.
	flushRemoved = 4000
)

// watermarkLoop raises the watermarks of the shards that this node leads, and removes what is below on its own
// replicas.
func (n *leading) watermarkLoop(ctx context.Context) {
	removed := 0 // since the last flush that was asked for
	for range spawn.Ticks(ctx.Done(), upkeepEvery) {
		if removed >= flushRemoved {
			n.flush()
			removed = 0
		}
		for _, ls := range *n.shards.Load() {
			if ls.id == schema.SystemShard {
				continue
			}
			n.noteApplied(ls)
			if ls.group.IsLeader() {
				n.raiseWatermark(ctx, ls)
			}
			removed += n.collectGarbage(ctx, ls)
		}
	}
}

// noteApplied notes how new a shard's rows are by now.
func (n *leading) noteApplied(ls *localShard) {
	if index := ls.state.AppliedIndex(); index != ls.watermark.index {
		ls.watermark.index = index
		newest := ls.state.Newest()
		ls.watermark.newest.Note(n.cfg.Clock.Now(), newest) // applied by then
	}
}

// raiseWatermark proposes a new watermark if there are versions that have been old for long enough. It is never above what
// was committed, so no write can be below it.
func (n *leading) raiseWatermark(ctx context.Context, ls *localShard) {
	w, now := &ls.watermark, n.cfg.Clock.Now()
	if w.proposed != 0 && now-w.proposed < n.cfg.History/watermarkSteps {
		return
	}
	mark := n.keepSince(&w.newest, now)
	if mark <= ls.state.Watermark() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	w.proposed = max(now, 1)
	_, err := ls.rep.Command(ctx, shard.CommandWatermark, 0, shard.EncodeWatermark(nil, &shard.WatermarkCommand{Watermark: mark}))
	if err != nil {
		return // not the leader any more, most likely
	}
	w.index = ls.state.AppliedIndex() // our own entry changes no rows
}

// keepSince is the timestamp at and above which snapshots can be read: those of the last History, and those that are in
// use, for up to HistoryMax.
func (n *leading) keepSince(h *tso.History, now time.Duration) mvcc.Timestamp {
	keep := h.Before(now - n.cfg.History)
	for _, s := range n.peers.All(peers.GoneAfter) {
		if s.Oldest != 0 && s.Oldest < keep {
			keep = s.Oldest
		}
	}
	return max(keep, h.Before(now-n.cfg.HistoryMax))
}

// collectGarbage removes what is below a shard's watermark, and tells how many versions those were.
func (n *leading) collectGarbage(ctx context.Context, ls *localShard) (removed int) {
	mark := ls.state.Watermark()
	if mark == ls.watermark.swept {
		return 0
	}
	for {
		some, more, err := ls.state.CollectGarbage(ctx, garbageChunk)
		removed += some
		if err != nil {
			if ctx.Err() == nil {
				n.log.Warn("removing old versions failed", "shard", ls.id, "err", err)
			}
			return removed
		}
		if !more {
			break
		}
		if clock.Sleep(ctx, garbagePause) != nil {
			return removed
		}
	}
	ls.watermark.swept = mark
	return removed
}

// flush has the engine write what is in memory to tables: removed versions lie beside their removals there, for as long as
// a memtable is not full, and that is for ever when writing has ended.
func (n *leading) flush() {
	if err := n.engine.BeginFlush(); err != nil {
		n.log.Warn("flushing the engine's memory failed", "err", err)
	}
}
