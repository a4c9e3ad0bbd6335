package temporary

import (
	"errors"
	"log/slog"
	"os"
	"sync"

	"cloudsql/storage/engine"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Config says what a Store works with.
type Config struct {
	Dir    string          // its own, emptied when it is first used; "": in memory
	Memory *memory.Account // what the engine holds is charged to; may be nil
	// Take takes bytes of disk, or gives some back where n is negative; 1114. Nil: there is no bound.
	Take   func(n int64) error
	Logger *slog.Logger
}

// What the engine holds in memory at most.
const (
	memTableBytes = 4 << 20
	cacheBytes    = 8 << 20
	engineBytes   = 6*memTableBytes + cacheBytes
)

// checkEvery is how many bytes may be written between two looks at what the files take.
const checkEvery = 1 << 20

// Store has the temporary tables of a node's sessions. Safe for concurrent use.
type Store struct {
	cfg Config

	mu      sync.Mutex
	engine  *engine.Engine // nil until somebody makes a table
	account *memory.Account
	last    schema.ShardID // that a session was given
	shards  int            // that sessions have
	taken   int64          // of disk
	written int            // since that was looked at
	full    bool
}

// NewStore makes a Store; it costs nothing until somebody makes a table.
func NewStore(cfg Config) *Store { return &Store{cfg: cfg} }

// shard makes an empty shard.
func (s *Store) shard() (*shard.Shard, schema.ShardID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		if err := s.open(); err != nil {
			return nil, 0, err
		}
	}
	s.last++
	if s.last >= schema.TemporaryShard {
		s.last = 1
	}
	made, err := shard.Open(s.engine, s.last)
	if err == nil {
		s.shards++
	}
	return made, s.last, err
}

func (s *Store) open() error {
	if s.account == nil {
		s.account = s.cfg.Memory.NewStore("temporary tables", 0)
	}
	if err := s.account.Grow(engineBytes); err != nil {
		return err
	}
	o := engine.Options{Dir: s.cfg.Dir, Volatile: true, MemTableBytes: memTableBytes, CacheBytes: cacheBytes, Logger: s.cfg.Logger}
	var e *engine.Engine
	err := s.clear()
	if err == nil {
		e, err = engine.Open(o)
	}
	if err != nil {
		s.account.Close()
		return err
	}
	s.engine = e
	return nil
}

// drop removes a shard with all rows.
func (s *Store) drop(id schema.ShardID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	if s.shards--; s.shards == 0 && s.taken > 0 {
		return s.close() // nothing gives the disk back sooner
	}
	if err := shard.DestroyData(s.engine, id); err != nil {
		return err
	}
	if s.taken == 0 {
		return nil
	}
	_, err := s.engine.DB().AsyncFlush() // then the files of the rows go
	return err
}

func (s *Store) clear() error {
	if s.cfg.Dir == "" {
		return nil
	}
	return os.RemoveAll(s.cfg.Dir)
}

func (s *Store) close() error {
	e := s.engine
	s.engine, s.full, s.written = nil, false, 0
	err := errors.Join(e.Close(), s.clear())
	s.account.Close()
	if s.cfg.Take != nil {
		err = errors.Join(err, s.cfg.Take(-s.taken))
	}
	s.taken = 0
	return err
}

// room is asked before n bytes are written. 1114 where the files are full.
func (s *Store) room(n int) error {
	if s.cfg.Take == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written += n; s.written < checkEvery && !s.full || s.engine == nil {
		return nil
	}
	s.written = 0
	used := int64(s.engine.DB().Metrics().DiskSpaceUsage()) //nolint:gosec // a size
	err := s.cfg.Take(used - s.taken)
	if s.full = err != nil; !s.full {
		s.taken = used
	}
	return err
}

// Close ends the Store; no session has tables any more.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	return s.close()
}
