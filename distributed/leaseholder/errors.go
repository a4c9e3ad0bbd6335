package leaseholder

import (
	"errors"
)

// ErrClosed is returned by a replica that was closed. Whether a write that was under way takes effect is unknown.
var ErrClosed = errors.New("replica: closed")

// ErrForgotten: the request may be a repetition of one whose outcome is forgotten. Nothing was done now. Who knows that it is
// the first, may make it again with a newer First.
var ErrForgotten = errors.New("replica: how a request as old as this one may have ended is forgotten")

// ErrUnknown: the proposal may have been or may yet be applied. A retry under the same transaction id finds out.
var ErrUnknown = errors.New("replica: the outcome is not known yet")
