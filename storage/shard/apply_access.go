package shard

import (
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// applyAccess evaluates on the newest state in log order.
type applyAccess struct {
	a  *applier
	ts mvcc.Timestamp
}

func (x *applyAccess) lock(schema.IndexID, []byte) error { return nil } // the log is the order

func (x *applyAccess) read(key []byte) (payload []byte, live bool, err error) {
	v, err := x.a.read(key)
	if err != nil {
		return nil, false, err
	}
	if v.TS > x.ts {
		return nil, false, statusError(StaleTimestamp)
	}
	return v.Value, v.Live(), nil
}

func (x *applyAccess) put(key, stored []byte, hides bool, removed, added []entry) error {
	o := &x.a.overlay
	if key != nil {
		o.put(key, x.ts, stored)
		o.changes[len(o.changes)-1].hides = hides
	}
	for i := range removed {
		o.delete(removed[i].key, x.ts)
	}
	for i := range added {
		o.put(added[i].key, x.ts, added[i].value)
		o.changes[len(o.changes)-1].hides = added[i].hides
	}
	return nil
}

func (x *applyAccess) remove(key []byte, removed []entry) error {
	x.a.overlay.delete(key, x.ts)
	return x.put(nil, nil, false, removed, nil)
}

// begin readies the writer for a proposal at apply.
func (w *writer) begin(a *applier, ts mvcc.Timestamp) {
	x := w.access.(*applyAccess)
	x.a, x.ts = a, ts
	w.deltas = w.deltas[:0]
}

// commitCounters adds what a committed proposal did to the tablets' counters.
func (a *applier) commitCounters(deltas []counterDelta) {
	for i := range deltas {
		d := &deltas[i]
		if d.rows == 0 && d.autoInc <= d.t.counters.autoInc.Load() {
			continue
		}
		c := d.t.counters
		c.rows.Add(d.rows)
		c.autoInc.Store(max(c.autoInc.Load(), d.autoInc))
		a.touched[d.t.id] = d.t
	}
}
