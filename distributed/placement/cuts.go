package placement

import (
	"context"
	"math"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

const (
	// leastPiece is what a tablet must have in bytes that comes of a cut: below that it is single rows that are busy, and no cut helps.
	leastPiece = 256 << 10
	mostPieces = 16
	// coolFor is for how long a table that was cut here must be light before it is made one tablet again, coolEvery how often that is looked at.
	coolFor   = 30 * time.Minute
	coolEvery = time.Minute
	// coolShare is how far below the floor, as a divisor, a table must be for it.
	coolShare = 2
)

// cutting is what a Reconciler remembers of tables that were cut by itself.
type cutting struct {
	looked time.Time
	light  map[schema.TableID]time.Time // since when
}

// cut has the tablet cut that is most too heavy for a node by itself, so that its pieces can be spread; false: there is none.
func (r balancing) cut(ctx context.Context, c *catalog.Snapshot, weights map[schema.TabletID]weight, mean weight, p policy) (begun bool, err error) {
	asked, err := r.heedKeys(ctx, c)
	if err != nil {
		return false, err
	}
	var best piece
	for _, d := range c.Databases() {
		for _, h := range housedIn(c, d) {
			q := p.pieces(h, weights[h.tablet.ID], mean)
			q.key, q.keys = Shift{Database: d.ID, Table: h.table.ID, Tablet: h.tablet.ID}, !catalog.MayBeCut(h.table)
			if _, rests := r.shifts.rests[q.key]; q.into < 2 || q.share <= best.share || rests || catalog.Defining(c, h.owner) ||
				q.keys && (asked || h.table.Partitioning != nil) {
				continue
			}
			best = q
		}
	}
	if best.into == 0 {
		return false, nil
	}
	if best.keys {
		return true, r.askKeys(ctx, best)
	}
	r.rest(best.key, restFor)
	err = r.change(ctx, func(tx *catalog.Tx) error {
		t, ok := tx.Snapshot.TableByID(best.key.Table)
		if begun = ok && !catalog.Moving(tx.Snapshot, t.ID) && !catalog.Defining(tx.Snapshot, best.owner); !begun {
			return nil
		}
		if !t.Cut() { // what somebody has cut stays as it is
			tx.PutCutHere(t.ID, true)
		}
		return tx.BeginSplit(t, best.key.Tablet, catalog.Split{Into: best.into})
	})
	if begun = begun && err == nil; begun {
		r.log.Info("cutting a tablet that is more than a node's share", "table", uint64(best.key.Table), "tablet", uint64(best.key.Tablet), "into", best.into, "share", best.share)
	}
	return begun, err
}

// piece is a cut to be made.
type piece struct {
	key   Shift // the tablet
	owner schema.TableID
	into  int
	share float64 // of what a node bears on average
	keys  bool    // there are unique keys that hold in one tablet only
}

// askKeys has a gateway make a table's unique keys hold over tablets, so that it can be cut when it is looked at again. One table at a time: it is a
// change of the definition that goes through all rows.
func (r balancing) askKeys(ctx context.Context, q piece) error {
	r.log.Info("a table that is more than a node's share is to have its unique keys hold over tablets", "table", uint64(q.key.Table), "share", q.share)
	return r.change(ctx, func(tx *catalog.Tx) error {
		if _, ok := tx.Snapshot.TableByID(q.key.Table); ok {
			tx.PutKeysJob(q.key.Table, &catalog.KeysJob{})
		}
		return nil
	})
}

// heedKeys tells whether a gateway has been asked for keys and is not done. Tables whose keys could not be made stay as they are for some time.
func (r balancing) heedKeys(ctx context.Context, c *catalog.Snapshot) (asked bool, err error) {
	var over []schema.TableID
	for id, job := range catalog.KeysJobs(c) {
		t, ok := c.TableByID(id)
		if ok && job.Failed == "" {
			asked = true
			continue
		}
		over = append(over, id)
		for i := 0; ok && i < len(t.Tablets); i++ {
			r.rest(Shift{Database: t.Database, Table: id, Tablet: t.Tablets[i].ID}, restFailed)
		}
	}
	if len(over) == 0 {
		return asked, nil
	}
	return asked, r.change(ctx, func(tx *catalog.Tx) error {
		for _, id := range over {
			tx.PutKeysJob(id, nil)
		}
		return nil
	})
}

// pieces tells into how many a tablet is to be cut: so many that each is half of what a node bears on average.
func (p *policy) pieces(h housed, w, mean weight) (q piece) {
	if !p.cuts || !p.tooHeavy(w, mean) {
		return q
	}
	for kind := range w {
		if w[kind] >= p.floor[kind] {
			q.share = max(q.share, w[kind]/mean[kind])
		}
	}
	q.owner = h.owner
	q.into = min(int(math.Ceil(2*q.share)), mostPieces, int(w[inBytes]/leastPiece), catalog.Room(h.table))
	return q
}

// cool has a table that was cut here, and has been light for long, made one tablet again, or one of each partition, and clears up behind cuts that could not be made.
func (r balancing) cool(ctx context.Context, c *catalog.Snapshot, m *scales, p policy) error {
	list := catalog.CutHere(c)
	k := &r.shifts.cuts
	if len(list) == 0 || !p.cuts || time.Since(k.looked) < coolEvery {
		return nil
	}
	k.looked = time.Now()
	weights, err := r.weights(ctx, m)
	if err != nil {
		return err
	}
	if k.light == nil {
		k.light = map[schema.TableID]time.Time{}
	}
	for _, id := range list {
		t, ok := c.TableByID(id)
		if ok {
			if failed := failedOf(c, t); len(failed) > 0 {
				return r.giveUp(ctx, c, t, failed)
			}
		}
		if !ok || !t.Cut() {
			delete(k.light, id)
			return r.change(ctx, func(tx *catalog.Tx) error { tx.PutCutHere(id, false); return nil })
		}
		if !p.light(sum(weights, t)) || catalog.Defining(c, id) {
			delete(k.light, id)
			continue
		}
		if since, ok := k.light[id]; !ok {
			k.light[id] = k.looked
		} else if k.looked.Sub(since) >= coolFor && !catalog.Moving(c, id) {
			return r.merge(ctx, c, t)
		}
	}
	return nil
}

// light tells whether a table is so far below the floor that it need not be of several tablets.
func (p *policy) light(w weight) bool {
	for kind := range w {
		if w[kind]*coolShare >= p.floor[kind] {
			return false
		}
	}
	return true
}

// failedOf lists the tablets of a table whose moves have failed.
func failedOf(c *catalog.Snapshot, t *schema.Table) (list []schema.TabletID) {
	for i := range t.Tablets {
		if m := catalog.MoveOf(c, t.Tablets[i].ID); m != nil && m.State == catalog.MoveFailed {
			list = append(list, t.Tablets[i].ID)
		}
	}
	return list
}

// giveUp leaves a table as it is for some time, of which a tablet could not be cut, or could not be put together.
func (r balancing) giveUp(ctx context.Context, c *catalog.Snapshot, t *schema.Table, failed []schema.TabletID) error {
	for _, id := range failed {
		r.log.Warn("a tablet could not be cut or put together", "table", uint64(t.ID), "tablet", uint64(id), "why", catalog.MoveOf(c, id).Error)
		r.rest(Shift{Database: t.Database, Table: t.ID, Tablet: id}, restFailed)
	}
	r.shifts.cuts.light[t.ID] = time.Now().Add(restFailed)
	return r.change(ctx, func(tx *catalog.Tx) error {
		for _, id := range failed {
			tx.DeleteMove(id)
		}
		return nil
	})
}

// merge has a table, or a partition of it, made one tablet, where its database's new tables begin; the others of its partitions come when it is looked at again.
func (r balancing) merge(ctx context.Context, c *catalog.Snapshot, t *schema.Table) error {
	to := schema.ShardID(0)
	if d, ok := c.DatabaseByID(t.Database); ok {
		to = d.Shard
	}
	r.log.Info("putting a table together that was cut", "table", uint64(t.ID), "tablets", len(t.Tablets))
	return r.change(ctx, func(tx *catalog.Tx) error {
		now, ok := tx.Snapshot.TableByID(t.ID)
		if !ok || now.Version != t.Version || catalog.Moving(tx.Snapshot, t.ID) || catalog.Defining(tx.Snapshot, t.ID) {
			return nil
		}
		_, err := tx.BeginMerge(now, catalog.FirstCut(now), to)
		return err
	})
}

// rest has something stay as it is for some time.
func (r balancing) rest(key Shift, d time.Duration) {
	if r.shifts.rests == nil {
		r.shifts.rests = map[Shift]time.Time{}
	}
	r.shifts.rests[key] = time.Now().Add(d)
}
