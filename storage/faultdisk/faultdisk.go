package faultdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cloudsql/storage/spawn"
)

// Env names the file that says what the disk does.
const Env = "CLOUDSQL_TEST_DISK"

const (
	poll     = 10 * time.Millisecond
	pageSize = 4096
)

// Disk is what the files of one process lie on.
type Disk struct {
	power  sync.RWMutex // held shared by what changes a file; for good by a loss of power
	full   atomic.Bool
	low    atomic.Bool
	failed [2]atomic.Bool // the next sync of a table, of anything else, fails
	slow   atomic.Int64

	mu    sync.Mutex
	files map[*File]bool // with something that was not synced
}

// Follow makes a disk that does what the file at path says, from now on.
func Follow(path string, log *slog.Logger) *Disk {
	log.Warn("the disk of this node is false", Env, path)
	d := &Disk{files: map[*File]bool{}}
	spawn.Go("the disk's faults", func() {
		for last := ""; ; time.Sleep(poll) {
			text, err := os.ReadFile(path)
			if err != nil || string(text) == last {
				continue // between two versions of the file
			}
			last = string(text)
			if err := d.Set(last); err != nil {
				log.Error("disk file", "path", path, "err", err)
			}
		}
	})
	return d
}

// Set takes the text of the file.
func (d *Disk) Set(text string) error {
	words := append(strings.Fields(text), "", "")
	var slow time.Duration
	var err error
	switch words[0] {
	case "slow":
		slow, err = time.ParseDuration(words[1])
	case "powerloss":
		var seed uint64
		if seed, err = strconv.ParseUint(words[1], 10, 64); err == nil {
			d.lose(rand.New(rand.NewPCG(seed, 7)))
			os.Exit(137)
		}
	case "ok", "low", "full", "fsyncerr":
	default:
		err = fmt.Errorf("faultdisk: %q is none of ok, slow, low, full, fsyncerr, powerloss", text)
	}
	d.slow.Store(int64(slow))
	d.low.Store(words[0] == "low" || words[0] == "full")
	d.full.Store(words[0] == "full")
	for i := range d.failed {
		d.failed[i].Store(words[0] == "fsyncerr")
	}
	return err
}

// Space is what under tells of a file system, or what the fault says is free.
func (d *Disk) Space(under func(dir string) (free, total uint64, err error)) func(dir string) (free, total uint64, err error) {
	return func(dir string) (free, total uint64, err error) {
		if free, total, err = under(dir); err == nil && d.low.Load() {
			free = 200 << 20
		}
		return free, total, err
	}
}

// Under is a file of the operating system.
type Under interface {
	io.Writer
	io.ReaderAt
	io.WriterAt
	Stat() (fs.FileInfo, error)
}

// File is one that was opened to be written, from its beginning unless At is set.
type File struct {
	d     *Disk
	under Under
	name  string

	mu    sync.Mutex // a sync and what changes the file come one after the other
	at    int64
	size  int64            // when it was last synced
	pages map[int64][]byte // what was there before, of what was written since
}

// Track follows a file that was just opened.
func (d *Disk) Track(name string, under Under) *File {
	f := &File{d: d, under: under, name: name, pages: map[int64][]byte{}}
	if info, err := under.Stat(); err == nil {
		f.size = info.Size()
	}
	return f
}

// Refused is the error of a disk that is full.
func (d *Disk) Refused(name string) error {
	if d.full.Load() {
		return &fs.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
	}
	return nil
}

// Write appends.
func (f *File) Write(p []byte) (int, error) {
	return f.change(p, f.at, func() (int, error) {
		n, err := f.under.Write(p)
		f.at += int64(n)
		return n, err
	})
}

// WriteAt writes anywhere.
func (f *File) WriteAt(p []byte, at int64) (int, error) {
	return f.change(p, at, func() (int, error) { return f.under.WriteAt(p, at) })
}

func (f *File) change(p []byte, at int64, write func() (int, error)) (int, error) {
	f.d.power.RLock()
	defer f.d.power.RUnlock()
	if err := f.d.Refused(f.name); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for page := at / pageSize; page*pageSize < at+int64(len(p)); page++ {
		if _, known := f.pages[page]; known {
			continue
		}
		before := make([]byte, pageSize)
		n, err := f.under.ReadAt(before, page*pageSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		f.pages[page] = before[:n]
	}
	f.d.mu.Lock()
	f.d.files[f] = true
	f.d.mu.Unlock()
	return write()
}

// Sync runs what syncs the file.
func (f *File) Sync(sync func() error) error {
	f.d.power.RLock()
	defer f.d.power.RUnlock()
	if slow := f.d.slow.Load(); slow > 0 {
		time.Sleep(time.Duration(rand.Int64N(slow)))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.d.failed[f.kind()].Swap(false) {
		return &fs.PathError{Op: "sync", Path: f.name, Err: syscall.EIO}
	}
	if err := sync(); err != nil {
		return err
	}
	info, err := f.under.Stat()
	if err != nil {
		return err
	}
	f.size = info.Size()
	clear(f.pages)
	f.d.mu.Lock()
	delete(f.d.files, f)
	f.d.mu.Unlock()
	return nil
}

// kind is 0 for a table, which the store throws away when it can't be synced, and writes again.
func (f *File) kind() int {
	if filepath.Ext(f.name) == ".sst" {
		return 0
	}
	return 1
}

// Renamed follows a file to its new name.
func (d *Disk) Renamed(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for f := range d.files {
		if f.name == from {
			f.name = to
		}
	}
}

// lose takes the power away: of what was not synced a part remains, pages by chance.
func (d *Disk) lose(rnd *rand.Rand) {
	d.power.Lock() // for good
	d.mu.Lock()
	defer d.mu.Unlock()
	for f := range d.files {
		_ = f.lose(rnd) // it may have been removed
	}
}

func (f *File) lose(rnd *rand.Rand) error {
	file, err := os.OpenFile(f.name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	chance, size := rnd.IntN(101), f.size
	for page, before := range f.pages {
		if rnd.IntN(100) < chance { // it has reached the disk
			size = max(size, (page+1)*pageSize)
			continue
		}
		full := make([]byte, pageSize)
		copy(full, before)
		if _, err := file.WriteAt(full, page*pageSize); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	info, err := file.Stat()
	if err == nil && info.Size() > size {
		err = file.Truncate(size)
	}
	return errors.Join(err, file.Close())
}
