package placement

import (
	"strings"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// alike is how much two nodes may fail together: the number of parts that their localities begin with alike.
func alike(a, b string) (n int) {
	if a == "" || b == "" {
		return 0 // who says nothing is not counted
	}
	others := strings.Split(b, ",")
	for i, part := range strings.Split(a, ",") {
		if i == len(others) || strings.TrimSpace(part) != strings.TrimSpace(others[i]) {
			break
		}
		n++
	}
	return n
}

// localities are where nodes have said that they are; nil: none has.
type localities map[schema.NodeID]string

func (r *Reconciler) localities(c *catalog.Snapshot) (where localities) {
	for _, m := range c.Nodes() {
		if s, _ := r.peers.Get(m.ID); s != nil && s.Locality != "" {
			if where == nil {
				where = localities{}
			}
			where[m.ID] = s.Locality
		}
	}
	return where
}

// crowd is how near a node is to those that have the other replicas of a shard which vote, or are to, and to all that have one; but for
// one of them (0: all count).
func (where localities) crowd(sh *catalog.Shard, node, without schema.NodeID) (crowd, near int) {
	if where == nil {
		return 0, 0
	}
	for _, replicas := range []map[schema.NodeID]uint64{sh.Replicas, sh.NonVoting} {
		for id := range replicas {
			if id == node || id == without || sh.Changing[id] == catalog.Removing {
				continue
			}
			n := alike(where[node], where[id])
			near += n
			if sh.ToVote(id) {
				crowd += n
			}
		}
	}
	return crowd, near
}
