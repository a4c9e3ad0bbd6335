package types

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
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
func (a *assignment) badTemporal(what string, issue temporal.Issue, nearest Value) (Value, error) {
	if a.mode.Strict {
		return Null, mysqlerr.Newf(mysqlerr.TruncatedWrongValue, "Incorrect %s value: '%s' for column '%s' at row %d",
			what, a.shown(), a.column, a.row)
	}
	if issue&^(temporal.Truncated|temporal.CutOff) != 0 {
		return a.problem(a.outOfRange(), nearest)
	}
	return a.problem(a.truncated(), nearest)
}

func (a *assignment) date() (Value, error) {
	p := readDatetime(a.v, a.mode)
	if !p.OK {
		return a.badTemporal("date", p.Issue, Date(0))
	}
	packed := p.Civil.Pack()
	d := Date(temporal.DateOnly(packed))
	if p.Issue.Serious() {
		return a.badTemporal("date", p.Issue, d)
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
	if !p.OK {
		return a.badTemporal("datetime", p.Issue, a.zeroDatetime())
	}
	fsp := a.t.temporalFsp()
	packed, ok := temporal.Round(p.Civil.Pack(), fsp)
	if !ok {
		return a.badTemporal("datetime", temporal.OutOfRange, a.zeroDatetime())
	}
	if a.t.ID == mysql.TypeTimestamp {
		return a.timestamp(packed, p.Issue)
	}
	if p.Issue.Serious() {
		return a.badTemporal("datetime", p.Issue, Datetime(packed, fsp))
	}
	return Datetime(packed, fsp), nil
}

func (a *assignment) zeroDatetime() Value {
	if a.t.ID == mysql.TypeTimestamp {
		return Timestamp(temporal.ZeroTimestamp, a.t.temporalFsp())
	}
	return Datetime(0, a.t.temporalFsp())
}

// timestamp converts a rounded local time.
func (a *assignment) timestamp(packed uint64, issue temporal.Issue) (Value, error) {
	if packed == 0 {
		return a.zeroDatetime(), nil // sql_mode allowed it, or it would not have come this far
	}
	micros, status := a.mode.toTimestamp(packed)
	if a.v.again && status == timestampOK && !a.mode.legacy() {
		micros = zones.ShownAgain(time.UnixMicro(micros).In(a.mode.loc())).UnixMicro()
	}
	switch status {
	case timestampInvalid:
		return a.badTemporal("datetime", temporal.OutOfRange, a.zeroDatetime())
	case timestampInGap:
		stored := Timestamp(micros, a.t.temporalFsp())
		if a.mode.Strict {
			return a.badTemporal("datetime", temporal.OutOfRange, stored)
		}
		return a.problem(mysqlerr.New(mysqlerr.WarnInvalidTimestamp, a.column, a.row), stored)
	}
	if issue.Serious() {
		return a.badTemporal("datetime", issue, Timestamp(micros, a.t.temporalFsp()))
	}
	return Timestamp(micros, a.t.temporalFsp()), nil
}

// storeTimestamp rounds a TIMESTAMP that is in storage form already.
func (a *assignment) storeTimestamp(micros int64) (Value, error) {
	fsp := a.t.temporalFsp()
	if micros == temporal.ZeroTimestamp {
		return Timestamp(temporal.ZeroTimestamp, fsp), nil
	}
	rounded := temporal.RoundMicros(micros, fsp)
	if rounded < temporal.MinTimestamp || rounded > temporal.MaxTimestamp {
		return a.badTemporal("datetime", temporal.OutOfRange, a.zeroDatetime())
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
	c := temporal.Of(packed)
	if !c.Real() {
		return 0, timestampInvalid
	}
	at, skipped := m.instant(c)
	micros := at.UnixMicro()
	switch {
	case micros < temporal.MinTimestamp || micros > temporal.MaxTimestamp:
		return 0, timestampInvalid
	case skipped:
		return micros, timestampInGap
	}
	return micros, timestampOK
}

func (a *assignment) time() (Value, error) {
	fsp := a.t.temporalFsp()
	p := readTime(a.v, a.mode)
	if !p.OK {
		return a.badTemporal("time", p.Issue, Time(0, fsp))
	}
	rounded := temporal.RoundMicros(p.Micros, fsp)
	if rounded > temporal.MaxTime || rounded < -temporal.MaxTime {
		rounded = max(min(rounded, temporal.MaxTime), -temporal.MaxTime)
		p.Issue |= temporal.OutOfRange
	}
	if p.Issue.Serious() {
		return a.badTemporal("time", p.Issue, Time(rounded, fsp))
	}
	if p.Issue != 0 {
		a.note()
	}
	return Time(rounded, fsp), nil
}
