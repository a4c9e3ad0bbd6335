package shard

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"cloudsql/storage/fragment"
)

// Split keys are keys of rows, with the same number of rows before each, deleted ones not counted; when they become too many, there are
// half as many.
func TestSplitKeys(t *testing.T) {
	_, s, l := openTable(t)
	insert := func(from, to int64) {
		for ; from < to; from += 1000 {
			w := insertRow(from, from, fmt.Sprint(from))
			for i := from + 1; i < min(from+1000, to); i++ {
				w.Rows.Append(insertRow(i, i, fmt.Sprint(i)).Rows.Row(0))
			}
			if r := l.write(w); r.Status != Committed {
				t.Fatal(r)
			}
		}
	}
	keys := func() [][]byte {
		t.Helper()
		list, err := s.SplitKeys(t.Context(), testTablet)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	insert(0, sectionRows)
	if list := keys(); len(list) != 0 {
		t.Fatalf("%d keys of one section", len(list))
	}
	insert(sectionRows, 3*sectionRows+10)
	l.write(&fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(5), intKey(7)}})
	for i, key := range keys() {
		if want := intKey(int64((i+1)*sectionRows + 2)); !bytes.Equal(key, want) {
			t.Fatalf("key %d is %x, not %x", i, key, want)
		}
	}
	if n := len(keys()); n != 3 {
		t.Fatalf("%d keys", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.SplitKeys(ctx, testTablet); err == nil {
		t.Fatal("it was not cancelled")
	}
	if list := everySecond([][]byte{{1}, {2}, {3}, {4}}); len(list) != 2 || list[0][0] != 2 || list[1][0] != 4 {
		t.Fatal(list)
	}
}
