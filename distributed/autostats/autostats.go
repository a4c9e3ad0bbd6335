package autostats

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/statistics"
	"cloudsql/storage/version"
)

// settingRecalc is the cluster-wide setting that keeps statistics from being collected unasked.
const settingRecalc = "innodb_stats_auto_recalc"

// When a table's rows are looked at again: one table at a time, at the leaseholder of the system shard.
const (
	statsEvery    = 5 * time.Second
	statsTablePer = time.Minute // between two looks at one table
	statsLeast    = 1000        // rows from which a table is looked at unasked
	statsGrown    = 0.2         // share of the rows by which it must have grown or shrunk, beyond statsLeast/2
	statsTimeout  = 30 * time.Second
	// statsStale is how old the state looked at may be: followers nearby have it, and its versions are not removed yet.
	statsStale = time.Second / 2
	// statsRound is how many tables are asked for their size at a time: in a catalog of more it takes some rounds to see all.
	statsRound = 500
)

// Run looks at tables until ctx ends, one every so often (0: statsEvery).
func Run(ctx context.Context, db distributed.DB, every time.Duration, log *slog.Logger) {
	if every == 0 {
		every = statsEvery
	}
	looked := map[schema.TableID]time.Time{}
	from := schema.TableID(0)
	for range spawn.Ticks(ctx.Done(), every) {
		c := db.Catalog()
		if db.Leaseholder(schema.SystemShard) != db.NodeID() || !c.Allows(version.V2) || !autoRecalc(c) {
			clear(looked)
			continue
		}
		for id, at := range looked {
			if time.Since(at) > statsTablePer {
				delete(looked, id)
			}
		}
		var t *schema.Table
		if t, from = outgrown(db.TableStats, c, looked, from); t == nil {
			continue
		}
		looked[t.ID] = time.Now()
		if err := refresh(ctx, db, t); err != nil && ctx.Err() == nil {
			log.Info("a table's statistics stay what they are", "table", t.Name, "err", err)
		}
	}
}

func autoRecalc(c *catalog.Snapshot) bool {
	v, ok := c.Setting(settingRecalc)
	return !ok || v == "1" || strings.EqualFold(v, "ON")
}

// outgrown is the table that has changed most since its rows were looked at, of those that have changed enough, among the next ones from
// an id on; next is where those after them begin.
func outgrown(size func(*schema.Table) (rows, bytes uint64), c *catalog.Snapshot, looked map[schema.TableID]time.Time,
	from schema.TableID) (most *schema.Table, next schema.TableID) {
	worst, left := 0.0, statsRound
	for id, t := range catalog.TablesFrom(c, from) {
		if left == 0 {
			return most, id
		}
		left--
		if _, ok := looked[id]; ok || t.Database == 0 { // of entries: no plan reads them
			continue
		}
		rows, _ := size(t)
		if x := outgrownBy(c.Statistics(id), rows); x > worst {
			most, worst = t, x
		}
	}
	return most, 0
}

// outgrownBy tells how much a table has changed, as a multiple of what is enough to look again; 0: not enough.
func outgrownBy(known *statistics.Table, rows uint64) float64 {
	was := float64(0)
	if known != nil {
		was = float64(known.Rows)
	} else if rows < statsLeast {
		return 0
	}
	if x := max(float64(rows)-was, was-float64(rows)) / (statsLeast/2 + statsGrown*was); x > 1 {
		return x
	}
	return 0
}

func refresh(ctx context.Context, db distributed.DB, t *schema.Table) error {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	o := statistics.Options{Seed: rand.Uint64(), Now: time.Now(), Before: db.Catalog().Statistics(t.ID)} //nolint:gosec // any seed will do
	found, err := distributed.CollectStatistics(ctx, db, t, time.Now().Add(-statsStale), o)
	if err != nil {
		return err
	}
	return distributed.KeepStatistics(ctx, db, t, found)
}
