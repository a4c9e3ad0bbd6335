package types

import (
	"math"
	"time"

	"cloudsql/storage/temporal"
	"cloudsql/storage/zones"
)

// ToLocal turns a TIMESTAMP in storage form into a DATETIME in loc (nil is UTC); other values pass unchanged.
func ToLocal(v Value, loc *time.Location) Value {
	if v.kind != KindTimestamp {
		return v
	}
	local := Datetime(temporal.OfTimestamp(int64(v.n), loc).Pack(), int(v.aux))
	if loc != nil && loc != time.UTC && int64(v.n) != temporal.ZeroTimestamp {
		local.again = zones.ShownBefore(time.UnixMicro(int64(v.n)).In(loc))
	}
	return local
}

// ShownAgain tells of a KindDatetime whether ToLocal made it of the second moment that the clock showed so.
func (v Value) ShownAgain() bool { return v.again }

// packedOf gives the packed form of a date, datetime or (in UTC) timestamp.
func packedOf(v Value) uint64 {
	if v.kind == KindTimestamp {
		return temporal.OfTimestamp(int64(v.n), nil).Pack()
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
		s := t / temporal.MicrosPerSecond
		n = s/3600*10000 + s/60%60*100 + s%60
		if neg {
			n = -n
		}
		return n, int(t % temporal.MicrosPerSecond)
	}
	c := temporal.Of(packedOf(v))
	n = int64(c.Year*10000 + c.Month*100 + c.Day)
	if v.kind == KindDate {
		return n, 0
	}
	return n*1000000 + int64(c.Hour*10000+c.Minute*100+c.Second), c.Micro
}

// roundedTemporal is temporalNumber of v rounded to whole seconds.
func roundedTemporal(v Value) (int64, int) {
	if v.kind == KindTime {
		return temporalNumber(Time(temporal.RoundMicros(v.Int(), 0), 0))
	}
	if packed, ok := temporal.Round(packedOf(v), 0); ok {
		return temporalNumber(Datetime(packed, 0))
	}
	n, _ := temporalNumber(v)
	return n, 0
}

// wholeParts is numberParts, and a second of microseconds, and not another number, where these are rounded to one. The first format's
// programs rounded the number, to what may be no date.
func wholeParts(v Value, m *Mode) (n int64, micro int, ok bool) {
	n, micro, ok = numberParts(v)
	if ok && micro == 0 && v.kind == KindDecimal && v.aux > 6 && !m.legacy() {
		up := int64(1)
		if n < 0 {
			up = -1
		}
		if compareDecimals(v, DecSmall(n, 0))*int(up) < 0 {
			return n - up, temporal.MicrosPerSecond, true
		}
	}
	return n, micro, ok
}

// negative tells whether v is a number with a fraction that is less than 0, be its integer part 0.
func negative(v Value) bool {
	return v.kind == KindDecimal && DecimalSign(v) < 0 || v.kind == KindFloat && v.Float() < 0
}

// numberParts splits a number into its integer part and microseconds (without sign); false where it is too large.
func numberParts(v Value) (n int64, micro int, ok bool) {
	switch v.kind {
	case KindInt:
		return int64(v.n), 0, true
	case KindUint, KindBit:
		return int64(v.n), 0, v.n <= math.MaxInt64
	case KindFloat:
		f := v.Float()
		if math.Abs(f) >= 1<<63 {
			return 0, 0, false
		}
		whole, frac := math.Modf(f)
		return int64(whole), int(math.Round(math.Abs(frac) * 1e6)), true
	}
	d := RoundDecimal(v, 6)
	if d.b == nil {
		n := int64(d.n)
		return n / 1e6, int(max(n, -n) % 1e6), true
	}
	digits := d.b[:len(d.b)-6]
	for _, b := range d.b[len(d.b)-6:] {
		micro = micro*10 + int(b-'0')
	}
	whole := decFromDigits(false, trimSign(digits), 0)
	if d.b[0] == '-' {
		return -int64(whole.n), micro, whole.b == nil
	}
	return int64(whole.n), micro, whole.b == nil
}

func trimSign(digits []byte) []byte {
	if len(digits) > 0 && digits[0] == '-' {
		return digits[1:]
	}
	return digits
}

