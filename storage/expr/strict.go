package expr

import (
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// strictErrors are the warnings that stop an INSERT, UPDATE or DELETE under a strict sql_mode.
var strictErrors = map[uint16]bool{
	1264: true, // Out of range value
	1265: true, // Data truncated
	1292: true, // Truncated incorrect … value
	1365: true, // Division by 0
	1366: true, // Incorrect … value for column
	1406: true, // Data too long
	1411: true, // Incorrect … value for function
	1441: true, // Datetime function: … overflow
	1260: true, // cut by GROUP_CONCAT()
	1301: true, // larger than max_allowed_packet
	3020: true, // Invalid argument for logarithm
}

// StrictWarnings is the Env.Warn of a data change under a strict sql_mode: it keeps the first condition that strict
// mode makes an error of, and passes the others to Next. The executor asks for Err after each row.
type StrictWarnings struct {
	Next types.Warner
	err  *mysqlerr.Error
}

// Warn is the Warner.
func (s *StrictWarnings) Warn(code uint16, message string) {
	switch {
	case strictErrors[code]:
		if s.err == nil {
			s.err = mysqlerr.Newf(code, "%s", message)
		}
	case s.Next != nil:
		s.Next(code, message)
	}
}

// Err is the error that a warning became, nil where there was none.
func (s *StrictWarnings) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}
