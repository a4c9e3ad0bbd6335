package engine

import (
	"errors"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// patientFS makes Pebble wait when the disk is full. It repeats a flush or a compaction that has failed at once, and would
// do so as fast as it can for as long as there is no room. A write-ahead log that cannot be written does not wait for it.
type patientFS struct {
	vfs.FS
	lost func(error) // told of a write-ahead log that cannot be written
}

const fullDiskPause = 500 * time.Millisecond

// AwaitRoom gives err back, and where it tells of a full disk that not at once: who repeats what failed does not spin.
func AwaitRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		time.Sleep(fullDiskPause)
	}
	return err
}

func (fs patientFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	if err != nil {
		return nil, AwaitRoom(err)
	}
	if isLog(name) {
		return logFile{f, fs.lost}, nil
	}
	return patientFile{f}, nil
}

func (fs patientFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, c)
	if err == nil && isLog(to) {
		f = logFile{f, fs.lost}
	}
	return f, err
}

func isLog(name string) bool { return filepath.Ext(name) == ".log" }

// logFile tells of the first error at once. Pebble would tell whoever writes next, by a panic under a lock that everybody needs:
// who recovers from it has a store at which all wait.
type logFile struct {
	vfs.File
	lost func(error)
}

func (f logFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.told(err)
}

func (f logFile) Sync() error     { return f.told(f.File.Sync()) }
func (f logFile) SyncData() error { return f.told(f.File.SyncData()) }

func (f logFile) told(err error) error {
	if err != nil {
		f.lost(err)
	}
	return err
}

func (fs patientFS) Unwrap() vfs.FS { return fs.FS }

type patientFile struct{ vfs.File }

func (f patientFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, AwaitRoom(err)
}

func (f patientFile) Sync() error { return AwaitRoom(f.File.Sync()) }

func (f patientFile) SyncData() error { return AwaitRoom(f.File.SyncData()) }
