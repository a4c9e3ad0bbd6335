package syntax

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// Texts that are as deep or long as a client can send: a statement or MySQL's error, and the process goes on.
func TestExtremeTexts(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 20)) // more would end the process
	const many = 1_000_000
	rep := strings.Repeat
	cases := []struct {
		name, text string
		code       uint16
	}{
		{"parentheses", "SELECT " + rep("(", many) + "1" + rep(")", many), mysqlerr.Parse},
		{"parentheses that are few", "SELECT " + rep("(", 2500) + "1" + rep(")", 2500), 0},
		{"open parentheses", "SELECT " + rep("(", many), mysqlerr.Parse},
		{"closed parentheses", "SELECT " + rep(")", many), mysqlerr.Parse},
		{"not", "SELECT " + rep("NOT ", many) + "1", mysqlerr.StackOverrunNeedMore},
		{"bangs", "SELECT " + rep("!", many) + "1", mysqlerr.StackOverrunNeedMore},
		{"minus", "SELECT " + rep("- ", many) + "1", mysqlerr.StackOverrunNeedMore},
		{"tildes", "SELECT " + rep("~", 150_000) + "1", 0},
		{"plus that are few", "SELECT 1" + rep("+1", 99_000), 0},
		{"plus", "SELECT 1" + rep("+1", many), mysqlerr.StackOverrunNeedMore},
		{"or", "SELECT * FROM t WHERE a=1" + rep(" or a=1", many), mysqlerr.StackOverrunNeedMore},
		{"or that are many", "SELECT * FROM t WHERE a=1" + rep(" or a=1", 45_000), 0},
		{"case", "SELECT " + rep("CASE 1 WHEN ", many), mysqlerr.StackOverrunNeedMore},
		{"unions", "SELECT 1" + rep(" UNION SELECT 1", 10_000), 0},
		{"joins", "SELECT 1 FROM t" + rep(" JOIN t", many), mysqlerr.StackOverrunNeedMore},
		{"calls", "SELECT " + rep("abs(", many), mysqlerr.Parse},
		{"nested tables", "SELECT * FROM " + rep("(SELECT * FROM ", many), mysqlerr.Parse},
		{"columns", "SELECT 1" + rep(",1", many/10), 0},
		{"values", "INSERT INTO t VALUES (1)" + rep(",(1)", many/10), 0},
		{"comments", "SELECT " + rep("/**/", many) + "1", 0},
		{"conditional comments", "SELECT " + rep("/*!*/", many) + "1", 0},
		{"hints", "SELECT 1 " + rep("/*+*/", many), 0},
		{"hints between hints", "SELECT " + rep("/*+ x */", many) + "1", 0},
		{"nested conditional comments", "SELECT " + rep("/*!", many) + "1" + rep("*/", many), mysqlerr.StackOverrunNeedMore},
		{"conditional comments that one end ends", "SELECT " + rep("/*!", many) + "1 */", 0},
		{"open conditional comments", "SELECT " + rep("/*!", many) + "1", mysqlerr.Parse},
		{"comments of later versions", "SELECT " + rep("/*!99999", many) + "1", mysqlerr.Parse},
		{"comments of later versions that end", "SELECT " + rep("/*!99999 /* */ */", many) + "1", 0},
		{"the parser's own comments", "SELECT /*T! " + rep("(", many) + "1" + rep(")", many) + "*/ 2", 0},
		{"the parser's own features", "SELECT " + rep("/*T![a,", many) + "*/ 2", 0},
		{"parentheses behind an end of no comment", "SELECT 1 */*'*/" + rep("(", many) + "1" + rep(")", many), mysqlerr.Parse},
		{"parentheses in a conditional comment", "SELECT /*!" + rep("(", many) + "1" + rep(")", many) + "*/", mysqlerr.Parse},
		{"ends of comments", "SELECT 1" + rep("*/", many), mysqlerr.StackOverrunNeedMore},
		{"versions", "SELECT " + rep("/*!50000 */", many) + "1", 0},
		{"hashes", "SELECT " + rep("#\n", many) + "1", 0},
		{"dashes", "SELECT " + rep("-- \n", many) + "1", 0},
		{"comments among strings", "SELECT " + rep("/**/", many) + "'/**/ it''s # here'", 0},
		{"adjacent strings", "SELECT " + rep("'a'", many), mysqlerr.Parse},
		{"strings with spaces", "SELECT " + rep("'a' ", 9000), 0},
		{"an open comment", "SELECT 1 /*" + rep("*", many), mysqlerr.Parse},
		{"an open string", "SELECT '" + rep("a", many), mysqlerr.Parse},
		{"an open name", "SELECT `" + rep("a", many), mysqlerr.Parse},
		{"zero bytes", "SELECT " + rep("\x00", many), mysqlerr.Parse},
		{"digits", "SELECT " + rep("9", many), 0},
		{"zeros", "SELECT " + rep("0", 20*many), 0},
		{"a length of digits", "SELECT CAST(1 AS CHAR(" + rep("9", many) + "))", 0},
		{"lengths", "SELECT CAST(1 AS CHAR(" + rep("9", 20) + "))" + rep(", CAST(1 AS CHAR("+rep("9", 20)+"))", 15), 0},
		{"numbers that are no lengths", "SELECT 1" + rep(", f("+rep("9", 20)+")", many/100), 0},
		{"fraction", "SELECT ." + rep("9", many), 0},
		{"exponent", "SELECT 1e" + rep("9", many), mysqlerr.IllegalValueForType},
		{"hexadecimal", "SELECT 0x" + rep("9", many), 0},
		{"bits", "SELECT 0b" + rep("1", many), 0},
		{"width", "SELECT CAST(1 AS CHAR(" + rep("9", 999) + "))", 0},
		{"display width", "CREATE TABLE t (a char(" + rep("9", 82) + "))", 0},
		{"decimal width", "CREATE TABLE t (a decimal(" + rep("9", 82) + "," + rep("9", 82) + "))", mysqlerr.Parse},
		{"limit", "SELECT 1 LIMIT " + rep("9", 82), mysqlerr.Parse},
		{"dots", "SELECT a" + rep(".a", 50_000), mysqlerr.Parse},
		{"semicolons", rep(";", many), mysqlerr.EmptyQuery},
		{"nothing", "", mysqlerr.EmptyQuery},
		{"white space", " \t\r\n", mysqlerr.EmptyQuery},
		{"two statements", "SELECT 1; SELECT 2", mysqlerr.Parse},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n, err := Parse(c.text, Options{})
			if mysqlerr.Code(err) != c.code {
				t.Fatalf("code %d, not %d: %.200v", mysqlerr.Code(err), c.code, err)
			}
			if err == nil {
				restore(t, n)
			}
		})
	}
}

