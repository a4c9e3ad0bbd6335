package raft

import (
	"github.com/cockroachdb/pebble/vfs"

	"cloudsql/storage/faultdisk"
)

// disk is what the raft log lies on in tests of its faults; nil: the operating system's.
var disk *faultdisk.Disk

// UseDisk puts this process's raft logs on a disk with faults. It comes before Open.
func UseDisk(d *faultdisk.Disk) { disk = d }

// faulty puts a file that was opened to be written on the disk with faults.
func faulty(f vfs.File, name string) vfs.File {
	file, ok := f.(osFile)
	if disk == nil || !ok {
		return f
	}
	return &faultFile{File: f, f: disk.Track(name, file)}
}

// faultFile shows no descriptor: the store would sync that.
type faultFile struct {
	vfs.File
	f *faultdisk.File
}

func (f *faultFile) Write(p []byte) (int, error)             { return f.f.Write(p) }
func (f *faultFile) WriteAt(p []byte, at int64) (int, error) { return f.f.WriteAt(p, at) }
func (f *faultFile) Sync() error                             { return f.f.Sync(f.File.Sync) }
