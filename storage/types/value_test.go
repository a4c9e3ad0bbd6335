package types_test

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"
	"vitess.io/vitess/go/mysql/decimal"

	"cloudsql/storage/collation"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/types/valuetest"
)

func ratOf(t *testing.T, v types.Value) *big.Rat {
	t.Helper()
	rat, ok := new(big.Rat).SetString(v.Text())
	if !ok {
		t.Fatalf("%q is no number", v.Text())
	}
	return rat
}

// Parsing, comparing, rounding, converting and hashing decimals agree with exact arithmetic and with the library.
func TestDecimals(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20000 {
		whole, frac := 35, 30
		if r.IntN(2) == 0 {
			whole, frac = 10, 8
		}
		text := valuetest.DecimalText(r, whole, frac)
		a, n, ok := types.ParseDecimal([]byte(text))
		if !ok || n != len(text) {
			t.Fatalf("%s: parsed %d bytes, %v", text, n, ok)
		}
		want, _ := new(big.Rat).SetString(text)
		if ratOf(t, a).Cmp(want) != 0 {
			t.Fatalf("%s is shown as %s", text, a.Text())
		}
		if _, small := a.SmallDecimal(); !small && len(strings.Trim(text, "-0.")) <= 18 && want.Num().IsInt64() && want.IsInt() && a.Scale() == 0 {
			t.Fatalf("%s is not stored inline", text)
		}
		lib := a.DecimalValue()
		if back := types.Dec(lib); types.CompareSame(back, a, 0) != 0 || back.Scale() != a.Scale() {
			t.Fatalf("%s comes back as %s", text, back.Text())
		}
		scale := r.IntN(31)
		rounded := types.RoundDecimal(a, scale)
		if wantText := lib.Round(int32(scale)).String(); rounded.Scale() == scale && ratOf(t, rounded).Cmp(mustRat(wantText)) != 0 {
			t.Fatalf("%s rounds to %s at scale %d, want %s", text, rounded.Text(), scale, wantText)
		}
		b, _, _ := types.ParseDecimal([]byte(valuetest.DecimalText(r, whole, frac)))
		if r.IntN(4) == 0 {
			b = types.RoundDecimal(a, min(a.Scale()+r.IntN(4), 30))
		}
		cmpWant := ratOf(t, a).Cmp(ratOf(t, b))
		if got := types.CompareSame(a, b, 0); got != cmpWant {
			t.Fatalf("%s against %s is %d", a.Text(), b.Text(), got)
		}
		if eq := bytes.Equal(types.HashKey(nil, a, 0), types.HashKey(nil, b, 0)); eq != (cmpWant == 0) {
			t.Fatalf("hash keys of %s and %s: equal is %v", a.Text(), b.Text(), eq)
		}
		if f, _ := want.Float64(); f != a.ToFloat(nil) {
			t.Fatalf("%s as a double is %v, want %v", text, a.ToFloat(nil), f)
		}
	}
}

func mustRat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func TestDecimalLimits(t *testing.T) {
	nines := strings.Repeat("9", 65)
	for _, tc := range []struct{ in, want string }{
		{"1e70", nines}, {"-1e70", "-" + nines}, {nines, nines}, {"1e-40", "0." + strings.Repeat("0", 30)},
		{"0e99999", "0"}, {"-0", "0"}, {"-0.00", "0.00"}, {".5", "0.5"}, {"5.", "5"}, {"+1.50e1", "15.0"}, {"1e", "1"},
		{"9223372036854775807", "9223372036854775807"}, {"-9223372036854775808", "-9223372036854775808"},
		{"0." + strings.Repeat("9", 40), "1." + strings.Repeat("0", 30)},
		{strings.Repeat("9", 64) + ".95", "1" + strings.Repeat("0", 64)},
	} {
		v, _, _ := types.ParseDecimal([]byte(tc.in))
		if got := v.Text(); got != tc.want && !(strings.HasPrefix(tc.in, "9999") && ratOf(t, v).Cmp(mustRat(tc.want)) == 0) {
			t.Errorf("%s gives %s, want %s", tc.in, got, tc.want)
		}
	}
	if got := types.Dec(decimal.New(5, 3)).Text(); got != "5000" {
		t.Errorf("5·10³ gives %s", got)
	}
}

