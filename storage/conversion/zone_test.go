package conversion

import (
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// TestTimestampsWhenClocksChange: a TIMESTAMP is the first of two equal readings of the clock; log entries of format 1 keep
// what the programs that wrote them made of it.
func TestTimestampsWhenClocksChange(t *testing.T) {
	amsterdam, _ := zones.Load("Europe/Amsterdam")
	ts := &types.Type{ID: mysql.TypeTimestamp, Length: 19}
	for _, c := range []struct{ local, utc, legacy string }{
		{"2025-10-26 02:30:00", "2025-10-26 00:30:00", "2025-10-26 01:30:00"},
		{"2025-03-30 02:30:00", "2025-03-30 01:00:00", "2025-03-30 01:00:00"},
		{"2025-06-01 12:00:00", "2025-06-01 10:00:00", "2025-06-01 10:00:00"},
	} {
		for _, legacy := range []bool{false, true} {
			want := c.utc
			if legacy {
				want = c.legacy
			}
			v, err := Assign(types.Str(c.local), ts, "c", 1, &types.Mode{Loc: amsterdam, Legacy: legacy}, nil)
			if got := types.ToLocal(v, nil).Text(); err != nil || got != want {
				t.Errorf("%s (legacy: %v) is stored as %s, %v", c.local, legacy, got, err)
			}
		}
	}
}
