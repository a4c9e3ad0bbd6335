package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"cloudsql/storage/wire"

	"github.com/cockroachdb/pebble/v2"
	"github.com/tidwall/btree"
)

// systemRecord is one of the system shard's records with the log index that last changed it.
type systemRecord struct {
	value   []byte
	version uint64
}

// systemRecords are all of them, in memory: the catalog is read at every statement.
type systemRecords struct {
	mu       sync.RWMutex
	records  btree.Map[string, systemRecord]
	version  uint64
	listener func(version uint64, sets []SystemSet)
}

// systemChanges are those of the Apply in progress.
type systemChanges struct {
	records map[string]systemRecord // value nil: deleted
	sets    []SystemSet
}

func (c *systemChanges) reset() {
	clear(c.records)
	c.sets = c.sets[:0]
}

// systemCommand executes a compare-and-set transaction on system records.
func (a *applier) systemCommand(index uint64, c *SystemCommand) (ok bool, refused error) {
	for _, e := range c.Expect {
		have := a.state.system
		if e.Key != "" {
			have = a.systemVersion(e.Key)
		}
		if have != e.Version {
			return false, fmt.Errorf("%w: %q is at version %d, not %d", ErrExpect, e.Key, have, e.Version)
		}
	}
	if a.system.records == nil {
		a.system.records = map[string]systemRecord{}
	}
	for _, set := range c.Sets {
		set.Value = cloneOptional(set.Value)
		key := append(metaPrefix(a.s.id, metaSystem), set.Key...)
		if set.Value == nil {
			a.deleteKey(key)
		} else {
			a.set(key, append(binary.AppendUvarint(nil, index), set.Value...))
		}
		a.system.records[set.Key] = systemRecord{value: set.Value, version: index}
		a.system.sets = append(a.system.sets, set)
		_, _ = a.digest.WriteString(set.Key)
		_, _ = a.digest.Write(wire.AppendOptional(nil, set.Value))
	}
	a.state.system = index
	return true, nil
}

func cloneOptional(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func (a *applying) systemVersion(key string) uint64 {
	r, ok := a.system.records[key]
	if !ok {
		a.s.system.mu.RLock()
		r, _ = a.s.system.records.Get(key)
		a.s.system.mu.RUnlock()
	}
	if r.value == nil {
		return 0
	}
	return r.version
}

// publishSystem shows the changes of an Apply and tells the listener, still on the goroutine of Apply.
func (s *published) publishSystem(a *applier) {
	if s.system.version == a.state.system { // only Apply changes it
		return
	}
	s.system.mu.Lock()
	for key, r := range a.system.records {
		if r.value == nil {
			s.system.records.Delete(key)
		} else {
			s.system.records.Set(key, r)
		}
	}
	s.system.version = a.state.system
	listener := s.system.listener
	s.system.mu.Unlock()
	if listener != nil {
		listener(a.state.system, append([]SystemSet(nil), a.system.sets...))
	}
}

// OnSystemChange registers who is told of committed changes of system records, in log order and from the goroutine of
// Apply: be quick and do not call back into Apply. After RecoverSnapshot it is called with nil sets: read everything.
func (s *published) OnSystemChange(fn func(version uint64, sets []SystemSet)) {
	s.system.mu.Lock()
	defer s.system.mu.Unlock()
	s.system.listener = fn
}

// SystemGet reads a system record; version 0 means that there is none. The value must not be changed.
func (s *published) SystemGet(key string) (value []byte, version uint64) {
	s.system.mu.RLock()
	defer s.system.mu.RUnlock()
	r, _ := s.system.records.Get(key)
	return r.value, r.version
}

// SystemScan calls fn with the records whose keys begin with prefix, in order of the keys, until it returns false. All
// calls see one state, and changes wait until it returns.
func (s *published) SystemScan(prefix string, fn func(key string, value []byte, version uint64) bool) {
	s.system.mu.RLock()
	defer s.system.mu.RUnlock()
	s.system.records.Ascend(prefix, func(key string, r systemRecord) bool {
		if len(key) < len(prefix) || key[:len(prefix)] != prefix {
			return false
		}
		return fn(key, r.value, r.version)
	})
}

// SystemVersion is the log index of the last change of a system record.
func (s *published) SystemVersion() uint64 {
	s.system.mu.RLock()
	defer s.system.mu.RUnlock()
	return s.system.version
}

// loadSystem reads all records from the engine.
func (s *Shard) loadSystem(version uint64) (err error) {
	prefix := metaPrefix(s.id, metaSystem)
	it, err := s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: spanEnd(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	s.system.mu.Lock()
	defer s.system.mu.Unlock()
	s.system.records = btree.Map[string, systemRecord]{}
	s.system.version = version
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		v, n := binary.Uvarint(value)
		if n <= 0 {
			return fmt.Errorf("%w: system record", ErrCorrupt)
		}
		s.system.records.Set(string(it.Key()[len(prefix):]), systemRecord{value: append([]byte{}, value[n:]...), version: v})
	}
	return it.Error()
}
