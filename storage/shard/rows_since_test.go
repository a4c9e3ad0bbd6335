package shard

import (
	"context"
	"testing"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// TestRowsSince: a snapshot from before a table got its tablets is refused, because the rows that it should show are
// elsewhere or gone; the newest state can always be read.
func TestRowsSince(t *testing.T) {
	s := openShard(t, openEngine(t, vfs.NewMem()))
	l := newLog(t, s)
	since := l.next()
	table := testTable()
	table.RowsSince = uint64(since)
	l.install(table)
	for _, c := range []struct {
		at   mvcc.Timestamp
		code uint16
	}{{since - 1, mysql.ErrTableDefChanged}, {since, 0}, {0, 0}} {
		var page fragment.Page
		err := s.Read(context.Background(), readAll(schema.PrimaryIndex), ReadOptions{At: c.at, MaxBytes: 1 << 10}, &page)
		if c.code == 0 && err != nil || c.code != 0 && mysqlerr.Code(err) != c.code {
			t.Errorf("at %v, of rows since %v: %v", c.at, since, err)
		}
	}
}
