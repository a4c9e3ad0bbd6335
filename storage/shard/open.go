package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"cloudsql/storage/engine"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// Shard is one replica of a shard. It implements API.
type Shard struct {
	published

	stateKey []byte

	onPrepared func([]fragment.TxnID) // guarded by applyMu

	applyMu sync.Mutex
	apply   *applier
	failed  error // why Apply refuses to go on
}

// published is what a Shard shows of what it has applied.
type published struct {
	id     schema.ShardID
	engine *engine.Engine

	tablets   atomic.Pointer[tabletSet]
	applied   atomic.Uint64
	newest    atomic.Uint64 // largest timestamp committed
	watermark atomic.Uint64
	closed    atomic.Uint64
	prepared  atomic.Uint64 // preparedTxns.floor
	system    systemRecords
	autoInc   autoIncrements
	checked   checkedBodies
	collector collector
	copied    atomic.Bool // some tablet has, or had, a columnar copy

	mu     sync.Mutex
	lease  Lease
	hashed indexHash
	hashes [hashHistory]indexHash
	marks  []Mark
}

var _ API = (*Shard)(nil)

// Open restores a shard's replica from the engine; one that the engine does not know is empty, at applied index 0.
// Error ErrIncomplete: a crash interrupted a snapshot's recovery; DestroyData it and begin anew.
func Open(e *engine.Engine, id schema.ShardID) (*Shard, error) {
	if id == 0 || uint64(id) > 1<<32-2 {
		return nil, fmt.Errorf("shard: %d is no shard id", id)
	}
	mark, err := e.NodeGet(recoveringMark(id))
	if err != nil {
		return nil, err
	}
	if mark != nil {
		return nil, fmt.Errorf("shard %d: %w", id, ErrIncomplete)
	}
	s := &Shard{published: published{id: id, engine: e}, stateKey: metaPrefix(id, metaState)}
	if err := protected(s.load); err != nil {
		return nil, fmt.Errorf("shard %d: %w", id, err)
	}
	return s, nil
}

// AppliedIn reads how far a shard's replica has applied its log, 0 if the engine does not know it.
func AppliedIn(e *engine.Engine, id schema.ShardID) (uint64, error) {
	s := &Shard{published: published{id: id, engine: e}, stateKey: metaPrefix(id, metaState)}
	record, err := s.get(s.stateKey)
	if err != nil || record == nil {
		return 0, err
	}
	var state state
	if err := state.decode(record); err != nil {
		return 0, fmt.Errorf("shard %d: state record: %w", id, err)
	}
	return state.applied, nil
}

// load fills memory from the engine.
func (s *Shard) load() error {
	a := &applier{applying{s: s, tablets: noTablets(), digest: xxhash.New(), touched: map[schema.TabletID]*tablet{}}}
	a.newWriter()
	a.overlay.reset()
	record, err := s.get(s.stateKey)
	if err != nil {
		return err
	}
	if a.state.outcomes = withoutTops(); record != nil {
		if err := a.state.decode(record); err != nil {
			return fmt.Errorf("state record: %w", err)
		}
	}
	if err := s.loadTablets(a); err != nil {
		return err
	}
	if a.outcomes, err = s.loadOutcomes(&a.state.outcomes); err != nil {
		return err
	}
	if err := s.loadPrepared(a); err != nil {
		return err
	}
	if err := s.loadSystem(a.state.system); err != nil {
		return err
	}
	if err := a.loadMarks(); err != nil {
		return err
	}
	s.apply = a
	s.requireFullSweep()
	s.tablets.Store(a.tablets.clone())
	a.altered = nil
	s.applied.Store(a.state.applied)
	s.newest.Store(uint64(a.state.maxTS))
	s.watermark.Store(uint64(a.state.watermark))
	s.closed.Store(uint64(a.state.closed))
	s.prepared.Store(uint64(a.prepared.floor()))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease = a.state.lease
	s.hashed = indexHash{index: a.state.applied, hash: a.state.hash}
	s.hashes = [hashHistory]indexHash{}
	return nil
}

func (s *Shard) loadTablets(a *applier) error {
	err := s.scanMeta(metaTable, func(id schema.TabletID, value []byte) error {
		t, err := tabletOf(id, value)
		if err == nil {
			a.take(t)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.scanMeta(metaCounters, func(id schema.TabletID, value []byte) error {
		t, ok := a.tablets.Get(id)
		if !ok {
			return nil
		}
		d := wire.NewReader(value)
		t.counters.rows.Store(d.Varint())
		t.counters.autoInc.Store(d.Uvarint())
		return d.End()
	})
}

// scanMeta calls fn with each tablet's record of a kind.
func (s *Shard) scanMeta(kind schema.IndexID, fn func(schema.TabletID, []byte) error) (err error) {
	prefix := metaPrefix(s.id, kind)
	it, err := s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: spanEnd(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if len(it.Key()) != len(prefix)+4 {
			return ErrCorrupt
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := fn(schema.TabletID(binary.BigEndian.Uint32(it.Key()[len(prefix):])), value); err != nil {
			return err
		}
	}
	return it.Error()
}

func spanEnd(prefix []byte) []byte { return keys.SpanSuccessor(prefix) }

// ID is the shard's number.
func (s *published) ID() schema.ShardID { return s.id }

// AppliedIndex is the last log index whose effects readers see.
func (s *published) AppliedIndex() uint64 { return s.applied.Load() }

// Lease is the lease as of the applied index.
func (s *published) Lease() Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease
}

// Closed is the timestamp at or below which nothing will commit any more; Watermark the one below which reads fail.
func (s *published) Closed() mvcc.Timestamp { return mvcc.Timestamp(s.closed.Load()) }

// PreparedFloor is a timestamp at or below which no transaction that is prepared here at AppliedIndex commits. Ask for
// it first: it rises after the applied index that resolved a transaction can be seen.
func (s *published) PreparedFloor() mvcc.Timestamp { return mvcc.Timestamp(s.prepared.Load()) }

// Watermark is the timestamp below which versions may be gone.
func (s *published) Watermark() mvcc.Timestamp { return mvcc.Timestamp(s.watermark.Load()) }

// Newest is the largest timestamp of a version.
func (s *published) Newest() mvcc.Timestamp { return mvcc.Timestamp(s.newest.Load()) }

// Table is the descriptor of a tablet.
func (s *published) Table(id schema.TabletID) (*schema.Table, bool) {
	t, ok := s.tablets.Load().Get(id)
	if !ok {
		return nil, false
	}
	return t.current.table, true
}

// Tablets lists the shard's tablets in order of their ids.
func (s *published) Tablets() []schema.TabletID { return s.tablets.Load().Keys() }
