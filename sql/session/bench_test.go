package session

import (
	"context"
	"testing"

	"cloudsql/sql"
	"cloudsql/storage/types"
)

// discard takes results and drops them.
type discard struct{ rows int }

func (d *discard) Header(*sql.Header) error { return nil }
func (d *discard) Row([]types.Value) error  { d.rows++; return nil }
func (d *discard) Done(*sql.Outcome) error  { return nil }

func benchClient(b *testing.B) *client {
	b.Helper()
	c := connect(b, newTestEngine(b), "root", "localhost")
	c.must("create database d")
	c.must("use d")
	c.must("create table t (id int primary key, k int not null, c char(120) not null, key (k))")
	c.must("insert into t values (1, 1, 'one'), (2, 2, 'two')")
	return c
}

func BenchmarkPreparedPoint(b *testing.B) {
	c := benchClient(b)
	ctx := context.Background()
	st, err := c.s.Prepare(ctx, "select c from t where id = ?")
	if err != nil {
		b.Fatal(err)
	}
	params := []types.Value{types.Int(1)}
	w := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.s.Execute(ctx, st, params, w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTextPoint(b *testing.B) {
	c := benchClient(b)
	ctx := context.Background()
	w := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.s.Query(ctx, "select c from t where id = 1", w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPreparedPointInTxn(b *testing.B) {
	c := benchClient(b)
	ctx := context.Background()
	st, err := c.s.Prepare(ctx, "select c from t where id = ?")
	if err != nil {
		b.Fatal(err)
	}
	c.must("begin")
	params := []types.Value{types.Int(1)}
	w := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.s.Execute(ctx, st, params, w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetAutocommit(b *testing.B) {
	c := benchClient(b)
	ctx := context.Background()
	w := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.s.Query(ctx, "set autocommit=1", w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBeginCommit(b *testing.B) {
	c := benchClient(b)
	ctx := context.Background()
	w := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range []string{"BEGIN", "COMMIT"} {
			if err := c.s.Query(ctx, text, w); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkOpenClose(b *testing.B) {
	c := benchClient(b)
	b.ReportAllocs()
	for b.Loop() {
		info := *c.s.conn
		info.ID = 0
		s, err := c.s.eng.Open(context.Background(), &info)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
