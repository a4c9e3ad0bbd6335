package rpc

import "sync/atomic"

// Stats counts what a Client or Server did since its start.
type Stats struct {
	Calls    atomic.Uint64 `counter:"rpc_calls_total" help:"requests sent to other nodes (client) and served for them (server)"`
	Failed   atomic.Uint64 `counter:"rpc_failed_calls_total" help:"of them, without an answer (client) or with an error (server)"`
	Writes   atomic.Uint64 `counter:"rpc_writes_total" help:"system calls that sent them"`
	BytesOut atomic.Uint64 `counter:"rpc_bytes_out_total" help:"bytes of requests (client) and answers (server) sent"`
	BytesIn  atomic.Uint64 `counter:"rpc_bytes_in_total" help:"bytes of answers (client) and requests (server) received"`
	Dials    atomic.Uint64 `counter:"rpc_dials_total" help:"connections attempted"`
	Conns    atomic.Int64  `gauge:"rpc_connections" help:"connections between nodes open"`
}
