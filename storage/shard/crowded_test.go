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
)

// Groups leave a shard before they take what their statement may have: who merges them goes on on disk, and the statement does not
// fail for the shard's part.
func TestGroupsLeaveInTime(t *testing.T) {
	const rows, width = 3000, 1000
	_, s, l := openTable(t)
	for i := range rows {
		l.write(insertRow(int64(i), 1, fmt.Sprint(i, strings.Repeat("x", width))))
	}
	var session, statement memory.Account
	session.Open(memory.NewProcess(1<<30), memory.Session, "session", 0)
	statement.Open(&session, memory.Statement, "statement", 1<<20)
	ctx := memory.NewContext(context.Background(), &statement)
	read := readAll(schema.PrimaryIndex)
	read.Agg = &fragment.Aggregate{GroupBy: []expr.Expr{&expr.Column{Index: 2, Typ: expr.NewStr("").Typ}}}
	got, pages := 0, 0
	for o := (ReadOptions{}); ; pages++ {
		page := new(fragment.Page)
		if err := s.Read(ctx, read, o, page); err != nil {
			t.Fatalf("after %d pages: %v", pages, err)
		}
		got += page.Batch.Len()
		if o.From = page.Next; page.Next == nil {
			break
		}
	}
	if got != rows || pages < 3 {
		t.Errorf("%d groups of %d, in %d pages", got, rows, pages)
	}
	if n := statement.Used(); n > 1<<20 {
		t.Errorf("%d bytes are left charged", n)
	}
}
