package shard

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// TestRulesOfBefore: a write that was planned before the table's other tablets changed is taken, one that was planned by other rules is not.
func TestRulesOfBefore(t *testing.T) {
	_, _, l := openTable(t)
	table := testTable()
	install := func(expr string) {
		table = table.Clone()
		table.Version++
		table.Checks = []schema.Check{{Name: "c", Expr: expr, Enforced: true}}
		l.install(table)
	}
	id := int64(0)
	write := func(version uint64, want Status) {
		t.Helper()
		id++
		w := insertRow(id, 1, fmt.Sprint(id))
		w.SchemaVersion = version
		if r := l.write(w); r.Status != want {
			t.Errorf("a write planned with version %d of %d: %+v", version, table.Version, r)
		}
	}
	install("k < 9")
	write(1, SchemaChanged)
	install("k < 9")
	write(2, Committed)
	l.s = reopen(t, l.s)
	write(2, Committed)
	install("k < 8")
	write(3, SchemaChanged)
	l.s = reopen(t, l.s)
	write(3, SchemaChanged)
	write(4, Committed)
}

// TestCutTablet: keys cut a tablet into parts of as many rows.
func TestCutTablet(t *testing.T) {
	_, _, l := openTable(t)
	cuts := func(n int) (ids []string) {
		t.Helper()
		list, err := l.s.CutTablet(context.Background(), testTablet, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range list {
			ids = append(ids, fmt.Sprintf("%x", key))
		}
		return ids
	}
	if got := cuts(4); got != nil {
		t.Errorf("no rows are cut at %v", got)
	}
	for id := range int64(100) {
		l.write(insertRow(id, 1, fmt.Sprint(id)))
	}
	want := func(ids ...int64) (list []string) {
		for _, id := range ids {
			list = append(list, fmt.Sprintf("%x", intKey(id)))
		}
		return list
	}
	if got := cuts(4); !slices.Equal(got, want(25, 50, 75)) {
		t.Errorf("cut at %v", got)
	}
	if got := cuts(1000); len(got) != 99 {
		t.Errorf("100 rows are cut into %d parts", len(got)+1)
	}
}

// TestDealtVersions: each version goes to the tablet that has its row, whatever index it is of; what is out of its tablet's bounds, or of an index that
// is not there, stays behind.
func TestDealtVersions(t *testing.T) {
	table := testTable()
	table.Indexes = []schema.Index{table.Indexes[0], table.Indexes[2]}
	entry := func(k, id int64) []byte { return append(append([]byte{0, 3}, intKey(k)...), intKey(id)...) }
	row := func(id int64) []byte { return append([]byte{0, 1}, intKey(id)...) }
	var page []byte
	for i, key := range [][]byte{row(1), row(5), row(9), row(20), entry(7, 1), entry(1, 9), entry(3, 25), append([]byte{0, 2, 1, 65}, 0)} {
		page = AppendVersion(page, Version{Key: key, TS: mvcc.Timestamp(i + 1), Value: mvcc.AppendDelete(nil)})
	}
	from := &schema.Tablet{End: intKey(20)}
	to := []schema.Tablet{{End: intKey(5)}, {Start: intKey(5), End: intKey(9)}, {Start: intKey(9), End: intKey(20)}}
	pages, err := DealVersions(page, table, from, to)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]mvcc.Timestamp{{1, 5}, {2}, {3, 6}} {
		var got []mvcc.Timestamp
		if err := readVersions(pages[i].Versions, func(v Version) { got = append(got, v.TS) }); err != nil || !slices.Equal(got, want) || pages[i].Count != len(want) {
			t.Errorf("tablet %d gets %v, not %v (%v)", i, got, want, err)
		}
	}
}
