package syntax

import (
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// Words for character sets behind a type become CHARACTER SET, where a type may stand; names of columns stay as they were written.
func TestTypesAreRespelled(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE TABLE t (a CHAR(5) ASCII, b TEXT BINARY UNICODE)":                    "CREATE TABLE t (a CHAR(5) CHARACTER SET latin1, b TEXT CHARACTER SET ucs2 BINARY)",
		"CREATE TABLE t (a VARCHAR(5) BYTE NOT NULL)":                                "CREATE TABLE t (a VARCHAR(5) CHARACTER SET binary NOT NULL)",
		"CREATE TABLE t (a NCHAR VARYING(3), b NATIONAL CHAR)":                       "CREATE TABLE t (a VARCHAR(3) CHARACTER SET utf8mb3, b CHAR CHARACTER SET utf8mb3)",
		"CREATE TABLE t (a ENUM('(', ')') UNICODE BINARY, b SET('x'))":               "CREATE TABLE t (a ENUM('(', ')') CHARACTER SET ucs2 BINARY, b SET('x'))",
		"CREATE TABLE t (ascii INT, a CHAR(5) CHARACTER SET ascii)":                  "",
		"CREATE TABLE t (a LONG VARCHAR ASCII, b LONG BYTE, byte INT)":               "CREATE TABLE t (a LONG VARCHAR CHARACTER SET latin1, b LONG CHARACTER SET binary, byte INT)",
		"ALTER TABLE t MODIFY a CHAR BYTE FIRST, ADD COLUMN unicode INT":             "ALTER TABLE t MODIFY a CHAR CHARACTER SET binary FIRST, ADD COLUMN unicode INT",
		"SELECT CHAR(65) ascii, x byte FROM t":                                       "",
		"SELECT CAST(a AS CHAR(2) ASCII), CONVERT(a, CHAR UNICODE)":                  "SELECT CAST(a AS CHAR(2) CHARACTER SET latin1), CONVERT(a, CHAR CHARACTER SET ucs2)",
		"SELECT CAST(a AS CHAR BINARY) FROM t":                                       "SELECT `binary cast #`(CAST(a AS CHAR )) FROM t",
		"SELECT CAST(CAST(a AS CHAR ASCII BINARY) AS CHAR(3) CHARSET latin2 BINARY)": "SELECT `binary cast #`(CAST(`binary cast #`(CAST(a AS CHAR  CHARACTER SET latin1)) AS CHAR(3)  CHARACTER SET latin2))",
		"SELECT CAST(a AS BINARY(3)), CAST(a AS CHAR)":                               "",
	} {
		got, ok := respellTypes(text, 0)
		if ok && writtenTypes(got) != text {
			t.Errorf("%s: written %s", text, writtenTypes(got))
		}
		plain := got
		for _, mark := range []string{respelledEnd, "/*;*/"} {
			plain = strings.ReplaceAll(plain, mark, "")
		}
		for strings.Contains(plain, respelled) {
			from := strings.Index(plain, respelled)
			plain = plain[:from] + plain[from+strings.Index(plain[from:], "*/")+2:]
		}
		if plain = squeeze(plain); ok != (want != "") || ok && plain != squeeze(want) {
			t.Errorf("%s: %s (%v)", text, plain, ok)
		}
	}
}

func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, ")", " )")), " ")
}

// A CAST with BINARY knows its character set.
func TestCastsToBinaryCollations(t *testing.T) {
	n, err := Parse("SELECT CAST('a' AS CHAR(2) ASCII BINARY), CONVERT('a', CHAR BINARY)", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"latin1", ""} {
		field := n.(*ast.SelectStmt).Fields.Fields[i]
		cast, ok := field.Expr.(*ast.FuncCastExpr)
		if !ok || !mysql.HasBinaryFlag(cast.Tp.GetFlag()) || cast.ExplicitCharSet != (want != "") || want != "" && cast.Tp.GetCharset() != want {
			t.Errorf("%d: %T %+v", i, field.Expr, cast)
		}
		if text := []string{"CAST('a' AS CHAR(2) ASCII BINARY)", "CONVERT('a', CHAR BINARY)"}[i]; strings.TrimSpace(WrittenText(field.Text())) != text {
			t.Errorf("%s", WrittenText(field.Text()))
		}
	}
}

// What MySQL says of such words, in its order.
func TestDeprecatedTypes(t *testing.T) {
	const binary = "'BINARY as attribute of a type' is deprecated and will be removed in a future release. Please use a CHARACTER SET clause with _bin collation instead"
	ascii := "'ASCII' is deprecated and will be removed in a future release. Please use CHARACTER SET charset_name instead"
	for text, want := range map[string][]string{
		"CREATE TABLE t (a CHAR(5) ASCII BINARY)":                        {ascii, binary},
		"CREATE TABLE t (a CHAR(5) BINARY ASCII, ascii INT)":             {binary, ascii},
		"CREATE TABLE t (a CHAR(5) BINARY CHARACTER SET latin1)":         {binary},
		"CREATE TABLE t (a CHAR(5) CHARACTER SET latin1 BINARY NULL)":    {binary},
		"CREATE TABLE t (a BINARY(5), b CHAR(5) BYTE, c VARBINARY(3))":   nil,
		"ALTER TABLE t ADD a TEXT BINARY, CONVERT TO CHARACTER SET big5": {binary},
	} {
		var got []string
		for _, e := range DeprecatedCharsets(text, 0) {
			got = append(got, e.Message)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// Queries name character sets in fewer places, and columns of such names in many.
func TestDeprecatedInRows(t *testing.T) {
	for text, want := range map[string]int{
		"SELECT _utf8'a', _utf8mb3 x'41', _latin1'a', N'b', n'c'":                                             4,
		"SELECT CONVERT(a USING utf8), CAST(a AS CHAR CHARACTER SET utf8mb3), CAST(a AS CHAR CHARSET utf8)":   3,
		"SELECT a COLLATE utf8_bin, CAST(b AS NCHAR(3)) FROM t JOIN u USING (utf8) WHERE charset = 'utf8mb3'": 2,
		"SELECT names, 'utf8', utf8, \"utf8mb3\" FROM `utf8` WHERE BINARY a = 'x'":                            0,
		"INSERT INTO t VALUES ('utf8', 'N''a')":                                                               0,
	} {
		var got []string
		for _, e := range DeprecatedInRows(text, 0) {
			got = append(got, e.Message)
		}
		if len(got) != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
