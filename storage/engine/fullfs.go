package engine

import (
	"errors"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// patientFS makes Pebble wait when the disk is full. It repeats a flush or a compaction that has failed at once, and would
// do so as fast as it can for as long as there is no room. (A write-ahead log that cannot be written ends the process, and
// does not wait for it.)
type patientFS struct{ vfs.FS }

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
	if filepath.Ext(name) == ".log" {
		return f, nil
	}
	return patientFile{f}, nil
}

func (fs patientFS) Unwrap() vfs.FS { return fs.FS }

type patientFile struct{ vfs.File }

func (f patientFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, AwaitRoom(err)
}

func (f patientFile) Sync() error { return AwaitRoom(f.File.Sync()) }

func (f patientFile) SyncData() error { return AwaitRoom(f.File.SyncData()) }
