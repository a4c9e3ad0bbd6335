package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/vfs"

	"cloudsql/storage/engine"
	"cloudsql/storage/mutant"
)

// What the log's store has flushed is in tables, blocks of which each ends in its checksum:
//
//	content kind(1) crc(4)      … footer
//
// The store compares it, but a compaction of its version that cannot read the first block of a table leaves the table out, says
// nothing, and removes it: acknowledged entries would be gone. So each block is compared here, too, as it is read.
type tableFile struct {
	vfs.File // shows no descriptor
	name     string
	size     int64
}

const blockTrailer = 5

func openTable(f vfs.File, name string) (vfs.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &tableFile{f, name, info.Size()}, nil
}

// ReadAt implements io.ReaderAt. The store reads a block at a time; only the footer ends where the file does.
func (f *tableFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if err != nil || n <= blockTrailer || at+int64(n) >= f.size || mutant.SkipDamage {
		return n, err
	}
	if data := p[:n-4]; chunkCRC(data) != binary.LittleEndian.Uint32(p[n-4:n]) {
		tableDamaged(fmt.Errorf("%w: invalid table %s (checksum mismatch at %d/%d)", ErrDamagedLog, f.name, at, n-blockTrailer))
	}
	return n, nil
}

// tableDamaged is told of a damaged block. The store may go on as if it had been empty, so the process ends; the next start knows why.
var tableDamaged = func(err error) {
	noteDamage(err.Error())
	panic(err)
}

// isList tells the lists of the store's files.
func isList(name string) bool {
	return strings.HasPrefix(filepath.Base(name), "MANIFEST-") && filepath.Base(name) != engine.SyncedList
}

// checkList looks for damage in a list of the store's files: entries are missed in a log whose table is not in the list.
func (fs walFS) checkList(name string) error {
	note, err := readIfThere(filepath.Join(filepath.Dir(name), engine.SyncedList))
	if err != nil {
		return err
	}
	return fs.check(name, func(list []byte) error {
		if err := engine.CheckList(filepath.Base(name), list, note); err != nil {
			return fmt.Errorf("%w: %w", ErrDamagedLog, err)
		}
		return nil
	})
}

func readIfThere(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// listFile is a list that is being written, by one goroutine at a time. It shows no descriptor: the store would sync that.
type listFile struct {
	vfs.File
	name string
	size int64
}

func (f *listFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.size += int64(n)
	return n, err
}

// Sync implements vfs.File. How far the list is synced is noted beside it; the note needs no sync of its own, as an older one says
// less, and nothing wrong.
func (f *listFile) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	note, err := os.OpenFile(filepath.Join(filepath.Dir(f.name), engine.SyncedList), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil // without a note the end is where the list ends
	}
	_, _ = note.WriteAt(engine.ListNote(filepath.Base(f.name), f.size), 0)
	_ = note.Close()
	return nil
}
