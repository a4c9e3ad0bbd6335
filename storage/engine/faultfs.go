package engine

import (
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/storage/faultdisk"
)

// faultFS puts a store on a disk with faults, for tests.
type faultFS struct {
	vfs.FS
	disk *faultdisk.Disk
}

func (s faultFS) open(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &faultFile{f, s.disk.Track(name, under{f})}, nil
}

// under is a file without the word that vfs has of its own for what Stat gives.
type under struct{ vfs.File }

func (u under) Stat() (fs.FileInfo, error) { return u.File.Stat() }

func (s faultFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := s.disk.Refused(name); err != nil {
		return nil, err
	}
	f, err := s.FS.Create(name, c)
	return s.open(name, f, err)
}

func (s faultFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(from, to, c)
	return s.open(to, f, err)
}

func (s faultFS) Rename(from, to string) error {
	s.disk.Renamed(from, to)
	return s.FS.Rename(from, to)
}

func (s faultFS) Unwrap() vfs.FS { return s.FS }

type faultFile struct {
	vfs.File
	f *faultdisk.File
}

func (f *faultFile) Write(p []byte) (int, error)             { return f.f.Write(p) }
func (f *faultFile) WriteAt(p []byte, at int64) (int, error) { return f.f.WriteAt(p, at) }
func (f *faultFile) Sync() error                             { return f.f.Sync(f.File.Sync) }
func (f *faultFile) SyncData() error                         { return f.f.Sync(f.File.SyncData) }
func (f *faultFile) SyncTo(int64) (fullSync bool, err error) { return false, nil } // it promises nothing
