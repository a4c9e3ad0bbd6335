package shipment

import (
	"encoding/binary"
	"slices"

	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// Begin appends how a shipment begins: of a shard, under an epoch, for the entry with a nonce.
func Begin(dst []byte, s schema.ShardID, nonce, epoch uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(s))
	dst = binary.AppendUvarint(dst, nonce)
	return binary.AppendUvarint(dst, epoch)
}

// Append appends a transaction: who it is and what it has locked in a table, what it has written (nil: nothing), and its newest step.
func Append(dst []byte, o *lock.Owner, locks *lock.Table, ws *shard.Workspace, seq uint64) []byte {
	dst = append(dst, o.ID[:]...)
	dst = binary.AppendUvarint(dst, o.Session.Load())
	dst = binary.AppendUvarint(dst, seq)
	dst = wire.AppendBool(dst, ws != nil)
	if ws != nil {
		dst = ws.Append(dst)
	}
	return locks.AppendHeld(dst, o)
}

// Txn is a transaction that has come with a transfer.
type Txn struct {
	ID        fragment.TxnID
	Session   uint64
	Seq       uint64
	Workspace *shard.Workspace // nil: none
	Held      lock.Held
}

// Shipment is what a transfer brings, at its target until the log gives it the lease.
type Shipment struct {
	Txns []*Txn

	nonce uint64
	from  uint64 // the epoch that it was made under; the target may not have applied its beginning yet
	epoch uint64 // the one that the entry has begun, or the target's taking after it; 0: it has not come
}

// Read decodes a shipment, behind the shard's id.
func Read(d *wire.Reader, workspaceLimit int) (*Shipment, error) {
	s := &Shipment{nonce: d.Uvarint(), from: d.Uvarint()}
	for d.Err() == nil && len(d.Rest()) > 0 {
		s.Txns = append(s.Txns, readTxn(d, workspaceLimit))
	}
	return s, d.End()
}

func readTxn(d *wire.Reader, workspaceLimit int) *Txn {
	x := &Txn{}
	copy(x.ID[:], d.Take(uint64(len(x.ID))))
	x.Session, x.Seq = d.Uvarint(), d.Uvarint()
	if d.Bool() {
		x.Workspace = shard.ReadWorkspace(d, workspaceLimit)
	}
	x.Held = lock.ReadHeld(d)
	return x
}

// TooLate tells whether the target serves under an epoch that is not before the shipment's.
func (s *Shipment) TooLate(serving uint64) bool { return serving >= s.from }

// See looks at a lease command that the target, self, has applied: is it the one that the shipment belongs to? keep is false where
// somebody else serves, or has.
func (s *Shipment) See(res *shard.Result, self schema.NodeID) (keep bool) {
	given := res.Batch == s.nonce && res.Lease.Holder == self
	// Our own taking follows: once, or again where the first was presumed lost, and was not served.
	taken := s.epoch != 0 && res.Lease.Holder == self && res.Lease.Epoch == s.epoch+1
	if given || taken {
		s.epoch = res.Lease.Epoch
		return true
	}
	return res.Lease.Epoch <= max(s.from, s.epoch)
}

// Came tells whether the shipment belongs to a tenure of this epoch.
func (s *Shipment) Came(epoch uint64) bool { return s.epoch != 0 && s.epoch == epoch }

// Drop leaves a transaction out.
func (s *Shipment) Drop(id fragment.TxnID) {
	s.Txns = slices.DeleteFunc(s.Txns, func(x *Txn) bool { return x.ID == id })
}
