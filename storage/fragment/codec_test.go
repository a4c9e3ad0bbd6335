package fragment

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"cloudsql/storage/expr"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

func column(i int) expr.Expr { return &expr.Column{Index: i, Typ: types.TypeInt, Name: "c"} }

func call(t testing.TB, name string, args ...expr.Expr) expr.Expr {
	e, err := expr.New(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func env() *expr.Env {
	return &expr.Env{Mode: types.Mode{Strict: true, Loc: time.UTC}, Now: time.Unix(1700000000, 0).UTC(), Params: []types.Value{types.Int(7)}}
}

func reads(t testing.TB) []*Read {
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	param := &expr.Param{Index: 0, Typ: types.TypeInt}
	var rows types.Batch
	rows.Reset(2)
	rows.Append([]types.Value{types.Int(1), types.Str("x")})
	return []*Read{
		{Tablet: 3, SchemaVersion: 9, Index: 1, Keys: [][]byte{{1, 2}, {}}, Columns: []schema.ColumnID{1, 300}},
		{Tablet: 3, Index: 1, Keys: [][]byte{}},
		{Tablet: 1 << 31, Index: 2, Spans: []Span{{Start: []byte("a")}, {End: []byte("z")}, {Start: []byte{}, End: []byte{}}}, Reverse: true, WithKeys: true, Limit: 10, Env: env()},
		{Tablet: 4, Index: 1, Columns: []schema.ColumnID{1}, Env: env(), Filter: call(t, "=", column(0), param),
			Project: []expr.Expr{call(t, "+", column(0), param)}, Order: []expr.SortKey{{Expr: column(0), Desc: true}}, Limit: 5},
		{Tablet: 4, Index: 1, Columns: []schema.ColumnID{1}, Env: env(), Agg: &Aggregate{GroupBy: []expr.Expr{column(0)}, Aggs: []*expr.Agg{count}}},
		{Tablet: 4, Index: 1, Columns: []schema.ColumnID{1}, Env: env(), Agg: &Aggregate{GroupBy: []expr.Expr{column(0)}, Aggs: []*expr.Agg{count}}, Joins: []*Join{
			{Kind: Left, Read: &Read{Tablet: 5, SchemaVersion: 2, Index: 3, Columns: []schema.ColumnID{7}, Filter: call(t, ">", column(0), expr.NewInt(1))},
				Keys: []KeyPart{{Expr: column(0)}}, On: call(t, "=", column(1), param), Where: call(t, ">", column(1), column(0))},
			{Kind: Anti, Rows: &rows, RowKeys: []KeyPart{{Expr: column(1), Collation: 45, NullSafe: true}}, Keys: []KeyPart{{Expr: column(1), AsFloat: true, NullSafe: true}}},
		}},
	}
}

// What was encoded is decoded to the same fragment, with parameters bound: encoding it again gives the same bytes.
func TestReadRoundTrip(t *testing.T) {
	for i, r := range reads(t) {
		data, err := AppendRead(nil, r, version.Max)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := DecodeRead(append(data, "rest"...))
		if err != nil || string(rest) != "rest" {
			t.Fatalf("read %d: %v, rest %q", i, err, rest)
		}
		again, err := AppendRead(nil, got, version.Max)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("read %d: encoded again it differs (%v)", i, err)
		}
		if (got.Keys == nil) != (r.Keys == nil) || len(got.Spans) != len(r.Spans) || got.Limit != r.Limit || got.Reverse != r.Reverse ||
			!reflect.DeepEqual(got.Columns, r.Columns) || (got.Filter == nil) != (r.Filter == nil) || len(got.Project) != len(r.Project) || len(got.Joins) != len(r.Joins) || (got.Agg == nil) != (r.Agg == nil) {
			t.Errorf("read %d: got %+v", i, got)
		}
	}
}

func writes(t testing.TB) []*Write {
	w := &Write{Kind: InsertOrUpdate, Tablet: 5, SchemaVersion: 2, Columns: []schema.ColumnID{1, 2}, AutoInc: true, Env: env(), FirstRow: 3,
		Set: []Assignment{{Column: 2, Expr: call(t, "+", column(1), &expr.Param{Typ: types.TypeInt}), OnlyIfChanged: true}}}
	w.Rows.Reset(2)
	w.Rows.Append([]types.Value{types.Int(1), types.Str("x")})
	w.Rows.Append([]types.Value{types.Null, types.DecSmall(5, 1)})
	checked := &Write{Kind: Update, Tablet: 7, Keys: [][]byte{{1}}, Set: w.Set, Env: env(), Lenient: true, Checks: []Check{
		{Name: "t_chk_1", Expr: call(t, ">", column(0), &expr.Param{Typ: types.TypeInt})}, {Name: "ä", Expr: column(1)}}}
	nulls := *w
	nulls.NullsPass = true
	numbers := *w
	numbers.Kind, numbers.Set, numbers.Numbers = InsertIgnore, nil, []int{}
	return []*Write{
		w, checked, &nulls, &numbers, {Kind: Delete, Tablet: 6, Keys: [][]byte{{9}}, Where: call(t, ">", column(0), expr.NewInt(3)), Env: env()},
		{Kind: Delete, Tablet: 6, Keys: [][]byte{{9}}, Report: []schema.ColumnID{4, 1}}, {Kind: Delete, Tablet: 6, Report: []schema.ColumnID{}},
	}
}

func TestWriteRoundTrip(t *testing.T) {
	for i, w := range writes(t) {
		data, err := AppendWrite(nil, w, version.Max)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := DecodeWrite(data)
		if err != nil || len(rest) != 0 {
			t.Fatalf("write %d: %v, rest %q", i, err, rest)
		}
		again, err := AppendWrite(nil, got, version.Max)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("write %d: encoded again it differs (%v)", i, err)
		}
		if !slices.Equal(got.Report, w.Report) || (got.Report == nil) != (w.Report == nil) {
			t.Errorf("write %d: reports %v", i, got.Report)
		}
		if got.Kind != w.Kind || got.FirstRow != w.FirstRow || got.Rows.Len() != w.Rows.Len() || got.AutoInc != w.AutoInc || len(got.Set) != len(w.Set) ||
			len(got.Checks) != len(w.Checks) || got.Lenient != w.Lenient || got.NullsPass != w.NullsPass || (got.Numbers == nil) != (w.Numbers == nil) {
			t.Errorf("write %d: got %+v", i, got)
		}
	}
}

