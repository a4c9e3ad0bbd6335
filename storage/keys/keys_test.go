package keys

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

var (
	bigint    = types.Type{ID: mysql.TypeLonglong, Collation: collation.Binary}
	ubigint   = types.Type{ID: mysql.TypeLonglong, Unsigned: true, Collation: collation.Binary}
	double    = types.Type{ID: mysql.TypeDouble, Decimals: types.Unspecified, Collation: collation.Binary}
	dec       = types.Type{ID: mysql.TypeNewDecimal, Length: 65, Decimals: 4, Collation: collation.Binary}
	varchar   = types.Type{ID: mysql.TypeVarchar, Length: 100, Collation: collation.Default}
	varbinary = types.Type{ID: mysql.TypeVarchar, Length: 100, Collation: collation.Binary}
	datetime  = types.Type{ID: mysql.TypeDatetime, Decimals: 6, Collation: collation.Binary}
	timestamp = types.Type{ID: mysql.TypeTimestamp, Decimals: 6, Collation: collation.Binary}
	duration  = types.Type{ID: mysql.TypeDuration, Decimals: 6, Collation: collation.Binary}
)

// generators make values of each type, with those at the borders often.
var generators = map[string]struct {
	typ *types.Type
	gen func(r *rand.Rand) types.Value
}{
	"bigint": {&bigint, func(r *rand.Rand) types.Value {
		return types.Int(pick(r, []int64{0, 1, -1, 255, 256, -255, -256, -257, math.MaxInt64, math.MinInt64, int64(r.Uint64() >> r.UintN(64)), -int64(r.Uint64() >> (1 + r.UintN(63)))}))
	}},
	"unsigned": {&ubigint, func(r *rand.Rand) types.Value {
		return types.Uint(pick(r, []uint64{0, 1, 255, 256, math.MaxUint64, 1 << 63, r.Uint64() >> r.UintN(64)}))
	}},
	"double": {&double, func(r *rand.Rand) types.Value {
		return types.Float(pick(r, []float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, r.NormFloat64() * 1e6}))
	}},
	"decimal": {&dec, func(r *rand.Rand) types.Value {
		digits := make([]byte, 0, 64)
		if r.IntN(2) == 0 {
			digits = append(digits, '-')
		}
		for range 1 + r.IntN(60) {
			digits = append(digits, byte('0'+r.IntN(10)))
		}
		v, _, _ := types.ParseDecimal(append(digits, '.', byte('0'+r.IntN(10)), byte('0'+r.IntN(10))))
		return types.RoundDecimal(v, 4)
	}},
	"varchar": {&varchar, func(r *rand.Rand) types.Value {
		return types.Str(pick(r, []string{"", "a", "A", "ab", "a b", "straße", "strasse", "\x00", "a\x00", "a\x00b", "é", "e", randomText(r)}))
	}},
	"varbinary": {&varbinary, func(r *rand.Rand) types.Value {
		b := make([]byte, r.IntN(5))
		for i := range b {
			b[i] = pick(r, []byte{0, 1, 0xff, 0xfe, byte(r.Uint32())})
		}
		return types.Bytes(b)
	}},
	"datetime": {&datetime, func(r *rand.Rand) types.Value {
		return types.Datetime(temporal.Pack(r.IntN(10000), r.IntN(13), r.IntN(32), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6)), 6)
	}},
	"timestamp": {&timestamp, func(r *rand.Rand) types.Value {
		return types.Timestamp(pick(r, []int64{temporal.ZeroTimestamp, 1e6, r.Int64N(1 << 51)}), 6)
	}},
	"time": {&duration, func(r *rand.Rand) types.Value { return types.Time(r.Int64N(1<<42)-1<<41, 6) }},
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func randomText(r *rand.Rand) string {
	b := make([]rune, r.IntN(6))
	for i := range b {
		b[i] = pick(r, []rune{'a', 'B', 'z', ' ', 0, 'ß', 'é', '漢', 0x1F600})
	}
	return string(b)
}

func maybeNull(r *rand.Rand, v types.Value) types.Value {
	if r.IntN(10) == 0 {
		return types.Null
	}
	return v
}

