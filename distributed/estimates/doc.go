// Package estimates tells how large tablets are, and which keys cut large ones into sections of like size: from a replica here, or from
// what their leaseholders said lately.
//
// Invariants: asking costs no message and no wait; an answer about a tablet elsewhere is at most some seconds older than the last time
// that anybody asked, and 0 before the first. A node that does not answer leaves the last figures.
package estimates
