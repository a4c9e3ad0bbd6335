package node

import (
	"context"
	"strconv"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// keyRowIDs is the system shard's record of which row ids come next.
const keyRowIDs = "rowid/next"

// NextRowIDs gives n values for hidden row ids of tables without a primary key; unique in the cluster, rising on each
// node. It waits while the system shard cannot be written.
func (n *routes) NextRowIDs(ctx context.Context, count int) (uint64, error) {
	return n.rowIDs.Take(ctx, uint64(count)) //nolint:gosec // a number of rows
}

// reserveRowIDs moves the cluster's counter by size.
func (n *routes) reserveRowIDs(ctx context.Context, size uint64) (first uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		ls := n.local(schema.SystemShard)
		if ls == nil {
			return 0, errNoSystemReplica
		}
		value, version := ls.state.SystemGet(keyRowIDs)
		first, _ := strconv.ParseUint(string(value), 10, 64)
		first = max(first, 1)
		id := n.commandID.Add(1)
		reply, err := n.command(ctx, schema.SystemShard, shard.CommandSystem, id, shard.EncodeSystem(nil, &shard.SystemCommand{
			ID:     id,
			Expect: []shard.SystemExpect{{Key: keyRowIDs, Version: version}},
			Sets:   []shard.SystemSet{{Key: keyRowIDs, Value: strconv.AppendUint(nil, first+size, 10)}},
		}))
		if err != nil {
			return 0, err
		}
		if reply.OK {
			return first, nil
		}
		if err := n.RefreshCatalog(ctx); err != nil { // the counter is as new as the catalog
			return 0, err
		}
	}
}