func TestFloatColumnText(t *testing.T) {
	float := types.Type{ID: mysql.TypeFloat, Length: types.Unspecified, Decimals: types.Unspecified}
	for f, want := range map[float64]string{
		16777216: "16777200", float64(float32(1.1)): "1.1", 1234567: "1234570", 0.0001: "0.0001", 1e10: "10000000000",
		float64(float32(3.402823466e38)): "3.40282e38", 123456: "123456",
	} {
		if got := string(types.Float(f).AppendText(nil, &float)); got != want {
			t.Errorf("FLOAT %g is shown as %s, want %s", f, got, want)
		}
	}
}

func TestZerofill(t *testing.T) {
	for _, tc := range []struct {
		v    types.Value
		t    types.Type
		want string
	}{
		{types.Uint(7), types.Type{ID: mysql.TypeLong, Zerofill: true, Length: 5}, "00007"},
		{types.Uint(1234567), types.Type{ID: mysql.TypeLong, Zerofill: true, Length: 5}, "1234567"},
		{types.DecSmall(150, 2), types.Type{ID: mysql.TypeNewDecimal, Zerofill: true, Length: 6, Decimals: 2}, "0001.50"},
		{types.Int(0), types.Type{ID: mysql.TypeYear}, "0000"},
		{types.Int(1999), types.Type{ID: mysql.TypeYear}, "1999"},
		{types.DecSmall(150, 2), types.Type{ID: mysql.TypeNewDecimal, Length: 6, Decimals: 4}, "1.5000"},
		{types.Float(1.5), types.Type{ID: mysql.TypeDouble, Length: 8, Decimals: 3}, "1.500"},
	} {
		if got := string(tc.v.AppendText([]byte("x"), &tc.t)); got != "x"+tc.want {
			t.Errorf("%s is shown as %s", tc.want, got[1:])
		}
	}
}

func TestValueCodec(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	var all []types.Value
	var buf []byte
	for range 5000 {
		v := valuetest.Value(r)
		all = append(all, v)
		buf = types.AppendValue(buf, v)
	}
	for _, want := range all {
		var got types.Value
		var err error
		if got, buf, err = types.DecodeValue(buf); err != nil || !types.Identical(got, want) {
			t.Fatalf("%v %q comes back as %v %q, %v", want.Kind(), want.Text(), got.Kind(), got.Text(), err)
		}
	}
	if len(buf) != 0 {
		t.Fatalf("%d bytes are left", len(buf))
	}
}

func FuzzDecodeValue(f *testing.F) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 50 {
		f.Add(types.AppendValue(nil, valuetest.Value(r)))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, rest, err := types.DecodeValue(src)
		if err != nil {
			return
		}
		again, left, err := types.DecodeValue(types.AppendValue(nil, v))
		if err != nil || len(left) != 0 || !types.Identical(again, v) {
			t.Fatalf("%x: not the same after another round: %v", src[:len(src)-len(rest)], err)
		}
		_ = v.Text() // whatever was decoded is safe to use
		v.ToInt(nil)
		v.ToDec(nil)
		v.ToFloat(nil)
		v.ToBool(nil)
		v.ToDatetime(types.DefaultMode(), nil)
		v.ToTime(types.DefaultMode(), nil)
		types.HashKey(nil, v, collation.Default)
		for _, o := range []types.Value{types.Int(1), types.Str("a"), v} {
			if !v.IsNull() && types.Compare(v, o, collation.Default) != -types.Compare(o, v, collation.Default) {
				t.Fatalf("%q and %q disagree", v.Text(), o.Text())
			}
		}
	})
}

func TestTypeCodec(t *testing.T) {
	for _, want := range []types.Type{
		types.TypeNull, types.TypeInt, types.TypeUint, types.TypeString, types.TypeJSON, {ID: mysql.TypeEnum, Elems: []string{"a", "", "ü"}, Collation: 45},
		{ID: mysql.TypeLong, Unsigned: true, Zerofill: true, Length: 10, Decimals: types.Unspecified},
		{ID: mysql.TypeLongBlob, Length: math.MaxUint32},
	} {
		got, rest, err := types.DecodeType(append(types.AppendType(nil, &want), 'x'))
		if err != nil || string(rest) != "x" || got.String() != want.String() || got.Collation != want.Collation ||
			got.Length != want.Length || got.Decimals != want.Decimals {
			t.Errorf("%+v comes back as %+v, %v", want, got, err)
		}
	}
}

