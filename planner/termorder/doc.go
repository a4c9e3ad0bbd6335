// Package termorder puts the terms of a filter into the order in which least work is done for rows that do not pass.
//
//	as written   mode IN ('MAIL', 'SHIP')   commit < receipt   receipt >= '1994-01-01'   receipt < '1995-01-01'
//	ranked       receipt >= '1994-01-01'   receipt < '1995-01-01'   commit < receipt   mode IN ('MAIL', 'SHIP')
//
// A term's rank is the share of rows that it refuses for what it costs; terms of one column stay together.
//
// Invariants:
//
//   - Only quiet terms are moved: those that neither warn of a row nor fail for it. Any other stays behind exactly those that were written before it,
//     so that it is asked of the rows that it was asked of as written. (A term that is NULL of a row does not end the matter, wherever it stands.)
//   - Whether a term is quiet may depend on constants that only an execution knows; where they are not as the plan thinks, the terms are decided
//     as they were written (Ship).
package termorder
