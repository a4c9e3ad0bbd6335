// Package rpc carries requests between nodes: small frames over a few TCP connections, many calls in flight.
//
// # One listener for everything
//
// A node listens on one address for all that other nodes have to say. Nodes with certificates (package certs) speak TLS
// from the first byte on, which tells their connections from those of nodes without. Then comes a hello that names what
// it is for (a Kind), the cluster and the caller's node; the acceptor answers with its own id or with the reason why it
// refuses. After that the connection belongs to its kind: calls are served here, raft's messages and snapshots are
// handed to whoever registered for them (Server.HandleStream).
//
//	hello:  "csql" version(1) kind(1) cluster(16) from(8) to(8)      to = 0: whoever answers
//	answer: "csql" version(1) status(1) node(8) length(2) message
//	frame:  length(4, of what follows) type(1) method(1) 0(2) id(8) [timeout in ms (4), requests only] payload
//
// All integers are little-endian. A frame longer than Options.MaxFrame ends the connection, as does anything else that
// does not parse: a peer that talks nonsense is not worth talking to.
//
// # Invariants
//
//   - A call's error tells what is known about its outcome. *RemoteError: the handler ran and refused. ErrNotSent: no
//     byte of the request left this node, so it may be tried again anywhere. Everything else: unknown.
//   - Requests travel only on connections that the caller dialled, answers only on the connection of their request. So
//     an acceptor that stops reading because its handlers are behind cannot keep answers from anybody.
//   - Frames of one connection are written by one goroutine at a time. The goroutine that finds nobody writing does it
//     itself, so that a lone call costs no switch; whatever queues up meanwhile leaves in one system call.
//   - The time left until a call's deadline travels with it (as a duration: clocks may differ), and when the caller gives
//     up, the handler's context is cancelled.
//   - A node with certificates serves members only, under the id that their certificate names. Who shows none is a guest,
//     for methods that are meant for anyone (a join), and is told nothing of the cluster.
//   - All network access goes through Network, so that tests can drop, delay and partition (see FaultNet).
package rpc
