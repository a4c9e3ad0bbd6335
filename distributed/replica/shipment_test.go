package replica

import (
	"bytes"
	"errors"
	"testing"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// FuzzReadShipment decodes damaged transfers from the network: an error, never a panic.
func FuzzReadShipment(f *testing.F) {
	newTable := func() *lock.Table { return lock.New(lock.Config{Clock: clock.System, Stats: &lock.Stats{}}) }
	t := newTenure(1, newTable())
	x := &txn{id: newTestTxn(), turn: make(chan struct{}, 1), seq: 7, ws: shard.NewWorkspace(0)}
	x.owner.ID, x.owner.Interactive = x.id, true
	for _, mode := range []lock.Mode{lock.Shared, lock.Exclusive} {
		if _, _, _, err := t.locks.Acquire(f.Context(), &x.owner, lock.Key{Tablet: 3, Index: 1, Bytes: []byte{byte(mode)}}, mode, lock.Policy{}); err != nil {
			f.Fatal(err)
		}
	}
	span := fragment.Span{Start: []byte("a"), End: []byte("b")}
	if _, err := t.locks.AcquireRange(f.Context(), &x.owner, 3, 1, span, lock.Shared, lock.Policy{}); err != nil {
		f.Fatal(err)
	}
	fz := &frozen{r: &core{shard: testShard}, t: t, txns: []*txn{x}}
	msg, _ := fz.encode(99)
	d := wire.NewReader(msg)
	if s := d.Uvarint(); s != uint64(testShard) {
		f.Fatal(s)
	}
	body := d.Rest()
	s, err := readShipment(d, 0)
	if err != nil || s.nonce != 99 || s.from != 1 || len(s.txns) != 1 || s.txns[0].seq != 7 {
		f.Fatal(s, err)
	}
	var owner lock.Owner
	next := newTable()
	next.Restore(&owner, &s.txns[0].held)
	if was, is := t.locks.AppendHeld(nil, &x.owner), next.AppendHeld(nil, &owner); owner.Keys() != 2 || !bytes.Equal(was, is) {
		f.Fatalf("%d keys, %x, not %x", owner.Keys(), is, was)
	}
	f.Add(body)
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = readShipment(wire.NewReader(b), 0) })
}

// TestExpectShipment: what was shipped is kept until the log gives the lease to somebody else, however far this replica was
// behind when it came.
func TestExpectShipment(t *testing.T) {
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
		r := new(Replica)
		r.cfg.Node, r.shipped = self, &shipment{nonce: 99, from: 7}
		for i := range c.log {
			r.expectShipment(&c.log[i])
		}
		if (r.shipped != nil) != c.kept || c.kept && r.shipped.epoch != c.at {
			t.Errorf("%s: %+v", c.name, r.shipped)
		}
	}
}

// TestAbdicate: a replica whose state is wrong serves nothing from the moment that it knows, hands its lease on, and takes
// none any more, even as raft's leader.
func TestAbdicate(t *testing.T) {
	c := newFakeCluster(t, 2, nil)
	r, other, ctx := c.replicas[0], c.replicas[1], t.Context()
	if _, err := r.Write(ctx, autocommit(putWrite("a", 1))); err != nil {
		t.Fatal(err)
	}
	if err := r.Abdicate(ctx, other.cfg.Node); err != nil {
		t.Fatal(err)
	}
	var elsewhere *leaseholder.NotLeaseholder
	if _, err := readValue(ctx, r, "a", 0); !errors.As(err, &elsewhere) {
		t.Errorf("it serves a read: %v", err)
	}
	if _, err := untilServed(t, other, autocommit(putWrite("a", 2))); err != nil { // it may be an entry behind
		t.Fatal("the next holder: ", err)
	}
	c.log.Elect(1)
	if _, err := r.Acquire(ctx); !errors.As(err, &elsewhere) {
		t.Errorf("it takes a lease again: %v", err)
	}
	if v, err := readValue(ctx, other, "a", 0); v != "2" || err != nil {
		t.Error(v, err)
	}
}
