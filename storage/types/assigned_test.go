package types

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/temporal"
)

// awkwardText are strings that stand at the edge of what columns take.
var awkwardText = []string{
	"", "\xff", "a\xff", "é\xc3", "\x00", "\xed\xa0\x80", "0000-00-00", "2020-02-31", "9999-12-31 23:59:59.9999999", "1970-01-01 00:00:01",
	"2038-01-19 03:14:07.9999999", "838:59:59.9999999", "-838:59:59.9999999", "9999999999999", "1e400", "-1e400", "99999-99-99", "235959.9999999",
	"99991231235959.9999999", "99999999999999999999999999999999999999999999999999999999999999999999999999", "1.5e-40", "-0", "[1]", `"` + "\xff" + `"`,
}

func storedTypes(r *rand.Rand) Type {
	ids := []byte{
		mysql.TypeTiny, mysql.TypeShort, mysql.TypeInt24, mysql.TypeLong, mysql.TypeLonglong, mysql.TypeFloat, mysql.TypeDouble, mysql.TypeNewDecimal,
		mysql.TypeBit, mysql.TypeYear, mysql.TypeDate, mysql.TypeDatetime, mysql.TypeTimestamp, mysql.TypeDuration, mysql.TypeVarchar, mysql.TypeString,
		mysql.TypeBlob, mysql.TypeTinyBlob, mysql.TypeEnum, mysql.TypeSet, mysql.TypeJSON,
	}
	t := Type{ID: ids[r.IntN(len(ids))], Length: Unspecified, Decimals: Unspecified, Collation: collation.Binary}
	switch t.Class() {
	case ClassInt:
		t.Unsigned = t.ID != mysql.TypeYear && r.IntN(2) == 0
	case ClassFloat:
		if t.Unsigned = r.IntN(2) == 0; r.IntN(2) == 0 {
			t.Length, t.Decimals = 7, 3
		}
	case ClassDecimal:
		t.Length = 1 + r.IntN(MaxDecimalPrecision)
		t.Decimals = r.IntN(min(t.Length, MaxDecimalScale) + 1)
	case ClassBit:
		t.Length = 1 + r.IntN(64)
	case ClassDatetime, ClassTime:
		t.Decimals = r.IntN(7)
	case ClassString, ClassEnum, ClassSet:
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
		v := randomValue(r)
		if s := awkwardText[r.IntN(len(awkwardText))]; r.IntN(2) == 0 {
			v = String([]byte(s))
			if r.IntN(2) == 0 {
				v = Bytes([]byte(s))
			}
		}
		column := storedTypes(r)
		bits := r.Uint32()
		m := &Mode{
			Strict: bits&1 != 0, NoZeroDate: bits&2 != 0, NoZeroInDate: bits&4 != 0, AllowInvalid: bits&8 != 0, PadChar: bits&16 != 0,
			Loc: zones[r.IntN(len(zones))], Today: temporal.Pack(2024, 2, 29, 0, 0, 0, 0),
		}
		got, err := Assign(v, &column, "c", 1, m, nil)
		if err != nil {
			continue
		}
		if back, rest, err := DecodeValue(AppendValue(nil, got)); err != nil || len(rest) > 0 || !sameValue(back, got) {
			t.Fatalf("%v %q in %s is %v %q (%x, %d): %v", v.kind, v.Text(), column.String(), got.kind, got.Text(), got.n, got.aux, err)
		}
	}
}
