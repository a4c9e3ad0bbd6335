package conversion

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/types/valuetest"
)

// awkwardText are strings that stand at the edge of what columns take.
var awkwardText = []string{
	"", "\xff", "a\xff", "é\xc3", "\x00", "\xed\xa0\x80", "0000-00-00", "2020-02-31", "9999-12-31 23:59:59.9999999", "1970-01-01 00:00:01",
	"2038-01-19 03:14:07.9999999", "838:59:59.9999999", "-838:59:59.9999999", "9999999999999", "1e400", "-1e400", "99999-99-99", "235959.9999999",
	"99991231235959.9999999", "9999-12-31 23:59:59-14:00", "0000-01-01 00:00:00+14:00", "99999999999999999999999999999999999999999999999999999999999999999999999999", "1.5e-40", "-0", "[1]", `"` + "\xff" + `"`,
}

func storedTypes(r *rand.Rand) types.Type {
	ids := []byte{
		mysql.TypeTiny, mysql.TypeShort, mysql.TypeInt24, mysql.TypeLong, mysql.TypeLonglong, mysql.TypeFloat, mysql.TypeDouble, mysql.TypeNewDecimal,
		mysql.TypeBit, mysql.TypeYear, mysql.TypeDate, mysql.TypeDatetime, mysql.TypeTimestamp, mysql.TypeDuration, mysql.TypeVarchar, mysql.TypeString,
		mysql.TypeBlob, mysql.TypeTinyBlob, mysql.TypeEnum, mysql.TypeSet, mysql.TypeJSON,
	}
	t := types.Type{ID: ids[r.IntN(len(ids))], Length: types.Unspecified, Decimals: types.Unspecified, Collation: collation.Binary}
	switch t.Class() {
	case types.ClassInt:
		t.Unsigned = t.ID != mysql.TypeYear && r.IntN(2) == 0
	case types.ClassFloat:
		if t.Unsigned = r.IntN(2) == 0; r.IntN(2) == 0 {
			t.Length, t.Decimals = 7, 3
		}
	case types.ClassDecimal:
		t.Length = 1 + r.IntN(types.MaxDecimalPrecision)
		t.Decimals = r.IntN(min(t.Length, types.MaxDecimalScale) + 1)
	case types.ClassBit:
		t.Length = 1 + r.IntN(64)
	case types.ClassDatetime, types.ClassTime:
		t.Decimals = r.IntN(7)
	case types.ClassString, types.ClassEnum, types.ClassSet:
		t.Length, t.Elems = r.IntN(5), []string{"a", "b", "é"}
		all := []collation.ID{collation.Binary, collation.Default, collation.UTF8MB4Bin, 8, 33, 28, 11, 35, 54} // latin1, utf8mb3, gbk, ascii, ucs2, utf16
		t.Collation = all[r.IntN(len(all))]
	}
	return t
}

// TestAssignedValuesAreStorable: whatever is assigned to whatever column, in every mode, comes back from its bytes: what
// doesn't would be in nobody's power to log.
func TestAssignedValuesAreStorable(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	zones := []*time.Location{time.UTC, time.FixedZone("", 5*3600), time.FixedZone("", -8*3600)}
	for range 400_000 {
		v := valuetest.Value(r)
		if s := awkwardText[r.IntN(len(awkwardText))]; r.IntN(2) == 0 {
			v = types.String([]byte(s))
			if r.IntN(2) == 0 {
				v = types.Bytes([]byte(s))
			}
		}
		column := storedTypes(r)
		bits := r.Uint32()
		m := &types.Mode{
			Strict: bits&1 != 0, NoZeroDate: bits&2 != 0, NoZeroInDate: bits&4 != 0, AllowInvalid: bits&8 != 0, PadChar: bits&16 != 0,
			Loc: zones[r.IntN(len(zones))], Today: temporal.Pack(2024, 2, 29, 0, 0, 0, 0),
		}
		got, err := Assign(v, &column, "c", 1, m, nil)
		if err != nil {
			continue
		}
		if back, rest, err := types.DecodeValue(types.AppendValue(nil, got)); err != nil || len(rest) > 0 || !types.Identical(back, got) {
			t.Fatalf("%v %q in %s is %v %q (%x, %d): %v", v.Kind(), v.Text(), column.String(), got.Kind(), got.Text(), got.Uint(), got.Scale(), err)
		}
	}
}

func FuzzParseText(f *testing.F) {
	for _, s := range []string{"2024-05-06 10:11:12.5+05:30", "-838:59:59.999999", "1 2:3", "20240506T101112", "1e-5", "{\"a\":[1,2.5e3,\"\\u00e9\"]}"} {
		f.Add([]byte(s))
	}
	modes := []*types.Mode{nil, types.DefaultMode(), {AllowInvalid: true}}
	columns := []types.Type{
		{ID: mysql.TypeDatetime, Decimals: 3}, {ID: mysql.TypeTimestamp}, {ID: mysql.TypeDate}, {ID: mysql.TypeDuration, Decimals: 6},
		{ID: mysql.TypeYear}, {ID: mysql.TypeLong}, {ID: mysql.TypeLonglong, Unsigned: true}, {ID: mysql.TypeDouble, Decimals: types.Unspecified},
		{ID: mysql.TypeNewDecimal, Length: 10, Decimals: 2}, {ID: mysql.TypeJSON}, {ID: mysql.TypeVarchar, Length: 5, Collation: 8},
		{ID: mysql.TypeSet, Elems: []string{"a", "b"}}, {ID: mysql.TypeBit, Length: 12},
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		for _, m := range modes {
			for i := range columns {
				for _, v := range []types.Value{types.String([]byte(strings.ToValidUTF8(string(s), "?"))), types.Bytes(s)} {
					stored, err := Assign(v, &columns[i], "c", 1, m, nil)
					if err != nil {
						continue
					}
					if back, rest, err := types.DecodeValue(types.AppendValue(nil, stored)); err != nil || len(rest) > 0 || !types.Identical(back, stored) {
						t.Fatalf("%q stored as %s is %q, which does not survive encoding: %v", s, &columns[i], stored.Text(), err)
					}
					again, err := Assign(stored, &columns[i], "c", 1, m, nil)
					if err != nil || !types.Identical(again, stored) {
						t.Fatalf("%q stored as %s is %q, and stored again %q, %v", s, &columns[i], stored.Text(), again.Text(), err)
					}
				}
			}
		}
	})
}

// What every write does allocates nothing.
func TestNoAllocations(t *testing.T) {
	varchar := types.Type{ID: mysql.TypeVarchar, Length: 20, Collation: collation.Default}
	intType := types.Type{ID: mysql.TypeLong}
	s, m := types.Str("Customer#1"), types.DefaultMode()
	for name, f := range map[string]func(){
		"int":  func() { _, _ = Assign(types.Int(5), &intType, "c", 1, m, nil) },
		"text": func() { _, _ = Assign(s, &varchar, "c", 1, m, nil) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAssignString(b *testing.B) {
	varchar := types.Type{ID: mysql.TypeVarchar, Length: 120, Collation: collation.Default}
	s, m := types.String(bytes.Repeat([]byte("abcdefghij"), 12)), types.DefaultMode()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Assign(s, &varchar, "c", 1, m, nil)
	}
}
