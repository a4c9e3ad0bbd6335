package raft

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/vfs"

	"cloudsql/storage/engine"
	"cloudsql/storage/metric"
	"cloudsql/storage/mutant"
)

// walFS is the file system of the raft log's store. Its write-ahead files grow in steps of zeros instead of with each
// write: an fdatasync of a file whose size has not changed writes one block run and no inode, half the time and half the
// processor on ext4. (The files are used again and again later, so this matters to young nodes; and to those who measure
// them.) Each sync leaves a mark in them (wal.go), and they are looked through for damage before they are read.
//
// The raft library gives its log's store no file system, so the store takes the default of its version of Pebble, which
// nothing else in this program uses.
type walFS struct{ vfs.FS }

func init() { vfs.Default = walFS{vfs.Default} }

// DiskStats counts what a process does to the disk for its raft log.
type DiskStats struct {
	Sync metric.Histogram `histogram:"raft_fsync_seconds" help:"fsyncs of the raft log, all shards together"`
}

// Disk counts for the process, as its store is the only one (vfs.Default).
var Disk DiskStats

// walStep is how many bytes of zeros are written at a time: at some hundred writes of small entries, one takes a little
// longer.
const walStep = 256 << 10

// walReserve is how much of the disk a log file takes at once, so that it is in one piece: what one is as a rule.
const walReserve = 9 << 20

func (fs walFS) Create(name string) (vfs.File, error) {
	if disk != nil && disk.Refused(name) != nil {
		return nil, engine.AwaitRoom(disk.Refused(name))
	}
	f, err := fs.FS.Create(name)
	if err != nil {
		return nil, engine.AwaitRoom(err)
	}
	return stepped(f, name)
}

func (fs walFS) ReuseForWrite(from, to string) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to)
	if err != nil {
		return nil, engine.AwaitRoom(err)
	}
	return stepped(f, to)
}

// Open looks through write-ahead files and lists of files before the store reads them, and into each block of a table when it does.
func (fs walFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	var err error
	if log, ok := logNumber(name); ok {
		err = fs.checkLog(name, log)
	} else if isList(name) {
		err = fs.checkList(name)
	}
	if err != nil {
		return nil, err
	}
	f, err := fs.FS.Open(name, opts...)
	if err == nil && filepath.Ext(name) == ".sst" {
		return openTable(f, name)
	}
	return f, err
}

// logNumber is the number of a write-ahead file. Its chunks have the low half.
func logNumber(name string) (log uint64, ok bool) {
	base, isLog := strings.CutSuffix(filepath.Base(name), ".log")
	n, err := strconv.ParseUint(base, 10, 64)
	return n, isLog && err == nil
}

func (fs walFS) checkLog(name string, log uint64) error {
	names, err := fs.List(filepath.Dir(name))
	if err != nil {
		return err
	}
	synced, err := readSynced(filepath.Dir(name))
	if err != nil {
		return err
	}
	followed := false
	for _, other := range names {
		n, isLog := logNumber(other)
		followed = followed || isLog && n > log
	}
	return fs.check(name, func(data []byte) error {
		if err := checkLog(data, uint32(log), followed); err != nil {
			return err
		}
		return synced.reached(data, log)
	})
}

func (fs walFS) check(name string, check func([]byte) error) error {
	f, err := fs.FS.Open(name)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := check(data); err != nil && !mutant.SkipDamage {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// walFile can be written anywhere.
type walFile interface {
	vfs.File
	WriteAt(p []byte, offset int64) (int, error)
}

// osFile is what the operating system's files are.
type osFile interface {
	walFile
	Fd() uintptr
}

// Rename implements vfs.FS.
func (fs walFS) Rename(from, to string) error {
	if disk != nil {
		disk.Renamed(from, to)
	}
	return fs.FS.Rename(from, to)
}

func stepped(f vfs.File, name string) (vfs.File, error) {
	if disk != nil {
		f = faulty(f, name)
	}
	file, ok := f.(walFile)
	log, isLog := logNumber(name)
	switch {
	case !ok:
		return f, nil
	case !isLog:
		if os, ok := f.(osFile); ok {
			f = patientFile{os}
		}
		if isList(name) {
			f = &listFile{File: f, name: name}
		}
		return f, nil
	}
	note, err := openSynced(filepath.Dir(name))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &steppedFile{File: file, os: file, log: log, note: note}
	if info, err := f.Stat(); err == nil {
		s.size = info.Size()
	}
	if os, ok := f.(osFile); ok && s.size == 0 {
		const keepSize = 1
		_ = syscall.Fallocate(int(os.Fd()), keepSize, 0, walReserve) // where it can
	}
	return s, nil
}

// patientFile is one that is written in the background.
type patientFile struct{ osFile }

func (f patientFile) Write(p []byte) (int, error) {
	n, err := f.osFile.Write(p)
	return n, engine.AwaitRoom(err)
}

// steppedFile is written from its beginning to its end, by one goroutine. It does not show its descriptor: the store
// would sync that.
type steppedFile struct {
	vfs.File
	os               walFile
	log              uint64
	at, size, synced int64
	mark             [markSize]byte
	note             *syncedNote
}

var zeros [walStep]byte

// Write implements io.Writer. There is always room for a mark behind the data.
func (f *steppedFile) Write(p []byte) (int, error) {
	if end := f.at + int64(len(p)); markAt(end)+markSize > f.size {
		if n, err := f.os.WriteAt(zeros[:], end); err == nil { // a full disk is for the write itself to tell
			f.size = end + int64(n)
		}
	}
	n, err := f.os.Write(p)
	f.at += int64(n)
	return n, f.told(err)
}

// logLost is told of a log that cannot be written or synced. After that nothing is known of what is on the disk, and nothing may be
// tried again. The store would end the process when somebody asks for a sync; but a large entry waits before that for blocks of
// memory that the store, having failed, does not give back: the node would neither go on nor end.
var logLost = func(err error) {
	slog.Error("the raft log cannot be written: this process ends", "err", err)
	os.Exit(1)
}

func (f *steppedFile) told(err error) error {
	if err != nil {
		logLost(err)
	}
	return err
}

// Sync implements vfs.File.
func (f *steppedFile) Sync() error { return f.told(f.markAndSync()) }

func (f *steppedFile) markAndSync() error {
	if err := f.putMark(); err != nil {
		return err
	}
	begin := time.Now()
	if err := f.sync(); err != nil {
		return err
	}
	Disk.Sync.Observe(time.Since(begin))
	if f.at > f.synced {
		f.synced = f.at
		// Neither is synced: they are there after a kill, and after a while also without power.
		return errors.Join(f.putMark(), f.note.put(syncedEnd{f.log, f.synced}))
	}
	return nil
}

// Close implements vfs.File.
func (f *steppedFile) Close() error { return errors.Join(f.File.Close(), f.note.f.Close()) }

func (f *steppedFile) sync() error {
	file, ok := f.os.(osFile)
	if !ok {
		return f.os.Sync()
	}
	for {
		if err := syscall.Fdatasync(int(file.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (f *steppedFile) putMark() error {
	_, err := f.os.WriteAt(appendMark(f.mark[:0], uint32(f.log), f.at, f.synced), markAt(f.at))
	return err
}
