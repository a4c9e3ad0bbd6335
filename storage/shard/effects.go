package shard

import (
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// effects executes a transaction's resolved changes: every row must still be as the transaction saw it.
//
// Entries that vanish are removed with their rows; those that appear follow after all rows, because a unique key may
// pass from one row to another within the transaction, in whatever order the effects come.
func (a *applier) effects(ts mvcc.Timestamp, effects []fragment.Effect) (Status, error) {
	w := a.writer
	w.added = w.added[:0]
	for i := range effects {
		e := &effects[i]
		status, err := a.effect(ts, e)
		if err != nil || status != Committed {
			return status, err
		}
	}
	for i := range w.added {
		e := &w.added[i]
		hides := false
		if e.unique && a.prepared.resolving != nil {
			hides = a.prepared.gives(e.key) // what it was before is not removed by the row that had it
		} else if e.unique {
			if a.prepared.claims(e.key, false) {
				return Claimed, nil
			}
			v, err := a.read(e.key)
			if err != nil {
				return 0, err
			}
			if v.Live() {
				if takes, err := a.takesOver(e, &v); err != nil || !takes {
					return Conflict, err // its lock was lost in a failover, or the index is younger than the transaction
				}
			}
		}
		a.overlay.put(e.key, ts, e.value)
		a.overlay.changes[len(a.overlay.changes)-1].hides = hides
	}
	return Committed, nil
}

// effect executes one row's change but for the entries that appear, which it adds to the writer's.
func (a *applier) effect(ts mvcc.Timestamp, e *fragment.Effect) (Status, error) {
	t, ok := a.tablets.Get(e.Tablet)
	if !ok {
		if a.prepared.resolving != nil {
			return Committed, nil // dropped since, and its rows with it
		}
		return NoTablet, nil
	}
	if !t.takesWrites() {
		return Conflict, nil // its locks were lost
	}
	w := a.writer
	w.t, w.cur, w.plan = t, t.current, t.current
	w.prepareImages()
	w.old.key = a.s.appendKey(w.old.key[:0], t.id, schema.PrimaryIndex, e.Key)
	if a.prepared.claims(w.old.key, e.Op == fragment.EffectCheck) {
		return Claimed, nil
	}
	var v mvcc.Version
	if a.prepared.resolving == nil || e.Op != fragment.EffectPut || e.Expect != 0 { // otherwise it is known that there is none
		var err error
		if v, err = a.read(w.old.key); err != nil {
			return 0, err
		}
	}
	switch {
	case a.prepared.resolving != nil: // nobody could change the row since it was looked at
		// Of a row that was absent and was to be absent, nothing is claimed: whoever has put one there since keeps it. (In
		// batches of FormatPlain it goes away, as of this transaction's timestamp: see TestPreparedDeleteOfNothing.)
		if e.Op == fragment.EffectCheck || e.Op == fragment.EffectDelete && e.Expect == 0 && a.format != FormatPlain {
			return Committed, nil
		}
	case v.TS > ts:
		return StaleTimestamp, nil
	case !mutant.SkipExpect && (v.Live() && v.TS != e.Expect || !v.Live() && e.Expect != 0):
		return Conflict, nil
	case e.Op == fragment.EffectCheck:
		return Committed, nil
	}
	w.access.(*applyAccess).saw(w.old.key, v.TS)
	w.removed = w.removed[:0]
	if v.Live() {
		w.old.stored = append(w.old.stored[:0], v.Value...)
		if err := w.entriesOfRow(&w.old, &w.removed, true); err != nil {
			return 0, err
		}
		if a.prepared.resolving != nil {
			w.removed = slices.DeleteFunc(w.removed, func(e entry) bool { return a.prepared.gives(e.key) })
		}
	}
	switch e.Op {
	case fragment.EffectPut:
		return Committed, a.effectPut(ts, e, v.Live())
	case fragment.EffectDelete:
		if v.Live() && v.TS > ts {
			return Committed, a.removeBelow(ts)
		}
		if v.Live() {
			w.count(-1)
			return Committed, w.access.remove(w.old.key, w.removed)
		}
		return Committed, nil
	}
	return 0, ErrCorrupt
}

// removeBelow writes that the writer's old row was gone at ts, which is below its newest version: that one stays the newest, and so
// do newer ones of its entries.
func (a *applier) removeBelow(ts mvcc.Timestamp) error {
	w := a.writer
	a.overlay.deleteBelow(w.old.key, ts)
	for i := range w.removed {
		key := w.removed[i].key
		v, err := a.read(key)
		if err != nil {
			return err
		}
		if v.TS > ts {
			a.overlay.deleteBelow(key, ts)
		} else {
			a.overlay.delete(key, ts)
		}
	}
	return nil
}

func (a *applier) effectPut(ts mvcc.Timestamp, e *fragment.Effect, replaces bool) error {
	w := a.writer
	w.next.key = append(w.next.key[:0], w.old.key...)
	w.next.stored = append(w.next.stored[:0], e.Row...)
	first := len(w.added)
	if err := w.entriesOfRow(&w.next, &w.added, false); err != nil {
		return err
	}
	w.dropCommon(first)
	if !replaces {
		w.count(1)
	}
	w.noteAutoInc(&w.next)
	return w.access.put(w.next.key, e.Row, replaces, w.removed, nil)
}

// entriesOfRow decodes an image's stored row as far as indexes and counters need it and appends its entries; leaving
// tells that those of DeleteOnly indexes count.
func (w *rowWriter) entriesOfRow(img *image, into *[]entry, leaving bool) error {
	l := w.cur
	if leaving && len(l.secondary) == 0 && len(l.removed) == 0 {
		return nil // but what comes is looked at: nobody could read it otherwise
	}
	if err := l.full.Decode(img.stored, img.values, nil); err != nil {
		return err
	}
	for _, ix := range l.secondary {
		*into = w.appendEntry(*into, ix, img)
		e := &(*into)[len(*into)-1]
		if e.unique {
			e.value = append([]byte(nil), e.value...) // it aliases the image, and the entry outlives that
		}
	}
	if leaving {
		for _, ix := range l.removed {
			*into = w.appendEntry(*into, ix, img)
		}
	}
	return nil
}

// dropCommon takes out of w.removed and w.added (from first on) the entries that a row keeps.
func (w *rowWriter) dropCommon(first int) {
	for i := 0; i < len(w.removed); i++ {
		for k := first; k < len(w.added); k++ {
			r, d := &w.removed[i], &w.added[k]
			if string(r.key) != string(d.key) || string(r.value) != string(d.value) {
				continue
			}
			// Swap with the last instead of copying: each entry owns its key's memory.
			last := len(w.removed) - 1
			w.removed[i], w.removed[last] = w.removed[last], w.removed[i]
			w.removed = w.removed[:last]
			last = len(w.added) - 1
			w.added[k], w.added[last] = w.added[last], w.added[k]
			w.added = w.added[:last]
			i--
			break
		}
	}
}

// bare is a full engine key without shard, tablet and index.
func bare(key []byte) []byte { return key[keys.PrefixLen:] }
