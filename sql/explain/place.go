package explain

import (
	"fmt"
	"strings"

	"cloudsql/distributed"
	"cloudsql/planner"
	"cloudsql/storage/schema"
)

// Lines are a plan as a session runs it: whether columnar copies may be read is not the plan's to say.
func Lines(p planner.Plan, rowsOnly bool) []planner.ExplainLine {
	lines := p.Explain()
	for i := range lines {
		if t := lines[i].Table; t != nil && rowsOnly {
			t.Columnar = false
		}
	}
	return lines
}

// Place adds the node that serves a shard now to the place of a fragment: "shard 2" becomes "shard 2 @ node 1". Reads
// of the past are served by this node where it has a replica, or by one that is near.
func Place(db distributed.DB, where string, past bool) string {
	var id schema.ShardID
	if _, err := fmt.Sscanf(where, "shard %d", &id); err != nil {
		return where
	}
	node := db.Leaseholder(id)
	name := fmt.Sprintf("shard %d", id)
	if reader := db.PastReader(id); past && reader != 0 && reader != node {
		return name + fmt.Sprintf(" @ node %d, follower", reader) + strings.TrimPrefix(where, name)
	}
	if node == 0 {
		return where
	}
	return name + fmt.Sprintf(" @ node %d", node) + strings.TrimPrefix(where, name)
}
