package types

import (
	"time"

	"cloudsql/storage/temporal"
)

// Mode is what of the session decides how values convert: parts of sql_mode and the time zone.
type Mode struct {
	Strict        bool // STRICT_TRANS_TABLES or STRICT_ALL_TABLES: bad data is an error, else a warning and the nearest value
	NoZeroDate    bool
	NoZeroInDate  bool
	AllowInvalid  bool // ALLOW_INVALID_DATES
	PadChar       bool // PAD_CHAR_TO_FULL_LENGTH
	DivZeroError  bool // ERROR_FOR_DIVISION_BY_ZERO
	NoUnsignedSub bool // NO_UNSIGNED_SUBTRACTION
	Loc           *time.Location
	Today         uint64 // packed date of the statement's start in Loc: what a TIME counts from as a DATETIME

	// Legacy: a log entry of format 1 is executed as the programs did that wrote it, whose replicas may have done so already.
	Legacy bool
}

// DefaultMode is MySQL 8's default sql_mode in UTC: for tests and tools.
func DefaultMode() *Mode {
	return &Mode{Strict: true, NoZeroDate: true, NoZeroInDate: true, DivZeroError: true, Loc: time.UTC}
}

// Location is the session's time zone.
func (m *Mode) Location() *time.Location {
	if m == nil || m.Loc == nil {
		return time.UTC
	}
	return m.Loc
}

func (m *Mode) legacy() bool { return m != nil && m.Legacy }

// rules is what readers of dates and times need of the mode. Without a session anything that has the form of a date is one.
func (m *Mode) rules() temporal.Rules {
	if m == nil {
		return temporal.Rules{}
	}
	return temporal.Rules{NoZeroDate: m.NoZeroDate, NoZeroInDate: m.NoZeroInDate, AllowInvalid: m.AllowInvalid, ShortYears: m.Legacy, Loc: m.Loc}
}

// Instant is the moment of a packed local time in loc; skipped tells that the clocks there never showed it. The date must be
// one of the calendar.
func (m *Mode) Instant(packed uint64, loc *time.Location) (at time.Time, skipped bool) {
	c := temporal.Of(packed)
	if m.Legacy {
		return c.Std(loc), false
	}
	return c.Instant(loc)
}
