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
			if s = emptiest(c, load); s == 0 {
				return nil, errors.New("the cluster has no data shard")
			}
		}
		load[s]++
		tablets[i] = schema.Tablet{ID: schema.TabletID(ids[i]), Shard: s, Partition: leaves[i].ID}
	}
	return tablets, nil
}

// Emptiest is the shard with the fewest databases and tablets; 0 where there is none.
func Emptiest(c *catalog.Snapshot) schema.ShardID { return emptiest(c, loadOf(c, nil)) }

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

func emptiest(c *catalog.Snapshot, load map[schema.ShardID]int) (best schema.ShardID) {
	for _, sh := range c.Shards() {
		if sh.ID != schema.SystemShard && (best == 0 || load[sh.ID] < load[best]) {
			best = sh.ID
		}
	}
	return best
}
