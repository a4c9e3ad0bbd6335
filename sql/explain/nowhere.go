package explain

import (
	"cloudsql/sql"
	"cloudsql/storage/types"
)

// Nowhere is where the rows of an analysed query go.
type Nowhere struct{}

var _ sql.ResultWriter = Nowhere{}

// Header implements sql.ResultWriter.
func (Nowhere) Header(*sql.Header) error { return nil }

// Row implements sql.ResultWriter.
func (Nowhere) Row([]types.Value) error { return nil }

// Done implements sql.ResultWriter.
func (Nowhere) Done(*sql.Outcome) error { return nil }
