package types

import (
	"bytes"
	"testing"
)

// FuzzNormalJSON: what is normalised while it is read is what its nodes are written as, with the same errors.
func FuzzNormalJSON(f *testing.F) {
	for _, s := range []string{`[1, 2.50, 1e3, -0, "a\u00e9\n", null, true]`, `{"b": 1, "a": {"x": [], "x": {}}, "aa": 3, "b": [2]}`,
		`{"a":1,"a":2,"a":3}`, ` [ ] `, `{}`, `[1,]`, `{"a" 1}`, `{"a":1]`, `{a:1}`, `"x`, `[1] 2`, ``, `{"":{"":{}}}`, `{"b":"\"","a":"\\"}`, "[\"\xff\"]"} {
		f.Add([]byte(s))
	}
	f.Add(bytes.Repeat([]byte("["), 200))
	f.Add(bytes.Repeat([]byte(`{"a":`), 200))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := normalJSON(bytes.Clone(text))
		node, wantErr := parseJSON(text)
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%q: %v, not %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		if want := node.append(nil); !bytes.Equal(got, want) {
			t.Fatalf("%q: %s, not %s", text, got, want)
		}
		if again, err := normalJSON(got); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q: %s is not normal: %s, %v", text, got, again, err)
		}
	})
}
