package conversion

import (
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/temporal"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// fraction is the number of fractional digits of a date or time type.
func fraction(t *types.Type) int {
	if t.Decimals < 0 || t.Decimals > 6 {
		return 0
	}
	return t.Decimals
}

// badTemporal reports a date or time that is none (or that sql_mode forbids): 1292 in strict mode; else warning 1265 or
// 1264, and nearest is stored.
func (a *assignment) badTemporal(what string, issue temporal.Issue, nearest types.Value) (types.Value, error) {
	if a.mode.Strict {
		return types.Null, mysqlerr.Newf(mysqlerr.TruncatedWrongValue, "Incorrect %s value: '%s' for column '%s' at row %d",
			what, a.shown(), a.column, a.row)
	}
	if issue&^(temporal.Truncated|temporal.CutOff) != 0 {
		return a.problem(a.outOfRange(), nearest)
	}
	return a.problem(a.truncated(), nearest)
}

func (a *assignment) date() (types.Value, error) {
	p := types.ReadDatetime(a.v, a.mode)
	if !p.OK {
		return a.badTemporal("date", p.Issue, types.Date(0))
	}
	packed := p.Civil.Pack()
	d := types.Date(temporal.DateOnly(packed))
	if p.Issue.Serious() {
		return a.badTemporal("date", p.Issue, d)
	}
	if packed != d.Uint() {
		a.note()
	}
	return d, nil
}

func (a *assignment) datetime() (types.Value, error) {
	if a.kind == types.KindTimestamp && a.t.ID == mysql.TypeTimestamp {
		return a.storeTimestamp(int64(a.v.Uint()))
	}
	p := types.ReadDatetime(a.v, a.mode)
	if !p.OK {
		return a.badTemporal("datetime", p.Issue, a.zeroDatetime())
	}
	fsp := fraction(a.t)
	packed, ok := temporal.Round(p.Civil.Pack(), fsp)
	if !ok {
		return a.badTemporal("datetime", temporal.OutOfRange, a.zeroDatetime())
	}
	if a.t.ID == mysql.TypeTimestamp {
		return a.timestamp(packed, p.Issue)
	}
	if p.Issue.Serious() {
		return a.badTemporal("datetime", p.Issue, types.Datetime(packed, fsp))
	}
	return types.Datetime(packed, fsp), nil
}

func (a *assignment) zeroDatetime() types.Value {
	if a.t.ID == mysql.TypeTimestamp {
		return types.Timestamp(temporal.ZeroTimestamp, fraction(a.t))
	}
	return types.Datetime(0, fraction(a.t))
}

// timestamp converts a rounded local time.
func (a *assignment) timestamp(packed uint64, issue temporal.Issue) (types.Value, error) {
	if packed == 0 {
		return a.zeroDatetime(), nil // sql_mode allowed it, or it would not have come this far
	}
	micros, status := toTimestamp(packed, a.mode)
	if a.v.ShownAgain() && status == timestampOK && !a.mode.Legacy {
		micros = zones.ShownAgain(time.UnixMicro(micros).In(a.mode.Location())).UnixMicro()
	}
	switch status {
	case timestampInvalid:
		return a.badTemporal("datetime", temporal.OutOfRange, a.zeroDatetime())
	case timestampInGap:
		stored := types.Timestamp(micros, fraction(a.t))
		if a.mode.Strict {
			return a.badTemporal("datetime", temporal.OutOfRange, stored)
		}
		return a.problem(mysqlerr.New(mysqlerr.WarnInvalidTimestamp, a.column, a.row), stored)
	}
	if issue.Serious() {
		return a.badTemporal("datetime", issue, types.Timestamp(micros, fraction(a.t)))
	}
	return types.Timestamp(micros, fraction(a.t)), nil
}

// storeTimestamp rounds a TIMESTAMP that is in storage form already.
func (a *assignment) storeTimestamp(micros int64) (types.Value, error) {
	fsp := fraction(a.t)
	if micros == temporal.ZeroTimestamp {
		return types.Timestamp(temporal.ZeroTimestamp, fsp), nil
	}
	rounded := temporal.RoundMicros(micros, fsp)
	if rounded < temporal.MinTimestamp || rounded > temporal.MaxTimestamp {
		return a.badTemporal("datetime", temporal.OutOfRange, a.zeroDatetime())
	}
	return types.Timestamp(rounded, fsp), nil
}

// timestampStatus tells how a local time became a TIMESTAMP.
type timestampStatus uint8

const (
	timestampOK      timestampStatus = iota
	timestampInGap                   // the clock skipped it for daylight saving; the result is the moment of the skip
	timestampInvalid                 // no real date, or outside of 1970 to 2038
)

// toTimestamp gives the microseconds since the Unix epoch of a packed local time in the mode's zone.
func toTimestamp(packed uint64, m *types.Mode) (int64, timestampStatus) {
	c := temporal.Of(packed)
	if !c.Real() {
		return 0, timestampInvalid
	}
	at, skipped := instant(c, m)
	micros := at.UnixMicro()
	switch {
	case micros < temporal.MinTimestamp || micros > temporal.MaxTimestamp:
		return 0, timestampInvalid
	case skipped:
		return micros, timestampInGap
	}
	return micros, timestampOK
}

// instant is the moment at which the clocks of the mode's zone show c; skipped tells that they never did.
func instant(c temporal.Civil, m *types.Mode) (at time.Time, skipped bool) {
	loc := m.Location()
	if !m.Legacy {
		return c.Instant(loc)
	}
	at = c.Std(loc)
	if loc == time.UTC || temporal.FromStd(at) == c {
		return at, false
	}
	start, end := at.ZoneBounds()
	if !end.IsZero() && (start.IsZero() || end.Sub(at) < at.Sub(start)) {
		return end, true
	}
	return start, true
}

func (a *assignment) time() (types.Value, error) {
	fsp := fraction(a.t)
	p := types.ReadTime(a.v, a.mode)
	if !p.OK {
		return a.badTemporal("time", p.Issue, types.Time(0, fsp))
	}
	rounded := temporal.RoundMicros(p.Micros, fsp)
	if rounded > temporal.MaxTime || rounded < -temporal.MaxTime {
		rounded = max(min(rounded, temporal.MaxTime), -temporal.MaxTime)
		p.Issue |= temporal.OutOfRange
	}
	if p.Issue.Serious() {
		return a.badTemporal("time", p.Issue, types.Time(rounded, fsp))
	}
	if p.Issue != 0 {
		a.note()
	}
	return types.Time(rounded, fsp), nil
}
