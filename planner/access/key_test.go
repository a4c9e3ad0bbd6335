package access

import (
	"math"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// columns and constants are of all classes that keys are made of.
func columnTypes() []types.Type {
	unsigned := types.TypeInt
	unsigned.Unsigned = true
	dec := types.Type{ID: mysql.TypeNewDecimal, Length: 10, Decimals: 2, Collation: collation.Binary}
	date := types.Type{ID: mysql.TypeDate, Length: 10, Collation: collation.Binary}
	datetime := types.Type{ID: mysql.TypeDatetime, Length: 19, Collation: collation.Binary}
	binary := types.TypeString
	binary.Collation = collation.Binary
	return []types.Type{types.TypeInt, unsigned, types.TypeDouble, types.TypeString, binary, dec, date, datetime}
}

func constants() []*expr.Const {
	var list []*expr.Const
	add := func(v types.Value, t types.Type) { list = append(list, &expr.Const{Val: v, Typ: t}) }
	for _, i := range []int64{0, 1, -1, 20240229, math.MaxInt64, math.MinInt64} {
		add(types.Int(i), types.TypeInt)
	}
	add(types.Uint(math.MaxUint64), types.TypeUint)
	for _, s := range []string{"0", "1.0", "1.5", "-1", "1.005", "9007199254740993.5", "18446744073709551615", "123456789012345678901234567890"} {
		d, _, _ := types.ParseDecimal([]byte(s))
		dec := types.Type{ID: mysql.TypeNewDecimal, Length: 40, Decimals: d.Scale(), Collation: collation.Binary}
		add(d, dec)
		add(types.String([]byte(s)), types.TypeString)
		add(types.Bytes([]byte(s)), columnTypes()[4])
	}
	for _, s := range []string{"", "a", "1e3", "1e300", "9007199254740993x", "2024-02-29", "2024-02-29 10:11:12", "2024-02-29 10:11:12.5", "2024-02-30"} {
		add(types.String([]byte(s)), types.TypeString)
		add(types.Bytes([]byte(s)), columnTypes()[4])
	}
	for _, f := range []float64{0, 1, 1.5, 1e300, -3} {
		add(types.Float(f), types.TypeDouble)
	}
	add(types.Null, types.TypeNull)
	return list
}

// TestKeysAreBounds: whole keys and ranges agree on where a constant lies. Where Key names a row, it is the only one in the
// range that an equality gets; where Bounds is exact, Key names it unless no row can have that value.
func TestKeysAreBounds(t *testing.T) {
	m := types.DefaultMode()
	for _, col := range columnTypes() {
		for _, c := range constants() {
			if !Keyable(&col, c.Type()) {
				continue
			}
			if usable, _ := comparable(&col, c, col.Collation, RangeEq); !usable {
				t.Errorf("%s is a key of %s, but bounds no range of it", c, &col)
			}
			key, ok, err := Key(c.Val, &col, m)
			lo, hi, fit := Bounds(c.Val, &col, m)
			k := Column{Type: &col}
			switch {
			case c.Val.IsNull():
				if ok || err != nil {
					t.Errorf("NULL is a key of %s", &col)
				}
			case err != nil:
				if fit != Unknown {
					t.Errorf("%s in %s: %v, but it lies from %s to %s", c, &col, err, lo.Text(), hi.Text())
				}
			case ok && fit == Within:
				t.Errorf("%s in %s: key %s of what lies between values", c, &col, key.Text())
			case ok && fit == Exactly && (string(k.encode(key)) != string(k.encode(lo)) || string(k.encode(lo)) != string(k.encode(hi))):
				t.Errorf("%s in %s: key %s, bounds %s and %s", c, &col, key.Text(), lo.Text(), hi.Text())
			case !ok && fit == Exactly && col.Class() != types.ClassInt:
				t.Errorf("%s in %s: no key, but exactly %s", c, &col, lo.Text())
			}
		}
	}
}

// TestWholeKeys: what no row can equal names no key, whatever the ranges make of it.
func TestWholeKeys(t *testing.T) {
	m := types.DefaultMode()
	cols := columnTypes()
	for _, c := range []struct {
		text string
		col  *types.Type
		want string // "" for none
	}{
		{"1.0", &cols[0], "1"}, {"1.5", &cols[0], ""}, {"-1", &cols[0], "-1"}, {"-1", &cols[1], ""},
		{"18446744073709551615", &cols[0], ""}, {"18446744073709551615", &cols[1], "18446744073709551615"},
		{"123456789012345678901234567890", &cols[0], ""}, {"1e300", &cols[0], ""}, {"a", &cols[0], "0"},
		{"9007199254740993x", &cols[0], "9007199254740992"},
	} {
		key, ok, err := Key(types.String([]byte(c.text)), c.col, m)
		if err != nil || ok != (c.want != "") || ok && key.Text() != c.want {
			t.Errorf("'%s': %s %v %v, want %q", c.text, key.Text(), ok, err, c.want)
		}
	}
}
