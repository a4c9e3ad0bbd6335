package canonical

import (
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/driver"
	"cloudsql/planner/syntax"
)

// canonical are expressions and what MySQL 8.0 makes of them.
var canonical = [][2]string{
	{"a+1", "(`a` + 1)"},
	{"t.a + db.t.b * 2", "(`a` + (`b` * 2))"},
	{"((a))", "`a`"},
	{"a and (b and c) and d", "(`a` and (`b` and `c`) and `d`)"},
	{"a or b or c && d", "(`a` or `b` or (`c` and `d`))"},
	{"not a > 1", "(`a` <= 1)"},
	{"not (a and b = 2)", "((0 = `a`) or (`b` <> 2))"},
	{"not a", "(0 = `a`)"},
	{"not not a", "(0 <> `a`)"},
	{"!(a like 'x')", "(not((`a` like _utf8mb4'x')))"},
	{"a not like 'x!%' escape '!'", "(not((`a` like _utf8mb4'x!%' escape '!')))"},
	{"a not in (1, 2)", "(`a` not in (1,2))"},
	{"not a in (1, 2)", "(`a` not in (1,2))"},
	{"not a between 1 and 2", "(`a` not between 1 and 2)"},
	{"a is not null", "(`a` is not null)"},
	{"not a is null", "(`a` is not null)"},
	{"a is not true", "(`a` is not true)"},
	{"a rlike '^x' and b not regexp 'y'", "(regexp_like(`a`,_utf8mb4'^x') and (not(regexp_like(`b`,_utf8mb4'y'))))"},
	{"a != 1", "(`a` <> 1)"},
	{"a <=> null", "(`a` <=> NULL)"},
	{"a div 2 mod 3 % 4", "(((`a` DIV 2) % 3) % 4)"},
	{"-a + +b - -1", "((-(`a`) + `b`) - -(1))"},
	{"~a ^ b << 2 | 3 & 4", "(((~(`a`) ^ `b`) << 2) | (3 & 4))"},
	{"a xor b", "(`a` xor `b`)"},
	{"case when a then 1 else 2 end", "(case when `a` then 1 else 2 end)"},
	{"case a when 1 then 'x' end", "(case `a` when 1 then _utf8mb4'x' end)"},
	{"doc->>'$.a'", "json_unquote(json_extract(`doc`,_utf8mb4'$.a'))"},
	{"cast(a as char(10))", "cast(`a` as char(10) charset utf8mb4)"},
	{"cast(a as decimal(10,2))", "cast(`a` as decimal(10,2))"},
	{"cast(a as unsigned) + cast(b as signed)", "(cast(`a` as unsigned) + cast(`b` as signed))"},
	{"cast(a as datetime(3))", "cast(`a` as datetime(3))"},
	{"binary a", "cast(`a` as char charset binary)"},
	{"convert(a using latin1)", "convert(`a` using latin1)"},
	{"a collate utf8mb4_bin", "(`a` collate utf8mb4_bin)"},
	{"date_add(d, interval 1 day) - interval 2 month", "((`d` + interval 1 day) - interval 2 month)"},
	{"timestampadd(hour, 2, d)", "(`d` + interval 2 hour)"},
	{"timestampdiff(day, d, e)", "timestampdiff(DAY,`d`,`e`)"},
	{"extract(year_month from d)", "extract(year_month from `d`)"},
	{"substring(a, 1, 2) = mid(b from 2)", "(substr(`a`,1,2) = substr(`b`,2))"},
	{"trim(a) = trim(both 'x' from b)", "(trim(`a`) = trim(both _utf8mb4'x' from `b`))"},
	{"trim(leading from a)", "trim(leading _utf8mb4' ' from `a`)"},
	{"trim('x' from a)", "trim(_utf8mb4'x' from `a`)"},
	{"position('a' in b)", "locate(_utf8mb4'a',`b`)"},
	{"char(65, 66 using latin1)", "char(65,66 using latin1)"},
	{"DAY(d) + ucase(a) + character_length(b) + ceil(c) + power(2, 3)", "((((dayofmonth(`d`) + upper(`a`)) + char_length(`b`)) + ceiling(`c`)) + pow(2,3))"},
	{"current_timestamp(3)", "now(3)"},
	{"date '2020-01-01' < timestamp'2020-01-01 10:00:00'", "(DATE'2020-01-01' < TIMESTAMP'2020-01-01 10:00:00')"},
	{"x'4142' = b'101' and a = x''", "((0x4142 = 0x05) and (`a` = x''))"},
	{"'it''s \\\\ \\n'", "_utf8mb4'it\\'s \\\\ \\n'"},
	{"_latin1'x'", "_latin1'x'"},
	{"1.50 + 1e3 + .5", "((1.50 + 1e+03) + 0.5)"},
	{"true or false", "(true or false)"},
	{"(a, b) = (1, 2)", "(row(`a`,`b`) = row(1,2))"},
	{"1 member of (j)", "1 member of (`j`)"},
	{"not json_valid(a) or not abs(a)", "((not(json_valid(`a`))) or (0 = abs(`a`)))"},
	{"if(a, b, 3)", "if(`a`,`b`,3)"},
	{"`we``ird`", "`we``ird`"},
}

