package raft

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	sm "github.com/lni/dragonboat/v4/statemachine"

	"cloudsql/storage/metric"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// failingState applies nothing: it returns err, or panics.
type failingState struct {
	logState
	err   error
	calls int
}

func (s *failingState) Apply([]shard.Entry) ([]shard.Result, error) {
	if s.calls++; s.err == nil {
		panic("a poisoned entry")
	}
	return nil, s.err
}

// TestFailedReplica: what cannot be applied is told to the listener, once, and not to the library, which would end the
// process. After it nothing is applied, and that the log is cut nevertheless is told as well.
func TestFailedReplica(t *testing.T) {
	broken := errors.New("broken")
	for _, state := range []*failingState{{err: broken}, {}} {
		var told []error
		m := &machine{
			shard: 2, replica: 7, state: state, took: &metric.Histogram{}, sync: func() error { return nil }, log: slog.New(slog.DiscardHandler),
			onDurable: func(schema.ShardID, uint64, uint64) error {
				t.Error("a failed replica says that it is durable")
				return nil
			},
			onFailed:  func(_ schema.ShardID, _ uint64, err error) { told = append(told, err) },
			applied:   &atomic.Pointer[func([]shard.Result)]{},
			recovered: &atomic.Pointer[func()]{},
		}
		for range 3 {
			if _, err := m.Update([]sm.Entry{{Index: 1, Cmd: []byte("x")}}); err != nil {
				t.Errorf("the library is told: %v", err)
			}
		}
		if state.calls != 1 || len(told) != 1 || state.err != nil && !errors.Is(told[0], broken) {
			t.Errorf("applied %d times, told of %v", state.calls, told)
		}
		if err := m.Sync(); err != nil || len(told) != 2 || !errors.Is(told[1], ErrLogCut) {
			t.Errorf("sync: %v; told of %v", err, told)
		}
	}
}

// TestListenerPanics: a panic in what is told of results is a failure of that replica, too.
func TestListenerPanics(t *testing.T) {
	var told []error
	m := &machine{
		shard: 2, replica: 7, state: &logState{}, took: &metric.Histogram{}, log: slog.New(slog.DiscardHandler),
		onFailed:  func(_ schema.ShardID, _ uint64, err error) { told = append(told, err) },
		applied:   &atomic.Pointer[func([]shard.Result)]{},
		recovered: &atomic.Pointer[func()]{},
	}
	listener := func([]shard.Result) { panic("planted") }
	m.applied.Store(&listener)
	for index := range uint64(3) {
		if _, err := m.Update([]sm.Entry{{Index: index + 1}}); err != nil {
			t.Errorf("the library is told: %v", err)
		}
	}
	if len(told) != 1 {
		t.Errorf("told of %v", told)
	}
}
