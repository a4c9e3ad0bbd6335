package sysvar

import (
	"time"

	"cloudsql/storage/temporal"
)

// Day is the calendar day of the last statement, which the next one mostly shares.
type Day struct {
	loc      *time.Location
	from, to time.Time
	packed   uint64
}

// Of gives the packed date of a time in a time zone; nil is UTC.
func (d *Day) Of(t time.Time, loc *time.Location) uint64 {
	if loc == nil {
		loc = time.UTC
	}
	if d.loc != loc || t.Before(d.from) || !t.Before(d.to) {
		year, month, date := t.In(loc).Date()
		*d = Day{
			loc:    loc,
			from:   time.Date(year, month, date, 0, 0, 0, 0, loc),
			to:     time.Date(year, month, date+1, 0, 0, 0, 0, loc),
			packed: temporal.Pack(year, int(month), date, 0, 0, 0, 0),
		}
	}
	return d.packed
}
