package dialect

import (
	"strconv"
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

// The body of a stored program is no second statement: programs are what is refused, not their semicolons.
func TestSecondStatement(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"select 1; select 2", "1064"},
		{"create table t (a int); select 2", "1064"},
		{"create procedure p() begin select 1; select 2; end", "1235"},
		{"CREATE DEFINER=`a`@`%` PROCEDURE p(IN x INT)\nBEGIN\n SET @a = ';'; END", "1235"},
		{"create function f() returns int begin return 1; end", "1235"},
		{"create trigger g before insert on t for each row begin set new.a = 1; end", "1235"},
		{"create event e on schedule every 1 day do begin select 1; end", "1235"},
	} {
		_, rest := Split(tc.text, 0)
		if rest == "" {
			t.Fatalf("%q is one statement", tc.text)
		}
		if err := SecondStatement(tc.text, rest, 0); strconv.Itoa(int(err.Code)) != tc.want {
			t.Errorf("%q: %v, not %s", tc.text, err, tc.want)
		}
	}
}
