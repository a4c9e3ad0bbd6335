package node

import (
	"context"
	"slices"
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// watermarks is what is known about the need for a shard's next watermark.
type watermarks struct {
	index    uint64 // applied when last looked
	newest   history
	proposed time.Duration
	swept    mvcc.Timestamp
}

// history tells how old timestamps are: what the newest one applied was, at moments of the monotonic clock. So the age of
// a version is the time that has passed since it was applied, whatever timestamps and wall clocks have done since.
type history struct {
	moments []moment // rising in both
}

type moment struct {
	at time.Duration
	ts mvcc.Timestamp
}

// maxMoments bounds a history; beyond it every other one of the older half goes.
const maxMoments = 512

// note takes in that ts is the newest timestamp at a moment.
func (h *history) note(at time.Duration, ts mvcc.Timestamp) {
	if n := len(h.moments); n > 0 && h.moments[n-1].ts >= ts {
		return
	}
	if len(h.moments) == maxMoments {
		half := maxMoments / 2
		kept := h.moments[:0]
		for i, m := range h.moments {
			if i >= half || i%2 == 0 {
				kept = append(kept, m)
			}
		}
		h.moments = kept
	}
	h.moments = append(h.moments, moment{at, ts})
}

// before is the newest timestamp that was applied at a moment, as far as is known; 0: it is not.
func (h *history) before(at time.Duration) mvcc.Timestamp {
	for _, m := range slices.Backward(h.moments) {
		if m.at <= at {
			return m.ts
		}
	}
	return 0
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
			n.noteApplied(ls)
			if ls.group.IsLeader() {
				n.raiseWatermark(ctx, ls)
			}
			n.collectGarbage(ctx, ls)
		}
	}
}

// noteApplied notes how new a shard's rows are by now.
func (n *Node) noteApplied(ls *localShard) {
	if index := ls.state.AppliedIndex(); index != ls.watermark.index {
		ls.watermark.index = index
		newest := ls.state.Newest()
		ls.watermark.newest.note(n.cfg.Clock.Now(), newest) // applied by then
	}
}

// raiseWatermark proposes a new watermark if there are versions that have been old for long enough. It is never above what
// was committed, so no write can be below it.
func (n *Node) raiseWatermark(ctx context.Context, ls *localShard) {
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
func (n *Node) keepSince(h *history, now time.Duration) mvcc.Timestamp {
	keep := h.before(now - n.cfg.History)
	for _, s := range n.peers.all(goneAfter) {
		if s.Oldest != 0 && s.Oldest < keep {
			keep = s.Oldest
		}
	}
	return max(keep, h.before(now-n.cfg.HistoryMax))
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
