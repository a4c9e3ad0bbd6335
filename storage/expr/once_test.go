package expr

import (
	"errors"
	"testing"

	"cloudsql/storage/types"
)

// TestOnceIsAskedWhereNeeded: folding asks for nothing, evaluating for what it needs, and MayNotAsk knows which.
func TestOnceIsAskedWhereNeeded(t *testing.T) {
	asked := 0
	once := NewOnce("q", types.TypeInt, func(*Env) (types.Value, error) { asked++; return types.Int(7), nil })
	col := &Column{Index: 0, Typ: types.TypeInt}
	call := func(name string, args ...Expr) Expr {
		e, err := New(name, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		return e
	}
	for _, c := range []struct {
		e            Expr
		want         string
		asks, unsure bool
	}{
		{call("if", NewInt(1), NewInt(5), once), "5", false, true},
		{call("if", NewInt(0), NewInt(5), once), "7", true, true},
		{call("if", once, NewInt(5), NewInt(6)), "5", true, false},
		{call("case", NewInt(0), once, NewInt(3)), "3", false, true},
		{call("coalesce", NewInt(1), once), "1", false, true},
		{call("coalesce", once, NewInt(1)), "7", true, false},
		{call("and", NewInt(0), once), "0", false, true},
		{call("or", col, call("=", once, NewInt(1))), "1", false, true},
		{call("nullif", NewNull(), once), "NULL", false, true},
		{call("=", col, once), "1", true, false},
		{call("+", call("ifnull", once, NewInt(1)), col), "14", true, false},
		{call("in", col, once, NewInt(3)), "1", true, false},
	} {
		asked = 0
		env := testEnv(nil)
		folded := Fold(c.e, env)
		if asked > 0 {
			t.Errorf("folding %s asks", c.e)
		}
		v, err := folded.Eval(env, []types.Value{types.Int(7)})
		if got := v.Text(); err != nil || !v.IsNull() && got != c.want || v.IsNull() != (c.want == "NULL") {
			t.Errorf("%s = %s, %v", c.e, got, err)
		}
		if (asked > 0) != c.asks || MayNotAsk(c.e) != c.unsure {
			t.Errorf("%s: asked %d times, unsure %v", c.e, asked, MayNotAsk(c.e))
		}
		answered, err := Answer(c.e, env)
		if err != nil || ClassOf(answered) != Pure {
			t.Errorf("%s is answered as %s, %v", c.e, answered, err)
		}
	}
	failing := NewOnce("q", types.TypeInt, func(*Env) (types.Value, error) { return types.Null, errors.New("two rows") })
	if _, err := Answer(call("=", col, failing), testEnv(nil)); err == nil {
		t.Error("an answer's error is lost")
	}
}
