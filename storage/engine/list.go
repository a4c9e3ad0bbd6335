package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// The store's list of its files (MANIFEST-n) is a chain of chunks, edits of the list, each synced before the next:
//
//	crc(4) size(2) type(1) payload      never across a block of 32 KiB
//
// Pebble takes the first chunk that it cannot read for the end. After a crash it is. After a flipped bit it is not: a table
// that was flushed is not in the list any more and is removed, the write-ahead file that had its rows is gone, later ones
// are read, and the store opens with a hole below a new applied index. So whenever a list was synced, how far is noted
// beside it. The note needs no sync of its own: an older one says less, and nothing wrong.
const (
	// SyncedList is the note's name.
	SyncedList = "MANIFEST-SYNCED"
	listPrefix = "MANIFEST-"
	listBlock  = 32 << 10
	listHeader = 7

	listFull, listFirst, listLast = 1, 2, 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// listEnd reads a list of files of any version of Pebble as far as it can be read. resumes is where a record begins behind
// that, which no crash leaves there; 0: nowhere.
func listEnd(list []byte) (end, resumes int64) {
	for end < int64(len(list)) {
		if rest := listBlock - end%listBlock; rest < listHeader {
			end += rest
			continue
		}
		_, next, ok := listChunk(list, end)
		if !ok {
			break
		}
		end = next
	}
	for from := end + 1; from < int64(len(list)); from++ {
		if kind, _, ok := listChunk(list, from); ok && (kind == listFull || kind == listFirst) {
			return end, from
		}
	}
	return end, 0
}

func listChunk(list []byte, at int64) (kind byte, end int64, ok bool) {
	block := min(at-at%listBlock+listBlock, int64(len(list)))
	if at+listHeader > block {
		return 0, 0, false
	}
	h := list[at:]
	end = at + listHeader + int64(binary.LittleEndian.Uint16(h[4:]))
	if kind = h[6]; kind < listFull || kind > listLast || end > block {
		return 0, 0, false
	}
	c := crc32.Checksum(list[at+6:end], castagnoli)
	return kind, end, (c>>15|c<<17)+0xa282ead8 == binary.LittleEndian.Uint32(h)
}

// checkList looks for damage in the list that the store is about to be opened with. What cannot be opened at all is left to
// Pebble.
func checkList(fs vfs.FS, dir string) error {
	name, err := atomicfs.ReadMarker(fs, dir, "manifest")
	if err != nil || name == "" {
		return nil // see above; without a marker the store is made now
	}
	list, err := readFile(fs, filepath.Join(dir, name))
	if err != nil {
		return nil // see above
	}
	note, err := readFile(fs, filepath.Join(dir, SyncedList))
	if err != nil {
		note = nil // a store from before there were notes has none
	}
	if err := CheckList(name, list, note); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, dir, err)
	}
	return nil
}

// CheckList looks for damage in a list of files of any version of Pebble, given the note beside it.
func CheckList(name string, list, note []byte) error {
	end, resumes := listEnd(list)
	if resumes > 0 {
		return fmt.Errorf("%s cannot be read at byte %d, and goes on at byte %d", name, end, resumes)
	}
	if of, synced, ok := readNote(note); ok && of == name && synced > end {
		return fmt.Errorf("%s cannot be read beyond byte %d, and was synced up to byte %d", name, end, synced)
	}
	return nil
}

func readFile(fs vfs.FS, name string) (data []byte, err error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	data, err = io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// ListNote is what is noted of a list that is synced up to a byte: a line of one length, so that it is written over the one before.
func ListNote(name string, synced int64) []byte {
	text := fmt.Sprintf("%-32s %20d", name, synced)
	return fmt.Appendf(nil, "%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
}

func readNote(note []byte) (name string, synced int64, ok bool) {
	if _, err := fmt.Sscanf(string(note), "%s %d", &name, &synced); err != nil {
		return "", 0, false
	}
	return name, synced, bytes.Equal(note, ListNote(name, synced))
}

// listFS notes how far lists of files are synced.
type listFS struct{ vfs.FS }

func (fs listFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	if err != nil || !strings.HasPrefix(filepath.Base(name), listPrefix) {
		return f, err
	}
	return &listFile{File: f, fs: fs.FS, name: name}, nil
}

func (fs listFS) Unwrap() vfs.FS { return fs.FS }

// listFile is a list that is being written, by one goroutine at a time.
type listFile struct {
	vfs.File
	fs   vfs.FS
	name string
	size int64
}

func (f *listFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.size += int64(n)
	return n, err
}

func (f *listFile) Sync() error     { return f.synced(f.File.Sync()) }
func (f *listFile) SyncData() error { return f.synced(f.File.SyncData()) }

func (f *listFile) synced(err error) error {
	if err != nil {
		return err
	}
	note, err := f.fs.OpenReadWrite(filepath.Join(filepath.Dir(f.name), SyncedList), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil // without a note the end is where the list ends
	}
	_, _ = note.WriteAt(ListNote(filepath.Base(f.name), f.size), 0)
	_ = note.Close()
	return nil
}
