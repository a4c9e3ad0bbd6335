package differential

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitess.io/vitess/go/mysql/collations"
	"vitess.io/vitess/go/sqltypes"
	"vitess.io/vitess/go/vt/sqlparser"
	"vitess.io/vitess/go/vt/vtenv"
	"vitess.io/vitess/go/vt/vtgate/evalengine"

	"cloudsql/tests/harness"
)

// TestEvalengine compares random expressions without columns with Vitess's evalengine, which is made after MySQL 8. The environment
// chooses (make evalengine sets it):
//
//	EXPRESSIONS  how many that the evalengine can compute
//	SEED, SHOW, EXAMPLES, CLOUDSQL  as TestDifferential has them
func TestEvalengine(t *testing.T) {
	if os.Getenv("EXPRESSIONS") == "" {
		t.Skip("make evalengine")
	}
	wanted, seed, show := harness.Number(t, "EXPRESSIONS", 0), harness.Number(t, "SEED", int(time.Now().UnixNano()&0xffffff)), harness.Number(t, "SHOW", 200)
	t.Logf("SEED=%d", seed)
	dsn := os.Getenv("CLOUDSQL")
	if dsn == "" {
		dsn = harness.NewNode(t).Start().DSN("", "")
	}
	ours, err := Connect(dsn, "diff", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Ask("SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci", true, false); err != nil {
		t.Fatal(err)
	}
	o, g := newOracle(), New(uint64(seed), 0) //nolint:gosec // a seed
	r := &run{t: t, findings: &findings{t: t, kinds: map[string]int{}, explained: map[string]int{}, show: show, examples: harness.Number(t, "EXAMPLES", 0)}}
	made := 0
	for made < wanted {
		g.scope, g.depth, g.inner = nil, 0, 0
		e := g.expr(g.kind())
		theirs, ok := o.eval(e)
		if !ok {
			continue
		}
		made++
		r.compareValues(&evalengines{t, ours, o}, e, theirs)
	}
	r.summary(made)
}

// evalengines are the two that values are asked of.
type evalengines struct {
	t    *testing.T
	ours *Server
	o    *oracle
}

// value is what our server makes of an expression, and theirs in the same form.
func (b *evalengines) value(e, theirs string) (string, string) {
	a, err := b.ours.Ask("SELECT "+e+" AS c0", true, false)
	if err != nil {
		b.t.Fatalf("%s: %v", e, err)
	}
	if a.Err != 0 {
		return a.Message, theirs
	}
	return strings.ToValidUTF8(a.Rows[0], "?"), normal(a.Types[0], theirs)
}

// smallest is the shortest part of an expression that the two make different values of, with those: what is around it only passes them on.
func (b *evalengines) smallest(e string) (part, value, theirs string) {
	for _, part := range b.o.parts(e) {
		if theirs, ok := b.o.eval(part); ok {
			if value, theirs = b.value(part, theirs); value != theirs {
				return part, value, theirs
			}
		}
	}
	return "", "", ""
}

// compareValues compares what both make of an expression.
func (r *run) compareValues(b *evalengines, e, theirs string) {
	value, theirs := b.value(e, theirs)
	if value == theirs {
		r.agree()
		return
	}
	whole := e
	if part, v, th := b.smallest(e); part != "" {
		e, value, theirs = part, v, th
	}
	for _, k := range evalengineDiffers {
		if k.names.MatchString(e) && (k.is == nil || k.is(value, theirs)) {
			if r.known(k.reason) {
				r.t.Logf("known: %s\n  %s\n  ours:   %s\n  theirs: %s", k.reason, e, value, theirs)
			}
			return
		}
	}
	kind := kindOf("value", e)
	if r.fresh(kind) > 0 {
		r.t.Errorf("%s\n  of:     %s\n  ours:   %s\n  theirs: %s", e, whole, value, theirs)
	}
}

// evalengineDiffers are where the evalengine's value is not MySQL's.
var evalengineDiffers = []struct {
	reason string
	names  *regexp.Regexp
	is     func(ours, theirs string) bool
}{
	{"values have as many decimals as their type has in MySQL, as many as they were written with in the evalengine", everything, func(ours, theirs string) bool {
		return withoutFractions(shorter(ours)) == withoutFractions(shorter(theirs))
	}},
	{"PI() has six decimals", regexp.MustCompile(`PI\(\)`), near(1e-6)},
	{"text that was written beside a date and is none is error 1525", everything, func(ours, _ string) bool { return strings.HasPrefix(ours, "Incorrect DATE") }},
	{"bytes have no collation of characters: error 1253, be they NULL", regexp.MustCompile(`(?i)BINARY.* collate `), func(ours, _ string) bool {
		return strings.Contains(ours, "is not valid for CHARACTER SET 'binary'")
	}},
	{"an interval of seconds may be negative and have fractions, whatever computes it", regexp.MustCompile(`(?i)interval .* second`), func(ours, theirs string) bool {
		return theirs == "NULL" || len(ours) > 19 && len(theirs) > 19 && ours[:19] == theirs[:19]
	}},
	{"text of a date and a time may end before its seconds", regexp.MustCompile(`%H:00'|%i'`), nil},
	{"a TIME plus an interval is one, and has fractions, unless the interval is of days: then it is a DATETIME", intervals, func(ours, theirs string) bool {
		return aTime.MatchString(ours) || strings.HasPrefix(theirs, "000")
	}},
	{"what is no date, or beyond the calendar, is NULL plus any interval", intervals, func(ours, _ string) bool { return ours == "NULL" }},
	{"the year 10000 is none", everything, func(ours, theirs string) bool { return ours == "NULL" && beyond.MatchString(theirs) }},
	{"a choice between dates, times and both is a DATETIME", regexp.MustCompile(`(?i)(coalesce|ifnull|if|case|nullif)\b`), func(ours, theirs string) bool {
		return aDate.MatchString(ours) && (aDate.MatchString(theirs) && strings.HasPrefix(ours, theirs) || aTime.MatchString(theirs) && strings.HasSuffix(ours, " "+theirs))
	}},
	{"NULL as CHAR has the connection's collation", regexp.MustCompile(`COLLATION\(convert\(null`), nil},
	{"the number 0 is the date 0, whatever sql_mode says", regexp.MustCompile(`DATE_FORMAT`), func(ours, theirs string) bool {
		return strings.HasPrefix(ours, "0") && (theirs == "NULL" || strings.HasPrefix(theirs, "-0001"))
	}},
	{"doubles are rounded to even", regexp.MustCompile(`ROUND`), near(0.01)},
	{"decimals of a quotient are kept to nine more than are shown", regexp.MustCompile(` / `), near(1e-6)},
	{"CONV of '' is NULL", regexp.MustCompile(`CONV\(`), func(ours, theirs string) bool { return ours == "NULL" && theirs == "0" }},
	{"a TIME of a number has its sign, and none is beyond its range", regexp.MustCompile(`(?i)as time\)`), func(ours, theirs string) bool {
		return ours == "NULL" || ours == "-"+theirs
	}},
	{"a number beside dates is text of a date to GREATEST and LEAST", regexp.MustCompile(`(?i)(greatest|least)\(`), func(ours, theirs string) bool {
		return aDate.MatchString(ours) && aDate.MatchString(theirs)
	}},
	{"a fraction of the number 0 is no date where NO_ZERO_DATE is set", regexp.MustCompile(`(?i)TO_SECONDS|TO_DAYS|as date`), func(ours, theirs string) bool {
		return ours == "NULL" && (theirs == "0" || strings.HasPrefix(theirs, "0000-00-00"))
	}},
	{"CAST to DECIMAL rounds, also what it is divided by", regexp.MustCompile(`(?i)cast\(.* as decimal`), near(0.05)},
	{"a TIME plus an interval of days is a DATETIME", regexp.MustCompile(`(?i)(SEC_TO_TIME|time').*interval`), nil},
	{"text of days and hours beyond the range of TIME is the last one", regexp.MustCompile(`(?i)as time\)`), func(ours, theirs string) bool {
		return strings.HasPrefix(ours, "838:59:59") && theirs == "NULL"
	}},
	{"UPPER of a date is text, whose number ends at its first hyphen", regexp.MustCompile(`UPPER|LOWER|UCASE|LCASE`), func(ours, theirs string) bool {
		return isNumber(ours) && isNumber(theirs) && strings.HasPrefix(theirs, ours[:min(4, len(ours))])
	}},
	{"bytes beside characters are no regular expression: error 3995", regexp.MustCompile(`(?i)regexp`), func(ours, _ string) bool { return strings.HasPrefix(ours, "Character set ") }},
	{"a choice between a date or time and a number is text", regexp.MustCompile(`(?i)(coalesce|ifnull|if|case|greatest|least)\b.*(time|date)`), func(ours, theirs string) bool {
		return isNumber(ours) && isNumber(theirs)
	}},
}

var (
	everything = regexp.MustCompile("")
	intervals  = regexp.MustCompile(`(?i)interval|adddate|subdate|timestampadd`)
	aTime      = regexp.MustCompile(`^-?\d{2,3}:\d\d:\d`)
	aDate      = regexp.MustCompile(`^\d{4}-\d\d-\d\d`)
	beyond     = regexp.MustCompile(`^(\d{5}|0000)-`)
)

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

type oracle struct {
	venv *vtenv.Environment
	env  *evalengine.ExpressionEnv
}

func newOracle() *oracle {
	venv := vtenv.NewTestEnv()
	env := evalengine.EmptyExpressionEnv(venv)
	env.SetTime(time.Unix(1718451296, 0).UTC()) // what Connect sets
	return &oracle{venv, env}
}

// parts are the expressions in an expression, and it itself, the shortest first, as the evalengine writes them.
func (o *oracle) parts(e string) []string {
	x, err := o.parse(e)
	if err != nil {
		return nil
	}
	return expressions(x)
}

func (o *oracle) parse(e string) (sqlparser.Expr, error) {
	stmt, err := o.venv.Parser().Parse("select " + e)
	if err != nil {
		return nil, err
	}
	return stmt.(*sqlparser.Select).SelectExprs.Exprs[0].(*sqlparser.AliasedExpr).Expr, nil
}

// eval is the value of an expression; ok is false where the evalengine has none.
func (o *oracle) eval(e string) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	x, err := o.parse(e)
	if err != nil {
		return "", false
	}
	const collation = collations.ID(255)
	tr, err := evalengine.Translate(x, &evalengine.Config{Collation: collation, Environment: o.venv, NoCompilation: true, NoConstantFolding: true})
	if err != nil {
		return "", false
	}
	r, err := o.env.Evaluate(tr)
	if err != nil {
		return "", false
	}
	v := r.Value(collation)
	if v.IsNull() {
		return "NULL", true
	}
	if v.Type() == sqltypes.Bit {
		return "", false
	}
	return strings.ToValidUTF8(v.ToString(), "?"), true
}
