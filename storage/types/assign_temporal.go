package types

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/zones"
)

// temporalFsp is the number of fractional digits of a date or time type.
func (t *Type) temporalFsp() int {
	if t.Decimals < 0 || t.Decimals > 6 {
		return 0
	}
	return t.Decimals
}

// badTemporal reports a date or time that is none (or that sql_mode forbids): 1292 in strict mode; else warning 1265 or
// 1264, and nearest is stored.
func (a *assignment) badTemporal(what string, issue temporalIssue, nearest Value) (Value, error) {
	if a.mode.Strict {
		return Null, mysqlerr.Newf(mysqlerr.TruncatedWrongValue, "Incorrect %s value: '%s' for column '%s' at row %d",
			what, a.shown(), a.column, a.row)
	}
	if issue&^(issueTruncated|noteTruncated) != 0 {
		return a.problem(a.outOfRange(), nearest)
	}
	return a.problem(a.truncated(), nearest)
}

func (a *assignment) date() (Value, error) {
	p := readDatetime(a.v, a.mode)
	if !p.ok {
		return a.badTemporal("date", p.issue, Date(0))
	}
	packed := p.civil.pack()
	d := Date(dateOnly(packed))
	if p.issue.serious() {
		return a.badTemporal("date", p.issue, d)
	}
	if packed != d.n {
		a.note()
	}
	return d, nil
}

func (a *assignment) datetime() (Value, error) {
	if a.v.kind == KindTimestamp && a.t.ID == mysql.TypeTimestamp {
		return a.storeTimestamp(int64(a.v.n))
	}
	p := readDatetime(a.v, a.mode)
	if !p.ok {
		return a.badTemporal("datetime", p.issue, a.zeroDatetime())
	}
	fsp := a.t.temporalFsp()
	packed, ok := roundPacked(p.civil.pack(), fsp)
	if !ok {
		return a.badTemporal("datetime", issueOutOfRange, a.zeroDatetime())
	}
	if a.t.ID == mysql.TypeTimestamp {
		return a.timestamp(packed, p.issue)
	}
	if p.issue.serious() {
		return a.badTemporal("datetime", p.issue, Datetime(packed, fsp))
	}
	return Datetime(packed, fsp), nil
}

func (a *assignment) zeroDatetime() Value {
	if a.t.ID == mysql.TypeTimestamp {
		return Timestamp(ZeroTimestamp, a.t.temporalFsp())
	}
	return Datetime(0, a.t.temporalFsp())
}

// timestamp converts a rounded local time.
func (a *assignment) timestamp(packed uint64, issue temporalIssue) (Value, error) {
	if packed == 0 {
		return a.zeroDatetime(), nil // sql_mode allowed it, or it would not have come this far
	}
	micros, status := a.mode.toTimestamp(packed)
	if a.v.again && status == timestampOK && !a.mode.legacy() {
		micros = zones.ShownAgain(time.UnixMicro(micros).In(a.mode.loc())).UnixMicro()
	}
	switch status {
	case timestampInvalid:
		return a.badTemporal("datetime", issueOutOfRange, a.zeroDatetime())
	case timestampInGap:
		stored := Timestamp(micros, a.t.temporalFsp())
		if a.mode.Strict {
			return a.badTemporal("datetime", issueOutOfRange, stored)
		}
		return a.problem(mysqlerr.New(mysqlerr.WarnInvalidTimestamp, a.column, a.row), stored)
	}
	if issue.serious() {
		return a.badTemporal("datetime", issue, Timestamp(micros, a.t.temporalFsp()))
	}
	return Timestamp(micros, a.t.temporalFsp()), nil
}

// storeTimestamp rounds a TIMESTAMP that is in storage form already.
func (a *assignment) storeTimestamp(micros int64) (Value, error) {
	fsp := a.t.temporalFsp()
	if micros == ZeroTimestamp {
		return Timestamp(ZeroTimestamp, fsp), nil
	}
	rounded := roundMicros(micros, fsp)
	if rounded < minTimestamp || rounded > maxTimestamp {
		return a.badTemporal("datetime", issueOutOfRange, a.zeroDatetime())
	}
	return Timestamp(rounded, fsp), nil
}

// timestampStatus tells how a local time became a TIMESTAMP.
type timestampStatus uint8

const (
	timestampOK      timestampStatus = iota
	timestampInGap                   // the clock skipped it for daylight saving; the result is the moment of the skip
	timestampInvalid                 // no real date, or outside of 1970 to 2038
)

// toTimestamp gives the microseconds since the Unix epoch of a packed local time in the mode's zone.
func (m *Mode) toTimestamp(packed uint64) (int64, timestampStatus) {
	c := unpack(packed)
	if c.month == 0 || c.day == 0 || c.day > daysIn(c.year, c.month) {
		return 0, timestampInvalid
	}
	at, skipped := m.instant(c)
	micros := at.UnixMicro()
	switch {
	case micros < minTimestamp || micros > maxTimestamp:
		return 0, timestampInvalid
	case skipped:
		return micros, timestampInGap
	}
	return micros, timestampOK
}

// Instant is the moment of a packed local time in loc; skipped tells that the clocks there never showed it. The date must be
// one of the calendar.
func (m *Mode) Instant(packed uint64, loc *time.Location) (at time.Time, skipped bool) {
	c := unpack(packed)
	if m.Legacy {
		return c.toStd(loc), false
	}
	return c.instant(loc)
}

func (m *Mode) instant(c civil) (at time.Time, skipped bool) {
	loc := m.loc()
	if !m.legacy() {
		return c.instant(loc)
	}
	at = c.toStd(loc)
	if loc == time.UTC || civilFromStd(at) == c {
		return at, false
	}
	start, end := at.ZoneBounds()
	if !end.IsZero() && (start.IsZero() || end.Sub(at) < at.Sub(start)) {
		return end, true
	}
	return start, true
}

func (m *Mode) legacy() bool { return m != nil && m.Legacy }

func (c civil) instant(loc *time.Location) (at time.Time, skipped bool) {
	at, skipped = zones.Instant(c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro*1000, loc)
	if skipped { // the fraction stays, as in MySQL
		at = at.Add(time.Duration(c.micro) * time.Microsecond)
	}
	return at, skipped
}

func (a *assignment) time() (Value, error) {
	fsp := a.t.temporalFsp()
	p := readTime(a.v, a.mode)
	if !p.ok {
		return a.badTemporal("time", p.issue, Time(0, fsp))
	}
	rounded := roundMicros(p.micros, fsp)
	if rounded > maxTime || rounded < -maxTime {
		rounded = max(min(rounded, maxTime), -maxTime)
		p.issue |= issueOutOfRange
	}
	if p.issue.serious() {
		return a.badTemporal("time", p.issue, Time(rounded, fsp))
	}
	if p.issue != 0 {
		a.note()
	}
	return Time(rounded, fsp), nil
}
