// Package certs makes and checks the certificates by which the nodes of a cluster know each other.
//
// A cluster has an authority of its own, made with its first node. Every member holds the authority's key, so that any of
// them can let another node in; a node's certificate names its id. Both sides of a connection between members show
// one. A node that wants to join has none yet: it knows the cluster by the fingerprint of the authority in its join token,
// and the cluster knows the token by a code that only the authority's key can make.
//
//	token: "csql1" base64url(SHA-256 of the authority's certificate (32) end in Unix seconds (8) HMAC-SHA-256 of both (32))
//	file:  PEM blocks in this order: the node's certificate and key, the authority's certificate and key
//
// # Invariants
//
//   - Certificates have no end, and checking one asks no clock: a node with a wrong clock is still a member. A token ends by
//     the clock of the member that is shown it.
//   - A key never leaves its node, but for the authority's, which travels to a node that was let in, under TLS.
//   - TLS 1.3 only, without tickets: each connection is proved anew.
package certs
