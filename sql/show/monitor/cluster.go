package monitor

import (
	"encoding/hex"
	"maps"
	"slices"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// The cluster's own views are for accounts that may see all sessions (PROCESS) or administer the server.

func clusterNodes(s *virtual.Scan) error {
	if !s.Administers() {
		return nil
	}
	for _, n := range s.Catalog().Nodes() {
		replicas, leases := 0, 0
		for _, sh := range s.Catalog().Shards() {
			if replica, _ := sh.ReplicaOn(n.ID); replica != 0 {
				replicas++
			}
			if s.DB().Leaseholder(sh.ID) == n.ID {
				leases++
			}
		}
		err := s.Row(virtual.Num(uint64(n.ID)), types.Str(n.NodeAddr), types.Str(n.SQLAddr), types.Str(n.HTTPAddr),
			types.Str(s.Catalog().State(n)),
			virtual.YesNo(n.ID == s.DB().NodeID()), virtual.YesNo(s.DB().NodeAlive(n.ID)), virtual.Num(replicas), virtual.Num(leases))
		if err != nil {
			return err
		}
	}
	return nil
}

func clusterShards(s *virtual.Scan) error {
	if !s.Administers() {
		return nil
	}
	for _, h := range s.Catalog().Shards() {
		holder := s.DB().Leaseholder(h.ID)
		for _, group := range []struct {
			role  string
			nodes map[schema.NodeID]uint64
		}{{"VOTER", h.Replicas}, {"NON_VOTER", h.NonVoting}} {
			for _, n := range slices.Sorted(maps.Keys(group.nodes)) {
				err := s.Row(virtual.Num(uint64(h.ID)), virtual.Num(uint64(n)), virtual.Num(group.nodes[n]),
					types.Str(group.role), virtual.YesNo(n == holder))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func clusterTablets(s *virtual.Scan) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		for i, t := range o.Desc.Tablets {
			holder := types.Null
			if n := s.DB().Leaseholder(t.Shard); n != 0 {
				holder = virtual.Num(uint64(n))
			}
			err := s.Row(types.Str(o.DB), types.Str(o.Desc.Name), virtual.Num(i+1), virtual.Num(uint64(t.ID)),
				virtual.Num(uint64(t.Shard)), holder, bound(t.Start),
				bound(t.End))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// bound is a bound of a tablet in hexadecimal digits, NULL where it is open.
func bound(key []byte) types.Value {
	if key == nil {
		return types.Null
	}
	return types.Str(hex.EncodeToString(key))
}