// ReadDatetime reads any value that may stand for a date and time; rounding is left to the caller.
func ReadDatetime(v Value, m *Mode) (p temporal.Parsed) {
	switch v.kind {
	case KindDate, KindDatetime:
		p = temporal.Parsed{Civil: temporal.Of(v.n), Fsp: int(v.aux), OK: true}
		if m != nil {
			p.Issue = p.Check(m.rules())
			p.OK = p.Issue == 0
		}
		return p
	case KindTimestamp:
		return temporal.Parsed{Civil: temporal.OfTimestamp(int64(v.n), m.Location()), Fsp: int(v.aux), OK: true}
	case KindTime:
		var today uint64
		if m != nil {
			today = m.Today
		}
		return temporal.Parsed{Civil: temporal.Of(today).Add(v.Int()), Fsp: int(v.aux), OK: true}
	case KindString, KindBytes, KindEnum, KindSet:
		return parseDatetime(v.b, m)
	case KindJSON:
		if text, ok := jsonText(v.b); ok {
			return parseDatetime(text, m)
		}
	case KindInt, KindUint, KindFloat, KindDecimal, KindBit:
		if n, micro, ok := wholeParts(v, m); ok && n >= 0 && (n > 0 || micro == 0 || m.legacy() || !negative(v)) {
			if n == 0 && m != nil && m.NoZeroDate && !m.Legacy { // 0.5 is no other date than 0
				micro = 0
			}
			p = temporal.DatetimeFromNumber(n, micro, m.rules())
			if p.Fsp = int(v.aux); v.kind == KindFloat {
				p.Fsp = 6
			} else if v.kind != KindDecimal {
				p.Fsp = 0
			}
			p.Fsp = min(p.Fsp, 6)
			return p
		}
	}
	p.Issue = temporal.Truncated
	return p
}

// parseDatetime reads a text. One that an offset carries out of the calendar is none; the first format's programs packed what has no
// form.
func parseDatetime(s []byte, m *Mode) temporal.Parsed {
	p := temporal.ParseDatetime(s, m.rules())
	if p.OK && (p.Year < 0 || p.Year > 9999) && !m.legacy() {
		return temporal.Parsed{Issue: temporal.OutOfRange}
	}
	return p
}

// ToDatetime is v as a DATETIME; NULL with warning 1292 where it stands for none. m may be nil: then every date that can
// be written is good.
func (v Value) ToDatetime(m *Mode, warn Warner) Value {
	if v.kind == KindDatetime && m == nil || v.kind == KindNull {
		return v
	}
	p := ReadDatetime(v, m)
	if !p.OK {
		warn.Incorrect("datetime", v)
		return Null
	}
	packed, ok := temporal.Round(p.Civil.Pack(), 6)
	if !ok {
		warn.Incorrect("datetime", v)
		return Null
	}
	if p.Issue.Serious() {
		warn.truncatedValue("datetime", v)
	}
	return Datetime(packed, p.Fsp)
}

// ToDate is the date of v; NULL with warning 1292 where it stands for none.
func (v Value) ToDate(m *Mode, warn Warner) Value {
	if v.kind == KindDate && m == nil || v.kind == KindNull {
		return v
	}
	p := ReadDatetime(v, m)
	if !p.OK {
		warn.Incorrect("date", v)
		return Null
	}
	if p.Issue.Serious() {
		warn.truncatedValue("date", v)
	}
	return Date(temporal.DateOnly(p.Civil.Pack()))
}

// ReadTime reads any value that may stand for a time of day or a span.
func ReadTime(v Value, m *Mode) (p temporal.ParsedTime) {
	switch v.kind {
	case KindTime:
		return temporal.ParsedTime{Micros: v.Int(), Fsp: int(v.aux), OK: true}
	case KindDate:
		return temporal.ParsedTime{Issue: temporal.CutOff, OK: true}
	case KindDatetime, KindTimestamp:
		c := temporal.Of(ToLocal(v, m.Location()).n)
		return temporal.ParsedTime{Micros: c.Clock(), Fsp: int(v.aux), Issue: temporal.CutOff, OK: true}
	case KindString, KindBytes, KindEnum, KindSet:
		return temporal.ParseTime(v.b, m.rules())
	case KindJSON:
		if text, ok := jsonText(v.b); ok {
			return temporal.ParseTime(text, m.rules())
		}
	case KindInt, KindUint, KindFloat, KindDecimal, KindBit:
		if n, micro, ok := wholeParts(v, m); ok {
			p = temporal.TimeFromNumber(n, micro, m.rules())
			if n == 0 && negative(v) {
				p.Micros = -p.Micros // -0.5 has no signed integer part
			}
			if v.kind == KindDecimal {
				p.Fsp = min(int(v.aux), 6)
			} else if v.kind == KindFloat {
				p.Fsp = 6
			}
			return p
		}
		return temporal.ParsedTime{Micros: temporal.MaxTime, Issue: temporal.OutOfRange, OK: true}
	}
	p.Issue = temporal.Truncated
	return p
}

// ToTime is v as a TIME; NULL with warning 1292 where it stands for none. Text beyond ±838:59:59 is cut there, numbers are none.
func (v Value) ToTime(m *Mode, warn Warner) Value {
	if v.kind == KindTime || v.kind == KindNull {
		return v
	}
	p := ReadTime(v, m)
	if !p.OK {
		warn.Incorrect("time", v)
		return Null
	}
	if p.Issue&temporal.OutOfRange != 0 && v.kind.Numeric() && !m.legacy() {
		warn.truncatedValue("time", v)
		return Null
	}
	if p.Issue.Serious() {
		warn.truncatedValue("time", v)
	}
	return Time(p.Micros, p.Fsp)
}
