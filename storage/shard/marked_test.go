package shard

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cloudsql/storage/schema"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// An entry that stops the replica names itself. Marked as failed, it does nothing and the log goes on, however entries are
// gathered, through restarts and snapshots; a replica without the mark stops, and one that executes the entry differs.
func TestMarkedEntry(t *testing.T) {
	e, s, l := openTable(t)
	first := l.entry(l.encodeBatch(l.proposal(insertRow(1, 1, "a"))))
	poison := Entry{Index: first.Index + 1, Cmd: []byte{99, byte(CommandBatch), 7}}
	benign := Entry{Index: poison.Index + 1, Cmd: l.encodeBatch(l.proposal(insertRow(2, 2, "b")))}
	last := Entry{Index: benign.Index + 1, Cmd: l.encodeBatch(l.proposal(insertRow(3, 3, "c")))}
	entries := []Entry{first, poison, benign, last}

	_, err := s.Apply(entries)
	var at *EntryError
	if !errors.As(err, &at) || at.Shard != testShard || at.Index != poison.Index || at.Checksum != Checksum(poison.Cmd) {
		t.Fatalf("%+v", err)
	}
	mark := func(entry Entry, sum uint64) {
		t.Helper()
		if err := SetMark(e, testShard, Mark{Index: entry.Index, Checksum: sum}); err != nil {
			t.Fatal(err)
		}
	}
	mark(poison, Checksum(poison.Cmd)+1) // another entry's
	if _, err := openShard(t, e).Apply(entries); !errors.As(err, &at) {
		t.Fatalf("a mark of other bytes: %v", err)
	}
	mark(poison, Checksum(poison.Cmd))
	mark(benign, Checksum(benign.Cmd))
	mark(last, Checksum(last.Cmd)+1)
	s = openShard(t, e)
	results, err := s.Apply(entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, true, false} {
		if got := errors.Is(results[i].Err, errMarked); got != want {
			t.Errorf("entry %d: %v", i, results[i].Err)
		}
	}
	if rows := showPage(mustRead(t, s, readAll(schema.PrimaryIndex), ReadOptions{})); rows != "1 1 a\n3 3 c\n" && rows != "1 1 a\n3 3 c" {
		t.Errorf("rows %s", rows)
	}

	one := openMarked(t, l, Mark{poison.Index, Checksum(poison.Cmd)}, Mark{benign.Index, Checksum(benign.Cmd)})
	for i := range entries { // one by one, with restarts
		if _, err := one.Apply(entries[i : i+1]); err != nil {
			t.Fatal(err)
		}
		one = openShard(t, one.engine)
	}
	sameHash(t, one, s)

	other := openMarked(t, l, Mark{poison.Index, Checksum(poison.Cmd)})
	if _, err := other.Apply(entries); err != nil {
		t.Fatal(err)
	}
	if hashText(other) == hashText(s) {
		t.Error("a replica that has executed a marked entry has the same hash")
	}
}

// openMarked is a new replica with a table and marks.
func openMarked(t *testing.T, l *testLog, marks ...Mark) *Shard {
	t.Helper()
	e := openEngine(t, vfs.NewMem())
	for _, m := range marks {
		if err := SetMark(e, testShard, m); err != nil {
			t.Fatal(err)
		}
	}
	s := openShard(t, e)
	if _, err := s.Apply([]Entry{{Index: 1, Cmd: l.encodeTablet(testTablet, testTable())}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Marks travel with a snapshot, and one that brings none leaves those that are there.
func TestMarksAndSnapshots(t *testing.T) {
	_, _, l := openTable(t)
	from, to := openMarked(t, l, Mark{50, 1}, Mark{60, 2}), openMarked(t, l, Mark{60, 2}, Mark{70, 3})
	pinned, err := from.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := from.SaveSnapshot(pinned, &stream, nil); err != nil {
		t.Fatal(err)
	}
	if err := to.RecoverSnapshot(&stream, nil); err != nil {
		t.Fatal(err)
	}
	marks, err := Marks(to.engine, testShard)
	if got := fmt.Sprint(marks, to.apply.marks, err); got != "[{50 1} {60 2} {70 3}] map[50:1 60:2 70:3] <nil>" {
		t.Error(got)
	}
	if err := DeleteMark(to.engine, testShard, 60); err != nil {
		t.Fatal(err)
	}
	if marks, err := Marks(to.engine, testShard); err != nil || len(marks) != 2 {
		t.Error(marks, err)
	}
}

// Every entry of a log can be described, whole or damaged, and none is described without end.
func TestDescribe(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	s := openShard(t, openEngine(t, vfs.NewMem()))
	d := NewDescriber(s)
	kinds := map[string]int{}
	for _, e := range randomLog(t, rng, 400) {
		x := d.Describe(e.Cmd)
		if kinds[x.Kind]++; x.Damage != "" || x.Unknown {
			t.Errorf("%+v", x)
		}
		for _, p := range x.Proposals {
			if kinds[p.Kind]++; p.Damage != "" || p.Txn == "" || len(p.Parts) > shownParts+1 {
				t.Errorf("%+v", p)
			}
			for _, part := range p.Parts {
				kinds[strings.Fields(part)[0]]++
			}
		}
		for range 5 {
			if b := bytes.Clone(e.Cmd); len(b) > 0 {
				b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
				d.Describe(b[:1+rng.IntN(len(b))])
			}
		}
	}
	for _, want := range []string{"batch", "lease", "tablet", "watermark", "system", "empty", "commit", "prepare", "resolve", "abort", "stage",
		"insert", "update", "delete", "put", "check", "replace"} {
		if kinds[want] == 0 {
			t.Errorf("no %s in %v", want, kinds)
		}
	}
	if x := d.Describe([]byte{99, 1}); !x.Unknown || x.Damage == "" {
		t.Errorf("%+v", x)
	}
}
