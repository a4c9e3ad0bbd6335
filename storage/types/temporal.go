package types

import (
	"time"

	"cloudsql/storage/zones"
)

// Limits of TIME, in microseconds.
const (
	maxTime = (838*3600 + 59*60 + 59) * microsPerSecond

	microsPerSecond = 1000000
	microsPerDay    = 24 * 3600 * microsPerSecond
)

// TIMESTAMP holds 1970-01-01 00:00:01 to 2038-01-19 03:14:07.499999 UTC.
const (
	minTimestamp = 1 * microsPerSecond
	maxTimestamp = (1<<31-1)*microsPerSecond + 499999
)

// civil is a date and time taken apart.
type civil struct {
	year, month, day, hour, minute, second, micro int
}

func unpack(packed uint64) (c civil) {
	c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro = UnpackDatetime(packed)
	return c
}

func (c civil) pack() uint64 {
	return PackDatetime(c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro)
}

// dateOnly drops the time from a packed date and time.
func dateOnly(packed uint64) uint64 { return packed &^ (1<<41 - 1) }

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) && year != 0 }

func daysIn(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return monthDays[month]
}

// toStd gives c as a time in loc; the date must be a real one.
func (c civil) toStd(loc *time.Location) time.Time {
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.micro*1000, loc)
}

func civilFromStd(t time.Time) civil {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return civil{year, int(month), day, hour, minute, second, t.Nanosecond() / 1000}
}

// PackTime packs t, in its own location, as PackDatetime does.
func PackTime(t time.Time) uint64 { return civilFromStd(t).pack() }

// fspUnit is the number of microseconds in the last of fsp fractional digits.
var fspUnit = [7]int{1000000, 100000, 10000, 1000, 100, 10, 1}

// roundMicros rounds signed microseconds to fsp digits, half away from zero.
func roundMicros(micros int64, fsp int) int64 {
	unit := int64(fspUnit[fsp])
	if micros < 0 {
		return -((-micros + unit/2) / unit * unit)
	}
	return (micros + unit/2) / unit * unit
}

// roundPacked rounds a packed date and time to fsp digits; false where a zero month or day, or the year 9999, cannot
// take the carry (MySQL says the value is invalid then).
func roundPacked(packed uint64, fsp int) (uint64, bool) {
	micro := int64(packed & (1<<24 - 1))
	rounded := roundMicros(micro, fsp)
	packed = packed&^(1<<24-1) | uint64(rounded)
	if rounded < microsPerSecond {
		return packed, true
	}
	c := unpack(packed &^ (1<<24 - 1))
	c.micro = 0
	if c.second++; c.second <= 59 {
		return c.pack(), true
	}
	if c.month == 0 || c.day == 0 || c.day > daysIn(c.year, c.month) {
		return 0, false
	}
	c = civilFromStd(c.toStd(time.UTC))
	return c.pack(), c.year <= 9999
}

// timestampCivil is the date and time that a TIMESTAMP in storage form shows in loc (nil is UTC).
func timestampCivil(micros int64, loc *time.Location) civil {
	if micros == ZeroTimestamp {
		return civil{}
	}
	if loc == nil {
		loc = time.UTC
	}
	return civilFromStd(time.UnixMicro(micros).In(loc))
}

// ToLocal turns a TIMESTAMP in storage form into a DATETIME in loc (nil is UTC); other values pass unchanged.
func ToLocal(v Value, loc *time.Location) Value {
	if v.kind != KindTimestamp {
		return v
	}
	local := Datetime(timestampCivil(int64(v.n), loc).pack(), int(v.aux))
	if loc != nil && loc != time.UTC && int64(v.n) != ZeroTimestamp {
		local.again = zones.ShownBefore(time.UnixMicro(int64(v.n)).In(loc))
	}
	return local
}

// ShownAgain tells of a KindDatetime whether ToLocal made it of the second moment that the clock showed so.
func (v Value) ShownAgain() bool { return v.again }

// packedOf gives the packed form of a date, datetime or (in UTC) timestamp.
func packedOf(v Value) uint64 {
	if v.kind == KindTimestamp {
		return timestampCivil(int64(v.n), nil).pack()
	}
	return v.n
}

// temporalNumber is the number a date or time counts as, YYYYMMDD, YYYYMMDDHHMMSS or HHMMSS, and its microseconds. The
// number has the sign of a negative TIME; micros has none.
func temporalNumber(v Value) (n int64, micros int) {
	if v.kind == KindTime {
		t, neg := v.Int(), false
		if t < 0 {
			t, neg = -t, true
		}
		s := t / microsPerSecond
		n = s/3600*10000 + s/60%60*100 + s%60
		if neg {
			n = -n
		}
		return n, int(t % microsPerSecond)
	}
	c := unpack(packedOf(v))
	n = int64(c.year*10000 + c.month*100 + c.day)
	if v.kind == KindDate {
		return n, 0
	}
	return n*1000000 + int64(c.hour*10000+c.minute*100+c.second), c.micro
}

// roundedTemporal is temporalNumber of v rounded to whole seconds.
func roundedTemporal(v Value) (int64, int) {
	if v.kind == KindTime {
		return temporalNumber(Time(roundMicros(v.Int(), 0), 0))
	}
	if packed, ok := roundPacked(packedOf(v), 0); ok {
		return temporalNumber(Datetime(packed, 0))
	}
	n, _ := temporalNumber(v)
	return n, 0
}
