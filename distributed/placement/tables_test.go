package placement

import (
	"testing"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// TestTablesAtOnceAreSpread: tables that are created at the same time see none of each other, and still come to all shards.
func TestTablesAtOnceAreSpread(t *testing.T) {
	tx := catalog.Empty().Begin()
	for id := schema.ShardID(2); id < 6; id++ {
		tx.PutShard(&catalog.Shard{ID: id})
	}
	d := &schema.Database{ID: 100, Name: "d", Shard: 2}
	tx.PutDatabase(d)
	c, err := catalog.Empty().Apply(1, tx.Command(1, 1).Sets)
	if err != nil {
		t.Fatal(err)
	}
	for step := range uint64(4) {
		in := map[schema.ShardID]int{}
		for i := range uint64(40) {
			tablets, err := Tablets(c, d, []*schema.Partition{{}}, []uint64{101 + i*(step+1)}, true)
			if err != nil {
				t.Fatal(err)
			}
			in[tablets[0].Shard]++
		}
		for id := schema.ShardID(2); id < 6; id++ {
			if in[id] < 4 || in[id] > 20 {
				t.Errorf("ids in steps of %d: %d of 40 tables came to shard %d", step+1, in[id], id)
			}
		}
	}
}
