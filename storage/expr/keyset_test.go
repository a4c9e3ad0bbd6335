package expr

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// All keys are among those of a set, here and behind the codec; of other values few are. Equal values of different kinds are the same.
func TestKeySet(t *testing.T) {
	ci, _ := collation.ByName("utf8mb4_0900_ai_ci")
	decimal := func(i int) types.Value {
		v, _, _ := types.ParseDecimal([]byte(fmt.Sprintf("%d.00", i)))
		return v
	}
	for _, tt := range []struct {
		name     string
		id       byte
		coll     collation.ID
		key, row func(i int) types.Value
	}{
		{"int", mysql.TypeLonglong, collation.Binary, func(i int) types.Value { return types.Int(int64(i)) }, func(i int) types.Value { return types.Int(int64(i)) }},
		{"unsigned", mysql.TypeLonglong, collation.Binary, func(i int) types.Value { return types.Int(int64(i)) }, func(i int) types.Value { return types.Uint(uint64(i)) }},
		{"decimal", mysql.TypeNewDecimal, collation.Binary, func(i int) types.Value { return types.Int(int64(i)) }, decimal},
		{"text", mysql.TypeVarchar, ci, func(i int) types.Value { return types.Str(fmt.Sprint("Key", i)) }, func(i int) types.Value { return types.Str(fmt.Sprint("kEY", i)) }},
	} {
		for _, n := range []int{0, 1, 3, 100, 5000, 60_000} {
			set := NewKeySet(n, tt.coll)
			for i := range n {
				set.Add(tt.key(2 * i))
			}
			e := set.Holds(&Column{Typ: types.Type{ID: tt.id, Collation: tt.coll}, Name: "c"})
			data, err := Encode(nil, e, nil, version.Max)
			if err != nil {
				t.Fatal(err)
			}
			far, rest, err := Decode(data)
			if err != nil || len(rest) > 0 {
				t.Fatal(err)
			}
			strangers := 0
			for i := range 2 * max(n, 1000) {
				row := []types.Value{tt.row(i)}
				in, err := Truth(e, &Env{}, row)
				if err != nil {
					t.Fatal(err)
				}
				if there, err := Truth(far, &Env{}, row); err != nil || there != in {
					t.Fatalf("%s of %d, %d: %v here, %v there, %v", tt.name, n, i, in, there, err)
				}
				switch own := i%2 == 0 && i < 2*n; {
				case own && !in:
					t.Fatalf("%s of %d: %d is missing", tt.name, n, i)
				case !own && in:
					strangers++
				}
			}
			if most := max(n, 1000) / 10; strangers > most {
				t.Errorf("%s of %d: %d others pass", tt.name, n, strangers)
			}
			if in, err := Truth(e, &Env{}, []types.Value{types.Null}); in || err != nil {
				t.Errorf("NULL: %v %v", in, err)
			}
		}
	}
	if NewKeySet(1<<20, collation.Binary) != nil {
		t.Error("a set that tells nothing is made")
	}
}

// Sets that no encoder has written are refused.
func TestForgedKeySets(t *testing.T) {
	set := NewKeySet(1, collation.Binary)
	e := set.Holds(&Column{Typ: types.TypeInt}).(*Call)
	if _, err := Encode(nil, e, nil, version.V1); err == nil {
		t.Error("written for V1")
	}
	for _, bits := range [][]byte{{}, {1}, bytes.Repeat([]byte{1}, 9)} {
		forged := *e
		forged.args = []Expr{e.args[0], &Const{Val: types.Bytes(bits), Typ: *e.args[1].Type()}}
		data, err := Encode(nil, &forged, nil, version.Max)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Decode(data); err == nil {
			t.Errorf("%d bytes are taken", len(bits))
		}
	}
	forged := *e
	forged.args = []Expr{e.args[0], e.args[0]}
	data, err := Encode(nil, &forged, nil, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Decode(data); err == nil {
		t.Error("a column's bits are taken")
	}
	if _, err := New(keySetCall, e.args...); err == nil {
		t.Error("a statement can name it")
	}
}
