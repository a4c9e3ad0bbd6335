// Package show answers questions about the server: SHOW statements, DESCRIBE, and the tables of information_schema,
// performance_schema, mysql and sys that the gateway makes up.
//
// Everything that it tells comes through a Context, which a session gives: the catalog as the session sees it, the
// session's variables and conditions, the sessions of the cluster. Invariants: nothing here changes anything, and an
// object that the account may not see is neither listed nor described.
package show
