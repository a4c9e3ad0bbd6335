package usage

import (
	"math/bits"
	"sync/atomic"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// Total is what a statement asked of the shards, and what it took at the gateway. Fragments are read by several goroutines at once.
type Total struct {
	rows   atomic.Uint64
	shards atomic.Uint64 // a bit for each, by its id; those that share one count once
	scans  atomic.Uint64
	files  atomic.Uint64
}

// AddRows counts rows that came from a shard, or that were changed there.
func (u *Total) AddRows(n uint64) {
	if u != nil && n > 0 {
		u.rows.Add(n)
	}
}

// AddShard notes a shard.
func (u *Total) AddShard(s schema.ShardID) {
	if u == nil {
		return
	}
	if bit := uint64(1) << (s % 64); u.shards.Load()&bit == 0 {
		u.shards.Or(bit)
	}
}

// AddTablet notes the shard of a tablet, if the catalog has it.
func (u *Total) AddTablet(c *catalog.Snapshot, t schema.TabletID) {
	if u != nil && c != nil {
		if s, ok := c.ShardOf(t); ok {
			u.AddShard(s)
		}
	}
}

// AddFullScan counts a scan of all rows of a table: no key bounds it.
func (u *Total) AddFullScan() {
	if u != nil {
		u.scans.Add(1)
	}
}

// AddFile counts a temporary file.
func (u *Total) AddFile() {
	if u != nil {
		u.files.Add(1)
	}
}

// FullScans is the number of scans of whole tables.
func (u *Total) FullScans() uint64 { return u.scans.Load() }

// Files is the number of temporary files.
func (u *Total) Files() uint64 { return u.files.Load() }

// Rows is the number of rows that came from shards or were changed there, Shards that of the shards: up to 64.
func (u *Total) Rows() uint64 { return u.rows.Load() }

// Shards is the number of shards that took part.
func (u *Total) Shards() int { return bits.OnesCount64(u.shards.Load()) }

// Reset begins a statement.
func (u *Total) Reset() {
	u.rows.Store(0)
	u.shards.Store(0)
	u.scans.Store(0)
	u.files.Store(0)
}
