package expr

import (
	"bytes"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
)

// The clock, and the parts of dates and times.

var timeDefs = []def{
	{name: "now", alias: []string{"current_timestamp", "localtime", "localtimestamp"}, min: 0, max: 1, usesNow: true,
		typ: typeClock(datetimeType), ev: evalClock(func(env *Env, fsp int) types.Value {
			us := env.Now.UnixMicro()
			return types.ToLocal(types.Timestamp(us-us%int64(fspUnit[fsp]), fsp), env.loc())
		})},
	{name: "utc_timestamp", min: 0, max: 1, usesNow: true, typ: typeClock(datetimeType),
		ev: evalClock(func(env *Env, fsp int) types.Value { return cutFsp(fromStd(env.Now.UTC()), fsp).datetime(fsp) })},
	{name: "sysdate", min: 0, max: 1, class: Volatile, typ: typeClock(datetimeType), ev: evalClock(func(env *Env, fsp int) types.Value {
		return cutFsp(fromStd(env.clock().In(env.loc())), fsp).datetime(fsp)
	})},
	{name: "curdate", alias: []string{"current_date"}, min: 0, max: 0, usesNow: true, typ: typeDate,
		f0: func(_ *Call, env *Env) (types.Value, error) { return env.now().date(), nil }},
	{name: "utc_date", min: 0, max: 0, usesNow: true, typ: typeDate,
		f0: func(_ *Call, env *Env) (types.Value, error) { return fromStd(env.Now.UTC()).date(), nil }},
	{name: "curtime", alias: []string{"current_time"}, min: 0, max: 1, usesNow: true, typ: typeClock(timeType),
		ev: evalClock(func(env *Env, fsp int) types.Value { return types.Time(cutFsp(env.now(), fsp).Clock(), fsp) })},
	{name: "utc_time", min: 0, max: 1, usesNow: true, typ: typeClock(timeType),
		ev: evalClock(func(env *Env, fsp int) types.Value {
			return types.Time(cutFsp(fromStd(env.Now.UTC()), fsp).Clock(), fsp)
		})},

	{name: "date", min: 1, max: 1, usesNow: true, typ: typeDate, f1: func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		c, ok := castDate(env, a)
		if !ok {
			return types.Null, nil
		}
		return c.date(), nil
	}},
	{name: "time", min: 1, max: 1, usesNow: true, typ: func(c *Call) error { c.typ = timeType(fspOfExpr(c.args[0])); return nil },
		f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
			return roundTime(a.ToTime(&env.Mode, env.Warn), c.typ.Decimals), nil
		}},
	{name: "year", min: 1, max: 1, usesNow: true, typ: typeIntLen(4), f1: datePart(func(c civil) int { return c.Year })},
	{name: "month", min: 1, max: 1, usesNow: true, typ: typeIntLen(2), f1: datePart(func(c civil) int { return c.Month })},
	{name: "day", alias: []string{"dayofmonth"}, min: 1, max: 1, usesNow: true, typ: typeIntLen(2), f1: datePart(func(c civil) int { return c.Day })},
	{name: "quarter", min: 1, max: 1, usesNow: true, typ: typeIntLen(2), f1: datePart(func(c civil) int { return (c.Month + 2) / 3 })},
	{name: "hour", min: 1, max: 1, typ: typeIntLen(2), f1: clockPart(func(us int64) int64 { return us / (3600 * temporal.MicrosPerSecond) })},
	{name: "minute", min: 1, max: 1, typ: typeIntLen(2), f1: clockPart(func(us int64) int64 { return us / (60 * temporal.MicrosPerSecond) % 60 })},
	{name: "second", min: 1, max: 1, typ: typeIntLen(2), f1: clockPart(func(us int64) int64 { return us / temporal.MicrosPerSecond % 60 })},
	{name: "microsecond", min: 1, max: 1, typ: typeIntLen(6), f1: clockPart(func(us int64) int64 { return us % temporal.MicrosPerSecond })},
	{name: "dayofweek", min: 1, max: 1, usesNow: true, typ: typeIntLen(1), f1: calendarPart(func(c civil) int {
		return temporal.Weekday(temporal.DayNumber(c.Year, c.Month, c.Day), true) + 1
	})},
	{name: "weekday", min: 1, max: 1, usesNow: true, typ: typeIntLen(1), f1: calendarPart(func(c civil) int {
		return temporal.Weekday(temporal.DayNumber(c.Year, c.Month, c.Day), false)
	})},
	{name: "dayofyear", min: 1, max: 1, usesNow: true, typ: typeIntLen(3), f1: calendarPart(func(c civil) int { return c.DayOfYear() })},
	{name: "to_days", min: 1, max: 1, usesNow: true, typ: typeIntLen(7), f1: calendarPart(func(c civil) int { return temporal.DayNumber(c.Year, c.Month, c.Day) })},
	{name: "to_seconds", min: 1, max: 1, usesNow: true, typ: typeIntLen(12), f1: calendarPart(func(c civil) int {
		return temporal.DayNumber(c.Year, c.Month, c.Day)*86400 + int(c.Clock()/temporal.MicrosPerSecond)
	})},
	{name: "week", min: 1, max: 2, usesNow: true, typ: typeIntLen(2), fn: func(_ *Call, env *Env, a []types.Value) (types.Value, error) {
		c, ok := calendar(env, a[0])
		if !ok {
			return types.Null, nil
		}
		w, _ := c.Week(temporal.WeekMode(intArg(env, a, 1)))
		return types.Int(int64(w)), nil
	}},
	{name: "weekofyear", min: 1, max: 1, usesNow: true, typ: typeIntLen(2), f1: calendarPart(func(c civil) int {
		w, _ := c.Week(temporal.WeekMode(3))
		return w
	})},
	{name: "yearweek", min: 1, max: 2, usesNow: true, typ: typeIntLen(6), fn: func(_ *Call, env *Env, a []types.Value) (types.Value, error) {
		c, ok := calendar(env, a[0])
		if !ok {
			return types.Null, nil
		}
		w, y := c.Week(temporal.WeekMode(intArg(env, a, 1)) | temporal.WeekYear)
		return types.Int(int64(y*100 + w)), nil
	}},
	{name: "dayname", min: 1, max: 1, usesNow: true, typ: typeASCII(9), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		d, ok := calendar(env, a)
		if !ok {
			return types.Null, nil
		}
		return c.str([]byte(dayName(d))), nil
	}},
	{name: "monthname", min: 1, max: 1, usesNow: true, typ: typeASCII(9), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a)
		if !ok || d.Month == 0 {
			return types.Null, nil
		}
		return c.str([]byte(time.Month(d.Month).String())), nil
	}},
	{name: "last_day", min: 1, max: 1, usesNow: true, typ: typeDate, f1: func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a)
		if !ok || d.Month == 0 {
			return types.Null, nil
		}
		d.Day = temporal.DaysIn(d.Year, d.Month)
		return d.date(), nil
	}},
	{name: "from_days", min: 1, max: 1, typ: typeDate, f1: func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		n, _ := a.ToInt(env.Warn)
		if n < 0 || n > temporal.MaxDayNumber+75 {
			n = 0
		}
		y, m, d := temporal.DateOfDay(int(n))
		return civil{temporal.Civil{Year: y, Month: m, Day: d}}.date(), nil
	}},
	{name: "datediff", min: 2, max: 2, usesNow: true, typ: typeIntLen(7), f2: func(_ *Call, env *Env, a, b types.Value) (types.Value, error) {
		x, ok := calendar(env, a)
		if !ok {
			return types.Null, nil
		}
		y, ok := calendar(env, b)
		if !ok {
			return types.Null, nil
		}
		return types.Int(int64(temporal.DayNumber(x.Year, x.Month, x.Day) - temporal.DayNumber(y.Year, y.Month, y.Day))), nil
	}},
	{name: "time_to_sec", min: 1, max: 1, typ: typeIntLen(10), f1: func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		t := a.ToTime(&env.Mode, env.Warn)
		if t.IsNull() {
			return types.Null, nil
		}
		return types.Int(t.Int() / temporal.MicrosPerSecond), nil
	}},
	{name: "makedate", min: 2, max: 2, typ: typeDate, f2: makeDate},
	{name: "maketime", min: 3, max: 3, typ: func(c *Call) error { c.typ = timeType(fspOf(c.args[2].Type())); return nil }, fn: makeTime},
	{name: "sec_to_time", min: 1, max: 1, typ: func(c *Call) error { c.typ = timeType(fspOf(c.args[0].Type())); return nil }, f1: secToTime},
	{name: "period_add", min: 2, max: 2, typ: typeIntLen(6), f2: func(c *Call, env *Env, p, n types.Value) (types.Value, error) {
		months, err := periodMonths(c, env, p)
		if err != nil {
			return types.Null, err
		}
		add, _ := n.ToInt(env.Warn)
		return types.Int(monthsPeriod(months + add)), nil
	}},
	{name: "period_diff", min: 2, max: 2, typ: typeIntLen(6), f2: func(c *Call, env *Env, p, q types.Value) (types.Value, error) {
		a, err := periodMonths(c, env, p)
		if err != nil {
			return types.Null, err
		}
		b, err := periodMonths(c, env, q)
		if err != nil {
			return types.Null, err
		}
		return types.Int(a - b), nil
	}},
}

