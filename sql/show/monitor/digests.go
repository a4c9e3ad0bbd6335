package monitor

import (
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/digest"
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// picoseconds are the unit of performance_schema's timers.
func picoseconds(d time.Duration) types.Value { return virtual.Num(uint64(d.Nanoseconds()) * 1000) } //nolint:gosec // not negative

const digestTable = "events_statements_summary_by_digest"

// Resettable tells of the tables that TRUNCATE empties although they are virtual: what is counted for them begins anew.
func Resettable(db, table string) bool {
	return strings.EqualFold(db, virtual.PerfSchema) && strings.EqualFold(table, digestTable)
}

// perfDigests is events_statements_summary_by_digest: MySQL's columns, and behind them how many shards took part. What is not counted is 0. 1227
// without PROCESS: samples show what others asked for.
func perfDigests(s *virtual.Scan) error {
	if err := s.Access(uint64(mysql.ProcessPriv), "", ""); err != nil {
		return err
	}
	for _, d := range s.Digests(s.Ctx) {
		if err := s.Row(digestRow(s, d)...); err != nil {
			return err
		}
	}
	return nil
}

// digestSums are the columns from COUNT_STAR to COUNT_SECONDARY.
func digestSums(d *digest.Summary) []types.Value {
	n := d.Times.Count()
	average := time.Duration(0)
	if n > 0 {
		average = d.Times.Sum() / time.Duration(n) //nolint:gosec // a count
	}
	zero := virtual.Num(0)
	row := []types.Value{
		virtual.Num(n), picoseconds(d.Times.Sum()), picoseconds(d.Shortest), picoseconds(average),
		picoseconds(d.Sample.Took), zero, virtual.Num(d.Errors), virtual.Num(d.Warnings), virtual.Num(d.Affected),
		virtual.Num(d.Sent), virtual.Num(d.Examined),
	}
	row = append(row, virtual.Num(d.Files), virtual.Num(d.Files), zero, zero, zero, zero, virtual.Num(d.Scans)) // SUM_CREATED_TMP_DISK_TABLES … SUM_SELECT_SCAN
	row = append(row, zero, zero, zero, zero, virtual.Num(d.NoIndex), zero, zero)                               // SUM_SORT_MERGE_PASSES … SUM_CPU_TIME
	return append(row, virtual.Num(d.MostMemory), virtual.Num(d.MostMemory), zero)
}

func digestRow(s *virtual.Scan, d *digest.Summary) []types.Value {
	row := append([]types.Value{virtual.Optional(d.Schema), virtual.Optional(d.Digest), virtual.Optional(d.Text)}, digestSums(d)...)
	sample := types.Null
	if d.Digest != "" {
		sample = types.Str(d.Sample.Text)
	}
	return append(row, exactTime(s, d.First), exactTime(s, d.Last),
		picoseconds(d.Times.Quantile(0.95)), picoseconds(d.Times.Quantile(0.99)), picoseconds(d.Times.Quantile(0.999)),
		sample, exactTime(s, d.Sample.Seen), picoseconds(d.Sample.Took), virtual.Num(d.Shards), virtual.Num(d.MostShards))
}

// exactTime is a TIMESTAMP(6).
func exactTime(c virtual.Context, t time.Time) types.Value {
	return types.Datetime(temporal.PackTime(t.In(virtual.Location(c)).Truncate(time.Microsecond)), 6)
}
