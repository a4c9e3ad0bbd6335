package expr

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// long are calls whose work is far beyond what they look at: without counting, each takes minutes at least.
func long(t *testing.T) map[string][]types.Value {
	t.Helper()
	text := func(s string, n int, tail string) types.Value { return types.Str(strings.Repeat(s, n) + tail) }
	doc := func(item string, n int) types.Value {
		v, err := types.ParseJSON([]byte("[" + strings.Repeat(item+",", n) + "0]"))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return map[string][]types.Value{
		"instr":         {text("a", 400_000, ""), text("a", 200_000, "b")},
		"locate":        {text("a", 200_000, "b"), text("a", 400_000, "")},
		"like":          {text("a", 400_000, ""), text("%"+strings.Repeat("_", 200_000), 1, "b")},
		"json_contains": {doc("1", 100_000), doc("0", 100_000)},
		"json_overlaps": {doc("1", 100_000), doc("[0]", 100_000)},
		"json_search":   {doc(`"`+strings.Repeat("a", 1000)+`"`, 1000), types.Str("all"), types.Str("%" + strings.Repeat("a", 500) + "b")},
		"regexp":        {types.Str("a"), text(`\p{L}`, 10_000, "")},
	}
}

// TestWorkIsCounted: a proposal's budget ends such a call, and a statement of which there is no proposal can be cancelled in the
// middle of it.
func TestWorkIsCounted(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, row := range long(t) {
		args := make([]Expr, len(row))
		for i := range row {
			args[i] = &Column{Index: i, Typ: types.TypeString}
			if row[i].Kind() == types.KindJSON {
				args[i] = &Column{Index: i, Typ: types.TypeJSON}
			}
		}
		e, err := New(name, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		budget := Budget{Bytes: 1 << 30, Steps: 100_000_000}
		_, err = e.Eval(&Env{Mode: *types.DefaultMode(), Budget: &budget}, row)
		if !hasCode(err, mysqlerr.CapacityExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		_, err = e.Eval(&Env{Mode: *types.DefaultMode(), Ctx: cancelled}, row)
		if !hasCode(err, mysqlerr.QueryInterrupted) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
	}
}

func hasCode(err error, code uint16) bool {
	var e *mysqlerr.Error
	return errors.As(err, &e) && e.Code == code
}

// TestManyEllipses: there are as many ways through several ** as ways to share out the levels of a document; each place is
// visited once for each leg.
func TestManyEllipses(t *testing.T) {
	deep, err := types.ParseJSON([]byte(strings.Repeat(`{"a":`, 90) + "1" + strings.Repeat("}", 90)))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{1: 90, 2: 89, 5: 86, 40: 51, 90: 1, 91: 0} {
		path := "$" + strings.Repeat("**.a", n)
		for call, answer := range map[string]string{
			"json_length(json_extract(d, p))":     itoa(want),
			"json_contains_path(d, 'all', p)":     itoa(min(want, 1)),
			"json_search(d, 'all', '%', null, p)": "NULL",
		} {
			budget := Budget{Bytes: 1 << 30, Steps: 1 << 24}
			got := "NULL"
			v, err := pathCall(t, call).Eval(&Env{Mode: *types.DefaultMode(), Budget: &budget}, []types.Value{deep, types.Str(path)})
			if !v.IsNull() {
				got = v.Text()
			}
			if want == 0 && strings.HasPrefix(call, "json_length") {
				answer = "NULL"
			}
			if err != nil || got != answer {
				t.Errorf("%d times **: %s is %s (%v), not %s", n, call, got, err, answer)
			}
		}
	}
}

// pathCall builds one of the calls of TestManyEllipses.
func pathCall(t *testing.T, call string) Expr {
	t.Helper()
	d, p := &Column{Index: 0, Typ: types.TypeJSON}, &Column{Index: 1, Typ: types.TypeString}
	build := func(name string, args ...Expr) Expr {
		e, err := New(name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	switch {
	case strings.HasPrefix(call, "json_length"):
		return build("json_length", build("json_extract", d, p))
	case strings.HasPrefix(call, "json_contains_path"):
		return build("json_contains_path", d, NewStr("all"), p)
	}
	return build("json_search", d, NewStr("all"), NewStr("%"), NewNull(), p)
}
