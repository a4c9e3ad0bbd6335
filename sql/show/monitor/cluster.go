package monitor

import (
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
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
		holder, load := s.DB().Leaseholder(h.ID), s.DB().ShardLoad(h.ID)
		for _, group := range []struct {
			role  string
			nodes map[schema.NodeID]uint64
		}{{"VOTER", h.Replicas}, {"NON_VOTER", h.NonVoting}} {
			for _, n := range slices.Sorted(maps.Keys(group.nodes)) {
				err := s.Row(virtual.Num(uint64(h.ID)), virtual.Num(uint64(n)), virtual.Num(group.nodes[n]),
					types.Str(group.role), virtual.YesNo(n == holder), ofHolder(n == holder, load.Reads), ofHolder(n == holder, load.Writes))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ofHolder is a rate of a shard, which its leaseholder serves; NULL for other replicas.
func ofHolder(holds bool, rate float64) types.Value {
	if !holds {
		return types.Null
	}
	return Rate(rate)
}

// Rate is a number a second as views tell it.
func Rate(perSecond float64) types.Value { return virtual.Num(uint64(math.Round(perSecond))) }

func clusterTablets(s *virtual.Scan) error {
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		if err := tabletRows(s, o, o.Desc, types.Null); err != nil {
			return err
		}
		for i := range o.Desc.Indexes {
			ix := &o.Desc.Indexes[i]
			if e, ok := s.Catalog().TableByID(ix.Entries); ok && ix.Entries != 0 {
				if err := tabletRows(s, o, e, types.Str(ix.Name)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// tabletRows are the rows of an object's tablets, or of those that have the entries of one of its unique keys.
func tabletRows(s *virtual.Scan, o *virtual.Object, desc *schema.Table, entriesOf types.Value) error {
	for i := range desc.Tablets {
		t := TabletOf(s, desc, i)
		err := s.Row(types.Str(o.DB), types.Str(o.Desc.Name), virtual.Num(i+1), virtual.Num(uint64(t.ID)),
			virtual.Num(uint64(t.Shard)), t.Holder, bound(t.Start), bound(t.End), t.Partition, virtual.Num(t.Rows), virtual.Num(t.Bytes),
			t.Moving, t.Copied, Rate(t.Reads), Rate(t.Writes), entriesOf)
		if err != nil {
			return err
		}
	}
	return nil
}

// clusterColumnarCopies is CLUSTER_COLUMNAR_COPIES: the columnar copies on this node.
func clusterColumnarCopies(s *virtual.Scan) error {
	byTablet := map[schema.TabletID]shard.ColumnCopy{}
	for _, c := range s.DB().ColumnCopies() {
		byTablet[c.Tablet] = c
	}
	if len(byTablet) == 0 {
		return nil
	}
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		for i := range o.Desc.Tablets {
			c, ok := byTablet[o.Desc.Tablets[i].ID]
			if !ok {
				continue
			}
			err := s.Row(types.Str(o.DB), types.Str(o.Desc.Name), virtual.Num(uint64(c.Tablet)), virtual.Num(uint64(c.Shard)), types.Str(copyState(c)),
				virtual.Num(c.Rows), virtual.Num(c.Blocks), virtual.Num(c.Bytes), virtual.Num(c.Changed), virtual.Num(c.GivenUp))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// copyState tells how a columnar copy stands.
func copyState(c shard.ColumnCopy) string {
	switch {
	case c.Making && c.Made:
		return "REFRESHING"
	case c.Making:
		return "MAKING"
	case c.Made:
		return "READY"
	}
	return "WAITING"
}

// clusterJobs is CLUSTER_JOBS: the changes of definitions that are at work, and how far those are that fill indexes.
func clusterJobs(s *virtual.Scan) error {
	if len(s.Catalog().Records(catalog.DefinitionJobs)) == 0 {
		return nil
	}
	return s.EachTable("table_schema", "table_name", func(o *virtual.Object) error {
		job := catalog.DefinitionJobOf(s.Catalog(), o.Desc.ID)
		if job == nil || o.Made != nil || o.View != nil {
			return nil
		}
		node := types.Null
		name, _, _ := strings.Cut(job.Owner, "/")
		if id, err := strconv.ParseUint(name, 10, 64); err == nil {
			node = virtual.Num(id)
		}
		rows, _ := s.DB().TableStats(o.Desc)
		return s.Row(types.Str(o.DB), types.Str(o.Desc.Name), types.Str(job.Statement), types.Str(job.State), node, virtual.Num(job.RowsDone), virtual.Num(rows))
	})
}

// Tablet is a tablet as views tell of it.
type Tablet struct {
	*schema.Tablet
	Holder, Partition types.Value // the leaseholder's node, the partition's name; NULL: not known, none
	Rows, Bytes       uint64      // estimates
	Reads, Writes     float64     // a second
	Moving, Copied    types.Value // the shard that it is on its way to, and the bytes that have gone over; NULL: it stays
}

// TabletOf is the i-th tablet of a table.
func TabletOf(c virtual.Context, t *schema.Table, i int) Tablet {
	tb := Tablet{Tablet: &t.Tablets[i], Holder: Holder(c, t.Tablets[i].Shard)}
	tb.Partition, tb.Moving, tb.Copied = types.Null, types.Null, types.Null
	if m := catalog.MoveFrom(c.Catalog(), tb.ID); m != nil && m.State == catalog.MoveCopying {
		tb.Moving, tb.Copied = virtual.Num(uint64(m.To)), virtual.Num(m.Bytes)
	}
	if t.Partitioning != nil {
		tb.Partition = types.Str(t.Partitioning.Leaf(tb.Tablet.Partition).Name)
	}
	alone := *t
	alone.Tablets = t.Tablets[i : i+1]
	tb.Rows, tb.Bytes = c.DB().TableStats(&alone)
	tb.Reads, tb.Writes = c.DB().TabletWork(tb.Tablet)
	return tb
}

// Holder is the node that serves a shard, NULL where that is not known.
func Holder(c virtual.Context, s schema.ShardID) types.Value {
	if n := c.DB().Leaseholder(s); n != 0 {
		return virtual.Num(uint64(n))
	}
	return types.Null
}

// bound is a bound of a tablet in hexadecimal digits, NULL where it is open.
func bound(key []byte) types.Value {
	if key == nil {
		return types.Null
	}
	return types.Str(hex.EncodeToString(key))
}
