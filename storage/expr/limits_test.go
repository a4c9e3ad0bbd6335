package expr

import (
	"errors"
	"strings"
	"testing"

	"cloudsql/storage/collation"
	"cloudsql/storage/limits"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// longText and longBlob are columns as the catalog has them.
var (
	longText = &Column{Index: 0, Name: "t", Typ: types.Type{ID: 251, Length: limits.TypeLength, Decimals: types.Unspecified, Collation: collation.Default}}
	longBlob = &Column{Index: 1, Name: "b", Typ: types.Type{ID: 251, Length: limits.TypeLength, Decimals: types.Unspecified, Collation: collation.Binary}}
)

func mustNew(t testing.TB, name string, args ...Expr) Expr {
	t.Helper()
	e, err := New(name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// TestResultTypesEndAtLongText: a function's result is LONGTEXT at most, however long its arguments may be, and a shard
// takes it.
func TestResultTypesEndAtLongText(t *testing.T) {
	for _, col := range []*Column{longText, longBlob} {
		two := NewInt(2)
		for _, e := range []Expr{
			mustNew(t, "concat", col, col), mustNew(t, "concat_ws", col, col, col), mustNew(t, "hex", col),
			mustNew(t, "to_base64", col), mustNew(t, "quote", col), mustNew(t, "insert", col, two, two, col),
			mustNew(t, "make_set", two, col, col, col), mustNew(t, "export_set", two, col, col, col),
			mustNew(t, "replace", col, NewStr("a"), NewStr("bb")), mustNew(t, "elt", two, col, col),
			mustNew(t, "coalesce", col, NewStr("x")), mustNew(t, "json_unquote", mustNew(t, "concat", col, col)),
			mustNew(t, "repeat", col, NewInt(1<<40)), mustNew(t, "lpad", col, NewInt(1<<40), col),
		} {
			if e.Type().Length > limits.TypeLength {
				t.Errorf("%s has length %d", e, e.Type().Length)
			}
			for nested := range 3 {
				b, err := Encode(nil, e, nil, version.Max)
				if err != nil {
					t.Fatalf("%s: %v", e, err)
				}
				if _, _, err := Decode(b); err != nil {
					t.Errorf("%s: %v", e, err)
				}
				if nested < 2 {
					e = mustNew(t, "hex", mustNew(t, "concat", e, e))
				}
			}
		}
	}
}

// TestEncoderKeepsDecodersLimits: what is too much for a decoder is the statement's error.
func TestEncoderKeepsDecodersLimits(t *testing.T) {
	many := []Expr{longText}
	for len(many) < limits.ExprNodes {
		many = append(many, NewInt(int64(len(many))))
	}
	sum := mustNew(t, "coalesce", many...)
	deep := Expr(longText)
	for range limits.ExprDepth {
		deep = mustNew(t, "reverse", deep)
	}
	bad := &Const{Val: types.String([]byte{0xff}), Typ: types.TypeString}
	for _, c := range []struct {
		name string
		e    Expr
		code uint16
	}{
		{"nodes", sum, 1235},
		{"depth", mustNew(t, "reverse", deep), 1436},
		{"less depth", deep, 0},
		{"broken UTF-8", mustNew(t, "concat", longText, bad), 1300},
	} {
		b, err := Encode(nil, c.e, nil, version.Max)
		var my *mysqlerr.Error
		if errors.As(err, &my); c.code == 0 && err != nil || c.code != 0 && (my == nil || my.Code != c.code) {
			t.Errorf("%s: %v", c.name, err)
		}
		if fits := c.code == 0 || c.code == 1300; Fits(c.e) != fits {
			t.Errorf("%s: fits is %v", c.name, !fits)
		}
		if err != nil {
			continue
		}
		if _, _, err := Decode(b); err != nil {
			t.Errorf("%s: decoding: %v", c.name, err)
		}
	}
}

// TestUnknownIsToldFromCorrupt: what a later version may have written is told apart from what nobody did.
func TestUnknownIsToldFromCorrupt(t *testing.T) {
	b, err := Encode(nil, mustNew(t, "hex", longText), nil, version.Max)
	if err != nil {
		t.Fatal(err)
	}
	unknown := func(b []byte) bool {
		_, _, err := Decode(b)
		return errors.Is(err, wire.ErrUnknown)
	}
	if later := append([]byte{codecVersion + 1}, b[1:]...); !unknown(later) {
		t.Error("a later format version is taken for damage")
	}
	if other := []byte(strings.Replace(string(b), "hex", "hez", 1)); !unknown(other) {
		t.Error("a function of a later version is taken for damage")
	}
	for n := range b {
		if unknown(b[:n]) {
			t.Errorf("the first %d bytes are taken for a later version's", n)
		}
	}
}
