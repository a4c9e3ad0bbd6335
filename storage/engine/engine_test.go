package engine

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

func options(fs vfs.FS, dir string) Options {
	return Options{Dir: dir, FS: fs, Logger: slog.New(slog.DiscardHandler)}
}

func mustOpen(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func commit(t *testing.T, e *Engine, key, value string) {
	t.Helper()
	b := e.NewBatch()
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(b.Set([]byte(key), []byte(value), nil), e.Commit(b)); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, e *Engine, key string) bool {
	t.Helper()
	_, closer, err := e.DB().Get([]byte(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}

// TestSyncDecidesWhatSurvives: committed and not synced may go in a crash; synced stays.
func TestSyncDecidesWhatSurvives(t *testing.T) {
	fs := vfs.NewCrashableMem()
	e := mustOpen(t, options(fs, "data"))
	commit(t, e, "\x01synced", "1")
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	commit(t, e, "\x01lost", "1")
	if !has(t, e, "\x01lost") {
		t.Error("committed and not visible")
	}
	e = mustOpen(t, options(fs.CrashClone(vfs.CrashCloneCfg{}), "data"))
	if !has(t, e, "\x01synced") || has(t, e, "\x01lost") {
		t.Error("the crash kept what was not synced, or lost what was")
	}
}

func TestLocked(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := mustOpen(t, options(fs, dir))
			if _, err := Open(options(fs, dir)); !errors.Is(err, ErrLocked) {
				t.Errorf("second open: %v", err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			mustOpen(t, options(fs, dir))
		})
	}
}

func TestForeignDirectories(t *testing.T) {
	fs := vfs.NewMem()
	write := func(name string) {
		t.Helper()
		f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := fs.MkdirAll("photos", 0o755); err != nil {
		t.Fatal(err)
	}
	write("photos/holiday.jpg")
	if _, err := Open(options(fs, "photos")); !errors.Is(err, ErrForeign) {
		t.Errorf("a directory of photos: %v", err)
	}
	if names, err := fs.List("photos"); err != nil || len(names) != 1 {
		t.Errorf("the directory was touched: %v %v", names, err)
	}

	db, err := pebble.Open("other", &pebble.Options{FS: fs, Logger: &logger{log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("theirs"), nil, nil), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(options(fs, "other")); !errors.Is(err, ErrForeign) {
		t.Errorf("another program's store: %v", err)
	}

	e := mustOpen(t, options(fs, "newer"))
	if err := errors.Join(e.NodeSet(identityKey, binary.AppendUvarint(nil, formatVersion+1)), e.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(options(fs, "newer")); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer format: %v", err)
	}
}

func TestNodeRecords(t *testing.T) {
	e := mustOpen(t, options(vfs.NewMem(), "data"))
	if v, err := e.NodeGet("x"); v != nil || err != nil {
		t.Errorf("missing record: %q %v", v, err)
	}
	for _, value := range [][]byte{{1}, {}, nil} {
		if err := e.NodeSet("x", value); err != nil {
			t.Fatal(err)
		}
		if v, err := e.NodeGet("x"); (v == nil) != (value == nil) || string(v) != string(value) || err != nil {
			t.Errorf("record %q %v, want %q", v, err, value)
		}
	}
	if m := e.Metrics(); m.WALBytesIn == 0 {
		t.Error("no metrics")
	}
}

// TestBeginFlush: what was written goes to a table, and a key that was overwritten takes its place there once.
func TestBeginFlush(t *testing.T) {
	e := mustOpen(t, options(vfs.NewMem(), "data"))
	value := make([]byte, 1000)
	for range 1000 {
		b := e.NewBatch()
		if err := errors.Join(b.Set([]byte("hot"), value, nil), e.Commit(b), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
	before := e.Metrics()
	if err := e.BeginFlush(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); e.Metrics().Flushes == before.Flushes; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was flushed")
		}
	}
	if n, err := e.DiskUsage([]byte("a"), []byte("z")); err != nil || n == 0 || n > 10_000 {
		t.Errorf("%d bytes of tables, %v", n, err)
	}
}

// TestFailingDisk: an error of the file system comes out of Open and Sync as an error or ends the process by Fatal; it
// is never swallowed.
func TestFailingDisk(t *testing.T) {
	var broken bool
	injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errorfs.ErrInjected
		}
		return nil
	})
	fs := errorfs.Wrap(vfs.NewMem(), injector)
	broken = true
	if _, err := Open(options(fs, "data")); err == nil {
		t.Error("opened on a disk that cannot be written")
	}
	if _, err := Open(options(errorfs.Wrap(vfs.NewMem(), injector), strings.Repeat("d/", 3))); err == nil {
		t.Error("opened in directories that cannot be made")
	}
}

// TestLostLog: a write-ahead log that cannot be written is fatal at the first write that fails, not when somebody writes next.
func TestLostLog(t *testing.T) {
	var broken atomic.Bool
	injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpFileWrite && filepath.Ext(op.Path) == ".log" {
			return errorfs.ErrInjected
		}
		return nil
	})
	o := options(errorfs.Wrap(vfs.NewMem(), injector), "data")
	fatal := make(chan string, 1)
	o.Fatal = func(message string) {
		fatal <- message
		select {} // it must not return
	}
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	b := e.NewBatch()
	if err := b.Set([]byte("k"), make([]byte, 1<<20), nil); err != nil {
		t.Fatal(err)
	}
	go func() { _ = e.Commit(b) }() // it waits for the log for good
	if message := <-fatal; !strings.Contains(message, "write-ahead log") {
		t.Error(message)
	}
}
