package placement

import (
	"errors"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// Tablets makes the tablets of a new table of database d, one for each of its partitions: beside the database's other tables, or
// where there are the fewest. Those of one table share a shard, so that transactions over them are of one shard, unless tables are
// to be spread.
func Tablets(c *catalog.Snapshot, d *schema.Database, leaves []*schema.Partition, ids []uint64, spread bool) ([]schema.Tablet, error) {
	s := d.Shard
	if _, ok := c.Shard(s); !ok || s == schema.SystemShard {
		s = 0
	}
	if other, ok := catalog.FirstTable(c, d.Name); s == 0 && ok {
		s = other.Tablets[0].Shard
	}
	load := loadOf(c, d)
	tablets := make([]schema.Tablet, len(leaves))
	for i := range tablets {
		if s == 0 || spread {
			if s = emptiest(c, load, ids[i]); s == 0 {
				return nil, errors.New("the cluster has no data shard")
			}
		}
		load[s]++
		tablets[i] = schema.Tablet{ID: schema.TabletID(ids[i]), Shard: s, Partition: leaves[i].ID}
	}
	return tablets, nil
}

// Emptiest is the shard with the fewest databases and tablets; 0 where there is none.
func Emptiest(c *catalog.Snapshot) schema.ShardID { return emptiest(c, loadOf(c, nil), 0) }

// loadOf counts the databases and tablets of each shard.
func loadOf(c *catalog.Snapshot, except *schema.Database) map[schema.ShardID]int {
	load := map[schema.ShardID]int{}
	for _, sh := range c.Shards() {
		load[sh.ID] = catalog.ShardLoad(c, sh.ID) // a database without tables will have some
	}
	if except != nil {
		if d, ok := c.DatabaseByID(except.ID); ok {
			load[d.Shard]--
		}
	}
	return load
}

// emptiest is the shard with the least load; among equals turn, an id, decides: so tables that are created at once, of which
// none sees the others yet, do not all come to the first.
func emptiest(c *catalog.Snapshot, load map[schema.ShardID]int, turn uint64) schema.ShardID {
	var best []schema.ShardID
	for _, sh := range c.Shards() {
		switch {
		case sh.ID == schema.SystemShard || len(best) > 0 && load[sh.ID] > load[best[0]]:
			continue
		case len(best) > 0 && load[sh.ID] < load[best[0]]:
			best = best[:0]
		}
		best = append(best, sh.ID)
	}
	if len(best) == 0 {
		return 0
	}
	return best[turn*0x9E3779B97F4A7C15>>32%uint64(len(best))] // ids follow each other in steps: Fibonacci hashing (Knuth, vol. 3, 6.4)
}
