package exec

import (
	"math/bits"
	"sync/atomic"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// Usage is what a statement asked of the shards. Fragments are read by several goroutines at once.
type Usage struct {
	rows   atomic.Uint64
	shards atomic.Uint64 // a bit for each, by its id; those that share one count once
}

// AddRows counts rows that came from a shard, or that were changed there.
func (u *Usage) AddRows(n uint64) {
	if u != nil && n > 0 {
		u.rows.Add(n)
	}
}

// AddShard notes a shard.
func (u *Usage) AddShard(s schema.ShardID) {
	if u == nil {
		return
	}
	if bit := uint64(1) << (s % 64); u.shards.Load()&bit == 0 {
		u.shards.Or(bit)
	}
}

// AddTablet notes the shard of a tablet, if the catalog has it.
func (u *Usage) AddTablet(c *catalog.Snapshot, t schema.TabletID) {
	if u != nil && c != nil {
		if s, ok := c.ShardOf(t); ok {
			u.AddShard(s)
		}
	}
}

// Rows is the number of rows that came from shards or were changed there, Shards that of the shards: up to 64.
func (u *Usage) Rows() uint64 { return u.rows.Load() }

// Shards is the number of shards that took part.
func (u *Usage) Shards() int { return bits.OnesCount64(u.shards.Load()) }

// Reset begins a statement.
func (u *Usage) Reset() {
	u.rows.Store(0)
	u.shards.Store(0)
}
