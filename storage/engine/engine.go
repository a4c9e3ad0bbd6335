package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/storage/faultdisk"
)

// Errors of Open, to be tested for with errors.Is.
var (
	// ErrLocked: another process (or another Engine in this one) holds the directory.
	ErrLocked = errors.New("engine: the data directory is in use by another process")
	// ErrForeign: the directory holds files that no cloudsql engine wrote.
	ErrForeign = errors.New("engine: the directory holds files that are not cloudsql's")
	// ErrNewerFormat: a later version of cloudsql wrote the directory.
	ErrNewerFormat = errors.New("engine: the data directory was written by a newer version of cloudsql")
	// ErrCorrupt: the store's own files do not add up.
	ErrCorrupt = errors.New("engine: the data directory is damaged")
)

// Defaults of Options.
const (
	DefaultCacheBytes    = 64 << 20
	DefaultMemTableBytes = 16 << 20 // small: seeks stay in the processor's caches, and removed versions leave with a flush
	memTables            = 6

	// MemTablesBytes is what memtables of the default size may take together.
	MemTablesBytes = memTables * DefaultMemTableBytes
)

// formatVersion is what identityKey holds; a change of the layout of shards raises it.
const formatVersion = 1

const identityKey = "cloudsql-engine"

// Options say where and how a store is kept. The zero value of every field but Dir is a default.
type Options struct {
	Dir           string
	FS            vfs.FS          // nil: the operating system's
	Disk          *faultdisk.Disk // with faults, for tests; nil: FS as it is
	CacheBytes    int64           // of uncompressed blocks, filled on demand
	MemTableBytes uint64          // of one memtable in steady state; they begin small and double
	Compactions   int             // that may run at once under load; one otherwise
	Logger        *slog.Logger
	// ReadOnly: the store is there, and nothing in it is changed.
	ReadOnly bool
	// NoCompactions: tables are rewritten only when asked for.
	NoCompactions bool
	// Volatile: nobody wants the store again after a crash. There is no write-ahead log, and without Dir no disk.
	Volatile bool
	// OnDamage is told of a table that cannot be read, from any goroutine, as often as it is met; it must be quick.
	OnDamage func(Damage)
	// Fatal is told of a failure after which the store cannot go on (the write-ahead log is lost); it must not return.
	Fatal func(message string)
}

// Engine is an open store. Safe for concurrent use.
type Engine struct {
	db      *pebble.DB
	cache   *pebble.Cache
	synced  *pebble.WriteOptions
	lock    *pebble.Lock
	fs      vfs.FS
	dir     string
	closed  atomic.Bool
	commits atomic.Uint64
}

// Open opens or creates the store in o.Dir. Errors: ErrLocked, ErrForeign, ErrNewerFormat, ErrCorrupt, or the file
// system's own.
func Open(o Options) (*Engine, error) {
	o = o.withDefaults()
	if err := o.FS.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("engine: cannot create the directory: %w", err)
	}
	if err := checkOwn(o.FS, o.Dir); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(o.Dir, o.FS)
	if err != nil {
		return nil, lockError(o.Dir, err)
	}
	e, err := open(o, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

func open(o Options, lock *pebble.Lock) (*Engine, error) {
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref() // the store holds its own reference, and the Engine asks for its size only while the store is open
	if err := checkList(o.FS, o.Dir); err != nil {
		return nil, err
	}
	db, err := openStore(o.Dir, pebbleOptions(o, cache, lock))
	if err != nil {
		return nil, err
	}
	e := &Engine{db: db, cache: cache, synced: pebble.Sync, lock: lock, fs: o.FS, dir: o.Dir}
	if o.Volatile {
		e.synced = pebble.NoSync
	}
	if err := e.checkIdentity(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return e, nil
}

// openStore opens Pebble and says of what kind an error is. Not all that it finds wrong with its files is marked as
// corruption, and on some it panics: whatever the operating system does not answer for is taken for damage.
func openStore(dir string, p *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s: opening it panicked: %v", ErrCorrupt, dir, r)
		}
	}()
	db, err = pebble.Open(dir, p)
	var errno syscall.Errno
	switch {
	case err == nil:
		return db, nil
	case strings.Contains(err.Error(), "format major version"):
		return nil, fmt.Errorf("%w: %s: %w", ErrNewerFormat, dir, err)
	case errors.As(err, &errno) && errno != syscall.ENOENT && !IsDamage(err):
		return nil, fmt.Errorf("engine: opening %s: %w", dir, err)
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, dir, err)
}