// Bytes order as values do, in both directions, and equal values have equal keys.
func TestOrder(t *testing.T) {
	for name, g := range generators {
		r := rand.New(rand.NewPCG(1, 2))
		for range 20000 {
			a, b := maybeNull(r, g.gen(r)), maybeNull(r, g.gen(r))
			want := types.CompareSame(a, b, g.typ.Collation)
			for _, desc := range []bool{false, true} {
				got := bytes.Compare(AppendValue(nil, a, g.typ, 0, desc), AppendValue(nil, b, g.typ, 0, desc))
				if desc {
					got = -got
				}
				if sign(got) != sign(want) {
					t.Fatalf("%s desc=%v: keys of %q and %q compare %d, values %d", name, desc, a.Text(), b.Text(), got, want)
				}
			}
		}
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

// A composite key orders by its first difference: no column's encoding is a prefix of another's.
func TestCompositeOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	g := generators
	order := []string{"varchar", "bigint", "varbinary", "decimal"}
	for range 20000 {
		var ka, kb []byte
		want := 0
		for i, name := range order {
			a, b := maybeNull(r, g[name].gen(r)), maybeNull(r, g[name].gen(r))
			desc := i%2 == 1
			ka, kb = AppendValue(ka, a, g[name].typ, 0, desc), AppendValue(kb, b, g[name].typ, 0, desc)
			if want == 0 {
				if want = types.CompareSame(a, b, g[name].typ.Collation); desc {
					want = -want
				}
			}
		}
		if got := bytes.Compare(ka, kb); sign(got) != sign(want) {
			t.Fatalf("keys %x and %x compare %d, rows %d", ka, kb, got, want)
		}
	}
}

func testTable() *schema.Table {
	t := &schema.Table{Name: "t"}
	for i, typ := range []types.Type{bigint, varchar, ubigint, varbinary, double, datetime, timestamp, duration, dec} {
		t.Columns = append(t.Columns, schema.Column{ID: schema.ColumnID(i + 1), Type: typ})
	}
	t.Indexes = []schema.Index{
		{ID: 1, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}, {Column: 1, Desc: true}}},
		{ID: 2, Name: "u", Unique: true, Columns: []schema.IndexColumn{{Column: 2}, {Column: 3, Desc: true}}},
		{ID: 3, Name: "k", Columns: []schema.IndexColumn{{Column: 4, Desc: true}, {Column: 1, Prefix: 2}, {Column: 5}, {Column: 6}, {Column: 7, Desc: true}, {Column: 8}}},
	}
	return t
}

func randomRow(r *rand.Rand) []types.Value {
	row := make([]types.Value, 0, 9)
	for i, name := range []string{"bigint", "varchar", "unsigned", "varbinary", "double", "datetime", "timestamp", "time", "decimal"} {
		v := generators[name].gen(r)
		if i > 1 {
			v = maybeNull(r, v)
		}
		row = append(row, v)
	}
	return row
}

// An index entry leads back to its row's primary key, and gives back the columns that can be read from keys.
func TestIndexEntry(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	table := testTable()
	for range 5000 {
		row := randomRow(r)
		primary := AppendPrimary(nil, table, row)
		for i := 1; i < len(table.Indexes); i++ {
			ix := &table.Indexes[i]
			key, value, unique := AppendIndex(nil, table, ix, row, primary)
			if want := ix.Unique && !anyNull(ix, row); unique != want {
				t.Fatalf("index %s of %v: unique %v, want %v", ix.Name, row, unique, want)
			}
			got, err := PrimaryOfEntry(table, ix, key, value)
			if err != nil || !bytes.Equal(got, primary) {
				t.Fatalf("index %s: primary key %x, want %x (%v)", ix.Name, got, primary, err)
			}
			if at, err := PrimaryInKey(table, ix, key); err != nil || !unique && !bytes.Equal(at, primary) {
				t.Fatalf("index %s: primary key %x in the key, want %x (%v)", ix.Name, at, primary, err)
			}
			vals, rest, err := DecodeColumns(nil, table, ix, key)
			if err != nil || !unique && !bytes.Equal(rest, primary) {
				t.Fatalf("index %s: decoding left %x (%v)", ix.Name, rest, err)
			}
			for j, c := range ix.Columns {
				typ := &table.Columns[c.Column].Type
				if Invertible(typ, c.Prefix) && (vals[j].Kind() != row[c.Column].Kind() || !vals[j].IsNull() && types.CompareSame(vals[j], row[c.Column], typ.Collation) != 0) {
					t.Fatalf("index %s column %d: read back %q, want %q", ix.Name, j, vals[j].Text(), row[c.Column].Text())
				}
			}
		}
	}
}

func TestSpanSuccessor(t *testing.T) {
	for _, c := range []struct{ in, want []byte }{{[]byte{1, 2}, []byte{1, 3}}, {[]byte{1, 0xff}, []byte{2}}, {[]byte{0xff, 0xff}, nil}, {nil, nil}} {
		if got := SpanSuccessor(c.in); !bytes.Equal(got, c.want) {
			t.Errorf("successor of %x is %x, want %x", c.in, got, c.want)
		}
	}
}

// Corrupt keys give errors, never panics.
func FuzzDecodeColumns(f *testing.F) {
	table := testTable()
	r := rand.New(rand.NewPCG(7, 8))
	for range 10 {
		row := randomRow(r)
		key, value, _ := AppendIndex(nil, table, &table.Indexes[2], row, AppendPrimary(nil, table, row))
		f.Add(key, value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for i := range table.Indexes {
			_, _, _ = DecodeColumns(nil, table, &table.Indexes[i], key)
			_, _ = PrimaryOfEntry(table, &table.Indexes[i], key, value)
			_, _ = PrimaryInKey(table, &table.Indexes[i], key)
		}
	})
}
