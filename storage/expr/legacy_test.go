package expr

import (
	"strconv"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
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

// TestLegacyStrToDate: a day beside a time was left out, names were read as far as they go, and a week took the year of any part.
func TestLegacyStrToDate(t *testing.T) {
	for _, c := range []struct{ text, format, now, then string }{
		{"2 03:00:00", "%d %H:%i:%s", "51:00:00", "03:00:00"},
		{"Janx 5 2020", "%b%x %d %Y", "NULL", "NULL"},
		{"Jan5 2020", "%b%d %Y", "2020-01-05", "2020-01-05"},
		{"Septem 5 2020", "%M %d %Y", "2020-09-05", "NULL"},
		{"Monxx 5 1 2020", "%axx %d %m %Y", "NULL", "2020-01-05"},
		{"2020 10 Monday", "%x %V %W", "NULL", "2020-03-09"},
	} {
		e, err := New("str_to_date", NewStr(c.text), NewStr(c.format))
		if err != nil {
			t.Fatal(err)
		}
		for _, legacy := range []bool{false, true} {
			want := c.now
			if legacy {
				want = c.then
			}
			got := "NULL"
			v, err := e.Eval(&Env{Mode: types.Mode{Legacy: legacy}}, nil)
			if err == nil && !v.IsNull() {
				got = string(v.AppendText(nil, e.Type()))
			}
			if err != nil || got != want {
				t.Errorf("legacy %v: STR_TO_DATE('%s', '%s') is %s, %v, want %s", legacy, c.text, c.format, got, err, want)
			}
		}
	}
}

// TestLegacyTextBesideTimes: text that is no date was an error for all, '0000-00-00' was none for a constant, and times were compared as times.
func TestLegacyTextBesideTimes(t *testing.T) {
	day, clock := types.TypeDate, timeType(0)
	text := types.TypeString
	row := []types.Value{types.Date(0), types.String([]byte("abc")), types.Time(36_000_000_000, 0)}
	columns := []Expr{&Column{Index: 0, Typ: day}, &Column{Index: 1, Typ: text}, &Column{Index: 2, Typ: clock}}
	call := func(name string, args ...Expr) Expr {
		e, err := New(name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	later := call("addtime", columns[2], NewStr("0"))
	for _, c := range []struct {
		e           Expr
		now, legacy string
	}{
		{call("=", columns[0], columns[1]), "1", "1525"},
		{call("=", columns[0], NewStr("0000-00-00")), "1525", "1"},
		{call("in", columns[0], NewStr("0000-00-00"), NewStr("2024-01-01")), "1", "1"},
		{call("=", columns[2], NewStr("10:00")), "1", "1"},
		{call("=", columns[2], columns[1]), "0", "1525"},
		{call("=", later, NewStr("10:00")), "0", "1"},
		{call("between", later, NewStr("10:00"), NewStr("11:00")), "1", "1"},
	} {
		for legacy, want := range map[bool]string{false: c.now, true: c.legacy} {
			env := &Env{Mode: types.Mode{Legacy: legacy, NoZeroDate: true}}
			v, err := c.e.Eval(env, row)
			got := strconv.Itoa(int(mysqlerr.Code(err)))
			if err == nil {
				got = v.Text()
			}
			if got != want {
				t.Errorf("legacy %v: %s is %s, not %s", legacy, c.e, got, want)
			}
		}
	}
}
