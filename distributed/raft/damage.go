package raft

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble"
	pb "github.com/lni/dragonboat/v4/raftpb"

	"cloudsql/storage/engine"
	"cloudsql/storage/mutant"
	"cloudsql/storage/schema"
)

// Key names a replica of this node.
type Key struct {
	Shard   schema.ShardID
	Replica uint64
}

// checkDirectory looks at a log that is about to be opened: whether damage was found in it earlier, whether its store can
// be read, and whether each replica's log reaches as far as its rows. Whatever was applied had been in this log.
func checkDirectory(cfg *Config) error {
	if why, err := os.ReadFile(filepath.Join(cfg.Dir, damageFile)); err == nil {
		return fmt.Errorf("%w: found earlier: %s", ErrDamagedLog, bytes.TrimSpace(why))
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	stores, err := filepath.Glob(filepath.Join(cfg.Dir, host, "*", "logdb-0"))
	if err != nil {
		return err
	}
	for _, dir := range stores {
		wal := walOf(cfg.Dir, cfg.WALDir, dir)
		if err := checkSynced(cmp.Or(wal, dir)); err != nil && !mutant.SkipSynced {
			return err
		}
		ends, err := logEnds(dir, wal)
		if err != nil {
			return err
		}
		for k, floor := range cfg.Floors {
			if end, known := ends[k]; known && end < floor && !mutant.SkipFloor {
				return fmt.Errorf("%w: the log of replica %d of shard %d ends at entry %d, but its rows are those of entry %d",
					ErrDamagedLog, k.Replica, k.Shard, end, floor)
			}
		}
	}
	return nil
}

// walOf is where the write-ahead files of a store in root are; "": beside it.
func walOf(root, walDir, store string) string {
	below, err := filepath.Rel(root, store)
	if walDir == "" || err != nil {
		return ""
	}
	return filepath.Join(walDir, below)
}

// logEnds reads how far each replica's log reaches, without changing anything, and looks whether it begins where it has to.
func logEnds(dir, wal string) (ends map[Key]uint64, err error) {
	err = readStore(dir, wal, func(db *pebble.DB) error {
		ends = map[Key]uint64{}
		if err := readEnds(db, ends); err != nil {
			return err
		}
		for k, end := range ends {
			if err := checkBegin(db, k, end); err != nil {
				return err
			}
		}
		return nil
	})
	return ends, err
}

// checkBegin looks whether a log goes on where the replica's snapshot ends.
func checkBegin(db *pebble.DB, k Key, end uint64) error {
	var r LogRange
	if err := readPosition(db, k, &r); err != nil {
		return err
	}
	it := entriesOf(db, k, end)
	if it.First() {
		r.First = entryIndex(it)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	if r.First > r.Snapshot+1 {
		return fmt.Errorf("%w: the log of replica %d of shard %d lacks entries %d to %d", ErrDamagedLog, k.Replica, k.Shard, r.Snapshot+1, r.First-1)
	}
	return nil
}

// readStore opens a log's store, if there is one, to read only.
func readStore(dir, wal string, read func(*pebble.DB) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: reading %s panicked: %v", ErrDamagedLog, dir, r)
		}
		err = damageOf(err)
	}()
	opts := &pebble.Options{ReadOnly: true, WALDir: wal, Logger: silent{}}
	opts.EnsureDefaults()
	d, err := pebble.Peek(dir, opts.FS)
	if err != nil || !d.Exists {
		return err
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return err
	}
	return errors.Join(read(db), db.Close())
}

// Records of dragonboat's log store: header(2) 0(2) shard(8) replica(8) …, the header twice the kind. Entries' keys end in
// their index.
const (
	recordEntry     = 1
	recordState     = 2
	recordMaxIndex  = 3
	recordSnapshot  = 5
	recordBootstrap = 6
	recordKeySize   = 20
)

func readEnds(db *pebble.DB, ends map[Key]uint64) error {
	for _, kind := range []byte{recordMaxIndex, recordSnapshot, recordBootstrap} {
		it := db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind, kind}, UpperBound: []byte{kind, kind + 1}})
		for it.First(); it.Valid(); it.Next() {
			key, value := it.Key(), it.Value()
			if len(key) < recordKeySize {
				continue
			}
			k := Key{schema.ShardID(binary.BigEndian.Uint64(key[4:])), binary.BigEndian.Uint64(key[12:])} // it was one
			end, err := recordEnd(kind, value)
			if err != nil {
				return errors.Join(err, it.Close())
			}
			ends[k] = max(ends[k], end)
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return err
		}
	}
	return nil
}

func recordEnd(kind byte, value []byte) (uint64, error) {
	switch kind {
	case recordMaxIndex:
		if len(value) != 8 {
			return 0, fmt.Errorf("%w: a record of %d bytes", ErrDamagedLog, len(value))
		}
		return binary.BigEndian.Uint64(value), nil
	case recordSnapshot:
		var s pb.Snapshot
		if err := s.Unmarshal(value); err != nil {
			return 0, fmt.Errorf("%w: a snapshot's record: %w", ErrDamagedLog, err)
		}
		return s.Index, nil
	}
	return 0, nil
}

// damageOf says of an error of the log's store whether it is damage: whatever the operating system does not answer for.
func damageOf(err error) error {
	var errno syscall.Errno
	if err == nil || errors.Is(err, ErrDamagedLog) ||
		errors.As(err, &errno) && errno != syscall.ENOENT && !engine.IsDamage(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamagedLog, err)
}

type silent struct{}

func (silent) Infof(string, ...any)      {}
func (silent) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// damageFile notes in the log's directory what was found while it was open. The library can only end the process then;
// the next start knows why.
const damageFile = "DAMAGED"

// opened are the directories of the logs that are open in this process: one, but for tests.
var opened struct {
	sync.Mutex
	dirs map[string]bool
}

func noteOpen(dir string, open bool) {
	opened.Lock()
	defer opened.Unlock()
	if opened.dirs == nil {
		opened.dirs = map[string]bool{}
	}
	if opened.dirs[dir] = open; !open {
		delete(opened.dirs, dir)
	}
}

// noteDamage is called when damage was read.
func noteDamage(text string) {
	opened.Lock()
	defer opened.Unlock()
	for dir := range opened.dirs {
		_ = os.WriteFile(filepath.Join(dir, damageFile), []byte(text+"\n"), 0o600) // the process ends in any case
	}
}

// backgroundErrors watches what the log's store says on the standard logger, its only way to tell of errors of work in the
// background, which it repeats at once and for ever. Damage ends the process as it does when it is read; of others one
// line a second is enough.
type backgroundErrors struct {
	next io.Writer
	mu   sync.Mutex
	last time.Time
}

const backgroundError = "background error: "

func (b *backgroundErrors) Write(p []byte) (int, error) {
	i := bytes.Index(p, []byte(backgroundError))
	if i < 0 {
		return b.next.Write(p)
	}
	if text := string(p[i+len(backgroundError):]); strings.Contains(text, "checksum mismatch") || strings.Contains(text, "invalid table") {
		noteDamage(text)
		panic(fmt.Sprintf("%v: %s", ErrDamagedLog, text))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.Sub(b.last) >= time.Second {
		b.last = now
		return b.next.Write(p)
	}
	return len(p), nil
}

// watchStandardLog puts backgroundErrors before whatever takes the standard logger's lines.
func watchStandardLog() { log.SetOutput(&backgroundErrors{next: log.Writer()}) }
