package placement

import (
	"maps"
	"slices"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// Servers are the nodes with a replica of a shard, the likelier ones to serve it first: who told to hold the lease, voters that are alive,
// the rest.
func Servers(sh *catalog.Shard, holder schema.NodeID, alive func(schema.NodeID) bool) []schema.NodeID {
	nodes := append(SortedNodes(sh.Replicas), SortedNodes(sh.NonVoting)...)
	ranks := make(map[schema.NodeID]int, len(nodes))
	for _, id := range nodes {
		_, voter := sh.Replicas[id]
		switch {
		case id == holder:
			ranks[id] = 0
		case voter && alive(id):
			ranks[id] = 1
		case voter:
			ranks[id] = 2
		default:
			ranks[id] = 3
		}
	}
	slices.SortStableFunc(nodes, func(a, b schema.NodeID) int { return ranks[a] - ranks[b] })
	return nodes
}

// Nearest is the node with a replica of a shard that is nearest to a place, and nearer than the shard's leaseholder; 0: there is none. Of
// those as near, one is taken that is only read. where are the places of the nodes whose replicas run.
func Nearest(sh *catalog.Shard, here string, holder schema.NodeID, where map[schema.NodeID]string) (best schema.NodeID) {
	most := alike(here, where[holder])
	for _, replicas := range []map[schema.NodeID]uint64{sh.NonVoting, sh.Replicas} {
		for _, id := range slices.Sorted(maps.Keys(replicas)) {
			if n := alike(here, where[id]); n > most && sh.Changing[id] != catalog.Removing {
				best, most = id, n
			}
		}
	}
	return best
}