func typeDate(c *Call) error { c.typ = types.TypeDate; return nil }

// typeClock reads the constant precision of NOW(fsp) and kin: 1426 beyond 6.
func typeClock(result func(fsp int) types.Type) func(*Call) error {
	return func(c *Call) error {
		fsp := int64(0)
		if len(c.args) == 1 {
			k, ok := isConst(c.args[0])
			if !ok || k.Val.IsNull() {
				return mysqlerr.New(mysqlerr.WrongArguments, c.name)
			}
			fsp, _ = k.Val.ToInt(nil)
		}
		if fsp < 0 || fsp > 6 {
			return mysqlerr.Newf(mysqlerr.TooBigPrecision, "Too-big precision %d specified for '%s'. Maximum is 6.", fsp, c.name)
		}
		c.typ = result(int(fsp))
		return nil
	}
}

func evalClock(f func(env *Env, fsp int) types.Value) evalFunc {
	return func(c *Call, env *Env, _ []types.Value) (types.Value, error) {
		return f(env, min(max(c.typ.Decimals, 0), 6)), nil
	}
}

var fspUnit = [...]int{1000000, 100000, 10000, 1000, 100, 10, 1}

// cutFsp drops fractional digits beyond fsp; the clock is never rounded up.
func cutFsp(c civil, fsp int) civil {
	c.Micro -= c.Micro % fspUnit[fsp]
	return c
}

