package node

import (
	"context"

	"cloudsql/distributed/copies"
	"cloudsql/distributed/estimates"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// estimateTablets makes what knows the size of tablets.
func (n *gateway) estimateTablets() *estimates.Estimates {
	return estimates.New(n.ctx, estimates.Config{
		Here: func(t *schema.Tablet) (rows, bytes uint64, ok bool) {
			ls := n.local(t.Shard)
			if ls == nil {
				return 0, 0, false
			}
			rows, bytes = ls.state.TabletStats(t.ID)
			return rows, bytes, true
		},
		Keys: func(ctx context.Context, t *schema.Tablet) ([][]byte, error) {
			ls := n.local(t.Shard)
			if ls == nil {
				return nil, nil
			}
			return ls.state.SplitKeys(ctx, t.ID)
		},
		Work: func(t *schema.Tablet) (reads, writes float64, ok bool) {
			ls := n.local(t.Shard)
			if ls == nil || !ls.group.IsLeader() {
				return 0, 0, false
			}
			l := ls.meter.Of(t.ID)
			return l.Reads, l.Writes, true
		},
		Ask: func(ctx context.Context, s schema.ShardID, req []byte) ([]byte, error) {
			if holder := n.Leaseholder(s); holder != 0 {
				return n.client.Call(ctx, holder, methodStats, req)
			}
			return nil, nil
		},
	})
}

// TableStats estimates rows and bytes of a table; free to call.
func (n *gateway) TableStats(t *schema.Table) (rows, bytes uint64) {
	for i := range t.Tablets {
		r, b := n.stats.Of(&t.Tablets[i])
		rows, bytes = rows+r, bytes+b
	}
	return rows, bytes
}

// SplitKeys gives keys that cut a tablet's rows into sections; free to call.
func (n *gateway) SplitKeys(t *schema.Tablet) [][]byte { return n.stats.SplitKeys(t) }

// columns makes the columnar copies of this node.
func (n *leading) columns() *copies.Maker {
	return &copies.Maker{Dir: n.dir.File("columns"), Full: n.diskFull.Load, Memory: n.columnar, Clock: n.cfg.Clock, Log: n.log, Shards: func() (list []*shard.Shard) {
		for _, ls := range *n.shards.Load() {
			if ls.id != schema.SystemShard && !ls.quarantined.Load() {
				list = append(list, ls.state)
			}
		}
		return list
	}}
}

// ColumnCopies lists the columnar copies on this node.
func (n *leading) ColumnCopies() []shard.ColumnCopy { return n.columns().All() }

// TabletWork estimates the reads and the rows written a second of a tablet; free to call.
func (n *gateway) TabletWork(t *schema.Tablet) (reads, writes float64) { return n.stats.WorkOf(t) }
