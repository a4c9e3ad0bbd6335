package shard

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

func intColumn(i int) expr.Expr { return &expr.Column{Index: i, Typ: types.TypeInt} }

// joinByK reads the rows with an id below 2 and joins each with those that have its k.
func joinByK(t testing.TB, index schema.IndexID, reverse bool) *fragment.Read {
	few, err := expr.New("<", intColumn(0), expr.NewInt(2))
	if err != nil {
		t.Fatal(err)
	}
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	right := readAll(3)
	right.Columns = []schema.ColumnID{1, 3}
	read := readAll(index)
	read.Reverse, read.Filter = reverse, few
	read.Joins = []*fragment.Join{{Kind: fragment.Inner, Read: right, Keys: []fragment.KeyPart{{Expr: intColumn(1)}}}}
	read.Agg = &fragment.Aggregate{GroupBy: []expr.Expr{intColumn(len(read.Columns)), &expr.Column{Index: len(read.Columns) + 1, Typ: expr.NewStr("").Typ}}, Aggs: []*expr.Agg{count}}
	return read
}

// A page ends within the joins of one row where there is no room for more groups, and the next goes on there.
func TestPagesWithinJoins(t *testing.T) {
	const rows, width = 1500, 1000
	_, s, l := openTable(t)
	for i := range rows {
		l.write(insertRow(int64(i), 1, fmt.Sprint(i, strings.Repeat("x", width))))
	}
	for _, index := range []schema.IndexID{schema.PrimaryIndex, 3} {
		for _, reverse := range []bool{false, true} {
			var session, statement memory.Account
			session.Open(memory.NewProcess(1<<30), memory.Session, "session", 0)
			statement.Open(&session, memory.Statement, "statement", 1<<20)
			ctx := memory.NewContext(context.Background(), &statement)
			read, pages := joinByK(t, index, reverse), 0
			counts := map[int64]int64{}
			for o := (ReadOptions{}); ; pages++ {
				page := new(fragment.Page)
				if err := s.Read(ctx, read, o, page); err != nil {
					t.Fatalf("after %d pages: %v", pages, err)
				}
				for i := range page.Batch.Len() {
					row := page.Batch.Row(i)
					counts[row[0].Int()] += row[2].Int()
				}
				if o.From = page.Next; page.Next == nil {
					break
				}
			}
			if len(counts) != rows || pages < 3 {
				t.Errorf("index %d, reverse %v: %d groups of %d, in %d pages", index, reverse, len(counts), rows, pages)
			}
			for id, n := range counts {
				if n != 2 {
					t.Fatalf("index %d, reverse %v: row %d was joined %d times", index, reverse, id, n)
				}
			}
		}
	}
}

// A transaction's joins see what it has written, on both sides, and nothing that was committed behind its snapshot.
func TestJoinsOfOwnWrites(t *testing.T) {
	_, s, l := openTable(t)
	for i := int64(0); i < 6; i++ {
		l.write(insertRow(i, i%2, fmt.Sprint("n", i)))
	}
	at, ws := l.ts, NewWorkspace(0)
	l.write(insertRow(7, 0, "later"))
	for _, w := range []*fragment.Write{insertRow(8, 1, "own"), updateK(3, 0)} {
		if _, err := s.Evaluate(context.Background(), w, ws, &locks{}); err != nil {
			t.Fatal(err)
		}
	}
	page := new(fragment.Page)
	if err := s.Read(context.Background(), joinByK(t, schema.PrimaryIndex, false), ReadOptions{At: at, Workspace: ws}, page); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for i := range page.Batch.Len() {
		row := page.Batch.Row(i)
		got[row[1].Text()] += row[2].Int()
	}
	if want := "map[n0:1 n1:1 n2:1 n3:1 n4:1 n5:1 own:1]"; fmt.Sprint(got) != want {
		t.Errorf("%v, not %v", got, want)
	}
	if err := s.Read(context.Background(), joinByK(t, schema.PrimaryIndex, false), ReadOptions{Locker: &locks{}}, page); err == nil {
		t.Error("rows were joined under locks")
	}
}
