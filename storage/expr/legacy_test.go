package expr

import (
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// What evaluates otherwise since version 2 evaluates entries of version 1 as their writers did: replicas may have done so.
func TestLegacyEvaluation(t *testing.T) {
	general, ok := collation.ByName("utf8mb4_general_ci")
	if !ok {
		t.Fatal("no utf8mb4_general_ci")
	}
	typ := types.Type{ID: mysql.TypeVarchar, Length: 10, Collation: general}
	column := &Column{Typ: typ}
	find, err := New("find_in_set", &Const{Val: types.String([]byte("a")), Typ: typ}, column)
	if err != nil {
		t.Fatal(err)
	}
	hour, err := New("hour", NewInt(99999999))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		legacy bool
		found  int64
		hour   string
	}{{false, 0, "NULL"}, {true, 1, "838"}} {
		env := &Env{Mode: types.Mode{Legacy: c.legacy}}
		v, err := find.Eval(env, []types.Value{types.String([]byte("a "))})
		if err != nil || v.Int() != c.found {
			t.Errorf("legacy %v: FIND_IN_SET is %v, %v", c.legacy, v, err)
		}
		h, err := hour.Eval(env, nil)
		got := "NULL"
		if !h.IsNull() {
			got = string(h.AppendText(nil, hour.Type()))
		}
		if err != nil || got != c.hour {
			t.Errorf("legacy %v: HOUR is %s, %v", c.legacy, got, err)
		}
	}
}
