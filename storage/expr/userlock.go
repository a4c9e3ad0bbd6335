package expr

import (
	"context"
	"math"
	"strings"
	"unicode/utf8"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// UserLocks is the part of a Session that GET_LOCK and its kin call. Names are in lower case.
// Calls wait and change state: they are Volatile, so that every row makes its own.
type UserLocks interface {
	// GetLock waits up to so many seconds; false: time is up. Errors: 3058, and what cancelled ctx.
	GetLock(ctx context.Context, name string, seconds int64) (bool, error)
	// ReleaseLock gives back one GetLock; exists is false where nobody has the lock.
	ReleaseLock(ctx context.Context, name string) (released, exists bool, err error)
	// ReleaseAllLocks tells how many times GetLock had been called for them.
	ReleaseAllLocks(ctx context.Context) (n int, err error)
	// LockHolder is the connection that has a lock.
	LockHolder(ctx context.Context, name string) (connection uint64, used bool, err error)
}

var userLockDefs = []def{
	{name: "get_lock", min: 2, max: 2, class: Volatile, typ: typeIntLen(1), lax: getLock},
	{name: "release_lock", min: 1, max: 1, class: Volatile, typ: typeIntLen(1), lax: releaseLock},
	{name: "release_all_locks", min: 0, max: 0, class: Volatile, typ: typeLockCount, f0: releaseAllLocks},
	{name: "is_free_lock", min: 1, max: 1, class: Volatile, typ: typeIntLen(1), lax: isFreeLock},
	{name: "is_used_lock", min: 1, max: 1, class: Volatile, typ: typeLockCount, lax: isUsedLock},
}

func typeLockCount(c *Call) error { c.typ = intType(21, true); return nil }

// maxLockName is how many characters a lock's name may have.
const maxLockName = 64

// userLocks gives who has the locks, and the name of the one that a call is about. 3057.
func userLocks(c *Call, env *Env, name types.Value) (UserLocks, string, error) {
	if env.Session == nil {
		return nil, "", errNoSession
	}
	if name.IsNull() {
		return nil, "", mysqlerr.New(mysqlerr.UserLockWrongName, "NULL")
	}
	text := string(c.text(0, name))
	if text == "" || utf8.RuneCountInString(text) > maxLockName {
		return nil, "", mysqlerr.New(mysqlerr.UserLockWrongName, text)
	}
	return env.Session, strings.ToLower(text), nil
}

func (env *Env) context() context.Context {
	if env.Ctx == nil {
		return context.Background()
	}
	return env.Ctx
}

// getLock: no timeout is none, a negative one waits for ever.
func getLock(c *Call, env *Env, a []types.Value) (types.Value, error) {
	locks, name, err := userLocks(c, env, a[0])
	if err != nil {
		return types.Null, err
	}
	seconds := int64(0)
	if !a[1].IsNull() {
		if seconds, _ = a[1].ToInt(env.Warn); seconds < 0 || seconds > math.MaxInt32 {
			seconds = math.MaxInt32
		}
	}
	got, err := locks.GetLock(env.context(), name, seconds)
	if err != nil {
		return types.Null, err
	}
	return types.Bool(got), nil
}

func releaseLock(c *Call, env *Env, a []types.Value) (types.Value, error) {
	locks, name, err := userLocks(c, env, a[0])
	if err != nil {
		return types.Null, err
	}
	released, exists, err := locks.ReleaseLock(env.context(), name)
	if err != nil || !exists {
		return types.Null, err
	}
	return types.Bool(released), nil
}

func releaseAllLocks(_ *Call, env *Env) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	n, err := env.Session.ReleaseAllLocks(env.context())
	return types.Uint(uint64(n)), err // a count
}

func isFreeLock(c *Call, env *Env, a []types.Value) (types.Value, error) {
	locks, name, err := userLocks(c, env, a[0])
	if err != nil {
		return types.Null, err
	}
	_, used, err := locks.LockHolder(env.context(), name)
	if err != nil {
		return types.Null, err
	}
	return types.Bool(!used), nil
}

func isUsedLock(c *Call, env *Env, a []types.Value) (types.Value, error) {
	locks, name, err := userLocks(c, env, a[0])
	if err != nil {
		return types.Null, err
	}
	id, used, err := locks.LockHolder(env.context(), name)
	if err != nil || !used {
		return types.Null, err
	}
	return types.Uint(id), nil
}
