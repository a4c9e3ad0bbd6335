package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// TestResultsEndAtMaxAllowedPacket: what a function builds beyond max_allowed_packet is NULL, with warning 1301, whatever
// the function; entries of format 1 are evaluated without.
func TestResultsEndAtMaxAllowedPacket(t *testing.T) {
	const packet = 4096
	s := &Column{Index: 0, Typ: longText.Typ, Name: "s"}
	three, big := NewInt(3), NewInt(packet+1)
	for _, e := range []Expr{
		mustNew(t, "concat", s, s), mustNew(t, "concat", s, s, s), mustNew(t, "concat_ws", s, s, s), mustNew(t, "hex", s), mustNew(t, "to_base64", s),
		mustNew(t, "quote", mustNew(t, "replace", s, NewStr("x"), NewStr("'"))), mustNew(t, "insert", s, three, three, s),
		mustNew(t, "make_set", three, s, s), mustNew(t, "export_set", three, s, s), mustNew(t, "replace", s, NewStr("x"), NewStr("yyy")),
		mustNew(t, "repeat", s, three), mustNew(t, "space", big), mustNew(t, "lpad", s, big, s), mustNew(t, "rpad", s, big, s),
		mustNew(t, "regexp_replace", s, NewStr("x"), NewStr("yyy")), mustNew(t, "json_array", s, s), mustNew(t, "json_object", s, s),
		mustNew(t, "json_quote", mustNew(t, "replace", s, NewStr("x"), NewStr("'"))), mustNew(t, "weight_string", s, NewStr("binary"), big),
	} {
		codes := ""
		env := testEnv(nil)
		env.MaxPacket, env.Warn = packet, func(code uint16, m string) { codes += m }
		row := []types.Value{types.Str(strings.Repeat("x", packet*3/4))}
		if strings.HasPrefix(e.String(), "quote") || strings.HasPrefix(e.String(), "json_quote") {
			row[0] = types.Str(strings.Repeat("x", packet))
			env.MaxPacket = packet + 1
		}
		v, err := e.Eval(env, row)
		if err != nil || !v.IsNull() || !strings.Contains(codes, "was larger than max_allowed_packet (") {
			t.Errorf("%s is %d bytes, %v, %q", e, len(v.Raw()), err, codes)
		}
		env.MaxPacket, env.Mode.Legacy = 0, true
		if v, err := e.Eval(env, row); err != nil || v.IsNull() {
			t.Errorf("%s of a format 1 entry is NULL, %v", e, err)
		}
	}
}

// TestCastsEndAtMaxAllowedPacket: a length that a statement names is looked at, whatever the text; one that was worked out is not.
func TestCastsEndAtMaxAllowedPacket(t *testing.T) {
	const packet = 4096
	text, binary := types.TypeString, types.TypeBytes
	s := &Column{Index: 0, Typ: longText.Typ, Name: "s"}
	cast := func(of func(Expr, types.Type) Expr, typ types.Type, id byte, length int) Expr {
		typ.ID, typ.Length = id, length
		return of(s, typ)
	}
	for _, c := range []struct {
		e      Expr
		warned string // "" where the value is there
	}{
		{cast(NewCastTo, text, mysql.TypeVarString, packet), ""},
		{cast(NewCastTo, text, mysql.TypeVarString, packet+1), "Result of cast_as_char() was larger than max_allowed_packet (4096) - truncated"},
		{cast(NewCastTo, text, mysql.TypeVarString, types.Unspecified), ""},
		{cast(NewCast, text, mysql.TypeVarString, packet+1), ""},
		{cast(NewCastTo, binary, mysql.TypeString, packet), ""},
		{cast(NewCastTo, binary, mysql.TypeString, packet+1), "Result of cast_as_binary() was larger than max_allowed_packet (4096) - truncated"},
		{cast(NewCastTo, binary, mysql.TypeVarString, types.Unspecified), ""},
	} {
		warned := ""
		env := testEnv(nil)
		env.MaxPacket, env.Warn = packet, func(code uint16, m string) { warned += m }
		v, err := c.e.Eval(env, []types.Value{types.Str("x")})
		if err != nil || v.IsNull() != (c.warned != "") || warned != c.warned {
			t.Errorf("%s: %v, %v, %q", c.e, v.Text(), err, warned)
		}
	}
}

