package expr

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitess.io/vitess/go/mysql/collations"
	"vitess.io/vitess/go/sqltypes"
	"vitess.io/vitess/go/vt/sqlparser"
	"vitess.io/vitess/go/vt/vtenv"
	"vitess.io/vitess/go/vt/vtgate/evalengine"
)

// TestOracle evaluates every scripted expression without columns with Vitess's evalengine too. Where both give a value,
// the values agree, but for the known differences listed here with the reason.
func TestOracle(t *testing.T) {
	o := newOracle(t)
	files, _ := filepath.Glob("testdata/*")
	agreed := 0
	for _, f := range files {
		for _, c := range scripted(t, f) {
			got, ok := o.eval(c.expr)
			if !ok || strings.HasPrefix(c.want, "error") || strings.HasPrefix(c.want, "parse") {
				continue
			}
			if !sameResult(got, c.want) && knownDifferences[c.expr] == "" {
				t.Errorf("%s: %s, oracle %s", c.expr, c.want, got)
				continue
			}
			agreed++
		}
	}
	t.Logf("%d expressions agree", agreed)
	if agreed < 300 {
		t.Errorf("only %d expressions were compared", agreed)
	}
}

// knownDifferences are where MySQL's behaviour is another than the oracle's.
var knownDifferences = map[string]string{
	`cast(2.5e0 as signed)`: "MySQL rounds doubles to even",
	`round(25e-1)`:          "MySQL rounds doubles to even",
	`round('2.5')`:          "MySQL rounds doubles to even",
	`cast('18446744073709551616' as unsigned)`:               "clipped to the unsigned range",
	`convert('日' using latin1)`:                              "what does not convert is ?",
	`convert('é' using ascii)`:                               "what does not convert is ?",
	`inet_aton('127.1')`:                                     "short forms are addresses",
	`inet_aton('1.2.3')`:                                     "short forms are addresses",
	`cast('3-3-3' as date)`:                                  "a year of one digit is one of the first century",
	`cast('3.3.3' as date)`:                                  "digits and points are read as digits alone",
	`date_format(0,'%Y-%m')`:                                 "the number 0 is the date 0",
	`last_day(20241000)`:                                     "zero days are good here",
	`last_day('2024-00-10')`:                                 "month 0 has no days",
	`json_unquote('"\\t\\u0032"')`:                           "how the oracle's text is shown",
	`from_base64('YW Jj')`:                                   "spaces are skipped",
	`json_extract('"\\u00e9"','$')`:                          "MySQL's normal form has the character",
	`pi()`:                                                   "shown with six digits",
	`trim(leading 'x' from 'xxxbarxxx')`:                     "the oracle removes once",
	`trim(both 'x' from 'xxxbarxxx')`:                        "the oracle removes once",
	`trim('x' from 'xxbarxx')`:                               "the oracle removes once",
	`repeat('x',100000000)`:                                  "beyond max_allowed_packet",
	`bin('')`:                                                "CONV of nothing is NULL",
	`unhex('abc')`:                                           "how the oracle's text is shown",
	`'a%c' like 'a|%c' escape '|'`:                           "the oracle has no ESCAPE",
	`month('2024-00-10')`:                                    "zero months are good here",
	`dayofmonth('2024-01-00')`:                               "zero days are good here",
	`monthname('2024-00-03')`:                                "there is no name of month 0",
	`last_day('2024-02-00')`:                                 "zero days are good here",
	`date_add('9999-12-31', interval 1 day)`:                 "1441 and NULL beyond 9999",
	`date_format('2006-06-00','%d')`:                         "zero days are good here",
	`date_format('2024-01-01','')`:                           "an empty format makes NULL",
	`unix_timestamp('x')`:                                    "a number of digits only",
	`hour('2024-01-01 25:00:00')`:                            "no time",
	`date('2024.1.5')`:                                       "any punctuation parts a date",
	`date('2024-01-15T10:00:00Z')`:                           "trailing text is cut off",
	`0xffffffffffffffffff+0`:                                 "a number of the last eight bytes",
	`if(1,x'41',5)+0`:                                        "IF passes on what it is wanted as",
	`case when 1 then x'41' else 3 end+0`:                    "CASE passes on what it is wanted as",
	`cast('true' as json) = if(1,true,false)`:                "IF gives a number",
	`regexp_replace('abc def ghi','([a-z])([a-z]+)','$2$1')`: "the oracle mixes up groups",
}

type scriptCase struct{ expr, want string }

func scripted(t *testing.T, file string) (cases []scriptCase) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(b), "\n\n") {
		head, rest, _ := strings.Cut(block, "\n")
		_, out, ok := strings.Cut(rest, "----\n")
		if head != "eval" || !ok {
			continue
		}
		for _, line := range strings.Split(out, "\n") {
			if e, want, ok := strings.Cut(line, " => "); ok {
				cases = append(cases, scriptCase{e, want})
			}
		}
	}
	return cases
}

type oracle struct {
	venv *vtenv.Environment
	env  *evalengine.ExpressionEnv
}

func newOracle(t *testing.T) *oracle {
	venv := vtenv.NewTestEnv()
	env := evalengine.EmptyExpressionEnv(venv)
	env.SetTime(time.Date(2024, 7, 10, 13, 14, 15, 123456000, time.UTC))
	return &oracle{venv: venv, env: env}
}

// volatile are names whose value is the session's or chance.
var volatile = regexp.MustCompile(`(?i)\b(uuid|rand|user|current_user|session_user|database|schema|version|connection_id|last_insert_id|sysdate|found_rows|row_count|sleep|benchmark|name_const|@)\b|@|_binary|weight_string`)

func (o *oracle) eval(sql string) (s string, ok bool) {
	if volatile.MatchString(sql) {
		return "", false
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	stmt, err := o.venv.Parser().Parse("select " + sql)
	if err != nil {
		return "", false
	}
	e := stmt.(*sqlparser.Select).SelectExprs.Exprs[0].(*sqlparser.AliasedExpr).Expr
	tr, err := evalengine.Translate(e, &evalengine.Config{Collation: collations.ID(255), Environment: o.venv, NoCompilation: true, NoConstantFolding: true})
	if err != nil {
		return "", false
	}
	r, err := o.env.Evaluate(tr)
	if err != nil {
		return "", false
	}
	v := r.Value(collations.ID(255))
	return oracleText(v), true
}

func oracleText(v sqltypes.Value) string {
	if v.IsNull() {
		return "NULL"
	}
	b := v.Raw()
	if (v.IsBinary() || v.Type() == sqltypes.Bit) && !printableText(b) {
		return "0x" + hexText(b)
	}
	return strings.ReplaceAll(string(b), "\n", `\n`)
}
