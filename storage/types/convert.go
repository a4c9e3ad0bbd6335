package types

import (
	"time"
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

// Warner receives the conditions that a conversion met without failing (a *mysqlerr.Error each); nil drops them.
type Warner func(code uint16, message string)

// Note marks the code of a condition that a Warner is told of: SHOW WARNINGS calls it a Note, and no mode makes an error of it.
const Note uint16 = 1 << 15

// Text is AppendText into a new string.
func (v Value) Text() string { return string(v.AppendText(nil, nil)) }
