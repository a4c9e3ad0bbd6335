package statistics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// sampleOf looks at values in blocks.
func sampleOf(t *types.Type, block int, values ...types.Value) *sample {
	s := &sample{}
	for i, v := range values {
		s.add(v, t, uint32(i/block))
	}
	return s
}

func ints(n int, f func(i int) int) []types.Value {
	out := make([]types.Value, n)
	for i := range out {
		out[i] = types.Int(int64(f(i)))
	}
	return out
}

// One row in fifty was looked at, in blocks of a hundred. The estimate is near, whether equal values lie side by side or not.
func TestDistinct(t *testing.T) {
	col := schema.Column{Type: types.TypeInt}
	for _, tt := range []struct {
		name string
		of   func(row int) int
		want float64
	}{
		{"unique", func(row int) int { return row }, 500_000},
		{"four rows each, side by side", func(row int) int { return row / 4 }, 125_000},
		{"ten values", func(row int) int { return row % 10 }, 10},
		{"ten values, in order", func(row int) int { return row / 50_000 }, 10},
		{"a thousand values, all over", func(row int) int { return int(uint32(row) * 2654435761 % 1000) }, 1000},
	} {
		s := sampleOf(&types.TypeInt, 100, ints(10_000, func(i int) int { return tt.of(i/100*5000 + i%100) })...)
		got := s.column(&col, 10, 0.02, 500_000)
		if got.Distinct < tt.want*0.8 || got.Distinct > tt.want*1.2 {
			t.Errorf("%s: %v, not %v", tt.name, got.Distinct, tt.want)
		}
	}
}

func TestHistogram(t *testing.T) {
	col := schema.Column{Type: types.TypeInt}
	// Half of the rows have the value 7, a tenth NULL, the others 0 to 399 once each.
	values := ints(900, func(i int) int {
		if i < 500 {
			return 7
		}
		return i - 500
	})
	for range 100 {
		values = append(values, types.Null)
	}
	c := sampleOf(&types.TypeInt, len(values), values...).column(&col, 20, 1, 1000)
	if c.Nulls != 0.1 || c.Distinct != 400 || c.Histogram.Singleton || len(c.Histogram.Buckets) > 20 {
		t.Fatalf("%+v", c)
	}
	for _, tt := range []struct{ v, below, at float64 }{
		{-1, 0, 0}, {7, 0.007, 0.501}, {8, 0.508, 0.001}, {200, 0.7, 0.001}, {399, 0.899, 0.001}, {1000, 0.9, 0},
	} {
		below, at, ok := c.Histogram.Below(types.Float(tt.v), collation.Binary)
		if !ok || math.Abs(below-tt.below) > 0.01 || math.Abs(at-tt.at) > 0.005 {
			t.Errorf("%v: %v below, %v at (%v); not %v, %v", tt.v, below, at, ok, tt.below, tt.at)
		}
	}
	if _, _, ok := c.Histogram.Below(types.Str("x"), collation.Binary); ok {
		t.Error("a string has a place among numbers")
	}
	if c := sampleOf(&types.TypeInt, 1, ints(10, func(i int) int { return i % 3 })...).column(&col, 3, 1, 10); !c.Histogram.Singleton || len(c.Histogram.Buckets) != 3 {
		t.Errorf("%+v", c.Histogram)
	}
	if (*Table)(nil).Column(3) != nil || (*Table)(nil).Index(3) != nil {
		t.Error("nothing is known of nothing")
	}
}

// Whatever values a column has, its statistics survive their record, and shares are shares.
func TestRecord(t *testing.T) {
	stringType := types.Type{ID: mysql.TypeVarchar, Length: 100, Collation: collation.Default}
	decimal, _, _ := types.ParseDecimal([]byte("12345678901234567890.12"))
	for _, v := range []types.Value{
		types.Int(-1), types.Uint(math.MaxUint64), types.Float(0.1), decimal, types.Str("straße\x00\xff"), types.Bytes([]byte{0, 255}), types.Date(1 << 50),
		types.Datetime(1<<50, 6), types.Timestamp(-5, 3), types.Time(-1, 0), types.Enum(2, []byte("b")), types.Set(3, []byte("a,b")), types.Bit(9, 4),
	} {
		typ := types.TypeInt
		if v.Kind() == types.KindString {
			typ = stringType
		}
		col := schema.Column{ID: 4, Type: typ}
		c := sampleOf(&typ, 2, v, v, types.Null).column(&col, 8, 1, 3)
		c.ID = 4
		was := Table{Serial: 1, Rows: 3, Columns: []Column{c}}
		data, err := json.Marshal(&was)
		if err != nil {
			t.Fatal(err)
		}
		var is Table
		if err := json.Unmarshal(data, &is); err != nil {
			t.Fatal(v.Kind(), err)
		}
		if !reflect.DeepEqual(was, is) {
			t.Errorf("%+v has become %+v", was, is)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"serial":1,"columns":[{"id":4,"histogram":{"buckets":[{"low":null,"high":"AQI=","upto":0.5}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var is Table
		if json.Unmarshal(data, &is) != nil {
			return
		}
		again, err := json.Marshal(&is)
		if err != nil {
			t.Fatal(err)
		}
		var twice Table
		if err := json.Unmarshal(again, &twice); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", again, err))
		}
		for i := range is.Columns {
			_, _, _ = is.Columns[i].Histogram.Below(types.Int(5), collation.Binary)
		}
	})
}

// Places between two keys are spread evenly, whatever lengths their encodings have.
func TestBetween(t *testing.T) {
	desc := &schema.Table{
		Columns: []schema.Column{{ID: 1, Type: types.TypeInt}, {ID: 2, Type: types.TypeInt}},
		Indexes: []schema.Index{{ID: schema.PrimaryIndex, Columns: []schema.IndexColumn{{Column: 0}, {Column: 1}}}},
	}
	row := func(a, b int64) []types.Value { return []types.Value{types.Int(a), types.Int(b)} }
	encoded := func(a int64) []byte { return keys.AppendValue(nil, types.Int(a), &types.TypeInt, 0, false) }
	for _, tt := range []struct {
		from, to []types.Value
		share    float64
		want     []byte
	}{
		{row(0, 1), row(100_000, 1), 0.5, encoded(50_000)},
		{row(-1000, 1), row(1000, 1), 0.25, encoded(-500)},
		{row(7, 0), row(7, 300), 0.5, append(encoded(7), encoded(150)...)},
		{row(7, 3), row(7, 3), 0.5, append(encoded(7), encoded(3)...)},
	} {
		if got := between(desc, tt.from, tt.to, tt.share); !bytes.Equal(got, tt.want) {
			t.Errorf("%v of the way from %v to %v: %x, not %x", tt.share, tt.from, tt.to, got, tt.want)
		}
	}
	if got := mixedBytes([]byte("user-a"), []byte("user-c"), 0.5); string(got[:6]) != "user-b" {
		t.Errorf("%q", got)
	}
}
