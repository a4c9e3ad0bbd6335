package show

import (
	"encoding/hex"
	"maps"
	"slices"

	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// The cluster's own views are for accounts that may see all sessions (PROCESS) or administer the server.

func clusterNodes(s *scan) error {
	if !s.administers() {
		return nil
	}
	for _, n := range s.Catalog().Nodes() {
		state := "member"
		if n.Left {
			state = "left"
		}
		err := s.row(num(uint64(n.ID)), str(n.NodeAddr), str(n.SQLAddr), str(n.HTTPAddr), str(state),
			yesNo(n.ID == s.DB().NodeID()))
		if err != nil {
			return err
		}
	}
	return nil
}

func clusterShards(s *scan) error {
	if !s.administers() {
		return nil
	}
	for _, h := range s.Catalog().Shards() {
		holder := s.DB().Leaseholder(h.ID)
		for _, group := range []struct {
			role  string
			nodes map[schema.NodeID]uint64
		}{{"VOTER", h.Replicas}, {"NON_VOTER", h.NonVoting}} {
			for _, n := range slices.Sorted(maps.Keys(group.nodes)) {
				err := s.row(num(uint64(h.ID)), num(uint64(n)), num(group.nodes[n]), str(group.role), yesNo(n == holder))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func clusterTablets(s *scan) error {
	return s.eachTable("table_schema", "table_name", func(o *object) error {
		for i, t := range o.desc.Tablets {
			holder := types.Null
			if n := s.DB().Leaseholder(t.Shard); n != 0 {
				holder = num(uint64(n))
			}
			err := s.row(str(o.db), str(o.desc.Name), num(i+1), num(uint64(t.ID)), num(uint64(t.Shard)), holder, bound(t.Start),
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
	return str(hex.EncodeToString(key))
}
