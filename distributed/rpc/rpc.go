package rpc

import (
	"context"
	"errors"
	"fmt"

	"cloudsql/storage/schema"
)

// Method numbers a call. Numbers are part of the protocol between nodes of different versions: never reuse one.
type Method uint8

// The ranges of methods, by the package that defines them: Method(base + n) with n < 32.
const (
	MethodsNode    Method = 0   // membership, heartbeats, catalog, timestamps (package node)
	MethodsReplica Method = 32  // reads and writes at leaseholders (package replica)
	MethodsTxn     Method = 64  // transactions
	MethodsUser    Method = 128 // free for tests
)

// Errors of calls. See the package comment for what they say about the outcome.
var (
	ErrNotSent  = errors.New("rpc: request was not sent")
	ErrClosed   = errors.New("rpc: connection closed")
	ErrTooLarge = errors.New("rpc: message exceeds the frame limit")
)

// RemoteError is a handler's refusal, as it came over the wire.
type RemoteError struct {
	Node    schema.NodeID
	Method  Method
	Message string
}

func (e *RemoteError) Error() string {
	return fmt.Sprintf("rpc: node %d, method %d: %s", e.Node, e.Method, e.Message)
}

// Caller sends a request to a node and waits for its answer. Errors: a *RemoteError with what the handler returned; any
// other error means that the outcome is unknown, unless errors.Is(err, ErrNotSent). req may be reused on return.
type Caller interface {
	Call(ctx context.Context, node schema.NodeID, m Method, req []byte) (resp []byte, err error)
}

// Handler answers calls of a method. req is valid until it returns; resp is taken over.
type Handler func(ctx context.Context, from schema.NodeID, req []byte) (resp []byte, err error)

// Registrar takes handlers; *Server is one. Handlers are registered before the server starts.
type Registrar interface {
	Handle(m Method, h Handler)
}
