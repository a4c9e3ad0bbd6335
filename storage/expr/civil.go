package expr

import (
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// civil is a date and time taken apart. Its calendar is MySQL's: proleptic Gregorian, day 1 is 0000-01-01, and dates
// with zero months or days exist.
type civil struct {
	year, month, day, hour, minute, second, micro int
}

const (
	microsPerSecond = 1000000
	microsPerDay    = 24 * 3600 * microsPerSecond
	maxTimeMicros   = (838*3600 + 59*60 + 59) * microsPerSecond
	maxDayNumber    = 3652424 // 9999-12-31
)

func unpack(v types.Value) (c civil) {
	c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro = temporal.Unpack(v.Uint())
	return c
}

func (c civil) packed() uint64 {
	return temporal.Pack(c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro)
}

func (c civil) date() types.Value {
	return types.Date(temporal.Pack(c.year, c.month, c.day, 0, 0, 0, 0))
}
func (c civil) datetime(fsp int) types.Value { return types.Datetime(c.packed(), fsp) }

// clock is the time of day in microseconds.
func (c civil) clock() int64 {
	return int64(c.hour*3600+c.minute*60+c.second)*microsPerSecond + int64(c.micro)
}

func (c *civil) setClock(micros int64) {
	s := int(micros / microsPerSecond)
	c.hour, c.minute, c.second, c.micro = s/3600, s/60%60, s%60, int(micros%microsPerSecond)
}

func fromStd(t time.Time) civil {
	y, m, d := t.Date()
	h, mi, s := t.Clock()
	return civil{y, int(m), d, h, mi, s, t.Nanosecond() / 1000}
}

// instant is the moment of a real date in loc.
func (c civil) instant(env *Env, loc *time.Location) time.Time {
	at, _ := env.Mode.Instant(temporal.Pack(c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro), loc)
	return at
}

// zeroInDate tells of a date that is not a day of the calendar.
func (c civil) zeroInDate() bool { return c.month == 0 || c.day == 0 }

func isLeap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) && y != 0 }

func daysInYear(y int) int {
	if isLeap(y) {
		return 366
	}
	return 365
}

var monthDays = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func daysInMonth(y, m int) int {
	if m < 1 || m > 12 {
		return 31
	}
	if m == 2 && isLeap(y) {
		return 29
	}
	return monthDays[m-1]
}

// dayNumber counts days from the year 0.
func dayNumber(y, m, d int) int {
	if y == 0 && m == 0 {
		return 0
	}
	n := 365*y + 31*(m-1) + d
	if m <= 2 {
		y--
	} else {
		n -= (m*4 + 23) / 10
	}
	temp := (y/100 + 1) * 3 / 4 // y may be -1: division cuts towards zero
	return n + y/4 - temp
}

// dateOfDay undoes dayNumber; days of the year 0 and beyond 9999 are the zero date.
func dateOfDay(n int) (y, m, d int) {
	if n <= 365 || n >= 3652500 {
		return 0, 0, 0
	}
	y = n * 100 / 36525
	temp := ((y-1)/100 + 1) * 3 / 4
	day := n - y*365 - (y-1)/4 + temp
	for day > daysInYear(y) {
		day -= daysInYear(y)
		y++
	}
	for m = 1; day > daysInMonth(y, m); m++ {
		day -= daysInMonth(y, m)
	}
	return y, m, day
}

// weekday of a day number: 0 is Monday, or Sunday with sundayFirst.
func weekday(n int, sundayFirst bool) int {
	if sundayFirst {
		return (n + 6) % 7
	}
	return (n + 5) % 7
}

// The bits of a week mode as MySQL's calendar takes them (WEEK()'s argument has the last one inverted without the
// first).
const (
	weekMondayFirst = 1
	weekYear        = 2
	weekFirstDay    = 4
)

func weekMode(arg int) int {
	m := arg & 7
	if m&weekMondayFirst == 0 {
		m ^= weekFirstDay
	}
	return m
}

// week numbers the week of c and tells the year that it belongs to.
func (c civil) week(mode int) (week, year int) {
	day, first := dayNumber(c.year, c.month, c.day), dayNumber(c.year, 1, 1)
	ofYear := mode&weekYear != 0
	firstDay := mode&weekFirstDay != 0
	wd := weekday(first, mode&weekMondayFirst == 0)
	year = c.year
	skips := func() bool { return firstDay && wd != 0 || !firstDay && wd >= 4 }
	if c.month == 1 && c.day <= 7-wd {
		if !ofYear && skips() {
			return 0, year
		}
		ofYear = true
		year--
		n := daysInYear(year)
		first -= n
		wd = (wd + 53*7 - n) % 7
	}
	var days int
	if skips() {
		days = day - (first + (7 - wd))
	} else {
		days = day - (first - wd)
	}
	if ofYear && days >= 52*7 {
		wd = (wd + daysInYear(year)) % 7
		if !skips() {
			return 1, year + 1
		}
	}
	return days/7 + 1, year
}

func (c *civil) dayOfYear() int {
	return dayNumber(c.year, c.month, c.day) - dayNumber(c.year, 1, 1) + 1
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

// fuzzy reads v as a date and time in which zero months and days are good: for YEAR(), MONTH() and kin. Of text and
// numbers the wholly zero date is refused where the mode has NO_ZERO_DATE.
func fuzzy(env *Env, v types.Value) (civil, bool) {
	switch v.Kind() {
	case types.KindDate, types.KindDatetime:
		return unpack(v), true
	case types.KindTime:
		v = timeAsDatetime(env, v)
	default:
		m := types.Mode{Loc: env.Mode.Loc, AllowInvalid: env.Mode.AllowInvalid, NoZeroDate: env.Mode.NoZeroDate}
		v = v.ToDatetime(&m, env.Warn)
	}
	return unpack(v), !v.IsNull()
}

// calendar reads v as a day of the calendar: zero months and days make NULL.
func calendar(env *Env, v types.Value) (civil, bool) {
	c, ok := fuzzy(env, v)
	if ok && c.zeroInDate() {
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
	c.setClock(0)
	c, ok := addMicros(c, v.Int())
	if !ok {
		return types.Null
	}
	return c.datetime(v.Fsp())
}

// addMicros moves c by signed microseconds; false beyond the calendar.
func addMicros(c civil, micros int64) (civil, bool) {
	t := c.clock() + micros%microsPerDay
	days := micros / microsPerDay
	if t < 0 {
		t, days = t+microsPerDay, days-1
	}
	if t >= microsPerDay {
		t, days = t-microsPerDay, days+1
	}
	n := int64(dayNumber(c.year, c.month, 1)) + int64(c.day) - 1 + days
	if n < 0 || n > maxDayNumber {
		return c, false
	}
	c.year, c.month, c.day = dateOfDay(int(n))
	c.setClock(t)
	return c, true
}

// clipTime keeps a TIME within its limits, with warning 1292.
func clipTime(env *Env, micros int64, fsp int) types.Value {
	if micros > maxTimeMicros || micros < -maxTimeMicros {
		env.warn(mysqlerr.TruncatedWrongValue, "time", types.Time(micros, fsp).Text())
		micros = min(max(micros, -maxTimeMicros), maxTimeMicros)
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
