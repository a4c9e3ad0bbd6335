// Package auth turns passwords into what the catalog stores and checks what clients prove of them.
//
// Only secrets are kept, never passwords:
//
//	plugin                 secret (empty: no password)             text form (IDENTIFIED WITH … AS '…')
//	caching_sha2_password  "$A$005$" + 20 bytes salt + 43 digits   the same bytes
//	mysql_native_password  SHA1(SHA1(password)), 20 bytes          "*" + 40 hex digits
//
// mysql_native_password proves itself against its secret at once. caching_sha2_password cannot: its secret is a
// salted, slow hash. A client shows the password itself once, over TLS or under the server's RSA key (CheckPassword);
// the server then remembers Digest(password) in memory, against which later connections prove themselves quickly
// (CheckSha2).
//
// Invariants: comparisons take the same time wherever a difference lies; passwords are limited to MaxPassword bytes,
// as the slow hash costs their square; a secret that was not made by Hash or accepted by ParseAuthString matches
// nothing.
package auth
