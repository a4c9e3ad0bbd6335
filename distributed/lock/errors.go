package lock

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// ErrDeadlock is 1213: what a victim gets, and who has lost its locks.
func ErrDeadlock() error { return mysqlerr.New(mysql.ErrLockDeadlock) }

func errLockTimeout() error { return mysqlerr.New(mysql.ErrLockWaitTimeout) }
func errTableFull() error   { return mysqlerr.New(mysql.ErrLockTableFull) }
func errNoWait() error {
	return mysqlerr.Newf(mysql.ErrLockAcquireFailAndNoWaitSet,
		"Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.")
}
