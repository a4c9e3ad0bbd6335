package types

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
)

// randomDecimalText has up to digits digits, a point somewhere and perhaps a sign.
func randomDecimalText(r *rand.Rand, whole, frac int) string {
	var b strings.Builder
	if r.IntN(2) == 0 {
		b.WriteByte('-')
	}
	for range 1 + r.IntN(whole) {
		b.WriteByte(byte('0' + r.IntN(10)))
	}
	if n := r.IntN(frac + 1); n > 0 {
		b.WriteByte('.')
		for range n {
			b.WriteByte("0123456789999"[r.IntN(13)])
		}
	}
	return b.String()
}

func ratOf(t *testing.T, v Value) *big.Rat {
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
		text := randomDecimalText(r, whole, frac)
		a, n, ok := ParseDecimal([]byte(text))
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
		if back := Dec(lib); compareDecimals(back, a) != 0 || back.Scale() != a.Scale() {
			t.Fatalf("%s comes back as %s", text, back.Text())
		}
		scale := r.IntN(31)
		rounded := RoundDecimal(a, scale)
		if wantText := lib.Round(int32(scale)).String(); rounded.Scale() == scale && ratOf(t, rounded).Cmp(mustRat(wantText)) != 0 {
			t.Fatalf("%s rounds to %s at scale %d, want %s", text, rounded.Text(), scale, wantText)
		}
		b, _, _ := ParseDecimal([]byte(randomDecimalText(r, whole, frac)))
		if r.IntN(4) == 0 {
			b = RoundDecimal(a, min(a.Scale()+r.IntN(4), 30))
		}
		cmpWant := ratOf(t, a).Cmp(ratOf(t, b))
		if got := compareDecimals(a, b); got != cmpWant {
			t.Fatalf("%s against %s is %d", a.Text(), b.Text(), got)
		}
		if eq := bytes.Equal(HashKey(nil, a, 0), HashKey(nil, b, 0)); eq != (cmpWant == 0) {
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
		v, _, _ := ParseDecimal([]byte(tc.in))
		if got := v.Text(); got != tc.want && !(strings.HasPrefix(tc.in, "9999") && ratOf(t, v).Cmp(mustRat(tc.want)) == 0) {
			t.Errorf("%s gives %s, want %s", tc.in, got, tc.want)
		}
	}
	if got := Dec(decimal.New(5, 3)).Text(); got != "5000" {
		t.Errorf("5·10³ gives %s", got)
	}
}

func TestFloatColumnText(t *testing.T) {
	float := Type{ID: mysql.TypeFloat, Length: Unspecified, Decimals: Unspecified}
	for f, want := range map[float64]string{
		16777216: "16777200", float64(float32(1.1)): "1.1", 1234567: "1234570", 0.0001: "0.0001", 1e10: "10000000000",
		float64(float32(3.402823466e38)): "3.40282e38", 123456: "123456",
	} {
		if got := string(Float(f).AppendText(nil, &float)); got != want {
			t.Errorf("FLOAT %g is shown as %s, want %s", f, got, want)
		}
	}
}

func TestZerofill(t *testing.T) {
	for _, tc := range []struct {
		v    Value
		t    Type
		want string
	}{
		{Uint(7), Type{ID: mysql.TypeLong, Zerofill: true, Length: 5}, "00007"},
		{Uint(1234567), Type{ID: mysql.TypeLong, Zerofill: true, Length: 5}, "1234567"},
		{DecSmall(150, 2), Type{ID: mysql.TypeNewDecimal, Zerofill: true, Length: 6, Decimals: 2}, "0001.50"},
		{Int(0), Type{ID: mysql.TypeYear}, "0000"},
		{Int(1999), Type{ID: mysql.TypeYear}, "1999"},
		{DecSmall(150, 2), Type{ID: mysql.TypeNewDecimal, Length: 6, Decimals: 4}, "1.5000"},
		{Float(1.5), Type{ID: mysql.TypeDouble, Length: 8, Decimals: 3}, "1.500"},
	} {
		if got := string(tc.v.AppendText([]byte("x"), &tc.t)); got != "x"+tc.want {
			t.Errorf("%s is shown as %s", tc.want, got[1:])
		}
	}
}

