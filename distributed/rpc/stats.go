package rpc

import "sync/atomic"

// Stats counts what a Client or Server did since its start.
type Stats struct {
	Calls    atomic.Uint64 // requests sent (Client) or served (Server)
	Failed   atomic.Uint64 // of those, without a handler's answer (Client) or with its error (Server)
	Writes   atomic.Uint64 // system calls
	BytesOut atomic.Uint64
	BytesIn  atomic.Uint64
	Dials    atomic.Uint64
	Conns    atomic.Int64 // open now
}
