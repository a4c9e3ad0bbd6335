package raft

import (
	"errors"
	"io"
	"log/slog"
	"sync/atomic"

	sm "github.com/lni/dragonboat/v4/statemachine"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// machine shows a shard to dragonboat as an on-disk state machine.
type machine struct {
	shard     schema.ShardID
	replica   uint64
	state     shard.API
	sync      func() error // makes all that the engine was given durable
	onDurable func(s schema.ShardID, replica, index uint64) error
	applied   *atomic.Pointer[func([]shard.Result)]
	recovered *atomic.Pointer[func()]
	log       *slog.Logger
	entries   []shard.Entry // reused; Update is never concurrent with itself
}

var _ sm.IOnDiskStateMachine = (*machine)(nil)

func (m *machine) Open(<-chan struct{}) (uint64, error) { return m.state.AppliedIndex(), nil }

// Update applies entries. An error stops the whole process in dragonboat's hands, which is what an engine failure or
// an entry of an unknown version deserve: going on would lose data or let replicas differ.
func (m *machine) Update(entries []sm.Entry) ([]sm.Entry, error) {
	es := m.entries[:0]
	for i := range entries {
		es = append(es, shard.Entry{Index: entries[i].Index, Cmd: entries[i].Cmd})
	}
	results, err := m.state.Apply(es)
	clear(es) // commands may be large, and es is kept
	m.entries = es[:0]
	if err != nil {
		m.log.Error("applying the log failed, this replica must stop", "shard", m.shard, "err", err)
		return entries, err
	}
	if fn := m.applied.Load(); fn != nil {
		(*fn)(results)
	}
	return entries, nil
}

func (m *machine) Lookup(any) (any, error) { return nil, errors.New("raft: reads go to the shard") }

func (m *machine) Sync() error {
	index := m.state.AppliedIndex()
	if err := m.sync(); err != nil {
		return err
	}
	return m.onDurable(m.shard, m.replica, index)
}

func (m *machine) PrepareSnapshot() (any, error) { return m.state.PrepareSnapshot() }

func (m *machine) SaveSnapshot(prepared any, w io.Writer, stop <-chan struct{}) error {
	err := m.state.SaveSnapshot(prepared, w, stop)
	if err == nil {
		return nil
	}
	if isClosed(stop) {
		return sm.ErrSnapshotStopped
	}
	if errors.Is(err, sm.ErrSnapshotStreaming) {
		return sm.ErrSnapshotStreaming // the receiver went away: it will ask again
	}
	m.log.Error("saving a replica's snapshot failed", "shard", m.shard, "err", err)
	return sm.ErrSnapshotAborted
}

func (m *machine) RecoverFromSnapshot(r io.Reader, stop <-chan struct{}) error {
	err := m.state.RecoverSnapshot(r, stop)
	switch {
	case err == nil:
		m.log.Info("replica took over a snapshot", "shard", m.shard, "index", m.state.AppliedIndex())
		if fn := m.recovered.Load(); fn != nil {
			(*fn)()
		}
		return nil
	case isClosed(stop):
		return sm.ErrSnapshotStopped
	}
	m.log.Error("recovering a replica from its snapshot failed", "shard", m.shard, "err", err)
	return err
}

func (m *machine) Close() error { return nil }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
