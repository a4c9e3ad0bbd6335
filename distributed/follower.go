package distributed

import (
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
)

// ErrTooOld: versions that a snapshot needs have been removed. 1412, like a snapshot from before its table's rows.
var ErrTooOld error = mysqlerr.Newf(mysqlerr.TableDefChanged, "Snapshot too old: the versions it needs have been removed")

// FollowerRead makes a transaction one of follower reads: of a single past state, which any replica that is near and has come that far
// serves without asking the leaseholder. Such a transaction neither writes nor locks.
type FollowerRead struct {
	// At is the state. 0: the first read chooses one and puts it here.
	At mvcc.Timestamp
	// Since and NotBefore say what a state to be chosen must have: everything that was acknowledged to anybody before
	// Since (a time of this process, monotonic), and all up to NotBefore. Of those states the newest is chosen that the
	// near replica has; if it has none, the oldest, for which the read waits or goes to the leaseholder.
	Since     time.Time
	NotBefore mvcc.Timestamp
	// Keep holds garbage collection back until the end, for transactions of several statements. Otherwise only what a
	// scan reads is kept.
	Keep bool
}
