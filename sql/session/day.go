package session

import (
	"time"

	"cloudsql/storage/types"
)

// day is the calendar day of the last statement, which the next one mostly shares.
type day struct {
	loc      *time.Location
	from, to time.Time
	packed   uint64
}

// of gives the packed date of a time in a time zone; nil is UTC.
func (d *day) of(t time.Time, loc *time.Location) uint64 {
	if loc == nil {
		loc = time.UTC
	}
	if d.loc != loc || t.Before(d.from) || !t.Before(d.to) {
		year, month, date := t.In(loc).Date()
		*d = day{
			loc:    loc,
			from:   time.Date(year, month, date, 0, 0, 0, 0, loc),
			to:     time.Date(year, month, date+1, 0, 0, 0, 0, loc),
			packed: types.PackDatetime(year, int(month), date, 0, 0, 0, 0),
		}
	}
	return d.packed
}
