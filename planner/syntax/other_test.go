package syntax

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
)

// TestTakeDefaults: expressions behind DEFAULT leave the text, and nothing else does.
func TestTakeDefaults(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"create table t (a int default (1+1))", []string{"(1+1)"}},
		{"CREATE TABLE t (a json DEFAULT ('[\")]'), b int not null default /* x ( */ (f(a, ')')))", []string{"('[\")]')", "(f(a, ')'))"}},
		{"/* c */ alter table t alter a set default (concat('a\\')', \"(\")), add b date default DATE '2020-01-01'",
			[]string{"(concat('a\\')', \"(\"))", "DATE '2020-01-01'"}},
		{"create table t (a int /*!80000 default (1) */)", []string{"(1)"}},
		{"create table t (a int comment 'default (1)', `default (x` int, b int default 5)", nil},
		{"create table t (a int check (default(a) > 1))", nil},
		{"create table t (a int) select default(b), c as d from u", nil},
		{"select default(a) from t", nil},
		{"alter table t add check (1 and default(a))", nil},
		{"create table t (a int default (1", nil},
		{"call f(default (1))", nil},
	} {
		text, err := plain(c.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		without, list, ok := takeDefaults(text, 0)
		if strings.Join(list, "|") != strings.Join(c.want, "|") || ok != (len(c.want) > 0) {
			t.Errorf("%s: %q", c.text, list)
		}
		if !ok && without != text {
			t.Errorf("%s: became %s", c.text, without)
		}
		if _, err := Parse(c.text, Options{}); ok && err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestDefaultsKeepTheirText: what the tree says of its text is what was given, and an error in an expression names the place.
func TestDefaultsKeepTheirText(t *testing.T) {
	const text = "create table t (a int default (1 + 1), b text default ('x'))"
	n, err := Parse(text, Options{})
	if err != nil || n.Text() != text {
		t.Fatalf("%v, %q", err, n.Text())
	}
	for _, c := range n.(*ast.CreateTableStmt).Cols {
		if _, ok := c.Options[0].Expr.(*ast.ParenthesesExpr); !ok {
			t.Errorf("%s: %T", c.Name, c.Options[0].Expr)
		}
	}
	if _, err := Parse("create table t (a int default (1 +))", Options{}); mysqlerr.Code(err) != mysqlerr.Parse || !strings.Contains(err.Error(), "near ')'") {
		t.Error(err)
	}
}

// TestDerivedColumns: names behind a derived table are read, also where tables are nested, and no table becomes LATERAL by it.
func TestDerivedColumns(t *testing.T) {
	for text, want := range map[string]int{
		"select * from (select 1) as dt (a)":                                                                        0,
		"select * from (select 1, 2) dt(a, `b`) join (select 3) x on 1":                                             0,
		"select * from (select * from (select 1) i (k), (values row(2)) j (l)) o (m, n)":                            0,
		"select (select a from (with c as (select 1) select * from c) as d (a)), ')' from t":                        0,
		"select * from (select 1) as dt (a":                                                                         mysqlerr.Parse,
		"select * from (select 1) as dt (1)":                                                                        mysqlerr.Parse,
		"select * from json_table('[]', '$' columns (a int path '$')) as j":                                         0,
		"select * from (json_table(concat('[', ?, ']'), '$' columns (a int path '$.a' default '1' on empty)) j, t)": 0,
		"select * from json_table('[]', '$' columns (a int path '$'))":                                              mysqlerr.TFMustHaveAlias,
		"select json_table from t where":                                                                            mysqlerr.Parse,
		"select 'from (select 1) as dt (a)' from":                                                                   mysqlerr.Parse,
	} {
		n, err := Parse(text, Options{})
		if int(mysqlerr.Code(err)) != want {
			t.Errorf("%s: %v", text, err)
		}
		if err == nil {
			if n.Text() != text {
				t.Errorf("%s: text %s", text, n.Text())
			}
			n.Accept(noLateral{t, text})
		}
	}
}

type noLateral struct {
	t    *testing.T
	text string
}

func (v noLateral) Enter(n ast.Node) (ast.Node, bool) {
	if s, ok := n.(*ast.TableSource); ok && s.Lateral {
		v.t.Errorf("%s: LATERAL", v.text)
	}
	return n, false
}

func (v noLateral) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// TestOtherTextsAreTaken: whatever pieces follow each other, nothing panics.
func TestOtherTextsAreTaken(t *testing.T) {
	pieces := []string{"create table t (", "alter table t add ", "select ", "from ", "default ", "(", ")", "'a", "'", "`", "\"", "/*", "*/", "/*!80000 ", "#", "\n",
		"--", " ", "a", "int ", ",", "as ", "date ", "json_table", "lateral ", "(select 1) dt (a)", "\\", "\xff"}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b strings.Builder
		for range rng.IntN(20) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		if n, err := Parse(b.String(), Options{}); err == nil && n == nil {
			t.Fatalf("%q: neither a statement nor an error", b.String())
		}
	}
}

// TestSeveralLocks: locking clauses behind the first one lock the tables that they name.
func TestSeveralLocks(t *testing.T) {
	n, err := Parse("select 1 from t a, u b, v for update of a nowait for share of b, v skip locked /* end */", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range n.(*ast.SelectStmt).LockInfo.Tables {
		update, noWait, skip, later := LockOf(name)
		got = append(got, fmt.Sprint(name.Name.O, update, noWait, skip, later))
	}
	want := "afalsefalsefalsefalse bfalsefalsetruetrue vfalsefalsetruetrue"
	if s := strings.ReplaceAll(strings.Join(got, "|"), " ", ""); s != strings.ReplaceAll(want, " ", "|") {
		t.Error(s)
	}
	if _, err := Parse("select 1 from t for update for share", Options{}); mysqlerr.Code(err) != mysqlerr.Parse {
		t.Error(err)
	}
}

// TestJSONValuesThatAreNone: what stands in JSON_VALUE's clauses is a literal or a type, once.
func TestJSONValuesThatAreNone(t *testing.T) {
	for _, text := range []string{"json_value(j, '$' default null on empty)", "json_value(j, '$' returning signed array)", "json_value(j, '$' returning)",
		"json_value(j, '$' null on error null on empty)", "json_value(j, '$' default a on empty)", "json_value(j, a returning signed)", "json_value(j, '$' error on"} {
		if _, err := Parse("SELECT "+text, Options{}); mysqlerr.Code(err) != mysqlerr.Parse {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestBraces: a table in braces has OJ before it, and nothing else.
func TestBraces(t *testing.T) {
	for text, refused := range map[string]bool{
		"SELECT * FROM {OJ a LEFT JOIN b ON a.x = b.x}":                    false,
		"SELECT * FROM c, ({oj a LEFT JOIN {oj b JOIN d} ON a.x = b.x})":   false,
		"SELECT {d '2020-01-01'}, {x 1} FROM t WHERE a = {t '10:00:00'}":   false,
		"SELECT EXTRACT(YEAR FROM {d '2020-01-01'}), TRIM(a FROM {x 'a'})": false,
		"SELECT * FROM t JOIN u ON t.a = {d '2020-01-01'}, v":              false,
		"INSERT INTO t VALUES ('{'), ('from {x'), ({d '2020-01-01'})":      false,
		"SELECT * FROM {x t}":             true,
		"SELECT * FROM t, {x u}":          true,
		"SELECT * FROM t JOIN ({left u})": true,
	} {
		if err := checkBraces(text, 0); (err != nil) != refused {
			t.Errorf("%s: %v", text, err)
		}
	}
}