// TestText: the text is MySQL's, and read again it is the same.
func TestText(t *testing.T) {
	for _, c := range canonical {
		n, err := syntax.Expr(c[0])
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		got := Text(n)
		if got != c[1] {
			t.Errorf("%s\n is %s\nnot %s", c[0], got, c[1])
		}
		again, err := syntax.Expr(got)
		if err != nil || Text(again) != got {
			t.Errorf("%s read again: %v", got, err)
		}
	}
}

// FuzzText: whatever expression the parser reads, its text is read again as the same.
func FuzzText(f *testing.F) {
	for _, c := range canonical {
		f.Add(c[0])
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := syntax.Expr(text)
		if err != nil {
			return
		}
		got := Text(n)
		again, err := syntax.Expr(got)
		if err != nil {
			t.Skip() // what definitions refuse (subqueries, variables) may be printed in another syntax
		}
		if twice := Text(again); twice != got {
			t.Errorf("%q is %q, then %q", text, got, twice)
		}
	})
}

// TestJSONValueIsPrintedAsItWasWritten: the clauses of JSON_VALUE are read, kept in names of columns, and printed so that they are read again.
func TestJSONValueIsPrintedAsItWasWritten(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"json_value(j, '$.a')", "json_value(`j`,_utf8mb4'$.a' returning char(512))"},
		{"JSON_VALUE(j, '$.a' returning signed)", "json_value(`j`,_utf8mb4'$.a' returning signed)"},
		{"JSON_VALUE(j, '$' returning char(3) charset latin1 null on empty)", "json_value(`j`,_utf8mb4'$' returning char(3) charset latin1 null on empty)"},
		{"Json_Value(concat('(,', j), '$' '.a' default -1.5 on empty error on error)",
			"json_value(concat(_utf8mb4'(,',`j`),_utf8mb4'$.a' returning char(512) default -1.5 on empty error on error)"},
		{"1 + json_value(json_value(j, '$' returning json), '$' returning decimal(5, 2) default 'it''s' on error)",
			"(1 + json_value(json_value(`j`,_utf8mb4'$' returning json),_utf8mb4'$' returning decimal(5,2) default _utf8mb4'it\\'s' on error))"},
	} {
		n, err := syntax.Parse("SELECT "+c.text, syntax.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		field := n.(*ast.SelectStmt).Fields.Fields[0]
		if got := syntax.WrittenText(field.Text()); got != c.text {
			t.Errorf("%s: the text became %s", c.text, got)
		}
		printed := Text(field.Expr)
		if printed != c.want {
			t.Errorf("%s: printed as %s", c.text, printed)
		}
		if again, err := syntax.Expr(printed); err != nil || Text(again) != printed {
			t.Errorf("%s: %v", printed, err)
		}
	}
}

// TestIntroducedLiterals: literals of a character set mean the same when they are read again.
func TestIntroducedLiterals(t *testing.T) {
	for _, tc := range []struct {
		text string
		mode mysql.SQLMode
	}{
		{text: `_cp1251'abc'`}, {text: `_GBK 'it''s \n\%'`}, {text: `_gbk'a\n'`, mode: mysql.ModeNoBackslashEscapes}, {text: "_koi8r /* c */ 'a' 'b'"},
		{text: `_sjis 0x93FA`}, {text: `_ucs2 x'0416'`}, {text: `_ucs2 b'01000001'`}, {text: `_latin1'x'`},
	} {
		n, err := syntax.Parse("SELECT "+tc.text, syntax.Options{Mode: tc.mode})
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		v := n.(*ast.SelectStmt).Fields.Fields[0].Expr.(*driver.ValueExpr)
		again, err := syntax.Expr(Text(v))
		if err != nil {
			t.Errorf("%s is printed as %s: %v", tc.text, Text(v), err)
			continue
		}
		if w := again.(*driver.ValueExpr); w.GetString() != v.GetString() || w.Charset() != v.Charset() {
			t.Errorf("%s is printed as %s, which is %q of %s", tc.text, Text(v), w.GetString(), w.Charset())
		}
	}
}
