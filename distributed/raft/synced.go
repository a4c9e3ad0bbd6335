package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"cloudsql/storage/engine"
	"cloudsql/storage/mutant"
)

// The marks in a write-ahead file (wal.go) go with what they tell of: a tail that reads as zeros takes them along, and looks
// as a clean end does. So after each sync, and before anybody hears of it, the log's **synced end** is noted in a file
// beside the logs, too:
//
//	SYNCED   slot at 0, slot at 512:   crc(4) magic(4) log number(8) end(8)     the larger one counts
//
// The slots are written in turn, so that a torn write leaves the older one. The note is never synced for itself: it is never ahead
// of what is synced, survives a kill, and after a loss of power is behind by what the system had not written back. It tells
// of one file, the last; those before it end in a trailer of their own.
const (
	syncedFile  = "SYNCED"
	syncedMagic = 0x31594e53 // its last byte is the format's version
	syncedSlot  = 24
	syncedSize  = 2 * sector
)

// syncedEnd is up to where the log of a number was synced.
type syncedEnd struct {
	log uint64
	end int64
}

func (s syncedEnd) before(o syncedEnd) bool { return s.log < o.log || s.log == o.log && s.end < o.end }

func (s syncedEnd) appendTo(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, syncedMagic)
	b = binary.LittleEndian.AppendUint64(b, s.log)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.end))
	binary.LittleEndian.PutUint32(b[at:], crc32.Checksum(b[at+4:], castagnoli))
	return b
}

// syncedIn reads a slot; what is none tells of nothing.
func syncedIn(data []byte, slot int) (s syncedEnd) {
	if len(data) < slot*sector+syncedSlot {
		return s
	}
	b := data[slot*sector:][:syncedSlot]
	if binary.LittleEndian.Uint32(b[4:]) != syncedMagic || binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return s
	}
	return syncedEnd{binary.LittleEndian.Uint64(b[8:]), int64(binary.LittleEndian.Uint64(b[16:]))}
}

// readSynced reads what is noted in a directory of logs; nothing, where none of this version has written there.
func readSynced(dir string) (syncedEnd, error) {
	data, err := readIfThere(filepath.Join(dir, syncedFile))
	if err != nil {
		return syncedEnd{}, err
	}
	a, b := syncedIn(data, 0), syncedIn(data, 1)
	if a.before(b) {
		return b, nil
	}
	return a, nil
}

// reached compares a log's content with what is noted of it.
func (s syncedEnd) reached(data []byte, log uint64) error {
	if s.log != log || mutant.SkipSynced {
		return nil
	}
	end, closed := readable(data, uint32(log))
	if closed {
		end += chunkHeader // the trailer
	}
	if end < s.end {
		return fmt.Errorf("%w: it ends at byte %d, and was synced up to byte %d", ErrDamagedLog, end, s.end)
	}
	return nil
}

// checkSynced tells whether the log that was written last is there. It is removed, or used again, only when there is a later one.
func checkSynced(dir string) error {
	s, err := readSynced(dir)
	if err != nil || s.end == 0 {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if n, ok := logNumber(e.Name()); ok && n >= s.log {
			return nil
		}
	}
	return fmt.Errorf("%w: %s: log %d is missing, and was synced up to byte %d", ErrDamagedLog, dir, s.log, s.end)
}

// syncedNote is the file, while a log is written.
type syncedNote struct {
	f interface {
		io.WriterAt
		io.Closer
	}
	slot int // the older one
	buf  [syncedSlot]byte
}

// openSynced opens the note in a directory of logs, with room for both slots.
func openSynced(dir string) (*syncedNote, error) {
	name := filepath.Join(dir, syncedFile)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, engine.AwaitRoom(err)
	}
	data := make([]byte, syncedSize)
	n, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.Join(err, f.Close())
	}
	note := &syncedNote{f: f}
	if disk != nil {
		note.f = faulty(f, name).(*faultFile)
	}
	if n < syncedSize {
		if _, err := note.f.WriteAt(zeros[:syncedSize-n], int64(n)); err != nil {
			return nil, errors.Join(engine.AwaitRoom(err), f.Close())
		}
	}
	if syncedIn(data, 0).before(syncedIn(data, 1)) {
		note.slot = 0
	} else {
		note.slot = 1
	}
	return note, nil
}

func (n *syncedNote) put(s syncedEnd) error {
	_, err := n.f.WriteAt(s.appendTo(n.buf[:0]), int64(n.slot*sector))
	n.slot = 1 - n.slot
	return err
}
