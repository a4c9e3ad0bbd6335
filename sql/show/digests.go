package show

import (
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/digest"
	"cloudsql/storage/types"
)

// picoseconds are the unit of performance_schema's timers.
func picoseconds(d time.Duration) types.Value { return num(uint64(d.Nanoseconds()) * 1000) } //nolint:gosec // not negative

const digestTable = "events_statements_summary_by_digest"

// Resettable tells of the tables that TRUNCATE empties although they are virtual: what is counted for them begins anew.
func Resettable(db, table string) bool {
	return strings.EqualFold(db, perfSchema) && strings.EqualFold(table, digestTable)
}

// perfDigests is events_statements_summary_by_digest: MySQL's columns, and behind them how many shards took part. What is not counted is 0. 1227
// without PROCESS: samples show what others asked for.
func perfDigests(s *scan) error {
	if err := s.Access(uint64(mysql.ProcessPriv), "", ""); err != nil {
		return err
	}
	for _, d := range s.Digests(s.ctx) {
		if err := s.row(digestRow(s, d)...); err != nil {
			return err
		}
	}
	return nil
}

func digestRow(s *scan, d *digest.Summary) []types.Value {
	n := d.Times.Count()
	average := time.Duration(0)
	if n > 0 {
		average = d.Times.Sum() / time.Duration(n) //nolint:gosec // a count
	}
	zero := num(0)
	row := []types.Value{
		optional(d.Schema), optional(d.Digest), optional(d.Text), num(n), picoseconds(d.Times.Sum()), picoseconds(d.Shortest), picoseconds(average),
		picoseconds(d.Sample.Took), zero, num(d.Errors), num(d.Warnings), num(d.Affected), num(d.Sent), num(d.Examined),
	}
	row = append(row, num(d.Files), num(d.Files), zero, zero, zero, zero, num(d.Scans)) // SUM_CREATED_TMP_DISK_TABLES … SUM_SELECT_SCAN
	row = append(row, zero, zero, zero, zero, num(d.NoIndex), zero, zero)               // SUM_SORT_MERGE_PASSES … SUM_CPU_TIME
	sample := types.Null
	if d.Digest != "" {
		sample = str(d.Sample.Text)
	}
	return append(row, num(d.MostMemory), num(d.MostMemory), zero, exactTime(s, d.First), exactTime(s, d.Last),
		picoseconds(d.Times.Quantile(0.95)), picoseconds(d.Times.Quantile(0.99)), picoseconds(d.Times.Quantile(0.999)),
		sample, exactTime(s, d.Sample.Seen), picoseconds(d.Sample.Took), num(d.Shards), num(d.MostShards))
}

// exactTime is a TIMESTAMP(6).
func exactTime(c Context, t time.Time) types.Value {
	return types.Datetime(types.PackTime(t.In(location(c)).Truncate(time.Microsecond)), 6)
}
