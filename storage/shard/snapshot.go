package shard

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"cloudsql/storage/engine"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"

	"github.com/cockroachdb/pebble/v2"
)

// A snapshot's stream is a header and frames:
//
//	header = "cloudsql" version(1)=1 shard(4) applied index(8)
//	frame  = length(4) crc32c(4) payload, all numbers little endian
//	payload = 1 { key(bytes) value(bytes) }…    keys without the shard in front
//	        | 2 count(uvarint)                  the end: how many keys there were
const (
	snapshotMagic   = "cloudsql"
	snapshotVersion = 1
	snapshotHeader  = len(snapshotMagic) + 1 + 4 + 8
	frameData       = 1
	frameEnd        = 2
	frameBytes      = 256 << 10
	maxFrameBytes   = 1 << 30 // one row can be as large as a packet
	shardPrefixLen  = 4
)

// Errors of snapshots.
var (
	// ErrStopped: stop was closed.
	ErrStopped = errors.New("shard: the snapshot was stopped")
	// ErrBadSnapshot: the stream is damaged, of another format, or another shard's.
	ErrBadSnapshot = errors.New("shard: bad snapshot stream")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Pinned is a state of a shard that is to be streamed. SaveSnapshot closes it; one that is never saved must be
// closed.
type Pinned struct {
	snapshot *pebble.Snapshot
	applied  uint64
	once     sync.Once
}

// Close unpins the state; further calls do nothing.
func (p *Pinned) Close() (err error) {
	p.once.Do(func() { err = p.snapshot.Close() })
	return err
}

// Applied is the log index that the state was reached with.
func (p *Pinned) Applied() uint64 { return p.applied }

// PrepareSnapshot pins the present state; the result is a *Pinned. See API.
func (s *Shard) PrepareSnapshot() (any, error) {
	s.applyMu.Lock() // the index must be that of the pinned state
	defer s.applyMu.Unlock()
	return &Pinned{snapshot: s.engine.DB().NewSnapshot(), applied: s.applied.Load()}, nil
}

// SaveSnapshot streams a prepared state; see API. It does not keep Apply from going on.
func (s *Shard) SaveSnapshot(prepared any, w io.Writer, stop <-chan struct{}) (err error) {
	p, ok := prepared.(*Pinned)
	if !ok {
		return fmt.Errorf("%w: not a prepared state", ErrBadSnapshot)
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	start, end := shardRange(s.id)
	it, err := p.snapshot.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	header := append([]byte(snapshotMagic), snapshotVersion)
	header = binary.LittleEndian.AppendUint32(header, uint32(s.id))
	header = binary.LittleEndian.AppendUint64(header, p.applied)
	if _, err := w.Write(header); err != nil {
		return err
	}
	payload, count := []byte{frameData}, uint64(0)
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		payload = wire.AppendBytes(payload, it.Key()[shardPrefixLen:])
		payload = wire.AppendBytes(payload, value)
		count++
		if len(payload) < frameBytes {
			continue
		}
		if err := writeFrame(w, payload, stop); err != nil {
			return err
		}
		payload = append(payload[:0], frameData)
	}
	if err := it.Error(); err != nil {
		return err
	}
	if err := writeFrame(w, payload, stop); err != nil {
		return err
	}
	return writeFrame(w, binary.AppendUvarint([]byte{frameEnd}, count), stop)
}

func writeFrame(w io.Writer, payload []byte, stop <-chan struct{}) error {
	select {
	case <-stop:
		return ErrStopped
	default:
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(payload, castagnoli))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// recoveringMark names the node's record that says that a shard's data is incomplete.
func recoveringMark(id schema.ShardID) string { return fmt.Sprintf("recovering/%d", id) }

// RecoverSnapshot replaces the replica's data by what SaveSnapshot streamed; see API. When it fails, the replica is
// incomplete and refuses everything until another RecoverSnapshot succeeds, across restarts (ErrIncomplete).
func (s *Shard) RecoverSnapshot(r io.Reader, stop <-chan struct{}) error {
	in := bufio.NewReaderSize(r, 1<<20)
	if err := readHeader(in, s.id); err != nil {
		return err
	}
	s.collector.running.Lock()
	defer s.collector.running.Unlock()
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	none := noTablets()
	s.tablets.Store(&none)
	s.failed = fmt.Errorf("shard %d: %w", s.id, ErrIncomplete)
	if err := s.restore(in, stop); err != nil {
		return err
	}
	if err := protected(s.load); err != nil {
		return fmt.Errorf("shard %d: after a snapshot: %w", s.id, err)
	}
	s.failed = nil
	s.ResetAutoInc()
	s.system.mu.RLock()
	listener, version := s.system.listener, s.system.version
	s.system.mu.RUnlock()
	if listener != nil {
		listener(version, nil)
	}
	return nil
}

// requireFullSweep asks for a look at everything: what is superseded is not known.
func (s *Shard) requireFullSweep() {
	c := &s.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted, c.sweep, c.again = nil, false, 0
	c.requireSweep(s.apply.state.maxTS)
}

// restore clears the shard's range and writes the stream into it, marked as incomplete from before the first change
// until after the last is on the disk.
func (s *Shard) restore(in *bufio.Reader, stop <-chan struct{}) error {
	mark := engine.NodeKey(recoveringMark(s.id))
	start, end := shardRange(s.id)
	marks, err := Marks(s.engine, s.id) // who streams may not have all of them
	if err != nil {
		return err
	}
	err = s.inBatch(func(b *pebble.Batch) error {
		return errors.Join(b.Set(mark, []byte{1}, nil), b.DeleteRange(start, end, nil))
	})
	if err != nil {
		return err
	}
	if err := s.engine.Sync(); err != nil {
		return err
	}
	total := uint64(0)
	for {
		select {
		case <-stop:
			return ErrStopped
		default:
		}
		payload, err := readFrame(in)
		if err != nil {
			return err
		}
		if payload[0] == frameEnd {
			if n, size := binary.Uvarint(payload[1:]); size <= 0 || n != total {
				return fmt.Errorf("%w: it holds %d keys, not %d", ErrBadSnapshot, total, n)
			}
			break
		}
		n, err := s.restoreFrame(payload)
		if err != nil {
			return err
		}
		total += n
	}
	if err := s.inBatch(func(b *pebble.Batch) error {
		for _, m := range marks {
			if err := b.Set(markKey(s.id, m.Index), m.append(nil), nil); err != nil {
				return err
			}
		}
		return b.Delete(mark, nil)
	}); err != nil {
		return err
	}
	return s.engine.Sync()
}

func (s *Shard) restoreFrame(payload []byte) (n uint64, err error) {
	if payload[0] != frameData {
		return 0, fmt.Errorf("%w: frame of unknown kind %d", ErrBadSnapshot, payload[0])
	}
	prefix, _ := shardRange(s.id)
	err = s.inBatch(func(b *pebble.Batch) error {
		for d := wire.NewReader(payload[1:]); len(d.Rest()) > 0; n++ {
			key, value := d.Bytes(), d.Bytes()
			if d.Err() != nil {
				return fmt.Errorf("%w: %w", ErrBadSnapshot, d.Err())
			}
			if err := b.Set(append(prefix[:shardPrefixLen:shardPrefixLen], key...), value, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func (s *Shard) inBatch(fill func(*pebble.Batch) error) (err error) {
	b := s.engine.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := fill(b); err != nil {
		return err
	}
	return s.engine.Commit(b)
}

func readHeader(in io.Reader, id schema.ShardID) error {
	header := make([]byte, snapshotHeader)
	if _, err := io.ReadFull(in, header); err != nil {
		return fmt.Errorf("%w: header: %w", ErrBadSnapshot, err)
	}
	rest, ok := bytes.CutPrefix(header, []byte(snapshotMagic))
	if !ok || rest[0] != snapshotVersion {
		return fmt.Errorf("%w: unknown format", ErrBadSnapshot)
	}
	if of := binary.LittleEndian.Uint32(rest[1:]); uint64(of) != uint64(id) {
		return fmt.Errorf("%w: it is shard %d's, not shard %d's", ErrBadSnapshot, of, id)
	}
	return nil
}

// readFrame reads a payload, which has at least its first byte. Memory grows with what arrives, not with what a damaged
// length announces.
func readFrame(in io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, fmt.Errorf("%w: cut off: %w", ErrBadSnapshot, err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > maxFrameBytes {
		return nil, fmt.Errorf("%w: frame of %d bytes", ErrBadSnapshot, n)
	}
	payload, err := wire.ReadN(in, nil, int(n))
	if err != nil {
		return nil, fmt.Errorf("%w: cut off after %d of %d bytes: %w", ErrBadSnapshot, len(payload), n, err)
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, fmt.Errorf("%w: checksum", ErrBadSnapshot)
	}
	return payload, nil
}

// DestroyData removes everything of a shard from a node's engine, durably. The shard must not be open.
func DestroyData(e *engine.Engine, id schema.ShardID) (err error) {
	b := e.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	start, end := shardRange(id)
	err = errors.Join(b.DeleteRange(start, end, nil), b.Delete(engine.NodeKey(recoveringMark(id)), nil))
	if err != nil {
		return err
	}
	if err := e.Commit(b); err != nil {
		return err
	}
	return e.Sync()
}

// DiscardDamaged is DestroyData for a replica whose rows cannot all be read.
func DiscardDamaged(e *engine.Engine, id schema.ShardID) error {
	if err := e.Excise(shardRange(id)); err != nil {
		return err
	}
	return DestroyData(e, id)
}

// DamagedBy tells whether a replica of this shard would meet what is damaged.
func DamagedBy(e *engine.Engine, id schema.ShardID, d engine.Damage) (bool, error) {
	start, end := shardRange(id)
	return e.Meets(d, start, end)
}
