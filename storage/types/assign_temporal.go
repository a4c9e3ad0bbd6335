package types

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
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
		return Null, mysqlerr.Newf(mysql.ErrTruncatedWrongValue, "Incorrect %s value: '%s' for column '%s' at row %d",
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
	if packed != d.n && a.v.kind != KindTime {
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
	micros, status := ToTimestamp(packed, a.mode.loc())
	switch status {
	case TimestampInvalid:
		return a.badTemporal("datetime", issueOutOfRange, a.zeroDatetime())
	case TimestampInGap:
		stored := Timestamp(micros, a.t.temporalFsp())
		if a.mode.Strict {
			return a.badTemporal("datetime", issueOutOfRange, stored)
		}
		return a.problem(mysqlerr.New(mysql.ErrWarnInvalidTimestamp, a.column, a.row), stored)
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

// TimestampStatus tells how a local time became a TIMESTAMP.
type TimestampStatus uint8

// The outcomes of ToTimestamp.
const (
	TimestampOK      TimestampStatus = iota
	TimestampInGap                   // the clock skipped it for daylight saving; the result is the moment of the skip
	TimestampInvalid                 // no real date, or outside of 1970 to 2038
)

// ToTimestamp gives the microseconds since the Unix epoch of a packed local time in loc.
func ToTimestamp(packed uint64, loc *time.Location) (int64, TimestampStatus) {
	c := unpack(packed)
	if c.month == 0 || c.day == 0 || c.day > daysIn(c.year, c.month) {
		return 0, TimestampInvalid
	}
	at, status := c.toStd(loc), TimestampOK
	if loc != time.UTC && civilFromStd(at) != c {
		status = TimestampInGap
		start, end := at.ZoneBounds()
		if at = start; !end.IsZero() && (start.IsZero() || end.Sub(c.toStd(loc)) < c.toStd(loc).Sub(start)) {
			at = end
		}
	}
	micros := at.UnixMicro()
	if micros < minTimestamp || micros > maxTimestamp {
		return 0, TimestampInvalid
	}
	return micros, status
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