// roundTime rounds a TIME to fsp digits.
func roundTime(v types.Value, fsp int) types.Value {
	if v.IsNull() || fsp >= 6 {
		return v
	}
	unit := int64(fspUnit[max(fsp, 0)])
	us := v.Int()
	half := unit / 2
	if us < 0 {
		half = -half
	}
	return types.Time(min(max((us+half)/unit*unit, -temporal.MaxTime), temporal.MaxTime), max(fsp, 0))
}

// fspOfExpr is fspOf, with the digits that a constant string really has.
func fspOfExpr(e Expr) int {
	if _, call := e.(*Call); call && isText(e) && ClassOf(e) == Pure && !UsesNow(e) && !varies(e) {
		e = Fold(e, &Env{}) // which stays what it is, where it has parameters
	}
	if k, ok := isConst(e); ok && isStringKind(k.Val.Kind()) {
		if i := bytes.LastIndexByte(k.Val.Raw(), '.'); i >= 0 {
			n := 0
			for _, b := range k.Val.Raw()[i+1:] {
				if b < '0' || b > '9' {
					break
				}
				n++
			}
			return min(n, 6)
		}
		return 0
	}
	return fspOf(e.Type())
}

func intArg(env *Env, a []types.Value, i int) int {
	if i >= len(a) {
		return 0
	}
	n, _ := a[i].ToInt(env.Warn)
	return int(n)
}

