package rpc

import (
	"context"

	"cloudsql/storage/schema"
)

// Method numbers a call. Numbers are part of the protocol between nodes of different versions: never reuse one.
type Method uint8

// Caller sends a request to a node and waits for its answer. Errors: a *RemoteError with what the handler returned; any
// other error means that the outcome is unknown, unless errors.Is(err, ErrNotSent).
type Caller interface {
	Call(ctx context.Context, node schema.NodeID, m Method, req []byte) (resp []byte, err error)
}

// Handler answers calls of a method. req is valid until it returns; resp is taken over.
type Handler func(ctx context.Context, from schema.NodeID, req []byte) (resp []byte, err error)
