package raft

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	sm "github.com/lni/dragonboat/v4/statemachine"

	"cloudsql/storage/metric"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// machine shows a shard to dragonboat as an on-disk state machine.
type machine struct {
	shard     schema.ShardID
	replica   uint64
	state     shard.API
	sync      func() error // makes all that the engine was given durable
	onDurable func(s schema.ShardID, replica, index uint64) error
	took      *metric.Histogram // of Update
	applied   *atomic.Pointer[func([]shard.Result)]
	recovered *atomic.Pointer[func()]
	onFailed  func(s schema.ShardID, replica uint64, err error)
	log       *slog.Logger
	entries   []shard.Entry // reused; Update is never concurrent with itself
	failed    atomic.Bool   // nothing is applied any more
}

var _ sm.IOnDiskStateMachine = (*machine)(nil)

func (m *machine) Open(<-chan struct{}) (uint64, error) { return m.state.AppliedIndex(), nil }

// Update applies entries. What cannot be applied stops this replica and no other: the library takes an error for the end
// of the process, so it is not told. From then on nothing is applied; the listener has the replica stopped.
func (m *machine) Update(entries []sm.Entry) ([]sm.Entry, error) {
	if m.failed.Load() {
		return entries, nil
	}
	es := m.entries[:0]
	for i := range entries {
		es = append(es, shard.Entry{Index: entries[i].Index, Cmd: entries[i].Cmd})
	}
	begin := time.Now()
	err := spawn.Do("applying the log", func() error { return m.apply(es) })
	m.took.Observe(time.Since(begin))
	clear(es) // commands may be large, and es is kept
	m.entries = es[:0]
	if err != nil {
		m.fail(err)
	}
	return entries, nil
}

// apply executes entries and tells of their results. A panic in either is a failure: what it left half done, in the state
// or in the replica above it, is not used again.
func (m *machine) apply(es []shard.Entry) error {
	results, err := m.state.Apply(es)
	if err != nil {
		return err
	}
	if fn := m.applied.Load(); fn != nil {
		(*fn)(results)
	}
	return nil
}

// fail ends this replica's applying.
func (m *machine) fail(err error) {
	if m.failed.Swap(true) {
		return
	}
	m.log.Error("applying the log failed, this replica stops", "shard", m.shard, "replica", m.replica, "err", err)
	m.onFailed(m.shard, m.replica, err)
}

func (m *machine) Lookup(any) (any, error) { return nil, errors.New("raft: reads go to the shard") }

// Sync comes before the log is cut. The library counts what a failed replica did not apply as applied, so the log that it
// would need is lost with this. It comes also now and then while entries are applied, and after each start: that cuts nothing.
func (m *machine) Sync() error {
	if m.failed.Load() {
		if !whileApplying() {
			m.onFailed(m.shard, m.replica, ErrLogCut)
		}
		return nil
	}
	index := m.state.AppliedIndex()
	if err := m.sync(); err != nil {
		return err
	}
	return m.onDurable(m.shard, m.replica, index)
}

// whileApplying tells whether the library's loop that applies entries has called, and not what saves a snapshot to cut the log behind it. The
// library says so in no other way; should its names change, each call is taken for a cut, which is safe.
func whileApplying() bool {
	var callers [16]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "/rsm.(*StateMachine).Handle") {
			return true
		}
		if !more {
			return false
		}
	}
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
	err := spawn.Do("taking over a snapshot", func() error { return m.state.RecoverSnapshot(r, stop) })
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
	m.fail(fmt.Errorf("%w: %w", ErrLogCut, err)) // what comes next in the log has nothing to stand on
	return nil
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
