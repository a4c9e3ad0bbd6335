package expr

import (
	"math"
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
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
	add(unit{name: "second", micros: microsPerSecond})
	add(unit{name: "minute", micros: 60 * microsPerSecond})
	add(unit{name: "hour", micros: 3600 * microsPerSecond})
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
	{name: "extract", min: 2, max: 2, usesNow: true, typ: typeUnitInt, check: checkUnit(0), prep: prepUnit(0), fn: extract, render: func(c *Call) string {
		u, _ := c.constText(0)
		return "extract(" + strings.ToLower(u) + " from " + c.args[1].String() + ")"
	}},
	{name: "timestampdiff", min: 3, max: 3, usesNow: true, typ: typeUnitInt, check: checkUnit(0), prep: prepUnit(0), fn: timestampDiff, render: func(c *Call) string {
		u, _ := c.constText(0)
		return "timestampdiff(" + strings.ToUpper(u) + "," + c.args[1].String() + "," + c.args[2].String() + ")"
	}},
	{name: "addtime", min: 2, max: 2, op: 1, usesNow: true, typ: typeAddTime, f2: addTime},
	{name: "subtime", min: 2, max: 2, op: -1, usesNow: true, typ: typeAddTime, f2: addTime},
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
	return nil, mysqlerr.New(errWrongArguments, c.name)
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
			unit := [...]int64{fHour: 3600 * microsPerSecond, fMinute: 60 * microsPerSecond, fSecond: microsPerSecond, fMicro: 1}[f]
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
	env.warn(errDatetimeOverflow, "datetime")
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
		us := a[0].Int() + sp.days*microsPerDay + sp.micros
		if us > maxTimeMicros || us < -maxTimeMicros {
			env.warn(errDatetimeOverflow, "time")
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
	if c.micro != 0 {
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
		m := int64(c.year)*12 + int64(c.month) - 1 + sp.months
		if m < 0 || m >= 120000 {
			return c, false
		}
		c.year, c.month = int(m/12), int(m%12)+1
		c.day = min(c.day, daysInMonth(c.year, c.month))
	}
	if sp.days == 0 && sp.micros == 0 {
		return c, true
	}
	if dateUnit {
		n := int64(dayNumber(c.year, c.month, c.day)) + sp.days
		if n < 0 || n > maxDayNumber {
			return c, false
		}
		c.year, c.month, c.day = dateOfDay(int(n))
		return c, true
	}
	if sp.days > maxDayNumber || sp.days < -maxDayNumber {
		return c, false
	}
	n := int64(dayNumber(c.year, c.month, c.day)) + sp.days
	if n > 2*maxDayNumber {
		return c, false
	}
	us := sp.days*microsPerDay + sp.micros
	return addMicros(c, us)
}

func renderInterval(op string) func(*Call) string {
	return func(c *Call) string {
		u, _ := c.constText(2)
		return "(" + c.args[0].String() + " " + op + " interval " + c.args[1].String() + " " + strings.ToLower(u) + ")"
	}
}

func typeUnitInt(c *Call) error {
	if _, err := unitArg(c, 0); err != nil {
		return err
	}
	c.typ = intType(21, false)
	return nil
}

// extract shows the fields of a unit as one number: DAY_MINUTE of '05 10:20' is 51020.
func extract(c *Call, env *Env, a []types.Value) (types.Value, error) {
	u := c.aux.(*unit)
	if u.date {
		return extractDate(u, env, a[1])
	}
	d, neg, ok := clockFields(env, a[1])
	if !ok {
		return types.Null, nil
	}
	fields := u.fields
	if fields == nil {
		fields = map[string][]dateField{"hour": {fHour}, "minute": {fMinute}, "second": {fSecond}, "microsecond": {fMicro}}[u.name]
	}
	n := int64(0)
	for _, f := range fields {
		switch f {
		case fDay:
			n = int64(d.day)
		case fHour:
			n = n*100 + int64(d.hour)
		case fMinute:
			n = n*100 + int64(d.minute)
		case fSecond:
			n = n*100 + int64(d.second)
		case fMicro:
			n = n*1000000 + int64(d.micro)
		}
	}
	if neg {
		n = -n
	}
	return types.Int(n), nil
}

func extractDate(u *unit, env *Env, v types.Value) (types.Value, error) {
	d, ok := fuzzy(env, v)
	if !ok {
		return types.Null, nil
	}
	var n int
	switch u.name {
	case "year":
		n = d.year
	case "year_month":
		n = d.year*100 + d.month
	case "quarter":
		n = (d.month + 2) / 3
	case "month":
		n = d.month
	case "week":
		n, _ = d.week(weekMode(0))
	case "day":
		n = d.day
	}
	return types.Int(int64(n)), nil
}

// clockFields takes a time apart; the hours of a TIME go on beyond 24, dates keep their day.
func clockFields(env *Env, v types.Value) (c civil, neg, ok bool) {
	isDate := isDateKind(v.Kind())
	if isStringKind(v.Kind()) {
		s := strings.TrimSpace(string(v.Raw()))
		isDate = strings.LastIndexByte(s, '-') > 0 || strings.ContainsAny(s, "/T") || isDigits(s) && len(s) >= 12
	}
	if isDate {
		c, ok = fuzzy(env, v)
		return c, false, ok
	}
	t := v.ToTime(&env.Mode, env.Warn)
	if t.IsNull() {
		return c, false, false
	}
	us := t.Int()
	neg = us < 0
	c.setClock(max(us, -us))
	return c, neg, true
}

func timestampDiff(c *Call, env *Env, a []types.Value) (types.Value, error) {
	u := c.aux.(*unit)
	from, ok := calendar(env, a[1])
	if !ok {
		return types.Null, nil
	}
	to, ok := calendar(env, a[2])
	if !ok {
		return types.Null, nil
	}
	us := to.since(from)
	switch {
	case u.months > 0:
		return types.Int(monthsBetween(from, to) / u.months), nil
	case u.days > 0:
		return types.Int(us / (microsPerDay * u.days)), nil
	case u.micros > 0:
		return types.Int(us / u.micros), nil
	}
	return types.Null, mysqlerr.New(errWrongArguments, c.name)
}

// since is c - o in microseconds.
func (c civil) since(o civil) int64 {
	days := dayNumber(c.year, c.month, c.day) - dayNumber(o.year, o.month, o.day)
	return int64(days)*microsPerDay + c.clock() - o.clock()
}

// monthsBetween counts whole months.
func monthsBetween(from, to civil) int64 {
	if from.packed() > to.packed() {
		return -monthsBetween(to, from)
	}
	m := int64(to.year-from.year)*12 + int64(to.month-from.month)
	if to.day < from.day || to.day == from.day && to.clock() < from.clock() {
		m--
	}
	return m
}

func typeAddTime(c *Call) error {
	t := c.args[0].Type()
	fsp := max(fspOfExpr(c.args[0]), fspOfExpr(c.args[1]))
	switch t.Class() {
	case types.ClassDate, types.ClassDatetime:
		c.typ = datetimeType(fsp)
	case types.ClassTime:
		c.typ = timeType(fsp)
	default:
		c.setASCIIResult(29)
	}
	return nil
}

// addTime is ADDTIME (op 1) and SUBTIME (op -1): a time is added to a time or to a date and time.
func addTime(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	if isDateKind(b.Kind()) {
		return types.Null, nil
	}
	if isStringKind(b.Kind()) {
		if s := strings.TrimSpace(string(b.Raw())); strings.LastIndexByte(s, '-') > 0 {
			return types.Null, nil
		}
	}
	t := b.ToTime(&env.Mode, env.Warn)
	if t.IsNull() {
		return types.Null, nil
	}
	us := t.Int() * int64(c.op)
	first, neg, ok := clockFields(env, a)
	if !ok {
		return types.Null, nil
	}
	if first.month != 0 || isDateKind(a.Kind()) {
		d, ok := addMicros(first, us)
		if !ok {
			return overflow(env)
		}
		if c.typ.Class() == types.ClassDatetime {
			return d.datetime(c.typ.Decimals), nil
		}
		return c.str(d.appendAs(nil, false)), nil
	}
	base := first.clock()
	if neg {
		base = -base
	}
	sum := clipTime(env, base+us, 0).Int()
	if c.typ.Class() == types.ClassTime {
		return types.Time(sum, c.typ.Decimals), nil
	}
	fsp := 0
	if sum%microsPerSecond != 0 {
		fsp = 6
	}
	return c.str(types.Time(sum, fsp).AppendText(nil, nil)), nil
}

func timeDiff(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	x, xneg, ok := clockFields(env, a)
	if !ok {
		return types.Null, nil
	}
	y, yneg, ok := clockFields(env, b)
	if !ok {
		return types.Null, nil
	}
	if (x.month != 0) != (y.month != 0) { // a date and a time have no difference
		return types.Null, nil
	}
	var us int64
	if x.month != 0 {
		us = x.since(y)
	} else {
		xc, yc := x.clock(), y.clock()
		if xneg {
			xc = -xc
		}
		if yneg {
			yc = -yc
		}
		us = xc - yc
	}
	return clipTime(env, us, c.typ.Decimals), nil
}

func timestamp(c *Call, env *Env, a []types.Value) (types.Value, error) {
	d, ok := fuzzy(env, a[0])
	if !ok {
		return types.Null, nil
	}
	if len(a) == 2 {
		t := a[1].ToTime(&env.Mode, env.Warn)
		if t.IsNull() {
			return types.Null, nil
		}
		if d, ok = addMicros(d, t.Int()); !ok {
			return overflow(env)
		}
	}
	return d.datetime(c.typ.Decimals), nil
}
