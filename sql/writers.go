package sql

import "cloudsql/storage/types"

// Window passes on the rows of a LIMIT.
type Window struct {
	ResultWriter
	Skip, Left uint64
}

// Row implements ResultWriter.
func (w *Window) Row(vals []types.Value) error {
	switch {
	case w.Skip > 0:
		w.Skip--
	case w.Left > 0:
		w.Left--
		return w.ResultWriter.Row(vals)
	}
	return nil
}

// Headed passes on rows under other columns.
type Headed struct {
	ResultWriter
	As *Header
}

// Header implements ResultWriter.
func (w Headed) Header(*Header) error { return w.ResultWriter.Header(w.As) }