// A write with a report is not for nodes of a cluster that is at version 1.
func TestReportSince(t *testing.T) {
	w := &Write{Kind: Delete, Tablet: 6, Keys: [][]byte{{9}}, Report: []schema.ColumnID{4}}
	if _, err := AppendWrite(nil, w, version.V1); err == nil {
		t.Error("a report was written for version 1")
	}
}

func TestImagesRoundTrip(t *testing.T) {
	want := &Images{Kinds: []ImageKind{RowCame, RowWent}}
	want.Rows.Reset(2)
	want.Rows.Append([]types.Value{types.Null, types.Str("x")})
	want.Rows.Append([]types.Value{types.Int(4), types.Null})
	d := wire.NewReader(AppendImages(nil, want))
	got := ReadImages(d)
	if d.End() != nil || !slices.Equal(got.Kinds, want.Kinds) || got.Rows.Len() != 2 || string(got.Rows.Row(0)[1].Raw()) != "x" || got.Rows.Row(1)[0].Int() != 4 {
		t.Errorf("got %+v (%v)", got, d.Err())
	}
	want.Kinds = want.Kinds[:1]
	d = wire.NewReader(AppendImages(nil, want))
	if ReadImages(d); d.Err() == nil {
		t.Error("two rows of one kind were read")
	}
}

func TestResultRoundTrip(t *testing.T) {
	want := WriteResult{Matched: 1, Changed: 2, Affected: 3, Duplicates: 4, FirstAutoInc: 5, LastUpdated: 6,
		Warnings: []Warning{{Level: "Warning", Code: 1062, Message: "m"}, {Level: "Note", Code: 65535, Message: "n", Row: 1 << 20}}, Err: mysqlerr.New(1062, "1", "t.PRIMARY")}
	d := wire.NewReader(AppendWriteResult(nil, &want))
	if got := ReadWriteResult(d); d.End() != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v)", got, d.Err())
	}
	effect := Effect{Tablet: 7, Key: []byte{1}, Expect: mvcc.Timestamp(99), Op: EffectPut, Row: []byte{}}
	d = wire.NewReader(AppendEffect(nil, &effect))
	if got := ReadEffect(d); d.End() != nil || !reflect.DeepEqual(got, effect) {
		t.Errorf("got %+v (%v)", got, d.Err())
	}
	page := Page{Keys: [][]byte{{1}, {2}}, Next: []byte("n")}
	page.Batch.Reset(1)
	page.Batch.Append([]types.Value{types.Int(1)})
	page.Batch.Append([]types.Value{types.Null})
	d = wire.NewReader(AppendPage(nil, &page))
	var got Page
	if ReadPage(d, &got); d.End() != nil || got.Batch.Len() != 2 || !reflect.DeepEqual(got.Keys, page.Keys) || string(got.Next) != "n" {
		t.Errorf("got %+v (%v)", got, d.Err())
	}
}

