package engine

// Metrics are the store's figures for /metrics; bytes unless the name says otherwise.
type Metrics struct {
	Commits           uint64 // batches committed since Open
	DiskBytes         uint64
	MemTableBytes     uint64
	MemTables         int64
	CacheBytes        int64
	CacheHits         int64
	CacheMisses       int64
	WALBytesIn        uint64 // logical bytes handed to the write-ahead log
	WALBytesWritten   uint64
	WALFiles          int64
	Flushes           int64
	Compactions       int64
	CompactionDebt    uint64
	ReadAmplification int // sorted runs that a read may have to look into
	Tables            int64
	OpenSnapshots     int
}

// Metrics reads the figures; it costs some hundred microseconds.
func (e *Engine) Metrics() Metrics {
	m := e.db.Metrics()
	total := m.Total()
	return Metrics{
		Commits:           e.commits.Load(),
		DiskBytes:         m.DiskSpaceUsage(),
		MemTableBytes:     m.MemTable.Size,
		MemTables:         m.MemTable.Count,
		CacheBytes:        m.BlockCache.Size,
		CacheHits:         m.BlockCache.Hits,
		CacheMisses:       m.BlockCache.Misses,
		WALBytesIn:        m.WAL.BytesIn,
		WALBytesWritten:   m.WAL.BytesWritten,
		WALFiles:          m.WAL.Files,
		Flushes:           m.Flush.Count,
		Compactions:       m.Compact.Count,
		CompactionDebt:    m.Compact.EstimatedDebt,
		ReadAmplification: m.ReadAmp(),
		Tables:            total.TablesCount,
		OpenSnapshots:     m.Snapshots.Count,
	}
}

// DiskUsage estimates the bytes of tables between two keys; what is still in memory does not count.
func (e *Engine) DiskUsage(start, end []byte) (uint64, error) {
	return e.db.EstimateDiskUsage(start, end)
}

// CachedBytes is what blocks in the cache take; it costs a lock for each of the cache's parts.
func (e *Engine) CachedBytes() int64 { return e.cache.Size() }
