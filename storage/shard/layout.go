package shard

import (
	"encoding/binary"
	"fmt"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// Kinds of the shard's own records: the "index" of tablet 0. Numbers are part of the storage format.
const (
	metaState    schema.IndexID = 1
	metaTable    schema.IndexID = 2
	metaCounters schema.IndexID = 3
	metaOutcome  schema.IndexID = 4
	metaSystem   schema.IndexID = 5
	metaPrepared schema.IndexID = 6
	metaMark     schema.IndexID = 7
	metaNote     schema.IndexID = 8
)

// tabletPrefixLen is the length of shard and tablet in front of a key.
const tabletPrefixLen = 8

func metaPrefix(s schema.ShardID, kind schema.IndexID) []byte {
	return keys.AppendPrefix(nil, s, 0, kind)
}

func tabletMetaKey(s schema.ShardID, kind schema.IndexID, t schema.TabletID) []byte {
	return binary.BigEndian.AppendUint32(metaPrefix(s, kind), uint32(t))
}

func outcomeKey(s schema.ShardID, index uint64) []byte {
	return binary.BigEndian.AppendUint64(metaPrefix(s, metaOutcome), index)
}

func preparedKey(s schema.ShardID, txn fragment.TxnID) []byte {
	return append(metaPrefix(s, metaPrepared), txn[:]...)
}

// pieceKey follows the key of its part.
func pieceKey(s schema.ShardID, txn fragment.TxnID, n uint32) []byte {
	return binary.BigEndian.AppendUint32(preparedKey(s, txn), n)
}

// shardRange bounds everything of a shard.
func shardRange(s schema.ShardID) (start, end []byte) {
	start = binary.BigEndian.AppendUint32(nil, uint32(s))
	return start, keys.SpanSuccessor(start)
}

// dataRange bounds a shard's rows and entries, without its own records.
func dataRange(s schema.ShardID) (start, end []byte) {
	_, end = shardRange(s)
	return keys.AppendPrefix(nil, s, 1, 0), end
}

// tabletRange bounds a tablet's rows and entries.
func tabletRange(s schema.ShardID, t schema.TabletID) (start, end []byte) {
	start = keys.AppendPrefix(nil, s, t, 0)[:tabletPrefixLen]
	return start, keys.SpanSuccessor(start)
}

// indexRange bounds one index of a tablet.
func indexRange(s schema.ShardID, t schema.TabletID, ix schema.IndexID) (start, end []byte) {
	start = keys.AppendPrefix(nil, s, t, ix)
	return start, keys.SpanSuccessor(start)
}

// state is what a shard remembers besides its rows; one record, rewritten with every Apply.
type state struct {
	applied   uint64
	hash      uint64
	lease     Lease
	maxTS     mvcc.Timestamp // largest committed
	closed    mvcc.Timestamp
	watermark mvcc.Timestamp
	system    uint64 // log index of the last system change
	outcomes  generations
	// forgotten is at or above the timestamp of every outcome that was forgotten: what may be as old may have ended, or an
	// abort mark against it may be gone. It never falls. See outcome.go.
	forgotten mvcc.Timestamp
}

// stateVersion begins the state record. In version 1 forgotten was missing, in version 2 what generations tell in logs with
// First; without those, version 2 is still written. A replica that meets another one does not open.
const stateVersion = 3

func (s *state) append(dst []byte) []byte {
	g := &s.outcomes
	version := byte(stateVersion)
	if g.last == 0 {
		version--
	}
	dst = append(dst, version)
	for _, n := range [...]uint64{
		s.applied, s.hash, s.lease.Epoch, uint64(s.lease.Holder), uint64(s.lease.Duration), s.lease.Serial, uint64(s.maxTS),
		uint64(s.closed), uint64(s.watermark), s.system, g.young, g.old, uint64(g.since), g.count,
		uint64(s.forgotten),
	} {
		dst = binary.AppendUvarint(dst, n)
	}
	if g.last != 0 {
		for _, n := range [...]uint64{uint64(g.last), g.age, g.bytes, uint64(g.youngTop), uint64(g.oldTop)} {
			dst = binary.AppendUvarint(dst, n)
		}
	}
	return dst
}

func (s *state) decode(b []byte) error {
	d := wire.NewReader(b)
	v := d.Byte()
	if d.Err() == nil && (v < 1 || v > stateVersion) {
		return fmt.Errorf("shard: state record of format version %d (this node knows %d)", v, stateVersion)
	}
	s.applied, s.hash = d.Uvarint(), d.Uvarint()
	s.lease.Epoch, s.lease.Holder = d.Uvarint(), schema.NodeID(d.Uvarint())
	s.lease.Duration, s.lease.Serial = time.Duration(d.Uvarint()), d.Uvarint()
	s.maxTS, s.closed, s.watermark = mvcc.Timestamp(d.Uvarint()), mvcc.Timestamp(d.Uvarint()), mvcc.Timestamp(d.Uvarint())
	s.system = d.Uvarint()
	s.outcomes = withoutTops()
	g := &s.outcomes
	g.young, g.old, g.since, g.count = d.Uvarint(), d.Uvarint(), mvcc.Timestamp(d.Uvarint()), d.Uvarint()
	if v > 1 {
		s.forgotten = mvcc.Timestamp(d.Uvarint())
	}
	if v > 2 {
		g.last, g.age, g.bytes = mvcc.Timestamp(d.Uvarint()), d.Uvarint(), d.Uvarint()
		g.youngTop, g.oldTop = mvcc.Timestamp(d.Uvarint()), mvcc.Timestamp(d.Uvarint())
		if g.last == 0 {
			d.Fail(wire.ErrCorrupt)
		}
	}
	return d.End()
}
