package raft

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/vfs"
)

// TestWALFiles: a log file's size changes once in many writes, what was written is there, and what is behind it is zeros
// or what the file held before it was reused.
func TestWALFiles(t *testing.T) {
	fs := vfs.Default // as the raft log's store finds it
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	write := func(f vfs.File, writes int) (content []byte, sizes int) {
		t.Helper()
		last := int64(-1)
		for i := range writes {
			p := bytes.Repeat([]byte{byte(1 + i%255)}, 1+i*37%5000)
			if n, err := f.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
			content = append(content, p...)
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() != last {
				last = info.Size()
				sizes++
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return content, sizes
	}
	f, err := fs.Create(name("000001.log"))
	if err != nil {
		t.Fatal(err)
	}
	first, sizes := write(f, 400)
	if sizes > 1+len(first)/walStep {
		t.Errorf("%d sizes for %d bytes", sizes, len(first))
	}
	held, err := os.ReadFile(name("000001.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(held, first) || len(bytes.Trim(held[len(first):], "\x00")) > 0 {
		t.Error("the file does not hold what was written and zeros")
	}

	f, err = fs.ReuseForWrite(name("000001.log"), name("000002.log"))
	if err != nil {
		t.Fatal(err)
	}
	second, sizes := write(f, 100)
	now, err := os.ReadFile(name("000002.log"))
	if err != nil {
		t.Fatal(err)
	}
	if sizes != 1 || !bytes.Equal(now, append(second, held[len(second):]...)) {
		t.Error("a file that is used again has changed in size or elsewhere than written")
	}

	f, err = fs.Create(name("MANIFEST-000001"))
	if err != nil {
		t.Fatal(err)
	}
	third, _ := write(f, 3)
	if now, err = os.ReadFile(name("MANIFEST-000001")); err != nil || !bytes.Equal(now, third) {
		t.Error("a file that is no log has more in it than was written: ", err)
	}
}

// noRoom is a file that nothing can be written to behind its first bytes.
type noRoom struct{ osFile }

func (f noRoom) Write(p []byte) (int, error) {
	if len(p) > 1000 {
		return 0, syscall.ENOSPC
	}
	return f.osFile.Write(p)
}

type noRoomFS struct{ vfs.FS }

func (fs noRoomFS) Create(name string) (vfs.File, error) {
	f, err := fs.FS.Create(name)
	if s, ok := f.(*steppedFile); ok {
		s.os = noRoom{s.os.(osFile)}
	}
	return f, err
}

// TestLogLost: the first write of a log that fails is told of, although the store itself waits for ever when the entry is large.
func TestLogLost(t *testing.T) {
	told := make(chan error, 100)
	old := logLost
	logLost = func(err error) { told <- err }
	db, err := pebble.Open(t.TempDir(), &pebble.Options{FS: noRoomFS{vfs.Default}})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = db.Set([]byte("k"), make([]byte, 1<<20), pebble.Sync) }() // for good: the store is not used again
	if err := <-told; !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	logLost = old
}