func datePart(part func(civil) int) func(*Call, *Env, types.Value) (types.Value, error) {
	return func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		c, ok := fuzzy(env, a)
		if !ok {
			return types.Null, nil
		}
		return types.Int(int64(part(c))), nil
	}
}

func calendarPart(part func(civil) int) func(*Call, *Env, types.Value) (types.Value, error) {
	return func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		c, ok := calendar(env, a)
		if !ok {
			return types.Null, nil
		}
		return types.Int(int64(part(c))), nil
	}
}

// clockPart works on the time's absolute value in microseconds.
func clockPart(part func(int64) int64) func(*Call, *Env, types.Value) (types.Value, error) {
	return func(_ *Call, env *Env, a types.Value) (types.Value, error) {
		t := a.ToTime(&env.Mode, env.Warn)
		if t.IsNull() {
			return types.Null, nil
		}
		us := t.Int()
		return types.Int(part(max(us, -us))), nil
	}
}

func dayName(c civil) string {
	return time.Weekday(temporal.Weekday(temporal.DayNumber(c.Year, c.Month, c.Day), true)).String()
}

func makeDate(_ *Call, env *Env, yv, dv types.Value) (types.Value, error) {
	y, _ := yv.ToInt(env.Warn)
	d, _ := dv.ToInt(env.Warn)
	if y < 0 || y > 9999 || d <= 0 || d > temporal.MaxDayNumber {
		return types.Null, nil
	}
	if y < 70 {
		y += 2000
	} else if y < 100 {
		y += 1900
	}
	n := temporal.DayNumber(int(y), 1, 1) + int(d) - 1
	if n > temporal.MaxDayNumber {
		return types.Null, nil
	}
	yy, mm, dd := temporal.DateOfDay(n)
	return civil{temporal.Civil{Year: yy, Month: mm, Day: dd}}.date(), nil
}

func makeTime(c *Call, env *Env, a []types.Value) (types.Value, error) {
	h, _ := a[0].ToInt(env.Warn)
	m, _ := a[1].ToInt(env.Warn)
	us, ok := secondsToMicros(a[2], env)
	if !ok || m < 0 || m > 59 || us < 0 || us >= 60*temporal.MicrosPerSecond {
		return types.Null, nil
	}
	neg := h < 0
	h = min(max(h, -h), 900)
	t := h*3600*temporal.MicrosPerSecond + m*60*temporal.MicrosPerSecond + us
	if neg {
		t = -t
	}
	return roundTime(clipTime(env, t, c.typ.Decimals), c.typ.Decimals), nil
}

// secondsToMicros turns a number of seconds into microseconds; false where it is beyond all times.
func secondsToMicros(v types.Value, env *Env) (int64, bool) {
	if v.Kind() == types.KindInt {
		i := v.Int()
		return i * temporal.MicrosPerSecond, i > -1<<40 && i < 1<<40
	}
	d := types.RoundDecimal(v.ToDec(env.Warn), 6)
	us, ok := d.SmallDecimal()
	return us, ok && us > -1<<60 && us < 1<<60
}

func secToTime(c *Call, env *Env, a types.Value) (types.Value, error) {
	us, ok := secondsToMicros(a, env)
	if !ok {
		us = 1 << 60
		if a.ToFloat(nil) < 0 {
			us = -us
		}
	}
	return roundTime(clipTime(env, us, c.typ.Decimals), c.typ.Decimals), nil
}

// periodMonths reads YYYYMM or YYMM as months; 1210 where it is none.
func periodMonths(c *Call, env *Env, v types.Value) (int64, error) {
	p, _ := v.ToInt(env.Warn)
	if p == 0 {
		return 0, nil
	}
	y, m := p/100, p%100
	if p < 0 || m < 1 || m > 12 {
		return 0, mysqlerr.New(mysqlerr.WrongArguments, c.name)
	}
	switch {
	case y < 70:
		y += 2000
	case y < 100:
		y += 1900
	}
	return y*12 + m - 1, nil
}

func monthsPeriod(m int64) int64 {
	if m <= 0 {
		return 0
	}
	y := m / 12
	if y < 100 {
		if y < 70 {
			y += 2000
		} else {
			y += 1900
		}
	}
	return y*100 + m%12 + 1
}
