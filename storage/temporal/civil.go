package temporal

import (
	"math"
	"time"

	"cloudsql/storage/zones"
)

// MaxTime is the largest TIME, in microseconds; the smallest is its negative.
const (
	MaxTime = (838*3600 + 59*60 + 59) * MicrosPerSecond

	MicrosPerSecond = 1000000
	MicrosPerDay    = 24 * 3600 * MicrosPerSecond
)

// TIMESTAMP holds 1970-01-01 00:00:01 to 2038-01-19 03:14:07.499999 UTC.
const (
	MinTimestamp = 1 * MicrosPerSecond
	MaxTimestamp = (1<<31-1)*MicrosPerSecond + 499999

	// ZeroTimestamp is the storage form of '0000-00-00 00:00:00'.
	ZeroTimestamp = math.MinInt64
)

// Pack packs a date and time into an integer that orders as the date does (invalid dates such as 2024-00-00
// included): ((year*13+month)<<5|day)<<17|hour<<12|minute<<6|second, shifted left by 24 bits, plus microseconds.
func Pack(year, month, day, hour, minute, second, micro int) uint64 {
	ymd := uint64(year*13+month)<<5 | uint64(day)
	hms := uint64(hour)<<12 | uint64(minute)<<6 | uint64(second)
	return (ymd<<17|hms)<<24 | uint64(micro)
}

// Unpack undoes Pack.
func Unpack(p uint64) (year, month, day, hour, minute, second, micro int) {
	micro = int(p & (1<<24 - 1))
	p >>= 24
	hms := p & (1<<17 - 1)
	ymd := p >> 17
	ym := ymd >> 5
	return int(ym / 13), int(ym % 13), int(ymd & 31), int(hms >> 12), int(hms >> 6 & 63), int(hms & 63), micro
}

// PackTime packs t, in its own location, as Pack does.
func PackTime(t time.Time) uint64 { return FromStd(t).Pack() }

// Valid tells whether p can have been packed of parts that are within their ranges.
func Valid(p uint64) bool {
	c := Of(p)
	return c.Year <= 9999 && c.Month <= 12 && c.Day <= 31 && c.Hour <= 23 && c.Minute <= 59 && c.Second <= 59 &&
		c.Micro < MicrosPerSecond
}

// DateOnly drops the time from a packed date and time.
func DateOnly(packed uint64) uint64 { return packed &^ (1<<41 - 1) }

// Civil is a date and time taken apart.
type Civil struct {
	Year, Month, Day, Hour, Minute, Second, Micro int
}

// Of takes a packed date and time apart.
func Of(packed uint64) (c Civil) {
	c.Year, c.Month, c.Day, c.Hour, c.Minute, c.Second, c.Micro = Unpack(packed)
	return c
}

func (c Civil) Pack() uint64 {
	return Pack(c.Year, c.Month, c.Day, c.Hour, c.Minute, c.Second, c.Micro)
}

// FromStd is the date and time that t shows in its own location.
func FromStd(t time.Time) Civil {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return Civil{year, int(month), day, hour, minute, second, t.Nanosecond() / 1000}
}

// OfTimestamp is the date and time that a TIMESTAMP in storage form shows in loc (nil is UTC).
func OfTimestamp(micros int64, loc *time.Location) Civil {
	if micros == ZeroTimestamp {
		return Civil{}
	}
	if loc == nil {
		loc = time.UTC
	}
	return FromStd(time.UnixMicro(micros).In(loc))
}

// Std gives c as a time in loc, as the standard library resolves what clocks show twice or never; the date must be a real one.
func (c Civil) Std(loc *time.Location) time.Time {
	return time.Date(c.Year, time.Month(c.Month), c.Day, c.Hour, c.Minute, c.Second, c.Micro*1000, loc)
}

// Instant is the moment at which clocks in loc show c, the first of two; skipped tells that they never did. The date must be a real one.
func (c Civil) Instant(loc *time.Location) (at time.Time, skipped bool) {
	at, skipped = zones.Instant(c.Year, c.Month, c.Day, c.Hour, c.Minute, c.Second, c.Micro*1000, loc)
	if skipped { // the fraction stays, as in MySQL
		at = at.Add(time.Duration(c.Micro) * time.Microsecond)
	}
	return at, skipped
}

// Real tells whether c's date is a day of the calendar.
func (c *Civil) Real() bool { return !c.HasZero() && c.Day <= DaysIn(c.Year, c.Month) }

// HasZero tells of a date with a zero month or day.
func (c *Civil) HasZero() bool { return c.Month == 0 || c.Day == 0 }

// Clock is the time of day in microseconds.
func (c Civil) Clock() int64 {
	return int64(c.Hour*3600+c.Minute*60+c.Second)*MicrosPerSecond + int64(c.Micro)
}

// SetClock replaces the time of day by microseconds.
func (c *Civil) SetClock(micros int64) {
	s := int(micros / MicrosPerSecond)
	c.Hour, c.Minute, c.Second, c.Micro = s/3600, s/60%60, s%60, int(micros%MicrosPerSecond)
}

// Add moves c, a date, by signed microseconds; one without month or day stays as it is where they leave its own hours.
func (c Civil) Add(micros int64) Civil {
	if c.HasZero() {
		if micros >= 0 && micros < MicrosPerDay {
			c.SetClock(micros)
		}
		return c
	}
	days, rest := micros/MicrosPerDay, micros%MicrosPerDay
	if rest < 0 {
		days, rest = days-1, rest+MicrosPerDay
	}
	d := FromStd(c.Std(time.UTC).AddDate(0, 0, int(days)))
	d.SetClock(rest)
	return d
}

var monthDays = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) && year != 0 }

// DaysIn is the number of days of a month, 31 for what is none.
func DaysIn(year, month int) int {
	switch {
	case month < 1 || month > 12:
		return 31
	case month == 2 && isLeap(year):
		return 29
	}
	return monthDays[month-1]
}

// fspUnit is the number of microseconds in the last of fsp fractional digits.
var fspUnit = [7]int{1000000, 100000, 10000, 1000, 100, 10, 1}

// RoundMicros rounds signed microseconds to fsp digits, half away from zero.
func RoundMicros(micros int64, fsp int) int64 {
	unit := int64(fspUnit[fsp])
	if micros < 0 {
		return -((-micros + unit/2) / unit * unit)
	}
	return (micros + unit/2) / unit * unit
}

// Round rounds a packed date and time to fsp digits; false where a zero month or day, or the year 9999, cannot
// take the carry (MySQL says the value is invalid then).
func Round(packed uint64, fsp int) (uint64, bool) {
	micro := int64(packed & (1<<24 - 1))
	rounded := RoundMicros(micro, fsp)
	packed = packed&^(1<<24-1) | uint64(rounded)
	if rounded < MicrosPerSecond {
		return packed, true
	}
	c := Of(packed &^ (1<<24 - 1))
	c.Micro = 0
	if c.Second++; c.Second <= 59 {
		return c.Pack(), true
	}
	if !c.Real() {
		return 0, false
	}
	c = FromStd(c.Std(time.UTC))
	return c.Pack(), c.Year <= 9999
}
