package replica

import (
	"context"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// An UPDATE or DELETE by keys that have no rows writes nothing, and needs no place in the log. After one that was logged in vain, the next ones
// are looked at first, under their locks as any newest read, until some of them have found a row: who finds the rows pays nothing for it.

const looksAfterVain, mostLookedAt = 16, 16 // the second: keys of a write

// isVain tells whether a write, which has its locks, has nothing to do. Only one that surely was not executed before may be told so. t is to be the
// tenure still.
func (r *writes) isVain(ctx context.Context, t *tenure, q *leaseholder.WriteRequest) bool {
	if r.looks.Load() <= 0 || !q.Alone || r.cfg.UntrustedClock || !q.ByKeys(mostLookedAt) {
		return false
	}
	f := q.Writes[0]
	table, ok := r.state.Table(f.Tablet)
	if !ok {
		return false
	}
	read := fragment.Read{
		Tablet: f.Tablet, SchemaVersion: f.SchemaVersion, Index: schema.PrimaryIndex, Keys: f.Keys, Limit: 1,
		Columns: []schema.ColumnID{table.Columns[table.Primary().Columns[0].Column].ID},
	}
	var page fragment.Page
	if err := r.readIn(ctx, t, &read, shard.ReadOptions{}, &page); err != nil || !r.still(t) {
		return false
	}
	if page.Batch.Len() > 0 {
		r.looks.Add(-1)
		return false
	}
	r.stats.VainWrites.Add(1)
	return true
}

// noteVain looks at how a write that was logged has ended.
func (r *writes) noteVain(q *leaseholder.WriteRequest, results []fragment.WriteResult) {
	if q.ByKeys(mostLookedAt) && len(results) == 1 && results[0].Matched == 0 && results[0].Err == nil && r.looks.Load() < looksAfterVain {
		r.looks.Store(looksAfterVain)
	}
}
