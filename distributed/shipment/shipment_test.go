package shipment

import (
	"bytes"
	"testing"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// FuzzRead decodes damaged transfers from the network: an error, never a panic.
func FuzzRead(f *testing.F) {
	const testShard = 7
	newTable := func() *lock.Table { return lock.New(lock.Config{Clock: clock.System, Stats: &lock.Stats{}}) }
	locks := newTable()
	x := &lock.Owner{ID: fragment.TxnID{1}, Interactive: true}
	for _, mode := range []lock.Mode{lock.Shared, lock.Exclusive} {
		if _, _, _, err := locks.Acquire(f.Context(), x, lock.Key{Tablet: 3, Index: 1, Bytes: []byte{byte(mode)}}, mode, lock.Policy{}); err != nil {
			f.Fatal(err)
		}
	}
	span := fragment.Span{Start: []byte("a"), End: []byte("b")}
	if _, err := locks.AcquireRange(f.Context(), x, 3, 1, span, lock.Shared, lock.Policy{}); err != nil {
		f.Fatal(err)
	}
	d := wire.NewReader(Append(Begin(nil, testShard, 99, 1), x, locks, shard.NewWorkspace(0), 7))
	if s := d.Uvarint(); s != testShard {
		f.Fatal(s)
	}
	body := d.Rest()
	s, err := Read(d, 0)
	if err != nil || s.nonce != 99 || s.from != 1 || len(s.Txns) != 1 || s.Txns[0].ID != x.ID || s.Txns[0].Seq != 7 {
		f.Fatal(s, err)
	}
	var owner lock.Owner
	next := newTable()
	next.Restore(&owner, &s.Txns[0].Held)
	if was, is := locks.AppendHeld(nil, x), next.AppendHeld(nil, &owner); owner.Keys() != 2 || !bytes.Equal(was, is) {
		f.Fatalf("%d keys, %x, not %x", owner.Keys(), is, was)
	}
	f.Add(body)
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = Read(wire.NewReader(b), 0) })
}

// TestSee: what was shipped is kept until the log gives the lease to somebody else, however far this replica was
// behind when it came.
func TestSee(t *testing.T) {
	const self, source, other = 2, 1, 3
	taken := func(epoch uint64, holder schema.NodeID) shard.Result {
		return shard.Result{OK: true, Batch: 5, Lease: shard.Lease{Epoch: epoch, Holder: holder}}
	}
	given := taken(7, self)
	given.Batch = 99
	for _, c := range []struct {
		name string
		log  []shard.Result
		kept bool
		at   uint64 // the epoch that it is installed in
	}{
		{"nothing yet", nil, true, 0},
		{"the source's own taking, late", []shard.Result{taken(6, other), taken(7, source)}, true, 0},
		{"the source renews", []shard.Result{taken(7, source)}, true, 0},
		{"given", []shard.Result{taken(7, source), given}, true, 7},
		{"given and taken", []shard.Result{taken(7, source), given, taken(8, self)}, true, 8},
		{"given and taken again", []shard.Result{given, taken(8, self), taken(9, self)}, true, 9},
		{"somebody else was quicker", []shard.Result{taken(7, source), taken(8, other)}, false, 0},
		{"given, and somebody else was quicker", []shard.Result{given, taken(8, other)}, false, 0},
		{"taken without having been given", []shard.Result{taken(8, self)}, false, 0},
	} {
		s, kept := &Shipment{nonce: 99, from: 7}, true
		for i := range c.log {
			kept = kept && s.See(&c.log[i], self)
		}
		if kept != c.kept || kept && s.epoch != c.at {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}
