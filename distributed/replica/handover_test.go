package replica

import (
	"testing"

	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// FuzzReadShipment decodes damaged hand-overs from the network: an error, never a panic.
func FuzzReadShipment(f *testing.F) {
	t := newTenure(1, SystemClock, &Stats{})
	x := &txn{id: newTestTxn(), turn: make(chan struct{}, 1), seq: 7, ws: shard.NewWorkspace(0)}
	x.owner.id, x.owner.interactive = x.id, true
	for _, mode := range []LockMode{LockShared, LockExclusive} {
		if _, _, _, err := t.locks.acquire(f.Context(), &x.owner, 3, 1, []byte{byte(mode)}, mode, lockPolicy{}); err != nil {
			f.Fatal(err)
		}
	}
	t.locks.installRange(&x.owner, &shard.Range{Tablet: 3, Index: 1, Start: []byte("a"), End: []byte("b")})
	fz := &frozen{r: &Replica{shard: testShard}, t: t, txns: []*txn{x}}
	msg, _ := fz.encode(99)
	d := wire.NewReader(msg)
	if s := d.Uvarint(); s != uint64(testShard) {
		f.Fatal(s)
	}
	body := d.Rest()
	s, err := readShipment(d, 0)
	if err != nil || s.nonce != 99 || s.from != 1 || len(s.txns) != 1 || len(s.txns[0].locks) != 2 || len(s.txns[0].ranges) != 1 || s.txns[0].seq != 7 {
		f.Fatal(s, err)
	}
	f.Add(body)
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = readShipment(wire.NewReader(b), 0) })
}
