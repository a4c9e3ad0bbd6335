package engine

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// IsDamage tells an error that says that the store's files are not as they were written.
func IsDamage(err error) bool {
	return errors.Is(err, pebble.ErrCorruption) || errors.Is(err, ErrCorrupt)
}
