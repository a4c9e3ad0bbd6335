package lock

import (
	"errors"

	"cloudsql/storage/mysqlerr"
)

// ErrDeadlock is 1213: what a victim gets, and who has lost its locks.
func ErrDeadlock() error { return mysqlerr.New(mysqlerr.LockDeadlock) }

func errLockTimeout() error { return mysqlerr.New(mysqlerr.LockWaitTimeout) }
func errTableFull() error   { return mysqlerr.New(mysqlerr.LockTableFull) }
func errNoWait() error {
	return mysqlerr.New(mysqlerr.LockAcquireFailAndNoWaitSet)
}

// IsDeadlock tells whether an error is 1213: the transaction is over.
func IsDeadlock(err error) bool {
	var e *mysqlerr.Error
	return errors.As(err, &e) && e.Code == mysqlerr.LockDeadlock
}