// TestNestedResultsStayBounded: the LENGTH(HEX(HEX(…))).
func TestNestedResultsStayBounded(t *testing.T) {
	e := mustNew(t, "repeat", NewStr("x"), NewInt(60_000_000))
	for range 12 {
		e = mustNew(t, "hex", e)
	}
	env := testEnv(nil)
	env.Warn = func(uint16, string) {}
	if v, err := mustNew(t, "length", e).Eval(env, nil); err != nil || !v.IsNull() {
		t.Errorf("%v %v", v.Text(), err)
	}
}

// TestBudget: what the functions of an expression build is counted together, however they are nested.
func TestBudget(t *testing.T) {
	e := Expr(NewStr(""))
	for range 10 {
		e = mustNew(t, "concat", mustNew(t, "left", mustNew(t, "repeat", longText, NewInt(2000)), NewInt(3)), e)
	}
	env := testEnv(nil)
	row := []types.Value{types.Str("x")}
	for bytes, want := range map[int]uint16{10 * 2000: 0, 10*2000 - 1: mysqlerr.CapacityExceeded} {
		env.Budget = &Budget{Bytes: bytes}
		if _, err := e.Eval(env, row); mysqlerr.Code(err) != want {
			t.Errorf("with %d bytes: %v", bytes, err)
		}
	}
}

// TestAggregatedDocumentsEnd: JSON_ARRAYAGG and JSON_OBJECTAGG of more than max_allowed_packet.
func TestAggregatedDocumentsEnd(t *testing.T) {
	for _, name := range []string{"json_arrayagg", "json_objectagg"} {
		args := []Expr{longText, longText}
		if name == "json_arrayagg" {
			args = args[:1]
		}
		a, err := NewAgg(name, false, args)
		if err != nil {
			t.Fatal(err)
		}
		env := testEnv(nil)
		env.MaxPacket = 4096
		state := a.NewState()
		for i := 0; ; i++ {
			row := []types.Value{types.Str(strings.Repeat("x", 1000+i))}
			if err = state.Add(env, row); err != nil || i > 10 {
				break
			}
		}
		var my *mysqlerr.Error
		if !errors.As(err, &my) || my.Code != mysqlerr.CapacityExceeded {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPatternsThatTheLibraryPanicsAt are refused, where the statement is planned and where a row brings them; patterns that
// would take for ever end.
func TestPatternsThatTheLibraryPanicsAt(t *testing.T) {
	a := strings.Repeat("a", 100)
	for _, c := range []struct {
		pattern, text string
		code          uint16
	}{
		{`\N{}`, a, 3687}, {`\1\1|`, a, 0}, {"", a, mysqlerr.RegexpIllegalArgument},
		{"(a*)*b", a, mysqlerr.RegexpTimeOut}, {"(" + strings.Repeat("(a)", 300) + ")", a, 3700}, {"(", a, 3691},
	} {
		pattern := c.pattern
		for _, name := range []string{"regexp", "regexp_like", "regexp_instr", "regexp_substr", "regexp_replace"} {
			args := []Expr{longText, &Column{Index: 1, Typ: longText.Typ, Name: "p"}}
			constant := []Expr{longText, NewStr(pattern)}
			if name == "regexp_replace" {
				args, constant = append(args, NewStr("x")), append(constant, NewStr("x"))
			}
			_, planned := New(name, constant...)
			_, err := mustNew(t, name, args...).Eval(testEnv(nil), []types.Value{types.Str(c.text), types.Str(pattern)})
			code := mysqlerr.Code(err)
			if c.code != 0 && code != c.code || c.code == 0 && code != 3687 && code != 3694 {
				t.Errorf("%s of %q: %v", name, pattern, err)
			}
			if c.code != mysqlerr.RegexpTimeOut && mysqlerr.Code(planned) != code {
				t.Errorf("%s of %q is planned: %v", name, pattern, planned)
			}
		}
	}
}
