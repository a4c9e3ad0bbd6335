package expr

import (
	"math"
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Interval arithmetic. A unit is the name that SQL gives it, as a constant string argument.

// unit says which fields an interval has, from left to right, and how a single number counts.
type unit struct {
	name   string
	fields []dateField // of a compound unit; one for a simple one
	// months and micros are what one of a simple unit is; SECOND takes fractions.
	months   int64
	days     int64
	micros   int64
	date     bool // nothing finer than a day
	fraction bool // the last field is a fraction of a second: right-filled with zeros
}

type dateField int

const (
	fYear dateField = iota
	fMonth
	fDay
	fHour
	fMinute
	fSecond
	fMicro
)

var units = map[string]*unit{}

func init() {
	add := func(u unit) { units[u.name] = &u }
	add(unit{name: "microsecond", micros: 1})
	add(unit{name: "second", micros: temporal.MicrosPerSecond})
	add(unit{name: "minute", micros: 60 * temporal.MicrosPerSecond})
	add(unit{name: "hour", micros: 3600 * temporal.MicrosPerSecond})
	add(unit{name: "day", days: 1, date: true})
	add(unit{name: "week", days: 7, date: true})
	add(unit{name: "month", months: 1, date: true})
	add(unit{name: "quarter", months: 3, date: true})
	add(unit{name: "year", months: 12, date: true})
	add(unit{name: "year_month", fields: []dateField{fYear, fMonth}, date: true})
	names := []string{"day", "hour", "minute", "second", "microsecond"}
	for i := range names {
		for j := i + 1; j < len(names); j++ {
			u := unit{name: names[i] + "_" + names[j], fraction: names[j] == "microsecond"}
			for f := i; f <= j; f++ {
				u.fields = append(u.fields, fDay+dateField(f))
			}
			add(u)
		}
	}
}

var intervalDefs = []def{
	// interval +(date, amount, 'unit') is date + INTERVAL amount unit; adddate and subdate take days without a unit.
	{name: "date_add", alias: []string{"interval +", "adddate"}, min: 2, max: 3, op: 1, usesNow: true, rewrite: defaultDays("date_add"),
		typ: typeDateAdd, check: checkUnit(2), prep: prepUnit(2), fn: dateAdd, render: renderInterval("+")},
	{name: "date_sub", alias: []string{"interval -", "subdate"}, min: 2, max: 3, op: -1, usesNow: true, rewrite: defaultDays("date_sub"),
		typ: typeDateAdd, check: checkUnit(2), prep: prepUnit(2), fn: dateAdd, render: renderInterval("-")},
	{name: "timestampadd", min: 3, max: 3, rewrite: func(a []Expr) (Expr, error) { return New("date_add", a[2], a[1], a[0]) }},
	// extract('unit', date), timestampdiff('unit', a, b)
	{name: "extract", min: 2, max: 2, usesNow: true, typ: typeExtract, check: checkUnit(0), prep: prepUnit(0), fn: extract, render: func(c *Call) string {
		u, _ := c.constText(0)
		return "extract(" + strings.ToLower(u) + " from " + c.args[1].String() + ")"
	}},
	{name: "timestampdiff", min: 3, max: 3, usesNow: true, typ: typeUnitInt, check: checkUnit(0), prep: prepUnit(0), fn: timestampDiff, render: func(c *Call) string {
		u, _ := c.constText(0)
		return "timestampdiff(" + strings.ToUpper(u) + "," + c.args[1].String() + "," + c.args[2].String() + ")"
	}},
	{name: "addtime", min: 2, max: 2, op: 1, usesNow: true, typ: typeAddTime, f2: addTime},
	{name: "subtime", min: 2, max: 2, op: -1, usesNow: true, typ: typeAddTime, f2: addTime},
	{name: timeAsNumber, min: 1, max: 1, since: version.V2, typ: func(c *Call) error { c.typ = types.TypeDouble; return nil }, render: renderFirst, f1: numberOfTime},
	{name: "timediff", min: 2, max: 2, usesNow: true, typ: func(c *Call) error {
		c.typ = timeType(max(fspOfExpr(c.args[0]), fspOfExpr(c.args[1])))
		return nil
	}, f2: timeDiff},
	{name: "timestamp", min: 1, max: 2, usesNow: true, typ: func(c *Call) error {
		fsp := fspOfExpr(c.args[0])
		if len(c.args) == 2 {
			fsp = max(fsp, fspOfExpr(c.args[1]))
		}
		c.typ = datetimeType(fsp)
		return nil
	}, fn: timestamp},
}

func defaultDays(name string) func([]Expr) (Expr, error) {
	return func(args []Expr) (Expr, error) {
		if len(args) == 2 {
			return New(name, args[0], args[1], NewStr("DAY"))
		}
		return nil, nil
	}
}

func unitArg(c *Call, i int) (*unit, error) {
	name, _ := c.constText(i)
	name = strings.TrimPrefix(strings.ToLower(name), "sql_tsi_")
	if u := units[name]; u != nil {
		return u, nil
	}
	return nil, mysqlerr.New(mysqlerr.WrongArguments, c.name)
}

func checkUnit(i int) func(*Call) error {
	return func(c *Call) error {
		if i >= len(c.args) {
			return errBadExpr
		}
		_, err := unitArg(c, i)
		return err
	}
}

func prepUnit(i int) func(*Call) {
	return func(c *Call) {
		if u, err := unitArg(c, i); err == nil {
			c.aux = u
		}
	}
}

// typeDateAdd: a DATE stays one with units of days and more; text stays text.
func typeDateAdd(c *Call) error {
	u, err := unitArg(c, 2)
	if err != nil {
		return err
	}
	t := c.args[0].Type()
	fsp := max(fspOf(t), intervalFsp(u, c.args[1]))
	switch t.Class() {
	case types.ClassDate:
		c.typ = types.TypeDate
		if !u.date {
			c.typ = datetimeType(intervalFsp(u, c.args[1]))
		}
	case types.ClassDatetime:
		c.typ = datetimeType(fsp)
	case types.ClassTime:
		c.typ = timeType(fsp)
		if u.date {
			c.typ = datetimeType(fsp)
		}
	default:
		c.setASCIIResult(29)
	}
	return nil
}

// intervalFsp is how many fractional digits an interval adds.
func intervalFsp(u *unit, amount Expr) int {
	switch {
	case u.name == "microsecond" || u.fraction:
		return 6
	case u.name == "second":
		return fspOf(amount.Type())
	}
	return 0
}

// span is an interval's length.
type span struct{ months, days, micros int64 }

// maxCount bounds each number of an interval, so that no product overflows.
const maxCount = 1 << 40

// span reads the amount of an interval.
func (u *unit) span(c *Call, env *Env, i int, v types.Value) (span, bool) {
	if u.fields != nil {
		return u.parse(string(c.text(i, v)))
	}
	if u.name == "second" && v.Kind() != types.KindInt {
		if !env.Mode.Legacy {
			v = types.Dec(v.ToDecimal(env.Warn).Truncate(6)) // what is finer is cut, and not rounded
		}
		us, ok := secondsToMicros(v, env)
		return span{micros: us}, ok
	}
	n, clipped := v.ToInt(env.Warn)
	if clipped || n > maxCount && u.micros != 1 || n < -maxCount && u.micros != 1 || n == math.MinInt64 {
		return span{}, false
	}
	if u.micros > 1 && (n > math.MaxInt64/u.micros/2 || n < -math.MaxInt64/u.micros/2) {
		return span{}, false
	}
	return span{months: n * u.months, days: n * u.days, micros: n * u.micros}, true
}

// parse takes the runs of digits in s as fields, the rightmost one first where there are fewer than the unit has.
func (u *unit) parse(s string) (sp span, ok bool) {
	s = strings.TrimLeft(s, " ")
	neg := strings.HasPrefix(s, "-")
	var vals []int64
	width := 0
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		n := int64(0)
		start := i
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			if n = n*10 + int64(s[i]-'0'); n > maxCount {
				return sp, false
			}
		}
		width = i - start
		vals = append(vals, n)
	}
	if len(vals) > len(u.fields) {
		return sp, false
	}
	if u.fraction && len(vals) > 0 {
		for ; width < 6; width++ {
			vals[len(vals)-1] *= 10
		}
	}
	fields := u.fields[len(u.fields)-len(vals):]
	for i, f := range fields {
		n := vals[i]
		switch f {
		case fYear:
			sp.months += n * 12
		case fMonth:
			sp.months += n
		case fDay:
			sp.days += n
		default:
			unit := [...]int64{fHour: 3600 * temporal.MicrosPerSecond, fMinute: 60 * temporal.MicrosPerSecond, fSecond: temporal.MicrosPerSecond, fMicro: 1}[f]
			if n > math.MaxInt64/unit/8 {
				return sp, false
			}
			sp.micros += n * unit
		}
	}
	if neg {
		sp = span{-sp.months, -sp.days, -sp.micros}
	}
	return sp, true
}