func (o Options) withDefaults() Options {
	if o.Volatile && o.Dir == "" {
		o.Dir, o.FS = "memory", vfs.NewMem()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Disk != nil {
		o.FS = faultFS{o.FS, o.Disk}
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = DefaultMemTableBytes
	}
	o.Compactions = max(o.Compactions, 2)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func pebbleOptions(o Options, cache *pebble.Cache, lock *pebble.Lock) *pebble.Options {
	log := &logger{log: o.Logger.With("component", "engine"), fatal: o.Fatal}
	lost := func(err error) { log.Fatalf("the write-ahead log cannot be written: %v", err) }
	p := &pebble.Options{
		FS:                          listFS{patientFS{o.FS, lost}},
		ReadOnly:                    o.ReadOnly,
		DisableWAL:                  o.Volatile,
		DisableAutomaticCompactions: o.NoCompactions,
		Lock:                        lock,
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      log,
		MemTableSize:                o.MemTableBytes,
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                4096,
		LBaseMaxBytes:               64 << 20,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000, // writers are slowed by memtables, never stopped by a slow compaction
		FlushSplitBytes:             2 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, o.Compactions },
		BytesPerSync:                512 << 10,
		WALBytesPerSync:             512 << 10,
	}
	// A block is what a read that misses the cache reads and decompresses: of tables larger than the cache a point select costs 41 µs
	// with 8 KiB, 61 with 16, 98 with 32; scans cost the same, files are 14 % larger than with 32 (docs/performance.md).
	p.Levels[0].BlockSize = 8 << 10
	p.Levels[0].IndexBlockSize = 256 << 10
	// Tables of level 0 live for seconds: compressing them costs a follower a tenth of its processor.
	p.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	p.Levels[1].Compression = func() *sstable.CompressionProfile { return &blockCompression }
	p.EventListener = listener(o)
	return p
}

// blockCompression keeps a block as it is unless that saves a quarter of it: each read that misses the cache has to undo it. Eight KiB of
// random digits were a ninth shorter by Snappy, and 9 µs away from being read; MinLZ takes 1.6 µs.
var blockCompression = func() sstable.CompressionProfile {
	p := *sstable.FastestCompression
	p.MinReductionPercent = 25
	return p
}()

// checkOwn refuses a directory that has files in it and none of a Pebble store.
func checkOwn(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("engine: cannot list the directory: %w", err)
	}
	foreign := false
	for _, name := range names {
		if strings.HasPrefix(name, "marker.manifest.") {
			return nil
		}
		foreign = foreign || name != "LOCK"
	}
	// A first start that was killed leaves a lock and perhaps a log and markers, but never a name of another kind.
	if foreign && !allPebbleNames(names) {
		return fmt.Errorf("%w: %s", ErrForeign, dir)
	}
	return nil
}

func allPebbleNames(names []string) bool {
	for _, name := range names {
		ok := name == "LOCK"
		for _, prefix := range []string{"marker.", "MANIFEST-", "OPTIONS-", "temporary."} {
			ok = ok || strings.HasPrefix(name, prefix)
		}
		for _, suffix := range []string{".log", ".sst", ".dbtmp", ".blob"} {
			ok = ok || strings.HasSuffix(name, suffix)
		}
		if !ok {
			return false
		}
	}
	return true
}

func lockError(dir string, err error) error {
	held := errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) ||
		strings.Contains(err.Error(), "held by current process")
	if held {
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return fmt.Errorf("engine: cannot lock the directory %s: %w", dir, err)
}

// checkIdentity tells our stores from other programs' Pebbles and stamps a fresh one.
func (e *Engine) checkIdentity() error {
	value, err := e.NodeGet(identityKey)
	if err != nil {
		return err
	}
	if value == nil {
		if empty, err := e.empty(); err != nil || !empty {
			return errors.Join(err, fmt.Errorf("%w: %s is another program's store", ErrForeign, e.dir))
		}
		return e.NodeSet(identityKey, binary.AppendUvarint(nil, formatVersion))
	}
	v, n := binary.Uvarint(value)
	if n <= 0 {
		return fmt.Errorf("%w: identity record", ErrCorrupt)
	}
	if v > formatVersion {
		return fmt.Errorf("%w (format %d, this one reads up to %d)", ErrNewerFormat, v, formatVersion)
	}
	return nil
}

func (e *Engine) empty() (bool, error) {
	it, err := e.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	empty := !it.First()
	return empty, errors.Join(it.Error(), it.Close())
}

// DB is the store itself, for reading.
func (e *Engine) DB() *pebble.DB { return e.db }

// NewBatch starts a batch to be given to Commit, which must be closed after it.
func (e *Engine) NewBatch() *pebble.Batch { return e.db.NewBatch() }

// Commit makes a batch visible at once and durable with the next Sync (or earlier).
func (e *Engine) Commit(b *pebble.Batch) error {
	e.commits.Add(1)
	return e.db.Apply(b, pebble.NoSync)
}

// Sync returns when all that was committed before is on the disk.
func (e *Engine) Sync() error {
	if e.synced == pebble.NoSync {
		return nil
	}
	return e.db.LogData(nil, pebble.Sync)
}

// BeginFlush has all that was committed before written to tables, and does not wait for it. What was removed meanwhile leaves
// memory with that, and soon the tables as well.
func (e *Engine) BeginFlush() error {
	_, err := e.db.AsyncFlush()
	return err
}

// Close flushes and releases the directory. All iterators and snapshots must have been closed. Further calls do
// nothing.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	return errors.Join(e.db.Close(), e.lock.Close())
}

// Dir is the store's directory.
func (e *Engine) Dir() string { return e.dir }

// NodeKey is the key of one of the node's own records, for batches that change it together with other things.
func NodeKey(name string) []byte { return append(make([]byte, 4, 4+len(name)), name...) }

// NodeGet reads one of the node's own records; nil if there is none.
func (e *Engine) NodeGet(name string) ([]byte, error) {
	value, closer, err := e.db.Get(NodeKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// NodeSet writes one of the node's own records durably; a nil value deletes it.
func (e *Engine) NodeSet(name string, value []byte) error {
	if value == nil {
		return e.db.Delete(NodeKey(name), e.synced)
	}
	return e.db.Set(NodeKey(name), value, e.synced)
}
