package syntax

import (
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/driver"
)

// Literals behind introducers that the parser lacks keep their bytes, their set and their text.
func TestIntroducers(t *testing.T) {
	for _, tc := range []struct {
		text, set, content string
		mode               mysql.SQLMode
	}{
		{text: `_cp1251'abc'`, set: "cp1251", content: "abc"},
		{text: `_GBK 'it''s \n\%'`, set: "gbk", content: "it's \n\\%"},
		{text: `_gbk'a\n'`, set: "gbk", content: `a\n`, mode: mysql.ModeNoBackslashEscapes},
		{text: "_koi8r /* c */ 'a' 'b'", set: "koi8r", content: "ab"},
		{text: `_sjis 0x93FA`, set: "sjis", content: "\x93\xfa"},
		{text: `_ucs2 x'0416'`, set: "ucs2", content: "\x04\x16"},
		{text: `_ucs2 b'01000001'`, set: "ucs2", content: "A"},
		{text: `_latin1'x'`, set: "latin1", content: "x"},
	} {
		n, err := expression(tc.text, Options{Mode: tc.mode})
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		v, ok := n.(*driver.ValueExpr)
		if !ok || !v.Introduced() || v.Charset() != tc.set || v.GetString() != tc.content {
			t.Errorf("%s is %#v", tc.text, n)
		}
	}
}

// What is shown of a text is what was written; names that look like introducers are none.
func TestIntroducersAreShownAsWritten(t *testing.T) {
	const text = `SELECT _cp1251'a', _big5 0x41 , _cp1251, '_gbk''x' FROM _gbk`
	stmt, err := Parse(`SELECT _cp1251'a', _big5 0x41 , '_gbk''x'`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`_cp1251'a'`, `_big5 0x41`, `'_gbk''x'`} {
		if got := strings.TrimSpace(WrittenText(stmt.(*ast.SelectStmt).Fields.Fields[i].Text())); got != want {
			t.Errorf("field %d is shown as %s, want %s", i, got, want)
		}
	}
	_, err = Parse(text, Options{})
	if err == nil || strings.Contains(err.Error(), driver.IntroducedMark) {
		t.Errorf("%v", err)
	}
}