func FuzzDecodeType(f *testing.F) {
	f.Add(types.AppendType(nil, &types.Type{ID: mysql.TypeEnum, Elems: []string{"a", "b"}, Length: types.Unspecified}))
	f.Fuzz(func(t *testing.T, src []byte) {
		typ, _, err := types.DecodeType(src)
		if err != nil {
			return
		}
		again, rest, err := types.DecodeType(types.AppendType(nil, &typ))
		if err != nil || len(rest) != 0 || again.String() != typ.String() {
			t.Fatalf("%+v comes back as %+v, %v", typ, again, err)
		}
	})
}

// Compare is antisymmetric for values of any two kinds, and CompareSame orders totally.
func TestCompareIsAntisymmetric(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	colls := []collation.ID{collation.Default, collation.UTF8MB4Bin, collation.Binary}
	for range 50000 {
		a, b := valuetest.Value(r), valuetest.Value(r)
		if !a.IsNull() && !b.IsNull() && types.Compare(a, b, collation.Default) != -types.Compare(b, a, collation.Default) {
			t.Fatalf("%v %q and %v %q disagree", a.Kind(), a.Text(), b.Kind(), b.Text())
		}
		if types.CompareSame(a, b, collation.Default) != -types.CompareSame(b, a, collation.Default) || types.CompareSame(a, a, collation.Default) != 0 {
			t.Fatalf("%v %q and %v %q sort badly", a.Kind(), a.Text(), b.Kind(), b.Text())
		}
		for _, c := range colls {
			if a.Kind() == b.Kind() && (types.CompareSame(a, b, c) == 0) != bytes.Equal(types.HashKey(nil, a, c), types.HashKey(nil, b, c)) {
				t.Fatalf("%v %q and %q: hash keys disagree with the order under %s", a.Kind(), a.Text(), b.Text(), c.Name())
			}
		}
	}
}

func TestBatch(t *testing.T) {
	b := types.Batch{Width: 2}
	b.Append([]types.Value{types.Int(1), types.Str("a")})
	row := b.Extend()
	row[0] = types.Int(2)
	if b.Len() != 2 || b.Row(1)[0].Int() != 2 || !b.Row(1)[1].IsNull() || b.Row(0)[1].Text() != "a" || b.Bytes() < 81 {
		t.Errorf("the batch holds %v", b)
	}
	b.Truncate(1)
	b.Append([]types.Value{types.Int(3), types.Null})
	if b.Len() != 2 || b.Row(1)[0].Int() != 3 {
		t.Error("a truncated batch is not ready for more")
	}
	b.Reset(b.Width)
	none := types.Batch{}
	none.Append(nil)
	none.Extend()
	if b.Len() != 0 || none.Len() != 2 || len(none.Row(1)) != 0 {
		t.Error("rows without columns are not counted")
	}
}

// The conversions that every query makes allocate nothing.
func TestNoAllocations(t *testing.T) {
	buf := make([]byte, 0, 256)
	decimalType := types.Type{ID: mysql.TypeNewDecimal, Length: 10, Decimals: 2}
	varchar := types.Type{ID: mysql.TypeVarchar, Length: 20, Collation: collation.Default}
	intType := types.Type{ID: mysql.TypeLong}
	s, other := types.Str("Customer#1"), types.Str("customer#2")
	for name, f := range map[string]func(){
		"int text":      func() { types.Int(-12345).AppendText(buf, &intType) },
		"string text":   func() { s.AppendText(buf, &varchar) },
		"decimal text":  func() { types.DecSmall(-12345, 2).AppendText(buf, &decimalType) },
		"datetime text": func() { types.Datetime(temporal.Pack(2024, 5, 6, 1, 2, 3, 4), 6).AppendText(buf, nil) },
		"float text":    func() { types.Float(1.25).AppendText(buf, nil) },
		"sort key":      func() { collation.Default.SortKey(buf, s.Raw()) },
		"compare":       func() { types.Compare(s, other, collation.Default) },
		"hash":          func() { types.HashKey(buf, s, collation.Default) },
		"encode":        func() { types.AppendValue(buf, s) },
		"like":          func() { collation.Default.Like(s.Raw(), other.Raw(), '\\') },
		"decimals":      func() { types.Compare(types.DecSmall(150, 2), types.DecSmall(15, 1), 0) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
