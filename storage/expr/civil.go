package expr

import (
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// civil is a date and time taken apart, with what functions make of one.
type civil struct{ temporal.Civil }

func unpack(v types.Value) (c civil) {
	c.Year, c.Month, c.Day, c.Hour, c.Minute, c.Second, c.Micro = temporal.Unpack(v.Uint())
	return c
}

func fromStd(t time.Time) civil { return civil{temporal.FromStd(t)} }

func (c civil) date() types.Value {
	return types.Date(temporal.Pack(c.Year, c.Month, c.Day, 0, 0, 0, 0))
}
func (c civil) datetime(fsp int) types.Value { return types.Datetime(c.Pack(), fsp) }

// instant is the moment of a real date in loc.
func (c civil) instant(env *Env, loc *time.Location) time.Time {
	at, _ := env.Mode.Instant(c.Pack(), loc)
	return at
}

// loc is the session's time zone.
func (env *Env) loc() *time.Location {
	if env.Mode.Loc != nil {
		return env.Mode.Loc
	}
	return time.UTC
}

// now is the statement's start in the session's time zone.
func (env *Env) now() civil { return fromStd(env.Now.In(env.loc())) }

// fuzzy reads v as a date and time in which zero months and days are good: for YEAR(), MONTH() and kin. Of text the wholly zero date is
// refused where the mode has NO_ZERO_DATE; the number 0 is that date in every mode, as in MySQL.
func fuzzy(env *Env, v types.Value) (civil, bool) {
	return readDate(env, v, env.Mode.NoZeroDate && (!isNumberKind(v.Kind()) || env.Mode.Legacy))
}

// castDate is fuzzy for DATE and TIMESTAMP, which refuse the number 0 as they do the text.
func castDate(env *Env, v types.Value) (civil, bool) { return readDate(env, v, env.Mode.NoZeroDate) }

func readDate(env *Env, v types.Value, noZero bool) (civil, bool) {
	switch v.Kind() {
	case types.KindDate, types.KindDatetime:
		return unpack(v), true
	case types.KindTime:
		v = timeAsDatetime(env, v)
	default:
		m := types.Mode{Loc: env.Mode.Loc, AllowInvalid: env.Mode.AllowInvalid, NoZeroDate: noZero}
		v = v.ToDatetime(&m, env.Warn)
	}
	return unpack(v), !v.IsNull()
}

// calendar reads v as a day of the calendar: zero months and days make NULL.
func calendar(env *Env, v types.Value) (civil, bool) {
	c, ok := fuzzy(env, v)
	if ok && c.HasZero() {
		env.warnf(mysqlerr.TruncatedWrongValue, "Incorrect datetime value: '%s'", v.Text())
		return c, false
	}
	return c, ok
}

// timeAsDatetime is a value as a DATETIME; a TIME counts from the statement's day. Where that is not known, which is
// before execution, a warning keeps Fold from the result.
func timeAsDatetime(env *Env, v types.Value) types.Value {
	if v.Kind() != types.KindTime {
		return v.ToDatetime(&env.Mode, env.Warn)
	}
	var c civil
	switch {
	case env.Mode.Today != 0:
		c = unpack(types.Date(env.Mode.Today))
	case !env.Now.IsZero():
		c = env.now()
	default:
		env.warnf(mysqlerr.TruncatedWrongValue, "Incorrect datetime value: '%s'", v.Text())
		return types.Null
	}
	c.SetClock(0)
	c, ok := addMicros(c, v.Int())
	if !ok {
		return types.Null
	}
	return c.datetime(v.Fsp())
}

// addMicros moves c by signed microseconds; false beyond the calendar.
func addMicros(c civil, micros int64) (civil, bool) {
	t := c.Clock() + micros%temporal.MicrosPerDay
	days := micros / temporal.MicrosPerDay
	if t < 0 {
		t, days = t+temporal.MicrosPerDay, days-1
	}
	if t >= temporal.MicrosPerDay {
		t, days = t-temporal.MicrosPerDay, days+1
	}
	n := int64(temporal.DayNumber(c.Year, c.Month, 1)) + int64(c.Day) - 1 + days
	if n < 0 || n > temporal.MaxDayNumber {
		return c, false
	}
	c.Year, c.Month, c.Day = temporal.DateOfDay(int(n))
	c.SetClock(t)
	return c, true
}

// clipTime keeps a TIME within its limits, with warning 1292.
func clipTime(env *Env, micros int64, fsp int) types.Value {
	if micros > temporal.MaxTime || micros < -temporal.MaxTime {
		env.warn(mysqlerr.TruncatedWrongValue, "time", types.Time(micros, fsp).Text())
		micros = min(max(micros, -temporal.MaxTime), temporal.MaxTime)
	}
	return types.Time(micros, fsp)
}

// zone finds a zone: "SYSTEM", which is the gateway's and travels with the Env, an offset such as "+05:30", or a name of
// the zone database.
func (env *Env) zone(name string) (*time.Location, bool) {
	if name == "SYSTEM" {
		return env.System, env.System != nil
	}
	if z, ok := zones.Offset(name); ok {
		return z, true
	}
	return zones.Load(name)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}
