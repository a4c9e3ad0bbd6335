package row

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

func testTable() *schema.Table {
	t := &schema.Table{Name: "t"}
	// Ids are not in the order of positions, and one is beyond a byte's varint.
	add := func(id schema.ColumnID, typ types.Type) {
		t.Columns = append(t.Columns, schema.Column{ID: id, Type: typ})
	}
	add(7, types.Type{ID: mysql.TypeLonglong})
	add(2, types.Type{ID: mysql.TypeVarchar, Length: 255, Collation: collation.Default})
	add(300, types.Type{ID: mysql.TypeLonglong, Unsigned: true})
	add(4, types.Type{ID: mysql.TypeNewDecimal, Length: 40, Decimals: 3})
	add(5, types.Type{ID: mysql.TypeDouble})
	add(6, types.Type{ID: mysql.TypeTimestamp, Decimals: 0})
	add(8, types.Type{ID: mysql.TypeEnum, Elems: []string{"x", "y"}, Collation: collation.Default})
	add(9, types.Type{ID: mysql.TypeSet, Elems: []string{"p", "q", "r"}, Collation: collation.Default})
	add(10, types.Type{ID: mysql.TypeBit, Length: 9})
	add(11, types.Type{ID: mysql.TypeBlob, Collation: collation.Binary})
	add(12, types.Type{ID: mysql.TypeDuration, Decimals: 2})
	add(13, types.Type{ID: mysql.TypeJSON})
	add(14, types.Type{ID: mysql.TypeDate})
	return t
}

func randomRow(r *rand.Rand, blob int) []types.Value {
	d, _, _ := types.ParseDecimal([]byte("-12345678901234567890123.456"))
	if r.IntN(2) == 0 {
		d = types.DecSmall(r.Int64N(1e12)-5e11, 3)
	}
	row := []types.Value{
		types.Int(r.Int64() >> r.UintN(64)), types.Str("héllo"[:r.IntN(2)]), types.Uint(r.Uint64() >> r.UintN(64)), d, types.Float(r.NormFloat64()),
		types.Timestamp(r.Int64N(1<<50), 0), types.Enum(2, []byte("y")), types.Set(5, []byte("p,r")), types.Bit(uint64(r.IntN(512)), 9),
		types.Bytes(bytes.Repeat([]byte{0xab}, r.IntN(blob))), types.Time(r.Int64N(1e12)-5e11, 2), types.JSON([]byte(`{"a": 1}`)), types.Date(temporal.Pack(2024, 2, 29, 0, 0, 0, 0)),
	}
	for i := range row {
		if r.IntN(6) == 0 {
			row[i] = types.Null
		}
	}
	return row
}

func same(a, b types.Value) bool {
	return bytes.Equal(types.AppendValue(nil, a), types.AppendValue(nil, b))
}

// What was encoded is decoded, whole or in part, whatever the row's size and the order of ids.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	table := testTable()
	all := NewDecoder(table, table.ColumnIDs())
	some := NewDecoder(table, []schema.ColumnID{13, 300, 2, 2})
	got := make([]types.Value, len(table.Columns))
	for i := range 3000 {
		blob := 100
		if i%50 == 0 {
			blob = 200_000
		}
		want := randomRow(r, blob)
		data := Encode([]byte("before"), table, want)[len("before"):]
		if err := all.Decode(data, got, nil); err != nil {
			t.Fatal(err)
		}
		for j := range want {
			if !same(got[j], want[j]) {
				t.Fatalf("column %d: got %q, want %q", j, got[j].Text(), want[j].Text())
			}
		}
		if err := some.Decode(data, got, nil); err != nil {
			t.Fatal(err)
		}
		for j, pos := range []int{11, 2, 1, 1} {
			if !same(got[j], want[pos]) {
				t.Fatalf("partial column %d: got %q, want %q", j, got[j].Text(), want[pos].Text())
			}
		}
	}
}

// A column that a row was written without reads as its Missing value; one that was dropped is passed over.
func TestColumnsComeAndGo(t *testing.T) {
	old := testTable()
	data := Encode(nil, old, randomRow(rand.New(rand.NewPCG(2, 2)), 10))
	now := old.Clone()
	now.Columns = append(now.Columns[:3:3], now.Columns[5:]...)
	now.Columns = append(now.Columns, schema.Column{ID: 400, Type: now.Columns[0].Type, Missing: types.AppendValue(nil, types.Int(42))}, schema.Column{ID: 3, Type: now.Columns[0].Type})
	got := make([]types.Value, 3)
	if err := NewDecoder(now, []schema.ColumnID{400, 3, 7}).Decode(data, got, nil); err != nil {
		t.Fatal(err)
	}
	if !same(got[0], types.Int(42)) || !got[1].IsNull() {
		t.Fatalf("got %v", got)
	}
}

