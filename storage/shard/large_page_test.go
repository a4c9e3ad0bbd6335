package shard

import (
	"context"
	"runtime"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Large values in pages are charged for as long as somebody refers to them, not for as long as the read takes: many pages of them at
// once end with the error of the process, and room is made by the collector when they are dropped.
func TestLargeValuesOfPagesAreCharged(t *testing.T) {
	const size, limit = 4 << 20, 40 << 20
	_, s, l := openTable(t)
	l.write(insertRow(1, 1, "a"))
	process := memory.NewProcess(limit)
	var session, statement memory.Account
	session.Open(process, memory.Session, "session", 0)
	statement.Open(&session, memory.Statement, "statement", 0)
	ctx := memory.NewContext(context.Background(), &statement)
	repeat, err := expr.New("repeat", expr.NewStr("x"), expr.NewInt(size))
	if err != nil {
		t.Fatal(err)
	}
	read := readAll(schema.PrimaryIndex)
	for i, e := range []expr.Expr{expr.Fold(repeat, &expr.Env{Memory: &statement}), repeat} {
		read.Env, read.Project = &expr.Env{Memory: &statement}, []expr.Expr{e}
		var kept []*fragment.Page
		for err == nil && len(kept) < 100 {
			page := new(fragment.Page)
			if err = s.Read(ctx, read, ReadOptions{MaxBytes: 1 << 10}, page); err == nil {
				kept = append(kept, page)
			}
		}
		if mysqlerr.Code(err) != mysql.ErrOutOfResources || len(kept) < 3 || len(kept)*size > limit {
			t.Errorf("expression %d: %d pages, then %v", i, len(kept), err)
		}
		runtime.KeepAlive(kept)
		kept, err = nil, nil
		for range 30 { // as many as one likes, one after the other
			if err := s.Read(ctx, read, ReadOptions{MaxBytes: 1 << 10}, new(fragment.Page)); err != nil {
				t.Errorf("expression %d: %v", i, err)
			}
		}
	}
}
