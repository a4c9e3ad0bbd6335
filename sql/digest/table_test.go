package digest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"cloudsql/storage/memory"
)

var moment = time.Unix(1_700_000_000, 0)

// TestRecord: what sessions record is added up, over stripes and over nodes, also behind JSON.
func TestRecord(t *testing.T) {
	var lists [2][]Summary
	for node := range lists {
		table, f := NewTable(10, nil), &Finder{}
		for i := range 8 {
			s := f.Find(table, "db", fmt.Sprintf("SELECT c FROM t WHERE id = %d", i))
			s.Record(&Execution{
				Session: uint64(i), End: moment.Add(time.Duration(node*10+i) * time.Second), Took: time.Duration(i+1) * time.Millisecond,
				Failed: i == 3, Warnings: 1, Sent: 2, Examined: 3, Shards: uint64(1 + i%2), Memory: uint64(i) * 100,
				Text: fmt.Sprintf("SELECT c FROM t WHERE id = %d", i),
			})
		}
		f.Find(table, "", "SELECT c FROM t WHERE id = 1").Record(&Execution{End: moment})
		raw, err := json.Marshal(table.Summaries())
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &lists[node]); err != nil {
			t.Fatal(err)
		}
	}
	all := MergeAll(lists[0], lists[1])
	if len(all) != 2 {
		t.Fatalf("%d statements", len(all))
	}
	s := all[0]
	if s.Schema == "" {
		s = all[1]
	}
	if s.Text != "SELECT `c` FROM `t` WHERE `id` = ?" || len(s.Digest) != 64 || s.Times.Count() != 16 || s.Times.Sum() != 72*time.Millisecond ||
		s.Errors != 2 || s.Warnings != 16 || s.Sent != 32 || s.Examined != 48 || s.Shards != 24 || s.MostShards != 2 || s.MostMemory != 700 ||
		s.Shortest != time.Millisecond || !s.First.Equal(moment) || !s.Last.Equal(moment.Add(17*time.Second)) ||
		s.Sample.Text != "SELECT c FROM t WHERE id = 7" || s.Sample.Took != 8*time.Millisecond {
		t.Errorf("%+v", s)
	}
}

// TestRoom: beyond its size, or without memory, a table counts under no name.
func TestRoom(t *testing.T) {
	process := memory.NewProcess(8 << 20)
	for _, table := range []*Table{NewTable(5, nil), NewTable(1000, process.NewStore("digests", 5*4<<10))} {
		f, seen := &Finder{}, map[*Statement]bool{}
		for i := range 100 {
			s := f.Find(table, "", fmt.Sprintf("SELECT a%d", i))
			s.Record(&Execution{End: moment})
			seen[s] = true
		}
		if len(seen) < 3 || len(seen) > 20 || !seen[table.rest] {
			t.Errorf("%d statements", len(seen))
		}
		if n := len(table.Summaries()); n != len(seen) {
			t.Errorf("%d of %d are listed", n, len(seen))
		}
	}
}

// TestKnownStatementCostsNothing: neither to find nor to record.
func TestKnownStatementCostsNothing(t *testing.T) {
	table, f := NewTable(10, nil), &Finder{}
	const text = "UPDATE sbtest1 SET k = k + 1 WHERE id = 50123"
	e := Execution{Session: 1, End: moment, Took: time.Second, Sent: 1, Shards: 1, Text: text}
	if n := testing.AllocsPerRun(100, func() { f.Find(table, "db", text).Record(&e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestConcurrent: nothing that is recorded at once is lost.
func TestConcurrent(t *testing.T) {
	table := NewTable(10, nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f := &Finder{}
			for i := range 500 {
				f.Find(table, "", "SELECT 1").Record(&Execution{Session: uint64(g), End: moment, Took: time.Duration(i), Sent: 1})
			}
		}()
	}
	wg.Wait()
	list := table.Summaries()
	if len(list) != 1 || list[0].Sent != 4000 || list[0].Times.Count() != 4000 || list[0].Shortest != 0 || !reflect.DeepEqual(list[0].First, list[0].Last) {
		t.Errorf("%+v", list)
	}
}

// TestReset: a reset forgets what there was and makes room; who has kept a statement is counted with those who look for it.
func TestReset(t *testing.T) {
	table, f := NewTable(3, nil), &Finder{}
	kept := f.Find(table, "", "SELECT 1, 2")
	for i, text := range []string{"SELECT 1, 2", "SELECT a", "SELECT b", "SELECT c"} {
		f.Find(table, "", text).Record(&Execution{Session: uint64(i), End: moment, Took: time.Second, Scans: 2, Files: 3})
	}
	if l := table.Summaries(); len(l) != 4 || l[0].Scans != 2 || l[0].NoIndex != 1 || l[0].Files != 3 {
		t.Fatalf("%+v", l)
	}
	table.Reset()
	if l := table.Summaries(); len(l) != 0 {
		t.Fatalf("after a reset: %+v", l)
	}
	for i, text := range []string{"SELECT d", "SELECT e", "SELECT 5, 6"} {
		f.Find(table, "", text).Record(&Execution{Session: uint64(i), End: moment})
	}
	for range 2 {
		kept.Record(&Execution{End: moment, Took: time.Minute, Text: "SELECT 1, 2"})
	}
	list := map[string]Summary{}
	for _, s := range table.Summaries() {
		list[s.Text] = s
	}
	if s := list["SELECT ?, ..."]; len(list) != 3 || s.Times.Count() != 3 || s.Sample.Took != time.Minute {
		t.Errorf("%+v", list)
	}
	if n := testing.AllocsPerRun(100, func() { kept.Record(&Execution{End: moment}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	table.Reset()
	kept.Record(&Execution{End: moment})
	if l := table.Summaries(); len(l) != 1 || l[0].Times.Count() != 1 || l[0].Text != "SELECT ?, ..." {
		t.Errorf("who kept it is alone: %+v", l)
	}
}
