package dialect

import (
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		text string
		mode mysql.SQLMode
		want []string
	}{
		{"select 1", 0, []string{"select 1"}},
		{"select 1;", 0, []string{"select 1"}},
		{"select 1; ; -- x\n", 0, []string{"select 1"}},
		{"select 1; select 2", 0, []string{"select 1", " select 2"}},
		{"select ';', \";\", `;`; x", 0, []string{"select ';', \";\", `;`", " x"}},
		{`select 'a\';'; x`, 0, []string{`select 'a\';'`, " x"}},
		{`select 'a\'; x`, mysql.ModeNoBackslashEscapes, []string{`select 'a\'`, " x"}},
		{"select 'it''s;'; x", 0, []string{"select 'it''s;'", " x"}},
		{"select /* ; */ 1 -- ;\n; # ;\nx", 0, []string{"select /* ; */ 1 -- ;\n", " # ;\nx"}},
		{"select 1--;2; x", 0, []string{"select 1--", "2", " x"}},
		{"a; /*!40101 SET x=1 */;", 0, []string{"a", " /*!40101 SET x=1 */"}},
		{"select 'unfinished ; x", 0, []string{"select 'unfinished ; x"}},
	} {
		var got []string
		for text := tc.text; text != ""; {
			var one string
			one, text = Split(text, tc.mode)
			got = append(got, one)
		}
		if strings.Join(got, "¦") != strings.Join(tc.want, "¦") {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
	}
}

func FuzzTexts(f *testing.F) {
	f.Add("select ';' /* ; */ ; select 2 -- x")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for rest := text; rest != ""; n++ {
			var one string
			one, rest = Split(rest, 0)
			if len(one)+len(rest) > len(text) || n > len(text) {
				t.Fatal("it does not shrink")
			}
		}
		_, _ = firstWord(text)
		_ = tokens(text, 0, maxTokens)
		_, _ = Recognise(text, 0)
		_, _ = IntoVars("select "+text, 0)
	})
}