func overflow(env *Env) (types.Value, error) {
	env.warn(mysqlerr.DatetimeFunctionOverflow, "datetime")
	return types.Null, nil
}

// dateAdd is DATE_ADD (op 1) and DATE_SUB (op -1).
func dateAdd(c *Call, env *Env, a []types.Value) (types.Value, error) {
	u := c.aux.(*unit)
	sp, ok := u.span(c, env, 1, a[1])
	if !ok {
		return overflow(env)
	}
	if c.op < 0 {
		sp = span{-sp.months, -sp.days, -sp.micros}
	}
	if a[0].Kind() == types.KindTime && c.typ.Class() == types.ClassTime {
		us := a[0].Int() + sp.days*temporal.MicrosPerDay + sp.micros
		if us > temporal.MaxTime || us < -temporal.MaxTime {
			env.warn(mysqlerr.DatetimeFunctionOverflow, "time")
			return types.Null, nil
		}
		return types.Time(us, c.typ.Decimals), nil
	}
	d, ok := calendar(env, a[0])
	if !ok {
		return types.Null, nil
	}
	if d, ok = d.add(sp, u.date); !ok {
		return overflow(env)
	}
	switch c.typ.Class() {
	case types.ClassDate:
		return d.date(), nil
	case types.ClassDatetime:
		return d.datetime(c.typ.Decimals), nil
	}
	return c.str(d.appendAs(nil, u.date && dateOnlyText(a[0]))), nil
}

