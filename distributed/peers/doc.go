// Package peers exchanges what nodes tell each other about themselves several times a second (Status): who is alive, which replicas
// there are and how far they are, which snapshots are in use.
//
// Invariants: what is heard is a hint, and may be old; a node is alive for AliveFor after it was heard from, and its clients'
// transactions are wanted for GoneAfter. Fields are never used again for something else: nodes of two releases talk.
package peers
