// Package credentials has what a node proves itself with to others, and how it comes to that: of its own making in a new cluster, from the
// data directory, or from the members who let it in.
//
//	new cluster   First ─→ authority and certificate
//	restart       Load
//	join          BeGuest ─→ a member's MayJoin, Admit ─→ Take
//
// # Invariants
//
//   - What is used has been written: a node never shows a certificate that its next start would not have.
//   - Who has credentials is talked to without only in mode Optional.
//   - Without a token only a caller from this very machine is let in, and, under RequireToken, nobody.
package credentials
