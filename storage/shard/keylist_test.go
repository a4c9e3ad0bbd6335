package shard

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"cloudsql/storage/wire"
)

func keyListOf(keys ...[]byte) keyList {
	var b keyListBuilder
	for _, key := range keys {
		b.add(key)
	}
	return b.list()
}

// TestKeyList: keys of all lengths come back, in memory and from a record.
func TestKeyList(t *testing.T) {
	want := []string{"", "a", strings.Repeat("b", 127), strings.Repeat("c", 128), strings.Repeat("d", 20_000), "e"}
	var b keyListBuilder
	for _, key := range want {
		b.add([]byte(key))
	}
	l := b.list()
	record := append(l.append(nil), "rest"...)
	d := wire.NewReader(record)
	read := readKeyList(d)
	clear(record)
	if got := slices.Collect(l.all()); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := slices.Collect(read.all()); !slices.Equal(got, want) || len(d.Rest()) != 4 || read.n != len(want) {
		t.Errorf("from its record: %q", got)
	}
	for n := range 200 {
		d := wire.NewReader(bytes.Repeat([]byte{byte(n)}, n))
		if l := readKeyList(d); d.Err() != nil && l != (keyList{}) {
			t.Errorf("damaged: %v", l)
		}
	}
}

// TestArena: records are what was added, however many chunks they take, and cutting leaves those before.
func TestArena(t *testing.T) {
	var a arena
	var at []recordAt
	text := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, i*i%5000) }
	add := func(i int) { at = append(at, a.add(text(i), workspaceItem{deleted: i%3 == 0, payload: text(i + 1)})) }
	check := func() {
		for i, r := range at {
			if item := a.item(r); !bytes.Equal(a.key(r), text(i)) || !bytes.Equal(item.payload, text(i+1)) || item.deleted != (i%3 == 0) {
				t.Fatalf("record %d is another", i)
			}
		}
	}
	for i := range 2000 {
		add(i)
	}
	check()
	for _, n := range []int{1500, 700, 3, 0} {
		a.cut(at[n])
		at = at[:n]
		check()
		for i := n; i < n+20; i++ {
			add(i)
		}
		check()
	}
}
