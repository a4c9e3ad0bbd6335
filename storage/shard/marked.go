package shard

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cloudsql/storage/engine"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// An entry that stops every replica, again after each start, can be **marked** as failed while the nodes are stopped
// (`cloudsql debug fail-entry`). Apply does nothing for a marked entry but to note in the hash that it was not executed: it
// is not even decoded. A mark is a record of the shard; snapshots carry it, and a new replica, which may be given the log from
// its beginning, gets it from those that run. It names the entry's index and the
// checksum of its bytes, and means nothing for any other entry that came to have this index.
//
// Replicas with the mark and replicas without never agree afterwards: the latter stop at the entry, or their hashes differ
// and the majority judges. Marks stay, as a note of what was left out.

const markVersion = 1

// errMarked is the result of an entry that was marked.
var errMarked = errors.New("shard: the operator has marked this entry as failed")

// Mark says that an entry is not to be executed.
type Mark struct {
	Index    uint64 `json:"index"`
	Checksum uint64 `json:"checksum"` // Checksum of the entry
}

// Checksum names an entry's bytes.
func Checksum(cmd []byte) uint64 { return xxhash.Sum64(cmd) }

// EntryError tells at which log entry a replica stopped.
type EntryError struct {
	Shard    schema.ShardID
	Index    uint64
	Checksum uint64
	Err      error
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("shard %d: applying the log: entry %d: %v", e.Shard, e.Index, e.Err)
}

func (e *EntryError) Unwrap() error { return e.Err }

// SetMark marks an entry of a shard that is not open, durably.
func SetMark(e *engine.Engine, id schema.ShardID, m Mark) error {
	if err := e.DB().Set(markKey(id, m.Index), m.append(nil), nil); err != nil {
		return err
	}
	return e.Sync()
}

// DeleteMark takes a mark back, durably.
func DeleteMark(e *engine.Engine, id schema.ShardID, index uint64) error {
	if err := e.DB().Delete(markKey(id, index), nil); err != nil {
		return err
	}
	return e.Sync()
}

func markKey(id schema.ShardID, index uint64) []byte {
	return binary.BigEndian.AppendUint64(metaPrefix(id, metaMark), index)
}

func (m Mark) append(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(append(dst, markVersion), m.Checksum)
}

// Marks lists a shard's marks by index.
func Marks(e *engine.Engine, id schema.ShardID) (marks []Mark, err error) {
	prefix := metaPrefix(id, metaMark)
	it, err := e.DB().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: spanEnd(prefix)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		key, value := it.Key()[len(prefix):], it.Value()
		if len(key) != 8 || len(value) == 0 {
			return nil, ErrCorrupt
		}
		if value[0] != markVersion {
			return nil, fmt.Errorf("shard: a mark of format version %d is %w", value[0], wire.ErrUnknown)
		}
		if len(value) != 9 {
			return nil, ErrCorrupt
		}
		marks = append(marks, Mark{Index: binary.BigEndian.Uint64(key), Checksum: binary.BigEndian.Uint64(value[1:])})
	}
	return marks, it.Error()
}

// Marks are those that the shard was opened with, by index.
func (s *published) Marks() []Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks
}

// loadMarks reads those that apply may still meet.
func (a *applying) loadMarks() error {
	marks, err := Marks(a.s.engine, a.s.id)
	a.s.mu.Lock()
	a.s.marks = marks
	a.s.mu.Unlock()
	a.marks = nil
	for _, m := range marks {
		if m.Index <= a.state.applied {
			continue
		}
		if a.marks == nil {
			a.marks = map[uint64]uint64{}
		}
		a.marks[m.Index] = m.Checksum
	}
	return err
}

// marked tells whether an entry is not to be executed.
func (a *applying) marked(e *Entry) bool {
	sum, ok := a.marks[e.Index]
	return ok && sum == Checksum(e.Cmd)
}

// leaveOut is what applying a marked entry does.
func (a *applier) leaveOut(e *Entry, r *Result) {
	if len(e.Cmd) > 1 {
		r.Kind = CommandKind(e.Cmd[1])
	}
	r.Err, r.Lease = errMarked, a.state.lease
	a.beginHash(e.Index, r.Kind)
	a.hashNumbers(markVersion, a.marks[e.Index])
	a.endHash(e.Index)
}
