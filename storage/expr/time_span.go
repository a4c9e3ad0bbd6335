package expr

import (
	"strings"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// EXTRACT, and differences and sums of times.

func typeUnitInt(c *Call) error {
	if _, err := unitArg(c, 0); err != nil {
		return err
	}
	c.typ = intType(21, false)
	return nil
}

// extractLengths are the digits that MySQL says a unit's number may have; two of the others.
var extractLengths = map[string]int{
	"year": 4, "year_month": 6, "day_hour": 9, "day_minute": 11, "day_second": 13, "hour_minute": 4, "hour_second": 6, "minute_second": 4,
	"day_microsecond": 20, "hour_microsecond": 13, "minute_microsecond": 11, "second_microsecond": 9,
}

func typeExtract(c *Call) error {
	if err := typeUnitInt(c); err != nil {
		return err
	}
	u, _ := c.constText(0)
	if c.typ.Length = extractLengths[strings.ToLower(u)]; c.typ.Length == 0 {
		c.typ.Length = 2
	}
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
			n = int64(d.Day)
		case fHour:
			n = n*100 + int64(d.Hour)
		case fMinute:
			n = n*100 + int64(d.Minute)
		case fSecond:
			n = n*100 + int64(d.Second)
		case fMicro:
			n = n*1000000 + int64(d.Micro)
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
		n = d.Year
	case "year_month":
		n = d.Year*100 + d.Month
	case "quarter":
		n = (d.Month + 2) / 3
	case "month":
		n = d.Month
	case "week":
		n, _ = d.Week(temporal.WeekMode(0))
	case "day":
		n = d.Day
	}
	return types.Int(int64(n)), nil
}

// momentLength is how long a text is at least that is read as a date and time where a time is wanted: '2024-02-29' is 20 minutes and
// 24 seconds there.
const momentLength = 12

// leastMoment is the least number that is read so.
const leastMoment = 1e10

func mayBeMoment(env *Env, s string) bool { return len(s) >= momentLength || env.Mode.Legacy }

// hasDate tells of a value that it is no time alone.
func hasDate(env *Env, v types.Value) bool {
	if !isStringKind(v.Kind()) {
		return isDateKind(v.Kind())
	}
	s := strings.TrimSpace(string(v.Raw()))
	return mayBeMoment(env, s) && strings.LastIndexByte(s, '-') > 0
}

// clockFields takes a time apart; the hours of a TIME go on beyond 24, dates keep their day.
func clockFields(env *Env, v types.Value) (c civil, neg, ok bool) {
	isDate := isDateKind(v.Kind())
	if isStringKind(v.Kind()) {
		s := strings.TrimSpace(string(v.Raw()))
		isDate = mayBeMoment(env, s) && (strings.LastIndexByte(s, '-') > 0 || strings.ContainsAny(s, "/T") || isDigits(s) && len(s) >= momentLength)
	}
	if isNumberKind(v.Kind()) && !env.Mode.Legacy && v.ToFloat(nil) >= leastMoment {
		isDate = true
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
	c.SetClock(max(us, -us))
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
		return types.Int(us / (temporal.MicrosPerDay * u.days)), nil
	case u.micros > 0:
		return types.Int(us / u.micros), nil
	}
	return types.Null, mysqlerr.New(mysqlerr.WrongArguments, c.name)
}

// since is c - o in microseconds.
func (c civil) since(o civil) int64 {
	days := temporal.DayNumber(c.Year, c.Month, c.Day) - temporal.DayNumber(o.Year, o.Month, o.Day)
	return int64(days)*temporal.MicrosPerDay + c.Clock() - o.Clock()
}

// monthsBetween counts whole months.
func monthsBetween(from, to civil) int64 {
	if from.Pack() > to.Pack() {
		return -monthsBetween(to, from)
	}
	m := int64(to.Year-from.Year)*12 + int64(to.Month-from.Month)
	if to.Day < from.Day || to.Day == from.Day && to.Clock() < from.Clock() {
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
	if hasDate(env, b) {
		return types.Null, nil
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
	if first.Month != 0 || isDateKind(a.Kind()) {
		d, ok := addMicros(first, us)
		if !ok {
			return overflow(env)
		}
		if c.typ.Class() == types.ClassDatetime {
			return d.datetime(c.typ.Decimals), nil
		}
		return c.str(d.appendAs(nil, false)), nil
	}
	base := first.Clock()
	if neg {
		base = -base
	}
	sum := clipTime(env, base+us, 0).Int()
	if c.typ.Class() == types.ClassTime {
		return types.Time(sum, c.typ.Decimals), nil
	}
	fsp := 0
	if sum%temporal.MicrosPerSecond != 0 {
		fsp = 6
	}
	return c.str(types.Time(sum, fsp).AppendText(nil, nil)), nil
}

// timeDiff is the difference of two times, two dates, or two dates and times: what is of two kinds has none. Beside a date everything
// is read as one.
func timeDiff(c *Call, env *Env, a, b types.Value) (types.Value, error) {
	read := clockFields
	if !env.Mode.Legacy && (isDateClass(c.args[0].Type().Class()) || isDateClass(c.args[1].Type().Class())) {
		if a.Kind() == types.KindTime || b.Kind() == types.KindTime || isDay(a) != isDay(b) {
			return types.Null, nil
		}
		read = dateFields
	}
	x, xneg, ok := read(env, a)
	if !ok {
		return types.Null, nil
	}
	y, yneg, ok := read(env, b)
	if !ok {
		return types.Null, nil
	}
	if (x.Month != 0) != (y.Month != 0) { // a date and a time have no difference
		return types.Null, nil
	}
	var us int64
	if x.Month != 0 {
		us = x.since(y)
	} else {
		xc, yc := x.Clock(), y.Clock()
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

// dateFields is clockFields of what is read as a date and time.
func dateFields(env *Env, v types.Value) (c civil, neg, ok bool) {
	c, ok = fuzzy(env, v)
	return c, false, ok
}

// isDay tells of a value that is read as a date whether it has no time.
func isDay(v types.Value) bool {
	switch {
	case isStringKind(v.Kind()):
		s := strings.TrimSpace(string(v.Raw()))
		return isDigits(s) && len(s) <= len("20240229") || len(s) <= len("2024-02-29") && !strings.ContainsAny(s, ": ")
	case isNumberKind(v.Kind()):
		n, _ := v.ToInt(nil)
		return n > 0 && n <= 99991231
	}
	return v.Kind() == types.KindDate
}

func timestamp(c *Call, env *Env, a []types.Value) (types.Value, error) {
	d, ok := castDate(env, a[0])
	if !ok || len(a) == 2 && hasDate(env, a[1]) && !env.Mode.Legacy {
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