// appendAs shows a date, or a date and time with a fraction where there is one.
func (c civil) appendAs(dst []byte, dateOnly bool) []byte {
	if dateOnly {
		return c.date().AppendText(dst, nil)
	}
	fsp := 0
	if c.Micro != 0 {
		fsp = 6
	}
	return c.datetime(fsp).AppendText(dst, nil)
}

// dateOnlyText tells whether a value names a day without a time.
func dateOnlyText(v types.Value) bool {
	switch v.Kind() {
	case types.KindDate:
		return true
	case types.KindString, types.KindBytes:
		s := strings.TrimSpace(string(v.Raw()))
		if isDigits(s) {
			return len(s) <= 8
		}
		return !strings.ContainsAny(s, ": T")
	}
	n, _ := v.ToInt(nil)
	return n < 1e8
}

// add moves a date: months first, with the day cut to the month's length, then days and time.
func (c civil) add(sp span, dateUnit bool) (civil, bool) {
	if sp.months != 0 {
		m := int64(c.Year)*12 + int64(c.Month) - 1 + sp.months
		if m < 0 || m >= 120000 {
			return c, false
		}
		c.Year, c.Month = int(m/12), int(m%12)+1
		c.Day = min(c.Day, temporal.DaysIn(c.Year, c.Month))
	}
	if sp.days == 0 && sp.micros == 0 {
		return c, true
	}
	if dateUnit {
		n := int64(temporal.DayNumber(c.Year, c.Month, c.Day)) + sp.days
		if n < 0 || n > temporal.MaxDayNumber {
			return c, false
		}
		c.Year, c.Month, c.Day = temporal.DateOfDay(int(n))
		return c, true
	}
	if sp.days > temporal.MaxDayNumber || sp.days < -temporal.MaxDayNumber {
		return c, false
	}
	n := int64(temporal.DayNumber(c.Year, c.Month, c.Day)) + sp.days
	if n > 2*temporal.MaxDayNumber {
		return c, false
	}
	us := sp.days*temporal.MicrosPerDay + sp.micros
	return addMicros(c, us)
}

func renderInterval(op string) func(*Call) string {
	return func(c *Call) string {
		u, _ := c.constText(2)
		return "(" + c.args[0].String() + " " + op + " interval " + c.args[1].String() + " " + strings.ToLower(u) + ")"
	}
}