// MySQL's words where its parser has no more room.
func TestExhausted(t *testing.T) {
	_, err := Parse("SELECT\n"+strings.Repeat("(", 10_000), Options{})
	want := fmt.Sprintf("memory exhausted near '%s' at line 2", strings.Repeat("(", 80))
	if mysqlerr.From(err).Message != want {
		t.Errorf("%v, not %s", err, want)
	}
}

// Blanking long runs of comments leaves everything else where it was.
func TestBlankedComments(t *testing.T) {
	head := strings.Repeat("/* c */", 2000)
	n, err := Parse("SELECT "+head+" /*!50000 'it''s' */ , `a/**/b` -- c\n, '# no -- comment' FROM t /* end */", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := restore(t, n), "SELECT 'it''s',`a/**/b`,'# no -- comment' FROM `t`"; got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

// Comments for versions are read as MySQL reads them, not as the parser does.
func TestConditionalComments(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1 /*! +1 */":                          "SELECT 1+1",
		"SELECT 1 /*!80036 +1 */":                     "SELECT 1+1",
		"SELECT 1 /*!080036 +1 */":                    "SELECT 1+1",
		"SELECT 1 /*!80037 +1 */":                     "SELECT 1",
		"SELECT 1 /*!99999 /* a */ +1 */":             "SELECT 1",
		"SELECT 1 /*T! +1 */":                         "SELECT 1",
		"SELECT 1 /*M! +1 */":                         "SELECT 1",
		"SELECT 1 /*! +1 /*! +1 */":                   "SELECT 1+1+1",
		"SELECT 1 /*! +1 /* +1 */ +2 */":              "SELECT 1+1+2",
		"SELECT 1 /*! +1 /*! +1 */ */":                "",
		"SELECT 1 /*!99999 +1":                        "",
		"SELECT 1 /*! +1":                             "",
		"SELECT 2*/*'*/3":                             "SELECT 2*3",
		"SELECT 2*/*'*/3 /*!*/":                       "SELECT 2*3",
		"SELECT /*! 2*/*'*/3":                         "",
		"SELECT '/*!99999 a */', `/*!99999 */` /*!*/": "SELECT '/*!99999 a */',`/*!99999 */`",
		"SELECT /*+ MAX_EXECUTION_TIME(9) */ 1 /*!*/": "SELECT /*+ MAX_EXECUTION_TIME(9)*/ 1",
	} {
		n, err := Parse(text, Options{})
		if got := ""; err == nil {
			if got = restore(t, n); got != want {
				t.Errorf("%s: %s, not %s", text, got, want)
			}
		} else if want != "" || mysqlerr.Code(err) != mysqlerr.Parse {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A text that parses can be restored, and the restored text parses to the same again.
func TestLiteralsAreRestored(t *testing.T) {
	literals := []string{
		"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
		strings.Repeat("9", 65), strings.Repeat("9", 82), "0." + strings.Repeat("1", 82), "0.5", "5.", "00012.300", "1e0", "1.5e-300",
		"1E+308", "''", "'it''s'", `'a\\b\0c\n'`, "'\xff\xfe'", "'日本'", "_latin1'x'", "_binary'x'", "_utf8mb4'x'", "N'x'", "x''", "x'00ff'",
		"0x0", "0xabc", "b''", "b'1'", "b'0000000000001'", "0b101", "_binary x'ff'", "_latin1 b'01000001'", "true", "false", "null",
		"'a' 'b'", "date'2020-01-01'", "time'10:00:00.5'", "timestamp'2020-01-01 00:00:00'", "json'1'",
	}
	for _, lit := range literals {
		n, err := Parse("SELECT "+lit, Options{})
		if err != nil {
			if lit == "json'1'" {
				continue
			}
			t.Errorf("%s: %v", lit, err)
			continue
		}
		first := restore(t, n)
		again, err := Parse(first, Options{})
		if err != nil {
			t.Errorf("%s: restored %q: %v", lit, first, err)
			continue
		}
		if second := restore(t, again); second != first {
			t.Errorf("%s: restored %q, then %q", lit, first, second)
		}
		a, b := value(n), value(again)
		if a != nil && b != nil && fmt.Sprintf("%v", a.GetValue()) != fmt.Sprintf("%v", b.GetValue()) && !strings.Contains(lit, "' '") &&
			!strings.Contains(lit, "\xff") {
			t.Errorf("%s: %v became %v", lit, a.GetValue(), b.GetValue())
		}
	}
}

func value(n ast.Node) ast.ValueExpr {
	v, _ := n.(*ast.SelectStmt).Fields.Fields[0].Expr.(ast.ValueExpr)
	return v
}

func restore(t *testing.T, n ast.Node) string {
	t.Helper()
	var b strings.Builder
	if err := n.Restore(format.NewRestoreCtx(format.RestoreStringSingleQuotes|format.RestoreStringEscapeBackslash|
		format.RestoreStringWithoutDefaultCharset|format.RestoreNameBackQuotes|format.RestoreKeyWordUppercase, &b)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Any bytes are a statement or a typed error.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT 1", "SELECT 'a' 'b', x'ff', b'01', 1.5e3, .5, 0xabc, N'x', _utf8mb4'x', 99999999999999999999", "INSERT INTO t VALUES (?, DEFAULT)",
		"CREATE TABLE t (a int(99999999999999999999999999999999999999999999999999999999999999999999999999999999999) default 1.5)",
		"SET @a = 1, @@global.x = 'y'", "WITH RECURSIVE c AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM c", "/*!50003 SELECT 1 */", "SELECT /*+ a(b) */ 1",
		"ALTER TABLE t ADD COLUMN b decimal(5,2), DROP KEY k", "GRANT ALL ON *.* TO 'u'@'%'", "SELECT WEIGHT_STRING('a' AS CHAR(3))", "\x00", "SELECT '\xff",
	} {
		f.Add(s, uint64(0))
		f.Add(s, uint64(mysql.ModeANSIQuotes|mysql.ModeNoBackslashEscapes|mysql.ModePipesAsConcat))
	}
	f.Fuzz(func(t *testing.T, text string, mode uint64) {
		o := Options{Mode: mysql.SQLMode(mode), Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"} //nolint:gosec // any mode
		n, rest, err := parse(text, o)
		if err == errPanic {
			t.Fatalf("%q makes the parser panic", text)
		}
		if err != nil {
			if e, ok := wordError(text, nil, err).(*mysqlerr.Error); !ok || e.Code == mysqlerr.UnknownError {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if err == nil && n != nil && rest == nil {
			var b strings.Builder
			_ = n.Restore(format.NewRestoreCtx(format.DefaultRestoreFlags, &b))
			if _, err := measure(text, o.Mode); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		blankComments(text, mode%2 == 0)
	})
}
