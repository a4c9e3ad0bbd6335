package expr

import (
	"testing"

	"cloudsql/storage/types"
)

// FuzzXML: no document and no path makes a panic, and what UpdateXML leaves alone stays as it was.
func FuzzXML(f *testing.F) {
	f.Add("<a b='1'>x<c/>y</a>", "/a/c[last()]|//@b")
	f.Add("<a><![CDATA[<]]><!-- --></a>", "count(//*[. = 'x']) div -2")
	f.Add("<a", "ancestor-or-self::node()[position() < 2]/..")
	f.Fuzz(func(t *testing.T, doc, path string) {
		for _, call := range []struct {
			name string
			args []Expr
		}{
			{"extractvalue", []Expr{NewStr(doc), NewStr(path)}},
			{"updatexml", []Expr{NewStr(doc), NewStr(path), NewStr("")}},
		} {
			e, err := New(call.name, call.args...)
			if err != nil {
				t.Fatal(err)
			}
			v, err := e.Eval(&Env{Mode: *types.DefaultMode()}, nil)
			if err == nil && call.name == "updatexml" && !v.IsNull() && len(v.Raw()) > len(doc) {
				t.Fatalf("%q without a part is %q", doc, v.Raw())
			}
		}
	})
}
