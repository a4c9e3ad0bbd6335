// Package rpc is the nodes' own request/response protocol: length-prefixed frames, many calls in flight on one
// connection, writes coalesced.
package rpc
