package explain

import (
	"fmt"
	"strings"

	"cloudsql/distributed"
	"cloudsql/storage/schema"
)

// Place adds the node that serves a shard now to the place of a fragment: "shard 2" becomes "shard 2 @ node 1". Reads
// of the past are served by this node where it has a replica.
func Place(db distributed.DB, where string, past bool) string {
	var id schema.ShardID
	if _, err := fmt.Sscanf(where, "shard %d", &id); err != nil {
		return where
	}
	node := db.Leaseholder(id)
	name := fmt.Sprintf("shard %d", id)
	if past && node != db.NodeID() && db.HasReplica(id) {
		return name + fmt.Sprintf(" @ node %d, follower", db.NodeID()) + strings.TrimPrefix(where, name)
	}
	if node == 0 {
		return where
	}
	return name + fmt.Sprintf(" @ node %d", node) + strings.TrimPrefix(where, name)
}
