// Package having estimates what a HAVING lets through. A group is thought of as a sample of the rows that are grouped: as large as the
// groups are on average, give or take what is left to chance, with values as the column's histogram has them. A sum or a mean of such
// values lies about its expectation as a normal distribution does.
//
// Invariant: estimates choose plans and never rows.
package having
