package deadlock

import (
	"encoding/binary"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/wire"
)

// Kind says what a request waits for. Numbers are part of the protocol between nodes.
type Kind uint8

// RowLock is a lock on rows, at a shard's leaseholder: Ref.Place is the shard.
const RowLock Kind = 1

// Ref names a waiting request at the node that reported it: the same request has the same name in every report, and no
// two requests of a node ever share one.
type Ref struct {
	Kind  Kind
	Place uint64
	ID    uint64
}

// Owner is a transaction with the number of locks that it holds at the place that reports it.
type Owner struct {
	ID   fragment.TxnID
	Held int
}

// Wait is a request that waits: its owner cannot go on before all of For have let go.
type Wait struct {
	Ref    Ref
	Waiter Owner
	For    []Owner
	Age    time.Duration
}

// MaxWaits bounds the waits of one report, MaxFor whom one of them waits for; what is beyond is left out, oldest first
// kept.
const (
	MaxWaits = 2048
	MaxFor   = 64
)

// AppendReport encodes a node's waits. Ages travel in milliseconds.
func AppendReport(dst []byte, waits []Wait) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(waits)))
	for i := range waits {
		w := &waits[i]
		dst = w.Ref.Append(dst)
		dst = binary.AppendUvarint(dst, uint64(max(w.Age, 0)/time.Millisecond))
		dst = appendOwner(dst, &w.Waiter)
		dst = binary.AppendUvarint(dst, uint64(len(w.For)))
		for j := range w.For {
			dst = appendOwner(dst, &w.For[j])
		}
	}
	return dst
}

// DecodeReport reads what AppendReport wrote.
func DecodeReport(src []byte) ([]Wait, error) {
	d := wire.NewReader(src)
	var waits []Wait
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		w := Wait{Ref: ReadRef(d), Age: time.Duration(min(d.Uvarint(), maxAgeMillis)) * time.Millisecond, Waiter: readOwner(d)}
		for m := d.Count(); m > 0 && d.Err() == nil; m-- {
			w.For = append(w.For, readOwner(d))
		}
		waits = append(waits, w)
	}
	return waits, d.End()
}

const maxAgeMillis = 1 << 40

func appendOwner(dst []byte, o *Owner) []byte {
	return binary.AppendUvarint(append(dst, o.ID[:]...), uint64(max(o.Held, 0)))
}

func readOwner(d *wire.Reader) (o Owner) {
	copy(o.ID[:], d.Take(uint64(len(o.ID))))
	o.Held = int(min(d.Uvarint(), 1<<31))
	return o
}

// Append encodes r.
func (r Ref) Append(dst []byte) []byte {
	dst = append(dst, byte(r.Kind))
	return binary.AppendUvarint(binary.AppendUvarint(dst, r.Place), r.ID)
}

// ReadRef reads what Append wrote.
func ReadRef(d *wire.Reader) Ref { return Ref{Kind(d.Byte()), d.Uvarint(), d.Uvarint()} }
