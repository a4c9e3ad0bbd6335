package types

import (
	"math"
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

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

// readDatetime reads any value that may stand for a date and time; rounding is left to the caller.
func readDatetime(v Value, m *Mode) (p parsedDatetime) {
	switch v.kind {
	case KindDate, KindDatetime:
		p = parsedDatetime{civil: unpack(v.n), hasTime: v.kind == KindDatetime, fsp: int(v.aux), ok: true}
		if m != nil {
			p.issue = p.civil.check(m)
			p.ok = p.issue == 0
		}
		return p
	case KindTimestamp:
		return parsedDatetime{civil: timestampCivil(int64(v.n), m.loc()), hasTime: true, fsp: int(v.aux), ok: true}
	case KindTime:
		var today uint64
		if m != nil {
			today = m.Today
		}
		return parsedDatetime{civil: addMicros(today, v.Int()), hasTime: true, fsp: int(v.aux), ok: true}
	case KindString, KindBytes, KindEnum, KindSet:
		return parseDatetime(v.b, m)
	case KindJSON:
		if text, ok := jsonText(v.b); ok {
			return parseDatetime(text, m)
		}
	case KindInt, KindUint, KindFloat, KindDecimal, KindBit:
		if n, micro, ok := numberParts(v); ok && n >= 0 {
			p = datetimeFromNumber(n, micro, m)
			if p.fsp = int(v.aux); v.kind == KindFloat {
				p.fsp = 6
			} else if v.kind != KindDecimal {
				p.fsp = 0
			}
			p.fsp = min(p.fsp, 6)
			return p
		}
	}
	p.issue = issueTruncated
	return p
}

// addMicros moves a packed date by signed microseconds.
func addMicros(packed uint64, micros int64) civil {
	c := unpack(packed)
	if c.month == 0 || c.day == 0 {
		if micros >= 0 && micros < microsPerDay {
			s := int(micros / microsPerSecond)
			c.hour, c.minute, c.second, c.micro = s/3600, s/60%60, s%60, int(micros%microsPerSecond)
		}
		return c
	}
	days, rest := micros/microsPerDay, micros%microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	d := civilFromStd(c.toStd(time.UTC).AddDate(0, 0, int(days)))
	s := int(rest / microsPerSecond)
	d.hour, d.minute, d.second, d.micro = s/3600, s/60%60, s%60, int(rest%microsPerSecond)
	return d
}

// ToDatetime is v as a DATETIME; NULL with warning 1292 where it stands for none. m may be nil: then every date that can
// be written is good.
func (v Value) ToDatetime(m *Mode, warn Warner) Value {
	if v.kind == KindDatetime && m == nil || v.kind == KindNull {
		return v
	}
	p := readDatetime(v, m)
	if !p.ok {
		warnTemporal(warn, "datetime", v, false)
		return Null
	}
	packed, ok := roundPacked(p.civil.pack(), 6)
	if !ok {
		warnTemporal(warn, "datetime", v, false)
		return Null
	}
	if p.issue.serious() {
		warnTemporal(warn, "datetime", v, true)
	}
	return Datetime(packed, p.fsp)
}

// ToDate is the date of v; NULL with warning 1292 where it stands for none.
func (v Value) ToDate(m *Mode, warn Warner) Value {
	if v.kind == KindDate && m == nil || v.kind == KindNull {
		return v
	}
	p := readDatetime(v, m)
	if !p.ok {
		warnTemporal(warn, "date", v, false)
		return Null
	}
	if p.issue.serious() {
		warnTemporal(warn, "date", v, true)
	}
	return Date(dateOnly(p.civil.pack()))
}

// readTime reads any value that may stand for a time of day or a span.
func readTime(v Value, m *Mode) (p parsedTime) {
	switch v.kind {
	case KindTime:
		return parsedTime{micros: v.Int(), fsp: int(v.aux), ok: true}
	case KindDate:
		return parsedTime{issue: noteTruncated, ok: true}
	case KindDatetime, KindTimestamp:
		c := unpack(ToLocal(v, m.loc()).n)
		return parsedTime{micros: c.clock(), fsp: int(v.aux), issue: noteTruncated, ok: true}
	case KindString, KindBytes, KindEnum, KindSet:
		return parseTime(v.b, m)
	case KindJSON:
		if text, ok := jsonText(v.b); ok {
			return parseTime(text, m)
		}
	case KindInt, KindUint, KindFloat, KindDecimal, KindBit:
		if n, micro, ok := numberParts(v); ok {
			p = timeFromNumber(n, micro, m)
			if n == 0 && (v.kind == KindDecimal && decimalSign(v) < 0 || v.kind == KindFloat && v.Float() < 0) {
				p.micros = -p.micros // -0.5 has no signed integer part
			}
			if v.kind == KindDecimal {
				p.fsp = min(int(v.aux), 6)
			} else if v.kind == KindFloat {
				p.fsp = 6
			}
			return p
		}
		return parsedTime{micros: maxTime, issue: issueOutOfRange, ok: true}
	}
	p.issue = issueTruncated
	return p
}

// ToTime is v as a TIME; NULL with warning 1292 where it stands for none. Text beyond ±838:59:59 is cut there, numbers are none.
func (v Value) ToTime(m *Mode, warn Warner) Value {
	if v.kind == KindTime || v.kind == KindNull {
		return v
	}
	p := readTime(v, m)
	if !p.ok {
		warnTemporal(warn, "time", v, false)
		return Null
	}
	if p.issue&issueOutOfRange != 0 && isNumber(v.kind) && !m.legacy() {
		warnTemporal(warn, "time", v, true)
		return Null
	}
	if p.issue.serious() {
		warnTemporal(warn, "time", v, true)
	}
	return Time(p.micros, p.fsp)
}

func isNumber(k Kind) bool {
	return k == KindInt || k == KindUint || k == KindFloat || k == KindDecimal || k == KindBit
}

// warnTemporal is 1292: "Truncated incorrect datetime value: '…'" where a value was found all the same, else
// "Incorrect datetime value: '…'".
func warnTemporal(warn Warner, what string, v Value, found bool) {
	if warn == nil {
		return
	}
	text := collation.Printable(v.AppendText(nil, nil), 128)
	if found {
		warn.warn(mysqlerr.TruncatedWrongValue, what, text)
		return
	}
	warn(mysqlerr.TruncatedWrongValue, mysqlerr.Newf(mysqlerr.TruncatedWrongValue, "Incorrect %s value: '%s'", what, text).Message)
}