// randomValue draws a value of any kind.
func randomValue(r *rand.Rand) Value {
	day := func() uint64 {
		return temporal.Pack(r.IntN(10000), r.IntN(13), r.IntN(32), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000000))
	}
	switch Kind(r.IntN(int(KindBit) + 1)) {
	case KindInt:
		return Int(int64(r.Uint64()) >> r.IntN(64))
	case KindUint:
		return Uint(r.Uint64() >> r.IntN(64))
	case KindFloat:
		return Float(r.NormFloat64() * math.Pow10(r.IntN(40)-20))
	case KindDecimal:
		v, _, _ := ParseDecimal([]byte(randomDecimalText(r, 1+r.IntN(35), 30)))
		return v
	case KindString:
		return String(randomText(r, false))
	case KindBytes:
		return Bytes([]byte{byte(r.Uint32()), byte(r.Uint32())}[:r.IntN(3)])
	case KindDate:
		return Date(temporal.DateOnly(day()))
	case KindDatetime:
		return Datetime(day(), r.IntN(7))
	case KindTimestamp:
		return Timestamp(temporal.MinTimestamp+r.Int64N(temporal.MaxTimestamp-temporal.MinTimestamp), r.IntN(7))
	case KindTime:
		return Time(r.Int64N(2*temporal.MaxTime)-temporal.MaxTime, r.IntN(7))
	case KindJSON:
		return JSON(AppendJSONString(nil, randomText(r, false)))
	case KindEnum:
		return Enum(r.Uint64N(100), randomText(r, false))
	case KindSet:
		return Set(r.Uint64(), randomText(r, false))
	case KindBit:
		return Bit(r.Uint64()>>8, 56)
	}
	return Null
}

func sameValue(a, b Value) bool {
	return a.kind == b.kind && a.aux == b.aux && a.n == b.n && bytes.Equal(a.b, b.b)
}

func TestValueCodec(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	var all []Value
	var buf []byte
	for range 5000 {
		v := randomValue(r)
		all = append(all, v)
		buf = AppendValue(buf, v)
	}
	for _, want := range all {
		var got Value
		var err error
		if got, buf, err = DecodeValue(buf); err != nil || !sameValue(got, want) {
			t.Fatalf("%v %q comes back as %v %q, %v", want.kind, want.Text(), got.kind, got.Text(), err)
		}
	}
	if len(buf) != 0 {
		t.Fatalf("%d bytes are left", len(buf))
	}
}

func FuzzDecodeValue(f *testing.F) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 50 {
		f.Add(AppendValue(nil, randomValue(r)))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, rest, err := DecodeValue(src)
		if err != nil {
			return
		}
		again, left, err := DecodeValue(AppendValue(nil, v))
		if err != nil || len(left) != 0 || !sameValue(again, v) {
			t.Fatalf("%x: not the same after another round: %v", src[:len(src)-len(rest)], err)
		}
		_ = v.Text() // whatever was decoded is safe to use
		v.ToInt(nil)
		v.ToDec(nil)
		v.ToFloat(nil)
		v.ToBool(nil)
		v.ToDatetime(DefaultMode(), nil)
		v.ToTime(DefaultMode(), nil)
		HashKey(nil, v, collation.Default)
		for _, o := range []Value{Int(1), Str("a"), v} {
			if !v.IsNull() && Compare(v, o, collation.Default) != -Compare(o, v, collation.Default) {
				t.Fatalf("%q and %q disagree", v.Text(), o.Text())
			}
		}
	})
}

func TestTypeCodec(t *testing.T) {
	for _, want := range []Type{
		TypeNull, TypeInt, TypeUint, TypeString, TypeJSON, {ID: mysql.TypeEnum, Elems: []string{"a", "", "ü"}, Collation: 45},
		{ID: mysql.TypeLong, Unsigned: true, Zerofill: true, Length: 10, Decimals: Unspecified},
		{ID: mysql.TypeLongBlob, Length: math.MaxUint32},
	} {
		got, rest, err := DecodeType(append(AppendType(nil, &want), 'x'))
		if err != nil || string(rest) != "x" || got.String() != want.String() || got.Collation != want.Collation ||
			got.Length != want.Length || got.Decimals != want.Decimals {
			t.Errorf("%+v comes back as %+v, %v", want, got, err)
		}
	}
}

func FuzzDecodeType(f *testing.F) {
	f.Add(AppendType(nil, &Type{ID: mysql.TypeEnum, Elems: []string{"a", "b"}, Length: Unspecified}))
	f.Fuzz(func(t *testing.T, src []byte) {
		typ, _, err := DecodeType(src)
		if err != nil {
			return
		}
		again, rest, err := DecodeType(AppendType(nil, &typ))
		if err != nil || len(rest) != 0 || again.String() != typ.String() {
			t.Fatalf("%+v comes back as %+v, %v", typ, again, err)
		}
	})
}

