// Package faultdisk is a disk with faults, for tests: it lies between the stores and the file system of a real process,
// and does what a file that the test writes says.
//
//	ok                no fault
//	slow DURATION     each sync takes up to so much longer
//	low               nothing is free, as far as one asks; writes still succeed
//	full              nothing is free, and writes fail with ENOSPC
//	fsyncerr          the next sync of a table, and the next of a log or another file, fail with EIO, whatever has reached the
//	                  disk: the first is written again, the second ends the process
//	powerloss SEED    what was written and not synced reaches the disk in part (pages of it, by chance), and the process
//	                  ends at that moment
//
// # Invariants
//
//   - What a sync has confirmed is there after a loss of power; a confirmation and the loss exclude each other.
//   - Nothing is written once power is lost.
//   - What is written is remembered by pages: their content before the first write after the last sync.
//
// Directories are not modelled: a file that was created, renamed or removed stays so.
package faultdisk
