package dialect

import (
	"slices"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// TestIntoVars: the variables of SELECT … INTO, and the statement without them.
func TestIntoVars(t *testing.T) {
	for _, tc := range []struct {
		text  string
		mode  mysql.SQLMode
		names []string
		rest  string
	}{
		{"SELECT 1, 2 INTO @a, @b", 0, []string{"a", "b"}, "SELECT 1, 2  "},
		{"SELECT v INTO @a.b$c_1 FROM t", 0, []string{"a.b$c_1"}, "SELECT v   FROM t"},
		{"SELECT 1 INTO @`x``y`,@'z', @\"w\" LIMIT 1", 0, []string{"x`y", "z", "w"}, "SELECT 1   LIMIT 1"},
		{"SELECT 1 INTO /* here */ @a -- and\n , @b", 0, []string{"a", "b"}, "SELECT 1  "},
		{"SELECT 1 INTO @'a\\'b'", 0, []string{`a\'b`}, "SELECT 1  "},
		{"SELECT 1 INTO @'a\\', @b", mysql.ModeNoBackslashEscapes, []string{`a\`, "b"}, "SELECT 1  "},
		{"SELECT 1 INTO @ a", 0, nil, ""},
		{"SELECT 1 INTO @a, b", 0, nil, ""},
		{"SELECT 1 INTO @`a", 0, nil, ""},
		{"SELECT 'into @a'", 0, nil, ""},
		{"SELECT (SELECT 1 INTO @a)", 0, nil, ""},
		{"INSERT INTO t SELECT @a", 0, nil, ""},
	} {
		if names, rest := IntoVars(tc.text, tc.mode); !slices.Equal(names, tc.names) || rest != tc.rest {
			t.Errorf("%s: %q, %q", tc.text, names, rest)
		}
	}
}
