// Package section cuts a read of much of one tablet into sections that follow one another, for the processors of its node that are idle.
//
// Invariants: the sections' rows, one section after the other, are the read's; a read that is not worth it, has writes of its own transaction to
// look at, or ends early stays whole.
package section
