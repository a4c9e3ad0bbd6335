package lock

import (
	"cloudsql/storage/mysqlerr"
)

// ErrDeadlock is 1213: what a victim gets, and who has lost its locks.
func ErrDeadlock() error { return mysqlerr.New(mysqlerr.LockDeadlock) }

func errLockTimeout() error { return mysqlerr.New(mysqlerr.LockWaitTimeout) }
func errTableFull() error   { return mysqlerr.New(mysqlerr.LockTableFull) }
func errNoWait() error {
	return mysqlerr.New(mysqlerr.LockAcquireFailAndNoWaitSet)
}
