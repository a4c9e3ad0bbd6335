package show

import (
	"context"

	"cloudsql/sql/dialect"
)

// recognised runs what only dialect.ReadShow knows, as a session does.
func (s *server) recognised(text string) (*Result, error, bool) { //nolint:revive // the error is one of two answers
	stmt, err := dialect.ReadShow(text)
	if err != nil {
		return nil, err, true
	}
	if stmt == nil {
		return nil, nil, false
	}
	r, err := Run(context.Background(), s, stmt)
	return r, err, true
}
