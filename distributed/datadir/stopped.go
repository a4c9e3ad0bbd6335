package datadir

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"cloudsql/distributed/raft"
	"cloudsql/storage/engine"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Stopped is the data directory of a node that does not run, for `cloudsql debug`: to look at the log of its replicas, and
// to mark an entry as failed at which they stop. No node starts on it meanwhile.
type Stopped struct {
	dir    *Dir
	walDir string
	engine *engine.Engine
}

// Exists tells whether path is a node's directory, and not a fresh one.
func Exists(path string) bool {
	_, err := os.Stat(filepath.Join(path, identityFile))
	return err == nil
}

// OpenStopped opens a stopped node's directory; walDir is its --wal-dir. Without change, nothing in it is changed.
func OpenStopped(path, walDir string, change bool) (*Stopped, error) {
	if _, err := os.Stat(filepath.Join(path, identityFile)); err != nil {
		return nil, fmt.Errorf("%s is not a node's directory: %w", path, err)
	}
	d, _, _, err := Open(path, version.Max, "debug")
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(engine.Options{Dir: d.File(Data), Logger: slog.New(slog.DiscardHandler), ReadOnly: !change})
	if err != nil {
		d.Close()
		return nil, err
	}
	return &Stopped{dir: d, walDir: walDir, engine: e}, nil
}

// Close lets go of the directory.
func (s *Stopped) Close() error {
	defer s.dir.Close()
	return s.engine.Close()
}

// StoppedReplica is what a stopped node has of a shard.
type StoppedReplica struct {
	Shard   schema.ShardID `json:"shard"`
	Replica uint64         `json:"replica"`
	Broken  string         `json:"broken,omitempty"`
	Applied uint64         `json:"applied"`
	raft.LogRange
	Marks []shard.Mark `json:"marks,omitempty"`
}

// Replicas lists the node's replicas by shard.
func (s *Stopped) Replicas() ([]StoppedReplica, error) {
	var out []StoppedReplica
	for _, r := range s.dir.Replicas() {
		if r.Retired {
			continue
		}
		x, err := s.replica(r)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b StoppedReplica) int { return int(a.Shard) - int(b.Shard) })
	return out, nil
}

func (s *Stopped) replica(r Record) (x StoppedReplica, err error) {
	x = StoppedReplica{Shard: r.Shard, Replica: r.Replica, Broken: r.Broken}
	if x.Applied, err = shard.AppliedIn(s.engine, r.Shard); err != nil {
		return x, err
	}
	if x.Marks, err = shard.Marks(s.engine, r.Shard); err != nil {
		return x, err
	}
	x.LogRange, err = s.read(r.Shard, r.Replica, 1, 0, nil)
	return x, err
}

func (s *Stopped) read(id schema.ShardID, replica, from, to uint64, each func(raft.LogEntry) error) (raft.LogRange, error) {
	return raft.ReadLog(s.dir.File(Raft), s.walDir, raft.Key{Shard: id, Replica: replica}, from, to, each)
}

// Replica is that of one shard.
func (s *Stopped) Replica(id schema.ShardID) (StoppedReplica, error) {
	for _, r := range s.dir.Replicas() {
		if r.Shard == id && !r.Retired {
			return s.replica(r)
		}
	}
	return StoppedReplica{}, fmt.Errorf("%s has no replica of shard %d", s.dir.path, id)
}

// LogText is an entry of a replica's log for people.
type LogText struct {
	Index   uint64 `json:"index"`
	Term    uint64 `json:"term"`
	Applied bool   `json:"applied"`          // its effects are in this directory
	Marked  bool   `json:"marked,omitempty"` // it is not executed
	shard.EntryText
}

// Log gives a shard's log entries from one index to another to each, in order; its error ends it.
func (s *Stopped) Log(id schema.ShardID, from, to uint64, each func(LogText) error) error {
	r, err := s.Replica(id)
	if err != nil {
		return err
	}
	state, err := shard.Open(s.engine, id)
	if err != nil {
		return err
	}
	describer := shard.NewDescriber(state)
	_, err = s.read(id, r.Replica, 1, to, func(e raft.LogEntry) error {
		if e.Index < from {
			describer.Follow(e.Cmd)
			return nil
		}
		x := LogText{Index: e.Index, Term: e.Term, Applied: e.Index <= r.Applied}
		if e.Config {
			x.Kind, x.Bytes = "members", len(e.Cmd)
		} else {
			x.EntryText = describer.Describe(e.Cmd)
			x.Marked = slices.Contains(r.Marks, shard.Mark{Index: e.Index, Checksum: shard.Checksum(e.Cmd)})
		}
		return each(x)
	})
	return err
}

// FailEntry marks a log entry as failed: this node's replica will do nothing for it. Whoever does that must do it in the
// directories of all nodes with a replica of the shard. It is refused where the entry was executed already, or is another
// one than the checksum says; where the log does not reach as far yet, it counts for what comes.
func (s *Stopped) FailEntry(id schema.ShardID, m shard.Mark) error {
	r, err := s.Replica(id)
	if err != nil {
		return err
	}
	switch marked := slices.Contains(r.Marks, m); {
	case marked:
		return nil
	case m.Index <= r.Applied:
		return fmt.Errorf("entry %d of shard %d was executed here already (up to %d): it must not be left out elsewhere. "+
			"Take the mark back where it was made (--undo); if only some replicas stop at it, they are to be replaced by copies of this one",
			m.Index, id, r.Applied)
	case r.First > 0 && m.Index < r.First:
		return fmt.Errorf("the log of shard %d begins at entry %d", id, r.First)
	case m.Index > r.Last:
		return shard.SetMark(s.engine, id, m)
	}
	found := false
	_, err = s.read(id, r.Replica, m.Index, m.Index, func(e raft.LogEntry) error {
		found = true
		switch sum := shard.Checksum(e.Cmd); {
		case e.Config || len(e.Cmd) == 0:
			return fmt.Errorf("entry %d of shard %d is raft's own and does nothing to rows", m.Index, id)
		case sum != m.Checksum:
			return fmt.Errorf("entry %d of shard %d has the checksum %016x, not %016x", m.Index, id, sum, m.Checksum)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("the log of shard %d has no entry %d", id, m.Index)
	}
	return shard.SetMark(s.engine, id, m)
}

// UndoFailEntry takes a mark back that the replica has not come to yet.
func (s *Stopped) UndoFailEntry(id schema.ShardID, index uint64) error {
	r, err := s.Replica(id)
	if err != nil {
		return err
	}
	if index <= r.Applied {
		return fmt.Errorf("shard %d has come to entry %d already (up to %d)", id, index, r.Applied)
	}
	if !slices.ContainsFunc(r.Marks, func(m shard.Mark) bool { return m.Index == index }) {
		return fmt.Errorf("entry %d of shard %d is not marked here", index, id)
	}
	return shard.DeleteMark(s.engine, id, index)
}

// Others are the nodes of the cluster, as far as this one knows.
func (s *Stopped) Others() int { return len(s.dir.Peers()) }
