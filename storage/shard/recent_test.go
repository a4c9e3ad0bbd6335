package shard

import (
	"bytes"
	"fmt"
	"testing"

	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// What is remembered of a row is its newest version or nothing, whatever displaced it.
func TestRecentRows(t *testing.T) {
	var r recentRows
	key := func(ix schema.IndexID, i int) []byte {
		return fmt.Appendf(keys.AppendPrefix(nil, 2, 1, ix), "%06d", i)
	}
	const rows = 3 * recentSlots
	newest := map[int]mvcc.Timestamp{}
	for n := range 2 * rows {
		i, ts := n*7919%rows, mvcc.Timestamp(n+1)
		value := mvcc.AppendPut(nil, fmt.Append(nil, ts))
		switch n % 10 {
		case 3:
			value = mvcc.AppendPut(nil, make([]byte, maxRecentBytes))
		case 4:
			value = mvcc.AppendDelete(nil)
		}
		newest[i] = ts
		r.take([]change{
			{key: key(schema.PrimaryIndex, i), value: mvcc.AppendPut(nil, []byte("dead")), ts: ts, dead: true},
			{key: key(schema.PrimaryIndex, i), value: value, ts: ts},
			{key: key(7, i), value: mvcc.AppendPut(nil, nil), ts: ts},
		}, false)
		if _, ok, _ := r.get(key(7, i)); ok {
			t.Fatal("an index entry is remembered")
		}
		v, ok, err := r.get(key(schema.PrimaryIndex, i))
		if err != nil || ok == (n%10 == 3) {
			t.Fatalf("row %d just written: found %v, %v", i, ok, err)
		}
		if ok && (v.TS != ts || v.Deleted != (n%10 == 4) || bytes.Equal(v.Value, []byte("dead"))) {
			t.Fatalf("row %d just written at %d: %+v", i, ts, v)
		}
	}
	for i, ts := range newest {
		if v, ok, _ := r.get(key(schema.PrimaryIndex, i)); ok && v.TS != ts {
			t.Fatalf("row %d is at %d, remembered at %d", i, ts, v.TS)
		}
	}
	r.take(nil, true)
	for i := range newest {
		if _, ok, _ := r.get(key(schema.PrimaryIndex, i)); ok {
			t.Fatal("remembered after tablets have changed")
		}
	}
}
