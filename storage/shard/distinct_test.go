package shard

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/types"
)

// A DISTINCT whose spans have one value each gives each value once, however small the pages are, that a row passes the filter for; and
// looks at no row behind that one.
func TestDistinctOfSpans(t *testing.T) {
	_, s, l := openTable(t)
	rng := rand.New(rand.NewSource(1))
	for id := int64(1); id <= 200; id++ {
		l.write(insertRow(id, rng.Int63n(20), fmt.Sprint(id)))
	}
	most := func(id int64) expr.Expr {
		e, err := expr.New("<", &expr.Column{Index: 0, Typ: types.TypeInt}, expr.NewInt(id))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	read := readAll(3)
	read.Agg = &fragment.Aggregate{GroupBy: []expr.Expr{&expr.Column{Index: 1, Typ: types.TypeInt}}}
	for range 50 {
		read.Filter, read.Spans = most(rng.Int63n(200)), nil
		if rng.Intn(3) == 0 {
			read.Filter = nil
		}
		read.Reverse = rng.Intn(2) == 0
		for k := int64(-1); k < 22; k++ {
			if rng.Intn(2) == 0 {
				read.Spans = append(read.Spans, fragment.Span{Start: intKey(k), End: keys.SpanSuccessor(intKey(k))})
			}
		}
		if len(read.Spans) == 0 {
			continue
		}
		whole := *read
		whole.Spans = slices.Clone(read.Spans)
		whole.Spans[0].Start = append(slices.Clone(whole.Spans[0].Start), 0) // begins with no column in full
		whole.Spans = append([]fragment.Span{{Start: read.Spans[0].Start, End: whole.Spans[0].Start}}, whole.Spans...)
		want, all := distinctIn(t, s, &whole, 0)
		got, seen := distinctIn(t, s, read, rng.Intn(2))
		if !slices.Equal(got, want) {
			t.Fatalf("spans %x, filter %v: %v, not %v", read.Spans, read.Filter, got, want)
		}
		if read.Filter == nil && seen != uint64(len(want)) || seen > all {
			t.Fatalf("%d rows looked at for %d values, of %d", seen, len(want), all)
		}
	}
}

// distinctIn reads in pages of maxBytes.
func distinctIn(t *testing.T, s *Shard, r *fragment.Read, maxBytes int) (list []int64, seen uint64) {
	t.Helper()
	o := ReadOptions{MaxBytes: maxBytes}
	for {
		page := mustRead(t, s, r, o)
		for i := range page.Batch.Len() {
			if n := page.Batch.Row(i)[0].Int(); len(list) == 0 || list[len(list)-1] != n {
				list = append(list, n)
			} else if maxBytes > 0 {
				t.Fatalf("%d comes twice", n)
			}
		}
		seen += page.Seen
		if o.From = page.Next; o.From == nil {
			return list, seen
		}
	}
}

// Groups of an index's leading columns are the same whether its order is used or not.
func TestGroupsTogether(t *testing.T) {
	_, s, l := openTable(t)
	rng := rand.New(rand.NewSource(2))
	for id := int64(1); id <= 300; id++ {
		l.write(insertRow(id, rng.Int63n(20), fmt.Sprint(id)))
	}
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	group := func(by ...expr.Expr) []string {
		r := readAll(3)
		r.Agg = &fragment.Aggregate{GroupBy: by, Aggs: []*expr.Agg{count}}
		var list []string
		page := mustRead(t, s, r, ReadOptions{})
		for i := range page.Batch.Len() {
			row := page.Batch.Row(i)
			list = append(list, row[0].Text()+" "+row[len(row)-1].Text())
		}
		return list
	}
	k := &expr.Column{Index: 1, Typ: types.TypeInt}
	again, err := expr.New("+", k, expr.NewInt(0))
	if err != nil {
		t.Fatal(err)
	}
	if in, hashed := group(k), group(again); len(in) != 20 || !slices.Equal(in, hashed) || !slices.Equal(group(k, k), hashed) {
		t.Fatalf("%v, hashed %v", in, hashed)
	}
}