func TestTimestampsBecomeLocal(t *testing.T) {
	table := testTable()
	row := randomRow(rand.New(rand.NewPCG(3, 3)), 10)
	row[5] = types.Timestamp(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro(), 0)
	got := make([]types.Value, 1)
	loc := time.FixedZone("", 2*3600)
	if err := NewDecoder(table, []schema.ColumnID{6}).Decode(Encode(nil, table, row), got, loc); err != nil {
		t.Fatal(err)
	}
	if got[0].Kind() != types.KindDatetime || got[0].Text() != "2024-01-02 05:04:05" {
		t.Fatalf("got %v %q", got[0].Kind(), got[0].Text())
	}
}

func TestUnknownVersion(t *testing.T) {
	if err := NewDecoder(testTable(), nil).Decode([]byte{9, 0, 0}, nil, nil); err != ErrVersion {
		t.Fatalf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	table := testTable()
	r := rand.New(rand.NewPCG(4, 4))
	for range 10 {
		f.Add(Encode(nil, table, randomRow(r, 50)))
	}
	d := NewDecoder(table, table.ColumnIDs())
	f.Fuzz(func(t *testing.T, data []byte) {
		dst := make([]types.Value, d.Width())
		_ = d.Decode(data, dst, nil)
	})
}

func BenchmarkDecodeOneOfFour(b *testing.B) {
	table := testTable()
	table.Columns = table.Columns[:4]
	data := Encode(nil, table, randomRow(rand.New(rand.NewPCG(5, 5)), 10)[:4])
	d := NewDecoder(table, []schema.ColumnID{2})
	dst := make([]types.Value, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(data, dst, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Some columns of a row decode as all of them do, whether the row is as the table is now or not.
func TestDecodeSome(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	old := testTable()
	now := old.Clone()
	now.Columns = append(now.Columns[:4:4], now.Columns[6:]...)
	now.Columns = append(now.Columns, schema.Column{ID: 400, Type: now.Columns[0].Type, Missing: types.AppendValue(nil, types.Int(42))})
	d := NewDecoder(now, []schema.ColumnID{9, 400, 7, 300, 4, 999})
	for i := range 2000 {
		table, row := now, randomRow(r, 40)
		row = append(row[:4:4], row[6:]...)
		row = append(row, types.Int(7))
		if i%2 == 0 {
			table, row = old, randomRow(r, 40)
		}
		if i%50 == 0 && i%2 != 0 {
			row[7] = types.Bytes(bytes.Repeat([]byte{1}, 100_000))
		}
		data := Encode(nil, table, row)
		all, some := make([]types.Value, 6), make([]types.Value, 6)
		if err := d.Decode(data, all, nil); err != nil {
			t.Fatal(err)
		}
		for _, places := range [][]int{{4, 1}, {0, 5, 2, 3}} {
			if err := d.DecodeSome(data, places, some, nil); err != nil {
				t.Fatal(err)
			}
		}
		for p := range all {
			if !same(all[p], some[p]) {
				t.Fatalf("row %d, place %d: %q and %q", i, p, all[p].Text(), some[p].Text())
			}
		}
	}
}

// The quick way to decode a usual row gives what the way for any row does, of broken rows too.
func TestUsualRowsDecodeAsAny(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	table := testTable()
	d := NewDecoder(table, table.ColumnIDs())
	quickly, slowly := make([]types.Value, d.Width()), make([]types.Value, d.Width())
	for i := range 5000 {
		data := Encode(nil, table, randomRow(r, 20))
		for range i % 3 {
			data[len(d.usual)+r.IntN(len(data)-len(d.usual))] = byte(r.UintN(256))
		}
		if !d.isUsual(data) {
			t.Fatal("not a usual row")
		}
		err, slow := d.Decode(data, quickly, nil), d.decodeAny(data, slowly, nil)
		if (err == nil) != (slow == nil) {
			t.Fatalf("row %d: %v and %v", i, err, slow)
		}
		for p := range quickly {
			if err == nil && !same(quickly[p], slowly[p]) {
				t.Fatalf("row %d, column %d: %q and %q", i, p, quickly[p].Text(), slowly[p].Text())
			}
		}
	}
}
