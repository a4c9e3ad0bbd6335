package shard

import (
	"bytes"

	"cloudsql/storage/expr"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// applyAccess evaluates on the newest state in log order.
type applyAccess struct {
	a  *applier
	ts mvcc.Timestamp

	row   []byte // the row that was looked at last, and the version it was found in
	rowTS mvcc.Timestamp
}

func (x *applyAccess) lock(schema.IndexID, []byte) error { return nil } // the log is the order

func (x *applyAccess) read(key []byte) (payload []byte, live bool, err error) {
	if x.a.prepared.claims(key, false) {
		return nil, false, statusError(Claimed)
	}
	v, err := x.a.read(key)
	if err != nil {
		return nil, false, err
	}
	if v.TS > x.ts {
		return nil, false, statusError(StaleTimestamp)
	}
	if indexOf(key) == schema.PrimaryIndex {
		x.saw(key, v.TS)
	}
	return v.Value, v.Live(), nil
}

func (x *applyAccess) claim(*entry) error { return nil }

// saw notes a row's version, to tell garbage collection which one a put of the row supersedes.
func (x *applyAccess) saw(key []byte, ts mvcc.Timestamp) {
	x.row, x.rowTS = append(x.row[:0], key...), ts
}

func (x *applyAccess) asOld(ts mvcc.Timestamp) bool { return x.rowTS <= ts }

func (x *applyAccess) put(key, stored []byte, hides bool, removed, added []entry) error {
	o := &x.a.overlay
	if key != nil {
		o.put(key, x.ts, stored)
		c := &o.changes[len(o.changes)-1]
		if c.hides = hides; hides && bytes.Equal(key, x.row) {
			c.hidden = x.rowTS
		}
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
	w.deltas, w.budget = w.deltas[:0], expr.NewBudget()
}

// commitCounters adds what a committed proposal did to the tablets' counters.
func (a *applying) commitCounters(deltas []counterDelta) {
	for i := range deltas {
		d := &deltas[i]
		d.t.counters.work.writes.Add(max(1, uint64(max(d.rows, -d.rows))))
		if d.rows == 0 && d.autoInc <= d.t.counters.autoInc.Load() {
			continue
		}
		c := d.t.counters
		c.rows.Add(d.rows)
		c.autoInc.Store(max(c.autoInc.Load(), d.autoInc))
		a.touched[d.t.id] = d.t
	}
}