// TestBrokenText: text that is no UTF-8, which functions make in changes of data, comes from a shard to a gateway; a write with it is none.
func TestBrokenText(t *testing.T) {
	page := Page{}
	page.Batch.Reset(1)
	page.Batch.Append([]types.Value{types.Str("a\xff")})
	d := wire.NewReader(AppendPage(nil, &page))
	var got Page
	if ReadPage(d, &got); d.End() != nil || got.Batch.Len() != 1 || string(got.Batch.Row(0)[0].Raw()) != "a\xff" {
		t.Errorf("got %+v (%v)", got, d.Err())
	}
	w := &Write{Kind: Insert, Tablet: 6, Columns: []schema.ColumnID{1}}
	w.Rows = page.Batch
	if data, err := AppendWrite(nil, w, version.Max); err == nil {
		if _, _, err := DecodeWrite(data); err == nil {
			t.Error("a write of broken text was read")
		}
	}
}

// A fragment of a later version is refused, not guessed at.
func TestUnknownVersion(t *testing.T) {
	data, err := AppendRead(nil, reads(t)[0], version.Max)
	if err != nil {
		t.Fatal(err)
	}
	data[0]++
	if _, _, err := DecodeRead(data); err == nil {
		t.Error("a read of an unknown version was accepted")
	}
	if _, _, err := DecodeWrite(data); err == nil {
		t.Error("a write of an unknown version was accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range reads(f) {
		if b, err := AppendRead(nil, r, version.Max); err == nil {
			f.Add(b)
		}
	}
	for _, w := range writes(f) {
		if b, err := AppendWrite(nil, w, version.Max); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, _, err := DecodeRead(data); err == nil {
			sameAgain(t, r, AppendRead, DecodeRead)
		}
		if w, _, err := DecodeWrite(data); err == nil && w.Kind.Since() <= version.Max {
			sameAgain(t, w, AppendWrite, DecodeWrite)
		}
		d := wire.NewReader(data)
		ReadWriteResult(d)
		var p Page
		ReadPage(wire.NewReader(data), &p)
	})
}

// sameAgain encodes what was decoded: it is decoded again, and encoded to the same bytes from then on.
func sameAgain[T any](t *testing.T, f T, encode func([]byte, T, version.Version) ([]byte, error), decode func([]byte) (T, []byte, error)) {
	first, err := encode(nil, f, version.Max)
	if err != nil {
		t.Fatalf("what was decoded cannot be encoded: %v", err)
	}
	back, rest, err := decode(first)
	if err != nil || len(rest) > 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	if second, err := encode(nil, back, version.Max); err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%x\n%x\n%v", first, second, err)
	}
}

// TestWriteWithoutNow: a statement that the time does not matter to is the same fragment at any time of its day.
func TestWriteWithoutNow(t *testing.T) {
	encode := func(e expr.Expr, now int64, today uint64) string {
		env := &expr.Env{Now: time.Unix(now, 0)}
		env.Mode.Today = today
		data, err := AppendWrite(nil, &Write{Kind: Update, Env: env, Set: []Assignment{{Column: 1, Expr: e}}}, version.Max)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	clock, err := expr.New("now")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := expr.New("+", expr.NewInt(1), clock)
	if err != nil {
		t.Fatal(err)
	}
	day := temporal.Pack(2023, 11, 14, 0, 0, 0, 0)
	if encode(expr.NewInt(1), 1_700_000_000, day) != encode(expr.NewInt(1), 1_700_000_001, day) {
		t.Error("a constant depends on the time")
	}
	if encode(expr.NewInt(1), 1_700_000_000, 0) == encode(expr.NewInt(1), 1_700_000_001, 0) {
		t.Error("the day is lost")
	}
	if encode(sum, 1_700_000_000, day) == encode(sum, 1_700_000_001, day) {
		t.Error("NOW() is lost")
	}
}

// Readers of V1 would skip checks: a write that has them is not made for these.
func TestChecksNeedV2(t *testing.T) {
	w := writes(t)[1]
	var tooNew *version.TooNew
	if _, err := AppendWrite(nil, w, version.V1); !errors.As(err, &tooNew) || tooNew.Since != version.V2 {
		t.Errorf("for V1: %v", err)
	}
}

// A write is lenient without checks, too: of unique keys. Readers of V1 don't know it.
func TestLenientWithoutChecks(t *testing.T) {
	w := &Write{Kind: Update, Tablet: 7, Keys: [][]byte{{1}}, Lenient: true}
	text, err := AppendWrite(nil, w, version.V2)
	if err != nil {
		t.Fatal(err)
	}
	got, rest, err := DecodeWrite(text)
	if err != nil || len(rest) > 0 || !got.Lenient || got.Checks != nil {
		t.Errorf("decoded to %+v, %d bytes left, %v", got, len(rest), err)
	}
	var tooNew *version.TooNew
	if _, err := AppendWrite(nil, w, version.V1); !errors.As(err, &tooNew) || tooNew.Since != version.V2 {
		t.Errorf("for V1: %v", err)
	}
}
