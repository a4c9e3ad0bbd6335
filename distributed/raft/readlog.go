package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble"
	pb "github.com/lni/dragonboat/v4/raftpb"

	"cloudsql/storage/shard"
)

// LogEntry is an entry of a replica's log as it lies on the disk.
type LogEntry struct {
	shard.Entry
	Term   uint64
	Config bool // raft's own: a change of the members
}

// LogRange is what a stopped node's log has of a replica.
type LogRange struct {
	First, Last uint64 // Last 0: nothing
	Committed   uint64 // as far as this node knew
	Snapshot    uint64 // the replica's state was made durable up to here
}

// ReadLog reads the log of a replica of a node that does not run, without changing anything: what there is of it, and
// the entries from from to to, which each gets in order; its error ends it.
func ReadLog(dir, walDir string, k Key, from, to uint64, each func(LogEntry) error) (r LogRange, err error) {
	stores, err := filepath.Glob(filepath.Join(dir, "*", "*", "logdb-0"))
	if err != nil {
		return r, err
	}
	for _, store := range stores {
		var own error // no damage
		err := readStore(store, walOf(dir, walDir, store), func(db *pebble.DB) error {
			return readReplica(db, k, from, to, &r, func(e LogEntry) error {
				own = each(e)
				return own
			})
		})
		if own != nil {
			return r, own
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func recordKey(kind byte, k Key) []byte {
	key := []byte{kind, kind, 0, 0}
	key = binary.BigEndian.AppendUint64(key, uint64(k.Shard))
	return binary.BigEndian.AppendUint64(key, k.Replica)
}

// entriesOf goes over the entries of a replica's log, up to a last one.
func entriesOf(db *pebble.DB, k Key, last uint64) *pebble.Iterator {
	prefix := recordKey(recordEntry, k)
	return db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: binary.BigEndian.AppendUint64(prefix[:recordKeySize:recordKeySize], last+1)})
}

func entryIndex(it *pebble.Iterator) uint64 { return binary.BigEndian.Uint64(it.Key()[recordKeySize:]) }

func readReplica(db *pebble.DB, k Key, from, to uint64, r *LogRange, each func(LogEntry) error) error {
	ends := map[Key]uint64{}
	if err := readEnds(db, ends); err != nil {
		return err
	}
	if ends[k] == 0 {
		return nil
	}
	r.Last = ends[k]
	if err := readPosition(db, k, r); err != nil {
		return err
	}
	it := entriesOf(db, k, r.Last)
	for it.First(); it.Valid(); it.Next() {
		index := entryIndex(it)
		if r.First == 0 {
			r.First = index
			if !it.SeekGE(binary.BigEndian.AppendUint64(recordKey(recordEntry, k), max(index, from))) {
				break
			}
			index = entryIndex(it)
		}
		if index > to {
			break
		}
		e, err := readEntry(it.Value())
		if err == nil {
			err = each(e)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return errors.Join(it.Error(), it.Close())
}

// readPosition reads how far the replica's log was committed and snapshotted.
func readPosition(db *pebble.DB, k Key, r *LogRange) error {
	value, closer, err := db.Get(recordKey(recordState, k))
	if err == nil {
		var s pb.State
		err = errors.Join(s.Unmarshal(value), closer.Close())
		r.Committed = s.Commit
	}
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	prefix := recordKey(recordSnapshot, k)
	it := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: recordKey(recordSnapshot, Key{k.Shard, k.Replica + 1})})
	for it.First(); it.Valid(); it.Next() {
		var s pb.Snapshot
		if err := s.Unmarshal(it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
		r.Snapshot = max(r.Snapshot, s.Index)
	}
	return errors.Join(it.Error(), it.Close())
}

// readEntry gives an entry with the command that the state machine gets.
func readEntry(record []byte) (LogEntry, error) {
	var e pb.Entry
	if err := e.Unmarshal(record); err != nil {
		return LogEntry{}, fmt.Errorf("%w: an entry's record: %w", ErrDamagedLog, err)
	}
	x := LogEntry{Entry: shard.Entry{Index: e.Index, Cmd: e.Cmd}, Term: e.Term, Config: e.Type == pb.ConfigChangeEntry}
	if e.Type == pb.EncodedEntry && len(e.Cmd) > 0 { // behind one byte: neither a session nor compression is used here
		if e.Cmd[0] != 0 {
			return x, fmt.Errorf("%w: entry %d is wrapped as %#x", ErrDamagedLog, e.Index, e.Cmd[0])
		}
		x.Cmd = e.Cmd[1:]
	}
	return x, nil
}