func FuzzParseText(f *testing.F) {
	for _, s := range []string{"2024-05-06 10:11:12.5+05:30", "-838:59:59.999999", "1 2:3", "20240506T101112", "1e-5", "{\"a\":[1,2.5e3,\"\\u00e9\"]}"} {
		f.Add([]byte(s))
	}
	modes := []*Mode{nil, DefaultMode(), {AllowInvalid: true}}
	columns := []Type{
		{ID: mysql.TypeDatetime, Decimals: 3}, {ID: mysql.TypeTimestamp}, {ID: mysql.TypeDate}, {ID: mysql.TypeDuration, Decimals: 6},
		{ID: mysql.TypeYear}, {ID: mysql.TypeLong}, {ID: mysql.TypeLonglong, Unsigned: true}, {ID: mysql.TypeDouble, Decimals: Unspecified},
		{ID: mysql.TypeNewDecimal, Length: 10, Decimals: 2}, {ID: mysql.TypeJSON}, {ID: mysql.TypeVarchar, Length: 5, Collation: 8},
		{ID: mysql.TypeSet, Elems: []string{"a", "b"}}, {ID: mysql.TypeBit, Length: 12},
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		for _, m := range modes {
			for i := range columns {
				for _, v := range []Value{String([]byte(strings.ToValidUTF8(string(s), "?"))), Bytes(s)} {
					stored, err := Assign(v, &columns[i], "c", 1, m, nil)
					if err != nil {
						continue
					}
					if back, rest, err := DecodeValue(AppendValue(nil, stored)); err != nil || len(rest) > 0 || !sameValue(back, stored) {
						t.Fatalf("%q stored as %s is %q, which does not survive encoding: %v", s, &columns[i], stored.Text(), err)
					}
					again, err := Assign(stored, &columns[i], "c", 1, m, nil)
					if err != nil || !sameValue(again, stored) {
						t.Fatalf("%q stored as %s is %q, and stored again %q, %v", s, &columns[i], stored.Text(), again.Text(), err)
					}
				}
			}
		}
	})
}

// Compare is antisymmetric for values of any two kinds, and CompareSame orders totally.
func TestCompareIsAntisymmetric(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	colls := []collation.ID{collation.Default, collation.UTF8MB4Bin, collation.Binary}
	for range 50000 {
		a, b := randomValue(r), randomValue(r)
		if !a.IsNull() && !b.IsNull() && Compare(a, b, collation.Default) != -Compare(b, a, collation.Default) {
			t.Fatalf("%v %q and %v %q disagree", a.kind, a.Text(), b.kind, b.Text())
		}
		if CompareSame(a, b, collation.Default) != -CompareSame(b, a, collation.Default) || CompareSame(a, a, collation.Default) != 0 {
			t.Fatalf("%v %q and %v %q sort badly", a.kind, a.Text(), b.kind, b.Text())
		}
		for _, c := range colls {
			if a.kind == b.kind && (CompareSame(a, b, c) == 0) != bytes.Equal(HashKey(nil, a, c), HashKey(nil, b, c)) {
				t.Fatalf("%v %q and %q: hash keys disagree with the order under %s", a.kind, a.Text(), b.Text(), c.Name())
			}
		}
	}
}

func TestBatch(t *testing.T) {
	b := Batch{Width: 2}
	b.Append([]Value{Int(1), Str("a")})
	row := b.Extend()
	row[0] = Int(2)
	if b.Len() != 2 || b.Row(1)[0].Int() != 2 || !b.Row(1)[1].IsNull() || b.Row(0)[1].Text() != "a" || b.Bytes() < 81 {
		t.Errorf("the batch holds %v", b)
	}
	b.Truncate(1)
	b.Append([]Value{Int(3), Null})
	if b.Len() != 2 || b.Row(1)[0].Int() != 3 {
		t.Error("a truncated batch is not ready for more")
	}
	b.Reset(b.Width)
	none := Batch{}
	none.Append(nil)
	none.Extend()
	if b.Len() != 0 || none.Len() != 2 || len(none.Row(1)) != 0 {
		t.Error("rows without columns are not counted")
	}
}

// The conversions that every query makes allocate nothing.
func TestNoAllocations(t *testing.T) {
	buf := make([]byte, 0, 256)
	decimalType := Type{ID: mysql.TypeNewDecimal, Length: 10, Decimals: 2}
	varchar := Type{ID: mysql.TypeVarchar, Length: 20, Collation: collation.Default}
	intType := Type{ID: mysql.TypeLong}
	m := DefaultMode()
	s, other := Str("Customer#1"), Str("customer#2")
	for name, f := range map[string]func(){
		"int text":      func() { Int(-12345).AppendText(buf, &intType) },
		"string text":   func() { s.AppendText(buf, &varchar) },
		"decimal text":  func() { DecSmall(-12345, 2).AppendText(buf, &decimalType) },
		"datetime text": func() { Datetime(temporal.Pack(2024, 5, 6, 1, 2, 3, 4), 6).AppendText(buf, nil) },
		"float text":    func() { Float(1.25).AppendText(buf, nil) },
		"sort key":      func() { collation.Default.SortKey(buf, s.b) },
		"compare":       func() { Compare(s, other, collation.Default) },
		"hash":          func() { HashKey(buf, s, collation.Default) },
		"encode":        func() { AppendValue(buf, s) },
		"like":          func() { collation.Default.Like(s.b, other.b, '\\') },
		"assign int":    func() { _, _ = Assign(Int(5), &intType, "c", 1, m, nil) },
		"assign text":   func() { _, _ = Assign(s, &varchar, "c", 1, m, nil) },
		"decimals":      func() { Compare(DecSmall(150, 2), DecSmall(15, 1), 0) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAssignString(b *testing.B) {
	varchar := Type{ID: mysql.TypeVarchar, Length: 120, Collation: collation.Default}
	s, m := String(bytes.Repeat([]byte("abcdefghij"), 12)), DefaultMode()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Assign(s, &varchar, "c", 1, m, nil)
	}
}
