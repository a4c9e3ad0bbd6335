package raft

import (
	"path/filepath"

	"github.com/cockroachdb/pebble/vfs"
)

// walFS lets the raft log's write-ahead files grow in steps of zeros instead of with each write. An fdatasync of a file
// whose size has not changed writes one block run and no inode: half the time and half the processor on ext4. The files are
// used again and again later, so this matters to young nodes; and to those who measure them.
//
// The raft library gives its log's store no file system, so the store takes the default of its version of Pebble, which
// nothing else in this program uses.
//
// The log's reader takes zeros for the end of a file that was being written, as it does the rest of a reused one.
type walFS struct{ vfs.FS }

func init() { vfs.Default = walFS{vfs.Default} }

// walStep is how many bytes of zeros are written at a time: at some hundred writes of small entries, one takes a little
// longer.
const walStep = 256 << 10

func (fs walFS) Create(name string) (vfs.File, error) {
	f, err := fs.FS.Create(name)
	return stepped(f, name), err
}

func (fs walFS) ReuseForWrite(from, to string) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to)
	return stepped(f, to), err
}

// osFile is what the operating system's files are.
type osFile interface {
	vfs.File
	WriteAt(p []byte, offset int64) (int, error)
	Fd() uintptr // by which it is synced
}

func stepped(f vfs.File, name string) vfs.File {
	file, ok := f.(osFile)
	if !ok || filepath.Ext(name) != ".log" {
		return f
	}
	s := &steppedFile{osFile: file}
	if info, err := f.Stat(); err == nil {
		s.size = info.Size()
	}
	return s
}

// steppedFile is written from its beginning to its end, by one goroutine.
type steppedFile struct {
	osFile
	at, size int64
}

var zeros [walStep]byte

func (f *steppedFile) Write(p []byte) (int, error) {
	if end := f.at + int64(len(p)); end > f.size {
		if n, err := f.WriteAt(zeros[:], end); err == nil { // a full disk is for the write itself to tell
			f.size = end + int64(n)
		}
	}
	n, err := f.osFile.Write(p)
	f.at += int64(n)
	return n, err
}
